#include "model/app/infer_answer.h"

#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define DEPTH 16
#define SLACK 0.01 /* how far the two may be from 1 together: servers round */

void infer_question(struct buf *out, double close)
{
    buf_add_text(out, "{\"inputs\":[{\"name\":\"today_close\",\"shape\":[1],"
                      "\"datatype\":\"FP64\",\"data\":[");
    buf_add_double(out, close);
    buf_add_text(out, "]}]}");
}

/* Cut at a whole character. */
static void copy_text(char *out, size_t size, const char *text)
{
    size_t at = 0, left = strlen(text), n;
    while ((n = utf8_char_len(text + at, left)) > 0 && at + n < size) {
        memcpy(out + at, text + at, n);
        at += n;
        left -= n;
    }
    out[at] = '\0';
}

/* Absent and null are "". */
static int read_text(char *out, size_t size, const json_t *value)
{
    out[0] = '\0';
    if (value != NULL && !json_is_null(value) && !json_is_string(value))
        return -EINVAL;
    if (json_is_string(value))
        copy_text(out, size, json_string_value(value));
    return 0;
}

static int read_probability(double *out, const json_t *value)
{
    double p = json_is_number(value) ? json_number_value(value) : -1;
    if (!(p >= 0 && p <= 1))
        return -EINVAL;
    *out = p;
    return 0;
}

int infer_answer_read(struct forecast *out, const char *body, size_t len, struct error *err)
{
    SCOPED(json_release_p) json_t *answer = NULL;
    SCOPED(json_release_p) json_t *inner = NULL;
    if (strict_json_load(&answer, body, len, DEPTH, err) != 0)
        return -EINVAL;
    if (read_text(out->name, sizeof(out->name), json_object_get(answer, "model_name")) != 0 ||
        read_text(out->version, sizeof(out->version), json_object_get(answer, "model_version")) !=
            0)
        return error_set(err, -EINVAL, "model_name or model_version is no text");
    const json_t *output = json_array_get(json_object_get(answer, "outputs"), 0);
    const json_t *data = json_array_get(json_object_get(output, "data"), 0);
    if (!json_is_string(data))
        return error_set(err, -EINVAL, "outputs[0].data[0] is no text");
    if (strict_json_load(&inner, json_string_value(data), json_string_length(data), DEPTH, err) !=
        0) {
        (void)error_prefix(err, -EINVAL, "outputs[0].data[0]");
        return -EINVAL;
    }
    if (read_probability(&out->up, json_object_get(inner, "상승")) != 0 ||
        read_probability(&out->down, json_object_get(inner, "하락")) != 0)
        return error_set(err, -EINVAL, "outputs[0].data[0] lacks 상승 or 하락 between 0 and 1");
    if (fabs(out->up + out->down - 1) > SLACK)
        return error_set(err, -EINVAL, "상승 and 하락 together are not 1");
    return 0;
}

void infer_error_read(char reason[static INFER_REASON_MAX], const char *body, size_t len)
{
    static const char *const keys[] = {"error", "detail"};
    SCOPED(json_release_p) json_t *answer = NULL;
    struct error err = {0};
    reason[0] = '\0';
    if (strict_json_load(&answer, body, len, DEPTH, &err) != 0)
        return;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && reason[0] == '\0'; i++)
        (void)read_text(reason, INFER_REASON_MAX, json_object_get(answer, keys[i]));
}
