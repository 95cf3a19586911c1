#include "tests/unit/infer_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define N(table) (sizeof(table) / sizeof((table)[0]))

static void a_close_is_completed_by_the_files_last_ones(void **state)
{
    (void)state;
    SCOPED(series_free) struct series s = {0};
    SCOPED(features_free) struct features f = {0};
    struct model_file m = {.bias = 0.1, .weights = {3, -2}};
    struct error err = {0};
    for (size_t i = 0; i < FEATURES_DAYS; i++) {
        double close = 2500 + (double)(i * i) / 7;
        assert_int_equal(series_add(&s, (struct series_day){(int64_t)i, close}, "t", &err), 0);
        if (i < MODEL_RECENT_CLOSES)
            m.closes[i] = close;
    }
    for (enum features_kind kind = FEATURES_RELATIVE; kind <= FEATURES_LEVELS; kind++) {
        struct prediction p;
        m.features = kind;
        features_free(&f);
        assert_int_equal(features_make(&f, &s, kind, LABEL_NEXT_DAY, &err), 0);
        assert_int_equal(predict_close(&p, &m, s.days[FEATURES_DAYS - 1].close, &err), 0);
        assert_memory_equal(p.features, f.rows[0].x, sizeof(p.features));
        assert_true(p.up == model_file_predict(&m, f.rows[0].x));
    }
}

static void what_is_no_price_and_no_feature_is_refused(void **state)
{
    (void)state;
    const struct model_file m = fixture_model();
    const struct model_file steep = {.features = FEATURES_LEVELS, .weights = {1e300, -1e300}};
    static const double bad[] = {0, -1, (double)NAN, (double)INFINITY, -(double)INFINITY};
    struct prediction p;
    for (size_t i = 0; i < N(bad); i++) {
        struct error err = {0};
        assert_true(predict_close(&p, &m, bad[i], &err) < 0);
        assert_string_equal(err.text, "bad close: must be > 0 and finite");
        if (!isfinite(bad[i]))
            assert_true(predict_features(&p, &m, (double[]){0, bad[i]}, &err) < 0);
    }
    assert_true(predict_features(&p, &steep, (double[]){1e300, 1e300}, NULL) < 0);
    assert_int_equal(predict_close(&p, &m, 5e-324, NULL), 0);
    assert_int_equal(predict_close(&p, &m, 1.7e308, NULL), 0);
}

#define JSON(inputs) "{\"id\":\"i\",\"inputs\":[" inputs "]}"
#define TENSOR(name, shape, data)                                                                  \
    "{\"name\":\"" name "\",\"datatype\":\"FP64\",\"shape\":" shape ",\"data\":" data "}"

