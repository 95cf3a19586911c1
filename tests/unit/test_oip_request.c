#include "model/oip/request.h"

#include "model/oip/fault.h"
#include "relay/base/buf.h"
#include "relay/base/scope.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define N(table) (sizeof(table) / sizeof((table)[0]))
#define INPUT(s) "{\"inputs\":[{\"name\":\"t\",\"shape\":[1],\"datatype\":\"FP64\"" s "}]}"
#define SHAPE(s)                                                                                   \
    "{\"inputs\":[{\"name\":\"t\",\"shape\":" s ",\"datatype\":\"FP64\",\"data\":[1]}]}"
#define TOP(more) "{\"inputs\":[]" more "}"

static int parse(struct oip_request *q, const char *body, struct error *err)
{
    return oip_request_parse(q, &(struct oip_bytes){.body = body, .len = strlen(body)}, err);
}

static void a_body_is_taken_or_refused_by_its_schema(void **state)
{
    (void)state;
    static const struct {
        const char *name, *body;
        int want;
    } rows[] = {
        /* clang-format off */
        {"nothing",                        "",                                                OIP_SCHEMA},
        {"no JSON",                        "hello",                                           OIP_SCHEMA},
        {"cut",                            "{\"inputs\": [",                                  OIP_SCHEMA},
        {"NaN",                            "{\"inputs\":[{\"data\":[NaN]}]}",                 OIP_SCHEMA},
        {"a key twice",                    "{\"id\":\"a\",\"id\":\"b\",\"inputs\":[]}",       OIP_SCHEMA},
        {"a list",                         "[1,2]",                                           OIP_SCHEMA},
        {"null",                           "null",                                            OIP_SCHEMA},
        {"a number",                       "1",                                               OIP_SCHEMA},
        {"a string",                       " \"inputs\"\n",                                   OIP_BAD_INPUT},
        {"a string that is cut",           "\"inputs",                                        OIP_SCHEMA},
        {"two strings",                    "\"inputs\" \"\"",                                OIP_SCHEMA},
        {"a byte order mark",              "\xef\xbb\xbf" TOP(""),                            0},
        {"a byte order mark alone",        "\xef\xbb\xbf",                                    OIP_SCHEMA},
        {"two byte order marks",           "\xef\xbb\xbf\xef\xbb\xbf" TOP(""),                OIP_SCHEMA},
        {"half a byte order mark",         "\xef\xbb" TOP(""),                                OIP_UNREADABLE},
        {"bytes that are no UTF-8",        "{\"inputs\":[],\"id\":\"\xff\"}",                 OIP_UNREADABLE},
        {"nested deeply in what is ignored", TOP(",\"x\":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]"), OIP_UNREADABLE},
        {"nested deeply and broken",       TOP(",\"x\":[[[[[[[[[[[[[[[[[[1"),                 OIP_SCHEMA},
        {"no inputs",                      "{}",                                              OIP_SCHEMA},
        {"inputs null",                    "{\"inputs\":null}",                               OIP_SCHEMA},
        {"an empty list of inputs",        TOP(""),                                           0},
        {"an input that is a number",      "{\"inputs\":[1]}",                                OIP_SCHEMA},
        {"no name",                        "{\"inputs\":[{\"shape\":[1],\"datatype\":\"FP64\",\"data\":[1]}]}", OIP_SCHEMA},
        {"no shape",                       "{\"inputs\":[{\"name\":\"t\",\"datatype\":\"FP64\",\"data\":[1]}]}", OIP_SCHEMA},
        {"no datatype",                    "{\"inputs\":[{\"name\":\"t\",\"shape\":[1],\"data\":[1]}]}", OIP_SCHEMA},
        {"no data",                        INPUT(""),                                         OIP_SCHEMA},
        {"binary size without binary data", INPUT(",\"parameters\":{\"binary_data_size\":8}"), OIP_SCHEMA},
        {"data as a string",               INPUT(",\"data\":\"1.0\""),                        OIP_SCHEMA},
        {"data null",                      INPUT(",\"data\":null"),                           OIP_SCHEMA},
        {"no element",                     INPUT(",\"data\":[]"),                             0},
        {"elements that are no numbers",   INPUT(",\"data\":[null,{},\"x\"]"),                0},
        {"unknown keys",                   TOP(",\"foo\":1,\"zzz\":null"),                    0},
        {"id null",                        TOP(",\"id\":null"),                               0},
        {"id a number",                    TOP(",\"id\":5"),                                  OIP_SCHEMA},
        {"parameters of every kind",       TOP(",\"parameters\":{\"a\":1,\"b\":1.5,\"c\":true,\"d\":\"x\"}"), 0},
        {"parameters null",                TOP(",\"parameters\":null"),                       0},
        {"parameters a list",              TOP(",\"parameters\":[]"),                         OIP_SCHEMA},
        {"a parameter null",               TOP(",\"parameters\":{\"k\":null}"),               OIP_SCHEMA},
        {"a parameter of an input null",   INPUT(",\"data\":[],\"parameters\":{\"k\":null}"), OIP_SCHEMA},
        {"outputs null",                   TOP(",\"outputs\":null"),                          0},
        {"outputs an object",              TOP(",\"outputs\":{}"),                            OIP_SCHEMA},
        {"an output without name",         TOP(",\"outputs\":[{}]"),                          OIP_SCHEMA},
        {"a parameter of an output null",  TOP(",\"outputs\":[{\"name\":\"o\",\"parameters\":{\"k\":null}}]"), OIP_SCHEMA},
        {"an integer that is no int64",    INPUT(",\"data\":[10000000000000000000]"),         0},
        {"a shape of -1",                  SHAPE("[-1]"),                                     0},
        {"no extent",                      SHAPE("[]"),                                       0},
        {"a shape that is a number",       SHAPE("1"),                                        OIP_SCHEMA},
        {"a shape of a word",              SHAPE("[\"a\"]"),                                  OIP_SCHEMA},
        {"a shape of a fraction",          SHAPE("[1.5]"),                                    OIP_SCHEMA},
        {"a shape of 1e300",               SHAPE("[1e300]"),                                  OIP_SCHEMA},
        {"a shape of null",                SHAPE("[null]"),                                   OIP_SCHEMA},
        {"FP16 as JSON", "{\"inputs\":[{\"name\":\"t\",\"shape\":[1],\"datatype\":\"fp16\",\"data\":[1]}]}", OIP_BAD_INPUT},
        {"FP16 before a schema fault", "{\"inputs\":[{\"name\":\"t\",\"shape\":[1],\"datatype\":\"FP16\",\"data\":[1]},{}]}", OIP_SCHEMA},
        /* clang-format on */
    };
    for (size_t i = 0; i < N(rows); i++) {
        SCOPED(oip_request_free) struct oip_request q;
        struct error err = {0};
        int got = parse(&q, rows[i].body, &err);
        if (got != rows[i].want || (got != 0) != (err.text[0] != '\0'))
            fail_msg("%s: %d, \"%s\"", rows[i].name, got, err.text);
    }
}

