/* served.h - one model under its name: the file that answers now, and the monitor of its drift.
 *
 * Predictions share a lock. A new file's reference is prepared without it (some 15 ms for 10,000
 * rows), and put in place with it held alone. So a request is answered by one file from its first
 * row to its last, each of its rows is held against that file's reference, and none fails or waits
 * for a file. Threads: served_load() by one thread, all else by any. */
#ifndef MODEL_SERVER_SERVED_H
#define MODEL_SERVER_SERVED_H

#include "model/monitor/monitor.h"
#include "model/predict/infer.h"

#include <stdbool.h>

struct served;

/* Texts are copied. -EINVAL for a name that
 * is not made of letters, digits, '.', '_' and '-' (at most 128). */
__attribute__((warn_unused_result)) int served_new(struct served **out, const char *name,
                                                   const char *path, struct error *err);
void served_free(struct served *m); /* also stops the monitor; NULL is fine */

const char *served_name(const struct served *m);
const char *served_path(const struct served *m);
/* What its output is called: the name with "-response" in the place of "-model". */
const char *served_output(const struct served *m);

enum served_outcome {
    SERVED_SAME = 1, /* the file has the model that is there already: nothing was changed */
};
/* Reads the file. On failure the old model stays. */
__attribute__((warn_unused_result)) int
served_load(struct served *m, const struct monitor_options *monitor, struct error *err);
bool served_ready(struct served *m);
/* NULL before the first load; lives as long as m. */
struct monitor *served_monitor(struct served *m);
/* Answers and tells the monitor: 0, an enum oip_fault (OIP_NOT_READY without a model), or -ENOMEM.
 * Free out in every case. */
__attribute__((warn_unused_result)) int
served_predict(struct served *m, struct infer *out, const struct oip_request *q, struct error *err);

#endif
