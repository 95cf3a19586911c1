#include "model/monitor/state.h"

#include "model/model_file/checksum.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX    "{\"format\":\"drift-window/"
#define DEPTH     3
#define MEMBERS   4
#define AGE_MAX   (INT64_C(10) * 366 * 24 * 3600 * 1000) /* no window is longer */
#define ROW_CELLS (1 + FEATURES)

int state_format(struct buf *out, const char *hash, const struct drift_window *w,
                 int64_t to_wall_ms, struct error *err)
{
    size_t start = out->len;
    buf_addf(out, "{\"format\":\"%s\",\"model\":\"%s\",\"rows\":[", STATE_FORMAT, hash);
    for (size_t i = 0; i < drift_window_rows(w); i++) {
        const struct drift_row *row = drift_window_row(w, i);
        buf_addf(out, "%s[%" PRId64, i == 0 ? "" : ",", row->at_ms + to_wall_ms);
        for (size_t k = 0; k < FEATURES; k++) {
            buf_add_char(out, ',');
            buf_add_double(out, row->x[k]);
        }
        buf_add_char(out, ']');
    }
    buf_add_char(out, ']');
    checksum_add(out, start);
    return buf_failed(out) ? error_set(err, -ENOMEM, "the window does not fit in memory") : 0;
}

static int read_row(struct drift_row *out, const json_t *row, int64_t to_wall_ms, int64_t now_ms,
                    struct error *err)
{
    const json_t *at = json_array_get(row, 0);
    if (json_array_size(row) != ROW_CELLS || !json_is_integer(at))
        return error_set(err, -EINVAL, "rows: [UNIX_MS, %d numbers] are wanted", FEATURES);
    int64_t age_ms = 0;
    if (__builtin_sub_overflow(now_ms + to_wall_ms, json_integer_value(at), &age_ms))
        age_ms = json_integer_value(at) < 0 ? AGE_MAX : 0;
    age_ms = age_ms < 0 ? 0 : age_ms > AGE_MAX ? AGE_MAX : age_ms;
    out->at_ms = now_ms - age_ms;
    for (size_t k = 0; k < FEATURES; k++) {
        const json_t *x = json_array_get(row, 1 + k);
        if (!json_is_number(x) || !isfinite(json_number_value(x)))
            return error_set(err, -EINVAL, "rows: a number is wanted");
        out->x[k] = json_number_value(x);
    }
    return 0;
}

/* Ascending times, whatever the wall clock did between the rows. */
static int read_rows(struct drift_window *w, const json_t *rows, int64_t to_wall_ms, int64_t now_ms,
                     struct error *err)
{
    size_t n = json_array_size(rows);
    if (!json_is_array(rows) || n > DRIFT_WINDOW_MAX)
        return error_set(err, -EINVAL, "rows: at most %d are wanted", DRIFT_WINDOW_MAX);
    SCOPED(free_p) struct drift_row *read = calloc(n + 1, sizeof(*read));
    if (read == NULL)
        return error_set(err, -ENOMEM, "%zu rows: out of memory", n);
    for (size_t i = 0; i < n; i++) {
        int r = read_row(&read[i], json_array_get(rows, i), to_wall_ms, now_ms, err);
        if (r != 0)
            return r;
        if (i > 0 && read[i].at_ms < read[i - 1].at_ms)
            read[i].at_ms = read[i - 1].at_ms;
    }
    drift_window_advance(w, read, n, now_ms);
    return 0;
}

int state_parse(struct drift_window *w, const char *bytes, size_t len, const char *hash,
                int64_t to_wall_ms, int64_t now_ms, struct error *err)
{
    if (checksum_check(bytes, len, NULL) != 0)
        return error_set(err, -EINVAL,
                         "the checksum is missing or wrong: the file was cut or edited, or is no "
                         "state of a window");
    SCOPED(json_release_p) json_t *root = NULL;
    int r = strict_json_load(&root, bytes, len, DEPTH, err);
    if (r != 0)
        return r;
    const char *format = json_string_value(json_object_get(root, "format"));
    const char *model = json_string_value(json_object_get(root, "model"));
    if (format == NULL || strcmp(format, STATE_FORMAT) != 0)
        return error_set(err, -EINVAL, "format: %s is wanted", STATE_FORMAT);
    if (json_object_size(root) != MEMBERS || model == NULL)
        return error_set(err, -EINVAL, "another program's file: format, model, rows are wanted");
    if (strcmp(model, hash) != 0)
        return STATE_OTHER_MODEL;
    return read_rows(w, json_object_get(root, "rows"), to_wall_ms, now_ms, err);
}

bool state_is_ours(const char *bytes, size_t len)
{
    return memcmp(bytes, PREFIX, len < sizeof(PREFIX) - 1 ? len : sizeof(PREFIX) - 1) == 0;
}