/* Python's reader gives up on the nesting, if it comes to it, and KServe answers 400. */
static void no_depth_is_a_fault_of_the_schema(void **state)
{
    (void)state;
    static const struct {
        size_t depth;
        const char *before, *after;
        int want;
    } rows[] = {
        {17, "", "", OIP_UNREADABLE},     {1000, "", "", OIP_UNREADABLE},
        {100000, "", "", OIP_UNREADABLE}, {100000, "", "x", OIP_UNREADABLE},
        {17, "", "x", OIP_SCHEMA},        {100000, "x", "", OIP_SCHEMA},
    };
    for (size_t i = 0; i < N(rows); i++) {
        SCOPED(buf_free) struct buf body = BUF_INIT(1 << 20);
        SCOPED(oip_request_free) struct oip_request q;
        buf_addf(&body, "%s", rows[i].before);
        for (size_t k = 0; k < rows[i].depth; k++)
            buf_add_char(&body, '[');
        buf_addf(&body, "%s", rows[i].after);
        for (size_t k = 0; k < rows[i].depth; k++)
            buf_add_char(&body, ']');
        int got = parse(&q, buf_text(&body), NULL);
        if (got != rows[i].want)
            fail_msg("%s %zu %s: %d", rows[i].before, rows[i].depth, rows[i].after, got);
    }
}