/* ma5 of the first row and ma20 of the last one show which numbers were read. */
static void a_request_is_read_as_rows(void **state)
{
    (void)state;
    static const struct {
        const char *name, *body;
        int want;
        size_t n;
        double first, last;
    } rows[] = {
        /* clang-format off */
        {"the lesson's close",        JSON(TENSOR("today_close", "[1]", "[110]")),                0, 1, 110 / 102.0 - 1, 110 / 100.5 - 1},
        {"a scalar",                  JSON(TENSOR("t", "[]", "[110]")),                           0, 1, 110 / 102.0 - 1, 110 / 100.5 - 1},
        {"several, the first counts", JSON(TENSOR("t", "[3]", "[110,1,\"x\"]")),                  0, 1, 110 / 102.0 - 1, 110 / 100.5 - 1},
        {"a shape that fits nothing", JSON(TENSOR("t", "[7]", "[110]")),                          0, 1, 110 / 102.0 - 1, 110 / 100.5 - 1},
        {"several inputs, the first", JSON(TENSOR("a", "[1]", "[110]") "," TENSOR("b", "[1]", "[\"x\"]")), 0, 1, 110 / 102.0 - 1, 110 / 100.5 - 1},
        {"a column of closes",        JSON(TENSOR("t", "[3,1]", "[[110],[111],[112]]")),          0, 3, 110 / 102.0 - 1, 112 / 100.6 - 1},
        {"a table of features",       JSON(TENSOR("t", "[2,2]", "[0.1,0.2,0.3,0.4]")),            0, 2, 0.1, 0.4},
        {"features by name",          JSON(TENSOR("ma20", "[2]", "[0.2,0.4]") "," TENSOR("ma5", "[2]", "[0.1,0.3]")), 0, 2, 0.1, 0.4},
        {"no input",                  JSON(""),                                                   OIP_FAILED, 0, 0, 0},
        {"no element",                JSON(TENSOR("t", "[0]", "[]")),                             OIP_FAILED, 0, 0, 0},
        {"a text",                    JSON(TENSOR("t", "[1]", "[\"2480.5\"]")),                   OIP_FAILED, 0, 0, 0},
        {"a null",                    JSON(TENSOR("t", "[1]", "[null]")),                         OIP_FAILED, 0, 0, 0},
        {"no price",                  JSON(TENSOR("t", "[1]", "[-3]")),                           OIP_BAD_INPUT, 0, 0, 0},
        {"one row is no price",       JSON(TENSOR("t", "[2,1]", "[110,0]")),                      OIP_BAD_INPUT, 0, 0, 0},
        {"a text in a column",        JSON(TENSOR("t", "[2,1]", "[110,\"x\"]")),                  OIP_FAILED, 0, 0, 0},
        {"a column that is short",    JSON(TENSOR("t", "[3,1]", "[110,111]")),                    OIP_FAILED, 0, 0, 0},
        {"an open shape",             JSON(TENSOR("t", "[-1,1]", "[110]")),                       OIP_FAILED, 0, 0, 0},
        {"an empty column",           JSON(TENSOR("t", "[0,1]", "[]")),                           OIP_FAILED, 0, 0, 0},
        {"three features",            JSON(TENSOR("t", "[1,3]", "[1,2,3]")),                      OIP_BAD_INPUT, 0, 0, 0},
        {"one feature by name",       JSON(TENSOR("ma5", "[1]", "[1]")),                          OIP_BAD_INPUT, 0, 0, 0},
        {"features of two lengths",   JSON(TENSOR("ma5", "[1]", "[1]") "," TENSOR("ma20", "[2]", "[1,2]")), OIP_BAD_INPUT, 0, 0, 0},
        {"features with a text",      JSON(TENSOR("ma5", "[1]", "[1]") "," TENSOR("ma20", "[1]", "[\"x\"]")), OIP_FAILED, 0, 0, 0},
        /* clang-format on */
    };
    const struct model_file m = fixture_model();
    for (size_t i = 0; i < N(rows); i++) {
        SCOPED(oip_request_free) struct oip_request q;
        SCOPED(infer_free) struct infer f;
        struct error err = {0};
        const struct oip_bytes in = {.body = rows[i].body, .len = strlen(rows[i].body)};
        assert_int_equal(oip_request_parse(&q, &in, &err), 0);
        int got = infer_predict(&f, &m, &q, &err);
        if (got != rows[i].want || (got == 0 && f.n != rows[i].n))
            fail_msg("%s: %d, %zu rows, \"%s\"", rows[i].name, got, f.n, err.text);
        if (got == 0 &&
            (f.rows[0].features[0] != rows[i].first || f.rows[f.n - 1].features[1] != rows[i].last))
            fail_msg("%s: %.17g, %.17g", rows[i].name, f.rows[0].features[0],
                     f.rows[f.n - 1].features[1]);
    }
}

