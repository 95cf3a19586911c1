#include "model/oip/request.h"

#include "model/oip/fault.h"
#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEPTH_MAX   16 /* of what is taken */
#define BINARY_SIZE "binary_data_size"

/* --- schema: every fault here is answered before all others -------------------------------------
 */

static int check_parameters(json_t *parameters, struct error *err)
{
    if (parameters == NULL || json_is_null(parameters))
        return 0;
    if (!json_is_object(parameters))
        return error_set(err, OIP_SCHEMA, "parameters: an object is wanted");
    json_t *value;
    const char *key;
    json_object_foreach(parameters, key, value)
    {
        if (json_is_null(value) || json_is_object(value) || json_is_array(value))
            return error_set(err, OIP_SCHEMA,
                             "parameters: a number, a boolean or a string is wanted");
    }
    return 0;
}

static int read_name(const char **out, const json_t *object, const char *key, struct error *err)
{
    *out = json_string_value(json_object_get(object, key));
    return *out != NULL ? 0 : error_set(err, OIP_SCHEMA, "%s: a string is wanted", key);
}

/* data: what a request all in JSON has to have. */
static int read_input(struct oip_tensor *t, const json_t *input, bool data, struct error *err)
{
    const char *datatype = NULL;
    if (!json_is_object(input))
        return error_set(err, OIP_SCHEMA, "an object is wanted");
    int r = read_name(&t->name, input, "name", err);
    if (r == 0)
        r = read_name(&datatype, input, "datatype", err);
    if (r == 0)
        r = oip_tensor_shape(t, json_object_get(input, "shape"), err);
    if (r == 0)
        r = check_parameters(json_object_get(input, "parameters"), err);
    if (r == 0 && data && !json_is_array(json_object_get(input, "data")))
        return error_set(err, OIP_SCHEMA, "data: a list is wanted");
    if (r == 0)
        t->datatype = oip_datatype_parse(datatype);
    return r;
}