static void the_words_name_the_place(void **state)
{
    (void)state;
    SCOPED(oip_request_free) struct oip_request q;
    struct error err = {0};
    assert_int_equal(parse(&q, SHAPE("[1,\"a\"]"), &err), OIP_SCHEMA);
    assert_string_equal(err.text, "inputs[0]: shape[1]: an integer is wanted");
}

static void extents_are_coerced(void **state)
{
    (void)state;
    SCOPED(oip_request_free) struct oip_request q;
    assert_int_equal(parse(&q, SHAPE("[\"3\",3.0,true,false,-7]"), NULL), 0);
    const int64_t want[] = {3, 3, 1, 0, -7};
    assert_int_equal(q.inputs[0].n_shape, N(want));
    assert_memory_equal(q.inputs[0].shape, want, sizeof(want));
}

static void elements_are_counted(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t shape[3];
        size_t n_shape;
        int64_t want;
    } rows[] = {
        {"a scalar", {0}, 0, 1},
        {"a vector", {3}, 1, 3},
        {"a matrix", {3, 2}, 2, 6},
        {"nothing", {3, 0}, 2, 0},
        {"an open extent", {-1, 2}, 2, -1},
        {"more than fit", {INT64_MAX, 2}, 2, -1},
    };
    for (size_t i = 0; i < N(rows); i++) {
        int64_t shape[3];
        memcpy(shape, rows[i].shape, sizeof(shape));
        const struct oip_tensor t = {.shape = shape, .n_shape = rows[i].n_shape};
        if (oip_tensor_elements(&t) != rows[i].want)
            fail_msg("%s", rows[i].name);
    }
}

static void nested_data_is_flattened_up_to_what_is_no_number(void **state)
{
    (void)state;
    SCOPED(oip_request_free) struct oip_request q;
    assert_int_equal(parse(&q, INPUT(",\"data\":[[1,2.5],[true,[-3]],\"x\",4]"), NULL), 0);
    const struct oip_tensor *t = &q.inputs[0];
    const double want[] = {1, 2.5, 1, -3};
    assert_int_equal(t->n, 6);
    assert_int_equal(t->n_numbers, N(want));
    assert_memory_equal(t->values, want, sizeof(want));
}

static void other_content_types_need_a_header(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        int want;
    } rows[] = {
        {NULL, 0},
        {"application/json", 0},
        {"APPLICATION/JSON;charset=utf-8", 0},
        {"application/json ; charset=utf-8", 0},
        {"application/cloudevents+json", 0},
        {"application/jsonl", OIP_BAD_INPUT},
        {"application/octet-stream", OIP_BAD_INPUT},
        {"application/x-www-form-urlencoded", OIP_BAD_INPUT},
        {"text/json", OIP_BAD_INPUT},
        {"", 0},
        {";charset=utf-8", OIP_BAD_INPUT},
    };
    for (size_t i = 0; i < N(rows); i++) {
        SCOPED(oip_request_free) struct oip_request q;
        const struct oip_bytes in = {TOP(""), strlen(TOP("")), rows[i].type, NULL};
        if (oip_request_parse(&q, &in, NULL) != rows[i].want)
            fail_msg("%s", rows[i].type);
    }
}

/* --- binary --------------------------------------------------------------------------------------
 */

#define BINARY(type, shape, size)                                                                  \
    "{\"inputs\":[{\"name\":\"t\",\"shape\":" shape ",\"datatype\":\"" type "\",\"parameters\":"   \
    "{\"binary_data_size\":" size "}}]}"

