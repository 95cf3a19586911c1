/* source.h - prices from where the command line says. */
#ifndef MODEL_TRAIN_SOURCE_H
#define MODEL_TRAIN_SOURCE_H

#include "model/series/series.h"
#include "relay/base/error.h"

/* from: an http(s) URL of chart-JSON (http on loopback only), or a file: chart-JSON when it begins
 * with a brace, else CSV. column is for CSV, may be NULL. */
__attribute__((warn_unused_result)) int source_read(struct series *out, const char *from,
                                                    const char *column, struct error *err);

#endif
