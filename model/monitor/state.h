/* state.h - a window's rows in a file, so that a restart does not forget them.
 *
 *     {"format":"drift-window/1","model":HASH,"rows":[[UNIX_MS,x…]…],"checksum":SHA256}
 *
 * One line, as a model file is. HASH is the model's: rows of one are never held against another's
 * reference. Times are unix milliseconds, since no other clock outlives the process. */
#ifndef MODEL_MONITOR_STATE_H
#define MODEL_MONITOR_STATE_H

#include "model/monitor/drift_window.h"
#include "relay/base/buf.h"
#include "relay/base/error.h"

#define STATE_FORMAT "drift-window/1"
#define STATE_MAX    (4 << 20) /* bytes of a file; 10000 rows need a quarter of it */

/* Row times become unix ones by adding to_wall_ms. A buffer that failed is -ENOMEM. */
__attribute__((warn_unused_result)) int state_format(struct buf *out, const char *hash,
                                                     const struct drift_window *w,
                                                     int64_t to_wall_ms, struct error *err);

enum state_outcome {
    STATE_OTHER_MODEL = 1, /* a sound file, of another model: nothing was taken in */
};

/* Takes the rows into an empty window. A row from the future counts as of now: the wall clock was
 * set back. 0, STATE_OTHER_MODEL, or -EINVAL with the fault, and the window stays empty. */
__attribute__((warn_unused_result)) int state_parse(struct drift_window *w, const char *bytes,
                                                    size_t len, const char *hash,
                                                    int64_t to_wall_ms, int64_t now_ms,
                                                    struct error *err);

/* The bytes are a state file, or the beginning of one. */
bool state_is_ours(const char *bytes, size_t len);

#endif