static int parse_binary(struct oip_request *q, const char *json, const void *tail, size_t len,
                        struct error *err)
{
    SCOPED(buf_free) struct buf body = BUF_INIT(4096);
    char header[24];
    buf_add_text(&body, json);
    (void)snprintf(header, sizeof(header), "%zu", body.len);
    buf_add(&body, tail, len);
    const struct oip_bytes in = {buf_text(&body), body.len, "application/octet-stream", header};
    return oip_request_parse(q, &in, err);
}

static void every_datatype_is_read_from_little_endian_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *type, *bytes;
        size_t len;
        double want;
    } rows[] = {
        /* clang-format off */
        {"BOOL",   "\x02",                             1, 1},
        {"INT8",   "\xfe",                             1, -2},
        {"UINT8",  "\xfe",                             1, 254},
        {"INT16",  "\x00\x80",                         2, -32768},
        {"UINT16", "\x00\x80",                         2, 32768},
        {"INT32",  "\xff\xff\xff\xff",                 4, -1},
        {"UINT32", "\xff\xff\xff\xff",                 4, 4294967295.0},
        {"INT64",  "\x01\x00\x00\x00\x00\x00\x00\x80", 8, -9223372036854775807.0},
        {"UINT64", "\x00\x00\x00\x00\x00\x00\x00\x80", 8, 9223372036854775808.0},
        {"FP32",   "\x00\x00\x80\x40",                 4, 4},
        {"fp64",   "\x00\x00\x00\x00\x00\x61\xa3\x40", 8, 2480.5},
        {"FP16",   "\x00\x3c",                         2, 1},
        {"FP16",   "\x01\x80",                         2, -5.9604644775390625e-08},
        {"FP16",   "\xff\x7b",                         2, 65504},
        {"FP16",   "\x00\xfc",                         2, -(double)INFINITY},
        /* clang-format on */
    };
    for (size_t i = 0; i < N(rows); i++) {
        SCOPED(oip_request_free) struct oip_request q;
        SCOPED(buf_free) struct buf json = BUF_INIT(512);
        struct error err = {0};
        buf_addf(&json, BINARY("%s", "[1]", "%zu"), rows[i].type, rows[i].len);
        if (parse_binary(&q, buf_text(&json), rows[i].bytes, rows[i].len, &err) != 0)
            fail_msg("%s: %s", rows[i].type, err.text);
        assert_int_equal(q.inputs[0].n_numbers, 1);
        if (q.inputs[0].values[0] != rows[i].want)
            fail_msg("%s: %.17g", rows[i].type, q.inputs[0].values[0]);
    }
}