static void ten_thousand_rows_are_answered_at_once_and_no_more(void **state)
{
    (void)state;
    const struct model_file m = fixture_model();
    for (size_t n = INFER_ROWS_MAX; n <= INFER_ROWS_MAX + 1; n++) {
        SCOPED(buf_free) struct buf body = BUF_INIT(1 << 20);
        SCOPED(oip_request_free) struct oip_request q;
        SCOPED(infer_free) struct infer f;
        buf_add_text(&body, "{\"instances\":[110");
        for (size_t i = 1; i < n; i++)
            buf_add_text(&body, ",110");
        buf_add_text(&body, "]}");
        const struct oip_bytes in = {.body = buf_text(&body), .len = body.len};
        assert_int_equal(oip_request_parse_v1(&q, &in, NULL), 0);
        assert_int_equal(infer_predict(&f, &m, &q, NULL), n > INFER_ROWS_MAX ? OIP_BAD_INPUT : 0);
    }
}

static void an_element_is_what_pythons_json_writes(void **state)
{
    (void)state;
    static const struct {
        double up;
        const char *want;
    } rows[] = {
        {0.63, "{\"\\uc0c1\\uc2b9\": 0.63, \"\\ud558\\ub77d\": 0.37}"},
        {1, "{\"\\uc0c1\\uc2b9\": 1.0, \"\\ud558\\ub77d\": 0.0}"},
        {0, "{\"\\uc0c1\\uc2b9\": 0.0, \"\\ud558\\ub77d\": 1.0}"},
        {1e-5, "{\"\\uc0c1\\uc2b9\": 1e-05, \"\\ud558\\ub77d\": 0.99999}"},
        {0.1, "{\"\\uc0c1\\uc2b9\": 0.1, \"\\ud558\\ub77d\": 0.9}"},
    };
    for (size_t i = 0; i < N(rows); i++) {
        SCOPED(buf_free) struct buf out = BUF_INIT(256);
        struct prediction p = {.up = rows[i].up};
        const struct infer f = {&p, 1};
        infer_element(&f, 0, &out);
        assert_string_equal(buf_text(&out), rows[i].want);
    }
}

static const struct prediction two[] = {{.up = 0.25}, {.up = 1}};

static struct oip_answer answer_of(const struct infer *f, bool binary)
{
    return (struct oip_answer){.model = "kospi-prediction-model",
                               .id = "\xec\x9a\x94\"",
                               .output = "kospi-prediction-response",
                               .binary = binary,
                               .n = f->n,
                               .element = infer_element,
                               .self = f};
}

static void an_answer_has_the_bytes_that_kserve_gives(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf out = BUF_INIT(4096);
    struct prediction p = two[0];
    const struct infer f = {&p, 1};
    const struct oip_answer a = answer_of(&f, false);
    size_t json_len;
    oip_answer_infer(&out, &a, &json_len);
    assert_int_equal(json_len, out.len);
    assert_string_equal(
        buf_text(&out),
        "{\"model_name\":\"kospi-prediction-model\",\"model_version\":null,\"id\":\"\xec\x9a\x94\\"
        "\"\",\"parameters\":null,\"outputs\":[{\"name\":\"kospi-prediction-response\",\"shape\":[1"
        "],\"datatype\":\"BYTES\",\"parameters\":null,\"data\":[\"{\\\"\\\\uc0c1\\\\uc2b9\\\": 0.25"
        ", \\\"\\\\ud558\\\\ub77d\\\": 0.75}\"]}]}");
}

