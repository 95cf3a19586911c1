/* What a real KServe 0.14 answered to inference requests has to come out again, by the rule that
 * stands with each recorded line. */
#include "tests/unit/infer_fixture.h"

#include "relay/base/strict_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define N(table) (sizeof(table) / sizeof((table)[0]))
#define GOLDEN   "tests/data/golden/oip_golden.jsonl"

/* On purpose. The last two models are not ours: they read their input with numpy, which is
 * stricter.
 */
static const struct {
    const char *id, *reason;
} deviations[] = {
    {"oip-024", "an output that there is not is refused, and not left out"},
    {"oip-076", "NaN is no JSON, and no close"},
    {"oip-077", "a key that is there twice can be read in two ways"},
    {"oip-045", "any datatype is read: the lesson's client says \"integer\""},
    {"oip-049", "the first element is the close, whatever the shape says of the others"},
};

static bool deviates(const char *id)
{
    for (size_t i = 0; i < N(deviations); i++)
        if (strcmp(deviations[i].id, id) == 0)
            return true;
    return false;
}

static const char *text_of(const json_t *line, const char *object, const char *key)
{
    return json_string_value(json_object_get(json_object_get(line, object), key));
}

/* Some bodies are only described. */
static void make_body(struct buf *out, const json_t *line)
{
    const json_t *gen = json_object_get(json_object_get(line, "request"), "body_gen");
    const char *body = text_of(line, "request", "body");
    if (gen == NULL) {
        buf_add_text(out, body != NULL ? body : "");
        return;
    }
    buf_add_text(out, json_string_value(json_object_get(gen, "prefix")));
    for (json_int_t i = json_integer_value(json_object_get(gen, "count")); i > 0; i--)
        buf_add_text(out, json_string_value(json_object_get(gen, "repeat")));
    buf_add_text(out, json_string_value(json_object_get(gen, "suffix")));
}

static bool same_keys(const json_t *a, json_t *b)
{
    const char *key;
    json_t *value;
    json_object_foreach(b, key, value)
    {
        if (json_object_get(a, key) == NULL)
            return false;
    }
    return json_object_size(a) == json_object_size(b);
}

static void forget(json_t *answer, const char *path)
{
    json_t *output = json_array_get(json_object_get(answer, "outputs"), 0);
    if (strcmp(path, "outputs[0].data[0]") == 0)
        (void)json_array_remove(json_object_get(output, "data"), 0);
    else if (strcmp(path, "outputs[0].shape") == 0)
        (void)json_object_del(output, "shape");
    else
        (void)json_object_del(answer, path);
}

static bool matches(const json_t *line, const char *got, size_t len)
{
    SCOPED(json_release_p) json_t *have = NULL, *want = NULL;
    const char *body = text_of(line, "response", "body");
    const json_t *match = json_object_get(line, "match");
    const char *rule = json_string_value(json_object_get(match, "rule"));
    if (strict_json_load(&have, got, len, 16, NULL) != 0)
        return false;
    if (strcmp(rule, "none") == 0)
        return true;
    assert_int_equal(strict_json_load(&want, body, strlen(body), 16, NULL), 0);
    if (strcmp(rule, "top_key") == 0)
        return same_keys(have, want);
    const json_t *ignore = json_object_get(match, "ignore");
    for (size_t i = 0; i < json_array_size(ignore); i++) {
        forget(have, json_string_value(json_array_get(ignore, i)));
        forget(want, json_string_value(json_array_get(ignore, i)));
    }
    return json_equal(have, want) == 1;
}

/* Of the two models that are the lesson's. */
static bool is_inference(const json_t *line)
{
    const char *path = text_of(line, "request", "path");
    return path != NULL && strcmp(text_of(line, "request", "method"), "POST") == 0 &&
           (strcmp(path, "/v2/models/kospi-prediction-model/infer") == 0 ||
            strcmp(path, "/v2/models/kospi-np/infer") == 0);
}

static void check_line(const json_t *line)
{
    SCOPED(buf_free) struct buf body = BUF_INIT(4 << 20), out = BUF_INIT(4 << 20);
    const char *id = json_string_value(json_object_get(line, "id"));
    const json_t *headers = json_object_get(json_object_get(line, "request"), "headers");
    const json_t *response = json_object_get(line, "response");
    size_t json_len;
    make_body(&body, line);
    const struct oip_bytes in = {
        .body = buf_text(&body),
        .len = body.len,
        .content_type = json_string_value(json_object_get(headers, "content-type")),
    };
    int fault = fixture_answer(&out, &json_len, &in);
    int status = fault == 0 ? 200 : oip_fault_status(fault);
    bool same = status == json_integer_value(json_object_get(response, "status"));
    if (deviates(id) == (same && matches(line, buf_text(&out), out.len)))
        fail_msg("%s: %d %s%s", id, status, buf_text(&out),
                 deviates(id) ? " is no deviation any more" : "");
}

static void recorded_inferences_are_answered_alike(void **state)
{
    (void)state;
    SCOPED(free_p) char *text = NULL;
    size_t size = 0, checked = 0;
    FILE *f = fopen(GOLDEN, "r");
    assert_non_null(f);
    for (ssize_t len; (len = getline(&text, &size, f)) > 0;) {
        SCOPED(json_release_p) json_t *line = json_loadb(text, (size_t)len, 0, NULL);
        assert_non_null(line);
        if (!is_inference(line))
            continue;
        check_line(line);
        checked++;
    }
    assert_int_equal(fclose(f), 0);
    assert_int_equal(checked, 46);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_inferences_are_answered_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