static void bytes_that_fit_no_tensor_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *json, *tail;
        size_t len;
        int want;
    } rows[] = {
        /* clang-format off */
        {"two numbers",             BINARY("INT16", "[2]", "4"),   "\1\0\2\0", 4, 0},
        {"two texts",               BINARY("BYTES", "[2]", "10"),  "\2\0\0\0ab\0\0\0\0", 10, 0},
        {"half a number",           BINARY("INT16", "[1]", "3"),   "\1\0\2", 3, OIP_BAD_INPUT},
        {"more than the shape",     BINARY("INT16", "[1]", "4"),   "\1\0\2\0", 4, OIP_BAD_INPUT},
        {"an open shape",           BINARY("INT16", "[-1]", "4"),  "\1\0\2\0", 4, OIP_BAD_INPUT},
        {"more than there is",      BINARY("INT16", "[2]", "4"),   "\1\0", 2, OIP_BAD_INPUT},
        {"one byte more",           BINARY("UINT8", "[2]", "2"),   "\1", 1, OIP_BAD_INPUT},
        {"less than there is",      BINARY("INT16", "[1]", "2"),   "\1\0\2\0", 4, OIP_BAD_INPUT},
        {"a negative size",         BINARY("INT16", "[1]", "-2"),  "\1\0", 2, OIP_BAD_INPUT},
        {"a size that is a text",   BINARY("INT16", "[1]", "\"2\""), "\1\0", 2, OIP_BAD_INPUT},
        {"a word as datatype",      BINARY("integer", "[1]", "8"), "\1\0\0\0\0\0\0\0", 8, OIP_BAD_INPUT},
        {"a text that is cut",      BINARY("BYTES", "[1]", "6"),   "\3\0\0\0ab", 6, OIP_BAD_INPUT},
        {"a length that is cut",    BINARY("BYTES", "[1]", "3"),   "\3\0\0", 3, OIP_BAD_INPUT},
        {"a text of 4 GiB",         BINARY("BYTES", "[1]", "6"),   "\xff\xff\xff\xff" "ab", 6, OIP_BAD_INPUT},
        {"data for one, none left", INPUT(",\"data\":[1]"),        "", 0, 0},
        {"data for one, some left", INPUT(",\"data\":[1]"),        "x", 1, OIP_BAD_INPUT},
        {"neither data nor size",   INPUT(""),                     "", 0, OIP_BAD_INPUT},
        {"data that is no list",    INPUT(",\"data\":1"),          "", 0, OIP_BAD_INPUT},
        {"a fault of the schema",   "{}",                          "", 0, OIP_BAD_INPUT},
        {"JSON that is cut",        "{\"inputs\":",                "", 0, OIP_BAD_INPUT},
        /* clang-format on */
    };
    for (size_t i = 0; i < N(rows); i++) {
        SCOPED(oip_request_free) struct oip_request q;
        struct error err = {0};
        int got = parse_binary(&q, rows[i].json, rows[i].tail, rows[i].len, &err);
        if (got != rows[i].want)
            fail_msg("%s: %d, \"%s\"", rows[i].name, got, err.text);
    }
}

static void the_length_of_the_json_is_a_number_within_the_body(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        int want;
    } rows[] = {
        {"13", 0},
        {"14", OIP_BAD_INPUT},
        {"-1", OIP_BAD_INPUT},
        {"99999999999", OIP_BAD_INPUT},
        {"12", OIP_BAD_INPUT},
        {"0", OIP_BAD_INPUT},
        {"x", OIP_FAILED},
        {"", OIP_FAILED},
    };
    for (size_t i = 0; i < N(rows); i++) {
        SCOPED(oip_request_free) struct oip_request q;
        const struct oip_bytes in = {TOP(""), strlen(TOP("")), NULL, rows[i].header};
        if (oip_request_parse(&q, &in, NULL) != rows[i].want)
            fail_msg("%s", rows[i].header);
    }
}

/* --- what is asked for ---------------------------------------------------------------------------
 */

static void outputs_are_named_and_may_be_binary(void **state)
{
    (void)state;
    static const struct {
        const char *name, *body;
        int want;
        bool binary;
    } rows[] = {
        /* clang-format off */
        {"none named",        TOP(""),                                                 0, false},
        {"an empty list",     TOP(",\"outputs\":[]"),                                  0, false},
        {"the one there is",  TOP(",\"outputs\":[{\"name\":\"o\"}]"),                  0, false},
        {"one there is not",  TOP(",\"outputs\":[{\"name\":\"zzz\"}]"),                OIP_BAD_INPUT, false},
        {"this one binary",   TOP(",\"outputs\":[{\"name\":\"o\",\"parameters\":{\"binary_data\":true}}]"), 0, true},
        {"all binary",        TOP(",\"parameters\":{\"binary_data_output\":true}"),    0, true},
        {"all but this one",  TOP(",\"parameters\":{\"binary_data_output\":true},\"outputs\":[{\"name\":\"o\",\"parameters\":{\"binary_data\":false}}]"), 0, false},
        {"all, one is named", TOP(",\"parameters\":{\"binary_data_output\":true},\"outputs\":[{\"name\":\"o\"}]"), 0, true},
        /* clang-format on */
    };
    for (size_t i = 0; i < N(rows); i++) {
        SCOPED(oip_request_free) struct oip_request q;
        struct error err = {0};
        bool binary;
        assert_int_equal(parse(&q, rows[i].body, &err), 0);
        int got = oip_request_output(&q, "o", &binary, &err);
        if (got != rows[i].want || (got == 0 && binary != rows[i].binary))
            fail_msg("%s: %d", rows[i].name, got);
    }
}