static void a_binary_answer_is_json_and_the_texts_after_their_lengths(void **state)
{
    (void)state;
    static const char json[] =
        "{\"id\":\"\xec\x9a\x94\\\"\",\"model_name\":\"kospi-prediction-model\",\"model_version\":"
        "null,\"outputs\":[{\"name\":\"kospi-prediction-response\",\"shape\":[2],\"datatype\":"
        "\"BYTES\",\"parameters\":{\"binary_data_size\":94}}]}";
    static const char tail[] = "\x2c\0\0\0{\"\\uc0c1\\uc2b9\": 0.25, \"\\ud558\\ub77d\": 0.75}"
                               "\x2a\0\0\0{\"\\uc0c1\\uc2b9\": 1.0, \"\\ud558\\ub77d\": 0.0}";
    SCOPED(buf_free) struct buf out = BUF_INIT(4096);
    struct prediction rows[N(two)];
    memcpy(rows, two, sizeof(two));
    const struct infer f = {rows, N(two)};
    const struct oip_answer a = answer_of(&f, true);
    size_t json_len;
    oip_answer_infer(&out, &a, &json_len);
    assert_int_equal(json_len, sizeof(json) - 1);
    assert_memory_equal(out.data, json, sizeof(json) - 1);
    assert_int_equal(out.len - json_len, sizeof(tail) - 1);
    assert_memory_equal(out.data + json_len, tail, sizeof(tail) - 1);
}

static void an_answer_that_does_not_fit_is_failed(void **state)
{
    (void)state;
    struct prediction rows[N(two)];
    memcpy(rows, two, sizeof(two));
    const struct infer f = {rows, N(two)};
    for (size_t max = 0; max < 280; max++) {
        SCOPED(buf_free) struct buf out = BUF_INIT(max);
        const struct oip_answer a = answer_of(&f, max % 2 == 0);
        size_t json_len;
        oip_answer_infer(&out, &a, &json_len);
        assert_true(buf_failed(&out));
    }
}

static void add_too_much(const void *self, size_t i, struct buf *out)
{
    (void)self;
    for (size_t k = 0; k <= out->max; k++)
        buf_add_char(out, i == 0 ? 'x' : 'y');
}

static void an_element_that_does_not_fit_fails_the_answer(void **state)
{
    (void)state;
    const struct infer f = {.n = 2};
    for (int binary = 0; binary <= 1; binary++) {
        SCOPED(buf_free) struct buf out = BUF_INIT(1 << 20);
        struct oip_answer a = answer_of(&f, binary == 1);
        size_t json_len;
        a.element = add_too_much;
        oip_answer_infer(&out, &a, &json_len);
        assert_true(buf_failed(&out));
    }
}

static void the_small_answers_are_json(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf out = BUF_INIT(4096);
    const char *names[] = {"a", "b\""};
    oip_answer_server(&out, "drift-model", "1");
    oip_answer_models(&out, names, 2);
    oip_answer_models(&out, names, 0);
    oip_answer_metadata(&out, "a");
    oip_answer_ready(&out, "a", false);
    assert_string_equal(
        buf_text(&out),
        "{\"name\":\"drift-model\",\"version\":\"1\",\"extensions\":[\"binary_tensor_data\"]}"
        "{\"models\":[\"a\",\"b\\\"\"]}{\"models\":[]}"
        "{\"name\":\"a\",\"versions\":null,\"platform\":\"\",\"inputs\":[],\"outputs\":[]}"
        "{\"name\":\"a\",\"ready\":false}");
    char id[OIP_UUID_SIZE];
    const unsigned char random[16] = {0, 1, 2, 3, 4, 5, 0xf6, 7, 0xf8, 9, 10, 11, 12, 13, 14, 255};
    oip_uuid(id, random);
    assert_string_equal(id, "00010203-0405-4607-b809-0a0b0c0d0eff");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_close_is_completed_by_the_files_last_ones),
        cmocka_unit_test(what_is_no_price_and_no_feature_is_refused),
        cmocka_unit_test(a_request_is_read_as_rows),
        cmocka_unit_test(ten_thousand_rows_are_answered_at_once_and_no_more),
        cmocka_unit_test(an_element_is_what_pythons_json_writes),
        cmocka_unit_test(an_answer_has_the_bytes_that_kserve_gives),
        cmocka_unit_test(a_binary_answer_is_json_and_the_texts_after_their_lengths),
        cmocka_unit_test(an_answer_that_does_not_fit_is_failed),
        cmocka_unit_test(an_element_that_does_not_fit_fails_the_answer),
        cmocka_unit_test(the_small_answers_are_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
