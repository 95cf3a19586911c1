/* report.h - what a training found, for people and for programs. */
#ifndef MODEL_TRAIN_REPORT_H
#define MODEL_TRAIN_REPORT_H

#include "model/train/train.h"
#include "relay/base/buf.h"

#include <stdbool.h>

/* refused: the reason, or NULL when the model was published. */
void report_text(struct buf *out, const struct train_report *report, const struct series *s,
                 const struct train_options *options, const char *refused);
void report_json(struct buf *out, const struct train_report *report, const struct series *s,
                 const struct train_options *options, const char *refused);

#endif