static void instances_of_v1_are_rows_of_one_input(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int want;
        int64_t rows, columns;
    } rows[] = {
        {"{\"instances\":[[2480.5]]}", 0, 1, 1},
        {"{\"instances\":[1,2,3]}", 0, 3, 1},
        {"{\"instances\":[[1,2],[3,4]]}", 0, 2, 2},
        {"{\"instances\":[[1,2],[3]]}", OIP_BAD_INPUT, 0, 0},
        {"{\"instances\":[[]]}", OIP_BAD_INPUT, 0, 0},
        {"{\"instances\":[]}", OIP_BAD_INPUT, 0, 0},
        {"{\"instances\":1}", OIP_BAD_INPUT, 0, 0},
        {"{}", OIP_BAD_INPUT, 0, 0},
        {"[1]", OIP_BAD_INPUT, 0, 0},
        {"", OIP_BAD_INPUT, 0, 0},
    };
    for (size_t i = 0; i < N(rows); i++) {
        SCOPED(oip_request_free) struct oip_request q;
        const struct oip_bytes in = {.body = rows[i].body, .len = strlen(rows[i].body)};
        int got = oip_request_parse_v1(&q, &in, NULL);
        if (got != rows[i].want)
            fail_msg("%s: %d", rows[i].body, got);
        if (got == 0) {
            assert_int_equal(q.inputs[0].shape[0], rows[i].rows);
            assert_int_equal(q.inputs[0].shape[1], rows[i].columns);
        }
    }
}

static void a_fault_has_the_code_and_the_key_of_kserve(void **state)
{
    (void)state;
    static const struct {
        int fault, status;
        const char *body;
    } rows[] = {
        {OIP_UNREADABLE, 400, "{\"detail\":\"w\"}"},
        {OIP_SCHEMA, 422,
         "{\"detail\":[{\"type\":\"value_error\",\"loc\":[\"body\"],\"msg\":\"w\"}]}"},
        {OIP_BAD_INPUT, 400, "{\"error\":\"w\"}"},
        {OIP_UNKNOWN_MODEL, 404, "{\"error\":\"w\"}"},
        {OIP_FAILED, 500, "{\"error\":\"w\"}"},
        {OIP_NOT_IMPLEMENTED, 501, "{\"error\":\"w\"}"},
        {OIP_NOT_READY, 503, "{\"error\":\"w\"}"},
        {OIP_NO_ROUTE, 404, "{\"detail\":\"w\"}"},
        {OIP_BAD_METHOD, 405, "{\"detail\":\"w\"}"},
        {-12, 500, "{\"error\":\"w\"}"},
    };
    for (size_t i = 0; i < N(rows); i++) {
        SCOPED(buf_free) struct buf out = BUF_INIT(512);
        oip_fault_body(&out, rows[i].fault, "w");
        assert_int_equal(oip_fault_status(rows[i].fault), rows[i].status);
        assert_string_equal(buf_text(&out), rows[i].body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_is_taken_or_refused_by_its_schema),
        cmocka_unit_test(no_depth_is_a_fault_of_the_schema),
        cmocka_unit_test(the_words_name_the_place),
        cmocka_unit_test(extents_are_coerced),
        cmocka_unit_test(elements_are_counted),
        cmocka_unit_test(nested_data_is_flattened_up_to_what_is_no_number),
        cmocka_unit_test(other_content_types_need_a_header),
        cmocka_unit_test(every_datatype_is_read_from_little_endian_bytes),
        cmocka_unit_test(bytes_that_fit_no_tensor_are_refused),
        cmocka_unit_test(the_length_of_the_json_is_a_number_within_the_body),
        cmocka_unit_test(outputs_are_named_and_may_be_binary),
        cmocka_unit_test(instances_of_v1_are_rows_of_one_input),
        cmocka_unit_test(a_fault_has_the_code_and_the_key_of_kserve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