static int read_inputs(struct oip_request *q, const json_t *inputs, bool data, struct error *err)
{
    if (!json_is_array(inputs))
        return error_set(err, OIP_SCHEMA, "inputs: a list is wanted");
    size_t n = json_array_size(inputs);
    q->inputs = calloc(n > 0 ? n : 1, sizeof(*q->inputs));
    if (q->inputs == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    while (q->n_inputs < n) {
        size_t i = q->n_inputs++; /* counted first: freed even when it is half read */
        int r = read_input(&q->inputs[i], json_array_get(inputs, i), data, err);
        if (r != 0)
            return error_prefix(err, r, "inputs[%zu]", i);
    }
    return 0;
}

static int read_output(struct oip_wanted *w, const json_t *output, bool binary, struct error *err)
{
    if (!json_is_object(output))
        return error_set(err, OIP_SCHEMA, "an object is wanted");
    json_t *parameters = json_object_get(output, "parameters");
    int r = read_name(&w->name, output, "name", err);
    if (r == 0)
        r = check_parameters(parameters, err);
    const json_t *own = json_object_get(parameters, "binary_data");
    w->binary = own == NULL ? binary : json_is_true(own);
    return r;
}

static int read_outputs(struct oip_request *q, const json_t *outputs, struct error *err)
{
    if (outputs == NULL || json_is_null(outputs))
        return 0;
    if (!json_is_array(outputs))
        return error_set(err, OIP_SCHEMA, "outputs: a list is wanted");
    size_t n = json_array_size(outputs);
    q->outputs = calloc(n > 0 ? n : 1, sizeof(*q->outputs));
    if (q->outputs == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    for (; q->n_outputs < n; q->n_outputs++) {
        int r = read_output(&q->outputs[q->n_outputs], json_array_get(outputs, q->n_outputs),
                            q->binary, err);
        if (r != 0)
            return error_prefix(err, r, "outputs[%zu]", q->n_outputs);
    }
    return 0;
}

static int read_schema(struct oip_request *q, bool data, struct error *err)
{
    if (!json_is_object(q->tree))
        return error_set(err, OIP_SCHEMA, "an object is wanted");
    const json_t *id = json_object_get(q->tree, "id");
    if (id != NULL && !json_is_null(id) && !json_is_string(id))
        return error_set(err, OIP_SCHEMA, "id: a string is wanted");
    q->id = json_string_value(id);
    json_t *parameters = json_object_get(q->tree, "parameters");
    int r = check_parameters(parameters, err);
    q->binary = json_is_true(json_object_get(parameters, "binary_data_output"));
    if (r == 0)
        r = read_inputs(q, json_object_get(q->tree, "inputs"), data, err);
    if (r == 0)
        r = read_outputs(q, json_object_get(q->tree, "outputs"), err);
    return r;
}

/* --- bytes ---------------------------------------------------------------------------------------
 */

static bool is_utf8(const char *bytes, size_t len)
{
    while (len > 0) {
        size_t n = utf8_char_len(bytes, len);
        if (n == 0)
            return false;
        bytes += n;
        len -= n;
    }
    return true;
}

/* Whole, and not an object or a list: KServe takes it for bytes that someone quoted. */
static bool is_text(const char *bytes, size_t len)
{
    SCOPED(json_release_p) json_t *value = NULL;
    for (size_t i = 0; i < len && bytes[i] != '{' && bytes[i] != '['; i++)
        if (bytes[i] == '"') {
            value = json_loadb(bytes, len, JSON_DECODE_ANY, NULL);
            break;
        }
    return json_is_string(value);
}

/* Windows programs begin UTF-8 with a byte order mark; Python's reader skips it. */
static int load(json_t **out, const char *bytes, size_t len, struct error *err)
{
    static const char mark[] = "\xef\xbb\xbf";
    size_t skip = sizeof(mark) - 1;
    if (len >= skip && memcmp(bytes, mark, skip) == 0) {
        bytes += skip;
        len -= skip;
    }
    int r = strict_json_load(out, bytes, len, DEPTH_MAX, err);
    if (r == 0 || r == -ENOMEM)
        return r;
    if (len > 0 && !is_utf8(bytes, len))
        return error_set(err, OIP_UNREADABLE, "the body is no UTF-8");
    if (is_text(bytes, len))
        return error_set(err, OIP_BAD_INPUT, "the body is a JSON string: an object is wanted");
    /* Python's reader stops at about 1000 levels, jansson's at 2048; before that a fault is one. */
    json_error_t first;
    SCOPED(json_release_p)
    json_t *deep = json_loadb(bytes, len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &first);
    bool too_deep = deep != NULL || json_error_code(&first) == json_error_stack_overflow;
    int fault = too_deep ? OIP_UNREADABLE : OIP_SCHEMA;
    if (err != NULL)
        err->code = fault;
    return fault;
}

/* application/json and application/…+json, with or without parameters. */
static bool is_json(const char *content_type)
{
    if (content_type == NULL || content_type[0] == '\0')
        return true;
    size_t len = strcspn(content_type, "; \t");
    static const char prefix[] = "application/", suffix[] = "+json";
    if (len < sizeof(prefix) - 1 || strncasecmp(content_type, prefix, sizeof(prefix) - 1) != 0)
        return false;
    const char *subtype = content_type + sizeof(prefix) - 1;
    len -= sizeof(prefix) - 1;
    return (len == 4 && strncasecmp(subtype, "json", 4) == 0) ||
           (len >= sizeof(suffix) - 1 &&
            strncasecmp(subtype + len - (sizeof(suffix) - 1), suffix, sizeof(suffix) - 1) == 0);
}

static int read_json_elements(struct oip_tensor *t, const json_t *data, struct error *err)
{
    if (t->datatype == OIP_FP16)
        return error_set(err, OIP_BAD_INPUT, "FP16 comes only as binary data, not as JSON");
    return oip_tensor_json(t, data, err);
}

struct tail {
    const char *bytes;
    size_t len;
};

/* The elements of one input, from JSON or from the front of the tail. */
static int read_elements(struct oip_tensor *t, const json_t *input, struct tail *tail,
                         struct error *err)
{
    const json_t *size = json_object_get(json_object_get(input, "parameters"), BINARY_SIZE);
    const json_t *data = json_object_get(input, "data");
    if (size == NULL && data == NULL)
        return error_set(err, OIP_BAD_INPUT, "'data' field is missing for input '%s'", t->name);
    if (size == NULL || tail->bytes == NULL)
        return read_json_elements(t, data, err);
    json_int_t n = json_is_integer(size) ? json_integer_value(size) : -1;
    if (n < 0 || (uint64_t)n > tail->len)
        return error_set(err, OIP_BAD_INPUT, "input '%s': " BINARY_SIZE " is not within the body",
                         t->name);
    const char *bytes = tail->bytes;
    tail->bytes += n;
    tail->len -= (size_t)n;
    return oip_tensor_binary(t, bytes, (size_t)n, err);
}

static int read_all_elements(struct oip_request *q, struct tail tail, struct error *err)
{
    const json_t *inputs = json_object_get(q->tree, "inputs");
    for (size_t i = 0; i < q->n_inputs; i++) {
        int r = read_elements(&q->inputs[i], json_array_get(inputs, i), &tail, err);
        if (r != 0)
            return r == OIP_SCHEMA ? OIP_BAD_INPUT : r;
    }
    return tail.len == 0 ? 0
                         : error_set(err, OIP_BAD_INPUT, "%zu bytes belong to no input", tail.len);
}

/* JSON up to header_length, then tensors. Whatever is wrong comes after "is there such a model?".
 */
static int parse_binary(struct oip_request *out, const struct oip_bytes *in, struct error *err)
{
    int64_t json_len;
    if (parse_int64(&json_len, in->header_length, INT64_MIN, INT64_MAX, NULL) != 0)
        return error_set(err, OIP_FAILED, "inference-header-content-length is no integer");
    if (json_len < 0 || (uint64_t)json_len > in->len)
        return error_set(err, OIP_BAD_INPUT,
                         "inference-header-content-length is not within the body");
    int r = load(&out->tree, in->body, (size_t)json_len, err);
    if (r == 0)
        r = read_schema(out, false, err);
    if (r != 0)
        return r < 0 ? r : OIP_BAD_INPUT;
    return read_all_elements(out, (struct tail){in->body + json_len, in->len - (size_t)json_len},
                             err);
}

int oip_request_parse(struct oip_request *out, const struct oip_bytes *in, struct error *err)
{
    *out = (struct oip_request){0};
    if (in->len == 0)
        return error_set(err, OIP_SCHEMA, "there is no body");
    if (in->header_length != NULL)
        return parse_binary(out, in, err);
    if (!is_json(in->content_type))
        return error_set(err, OIP_BAD_INPUT,
                         "received byte inputs, but without inference-header-content-length; JSON "
                         "needs the content type application/json");
    int r = load(&out->tree, in->body, in->len, err);
    if (r == 0)
        r = read_schema(out, true, err);
    return r == 0 ? read_all_elements(out, (struct tail){0}, err) : r;
}

/* --- v1 -----------------------------------------------------------------------------------------
 */

/* A row's width: 1 for a number by itself. Rows of different widths: 0. */
static size_t width_of(const json_t *instances)
{
    size_t width = 0;
    for (size_t i = 0; i < json_array_size(instances); i++) {
        const json_t *row = json_array_get(instances, i);
        size_t own = json_is_array(row) ? json_array_size(row) : 1;
        if (i > 0 && own != width)
            return 0;
        width = own;
    }
    return width;
}

int oip_request_parse_v1(struct oip_request *out, const struct oip_bytes *in, struct error *err)
{
    *out = (struct oip_request){0};
    int r = load(&out->tree, in->body, in->len, err);
    if (r != 0)
        return r < 0 ? r : OIP_BAD_INPUT;
    const json_t *instances = json_object_get(out->tree, "instances");
    size_t n = json_array_size(instances), width = width_of(instances);
    if (n == 0 || width == 0)
        return error_set(err, OIP_BAD_INPUT, "instances: a list of rows of one width is wanted");
    out->inputs = calloc(1, sizeof(*out->inputs));
    if (out->inputs == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    out->n_inputs = 1;
    struct oip_tensor *t = out->inputs;
    *t = (struct oip_tensor){.name = "instances", .datatype = OIP_FP64};
    t->shape = calloc(2, sizeof(*t->shape));
    if (t->shape == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    t->n_shape = 2;
    t->shape[0] = (int64_t)n;
    t->shape[1] = (int64_t)width;
    return oip_tensor_json(t, instances, err);
}

/* --- what is asked for --------------------------------------------------------------------------
 */

int oip_request_output(const struct oip_request *q, const char *name, bool *binary,
                       struct error *err)
{
    *binary = q->binary;
    for (size_t i = 0; i < q->n_outputs; i++) {
        if (strcmp(q->outputs[i].name, name) != 0)
            return error_set(err, OIP_BAD_INPUT, "Unexpected inference output '%s'",
                             q->outputs[i].name);
        *binary = q->outputs[i].binary;
    }
    return 0;
}

void oip_request_free(struct oip_request *q)
{
    for (size_t i = 0; i < q->n_inputs; i++)
        oip_tensor_free(&q->inputs[i]);
    free(q->inputs);
    free(q->outputs);
    json_decref(q->tree);
    *q = (struct oip_request){0};
}
