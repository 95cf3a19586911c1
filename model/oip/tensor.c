#include "model/oip/tensor.h"

#include "model/oip/fault.h"
#include "relay/base/parse.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Width of an element; 0 for BYTES and for words that are no datatype. */
static const struct {
    const char *name;
    size_t width;
} datatypes[OIP_OTHER + 1] = {
    [OIP_BOOL] = {"BOOL", 1},     [OIP_INT8] = {"INT8", 1},     [OIP_INT16] = {"INT16", 2},
    [OIP_INT32] = {"INT32", 4},   [OIP_INT64] = {"INT64", 8},   [OIP_UINT8] = {"UINT8", 1},
    [OIP_UINT16] = {"UINT16", 2}, [OIP_UINT32] = {"UINT32", 4}, [OIP_UINT64] = {"UINT64", 8},
    [OIP_FP16] = {"FP16", 2},     [OIP_FP32] = {"FP32", 4},     [OIP_FP64] = {"FP64", 8},
    [OIP_BYTES] = {"BYTES", 0},   [OIP_OTHER] = {"", 0},
};

enum oip_datatype oip_datatype_parse(const char *text)
{
    enum oip_datatype type = OIP_BOOL;
    while (type < OIP_OTHER && strcasecmp(text, datatypes[type].name) != 0)
        type++;
    return type;
}

/* --- shape --------------------------------------------------------------------------------------
 */

static bool read_extent(int64_t *out, const json_t *value)
{
    static const double exact_below = 9007199254740992.0; /* 2^53 */
    double real = json_real_value(value);
    switch (json_typeof(value)) {
    case JSON_INTEGER:
        *out = json_integer_value(value);
        return true;
    case JSON_REAL:
        *out = fabs(real) < exact_below ? (int64_t)real : 0;
        return (double)*out == real;
    case JSON_STRING:
        return parse_int64(out, json_string_value(value), INT64_MIN, INT64_MAX, NULL) == 0;
    case JSON_TRUE:
    case JSON_FALSE:
        *out = json_is_true(value) ? 1 : 0;
        return true;
    case JSON_OBJECT:
    case JSON_ARRAY:
    case JSON_NULL:
        break;
    }
    return false;
}

int oip_tensor_shape(struct oip_tensor *t, const json_t *shape, struct error *err)
{
    if (!json_is_array(shape))
        return error_set(err, OIP_SCHEMA, "shape: a list of integers is wanted");
    size_t n = json_array_size(shape);
    t->shape = calloc(n > 0 ? n : 1, sizeof(*t->shape));
    if (t->shape == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    for (t->n_shape = 0; t->n_shape < n; t->n_shape++)
        if (!read_extent(&t->shape[t->n_shape], json_array_get(shape, t->n_shape)))
            return error_set(err, OIP_SCHEMA, "shape[%zu]: an integer is wanted", t->n_shape);
    return 0;
}

int64_t oip_tensor_elements(const struct oip_tensor *t)
{
    int64_t product = 1;
    for (size_t i = 0; i < t->n_shape; i++)
        if (t->shape[i] < 0 || __builtin_mul_overflow(product, t->shape[i], &product))
            return -1;
    return product;
}

/* --- elements as JSON ---------------------------------------------------------------------------
 */

/* The depth of what was loaded has a limit. */
static size_t count_leaves(const json_t *data)
{
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(data); i++) {
        const json_t *item = json_array_get(data, i);
        n += json_is_array(item) ? count_leaves(item) : 1;
    }
    return n;
}

static void add_leaf(struct oip_tensor *t, const json_t *item)
{
    bool number = json_is_number(item) || json_is_boolean(item);
    if (number && t->n_numbers == t->n) {
        t->values[t->n] =
            json_is_boolean(item) ? (json_is_true(item) ? 1 : 0) : json_number_value(item);
        t->n_numbers++;
    }
    t->n++;
}

static void add_leaves(struct oip_tensor *t, const json_t *data)
{
    for (size_t i = 0; i < json_array_size(data); i++) {
        const json_t *item = json_array_get(data, i);
        if (json_is_array(item))
            add_leaves(t, item);
        else
            add_leaf(t, item);
    }
}

static int make_room(struct oip_tensor *t, size_t n, struct error *err)
{
    t->values = calloc(n > 0 ? n : 1, sizeof(*t->values));
    t->n = t->n_numbers = 0;
    return t->values != NULL ? 0 : error_set(err, -ENOMEM, "out of memory");
}

int oip_tensor_json(struct oip_tensor *t, const json_t *data, struct error *err)
{
    if (!json_is_array(data))
        return error_set(err, OIP_SCHEMA, "data: a list is wanted");
    int r = make_room(t, count_leaves(data), err);
    if (r == 0)
        add_leaves(t, data);
    return r;
}

/* --- elements as bytes --------------------------------------------------------------------------
 */

static uint64_t little_endian(const unsigned char *p, size_t width)
{
    uint64_t bits = 0;
    for (size_t i = width; i-- > 0;)
        bits = bits << 8 | p[i];
    return bits;
}

/* IEEE 754 binary16. */
static double half(uint64_t bits)
{
    int exponent = (int)(bits >> 10 & 0x1f);
    double fraction = (double)(bits & 0x3ff), sign = (bits & 0x8000) != 0 ? -1 : 1;
    if (exponent == 0x1f)
        return fraction != 0 ? (double)NAN : sign * (double)INFINITY;
    return sign * (exponent == 0 ? ldexp(fraction, -24) : ldexp(fraction + 1024, exponent - 25));
}

static double number_of(enum oip_datatype type, uint64_t bits)
{
    float single;
    double real;
    uint32_t low = (uint32_t)bits;
    switch (type) {
    case OIP_INT8:
        return (double)(int8_t)bits;
    case OIP_INT16:
        return (double)(int16_t)bits;
    case OIP_INT32:
        return (double)(int32_t)bits;
    case OIP_INT64:
        return (double)(int64_t)bits;
    case OIP_FP16:
        return half(bits);
    case OIP_FP32:
        memcpy(&single, &low, sizeof(single));
        return (double)single;
    case OIP_FP64:
        memcpy(&real, &bits, sizeof(real));
        return real;
    case OIP_BOOL:
        return bits != 0 ? 1 : 0;
    case OIP_UINT8:
    case OIP_UINT16:
    case OIP_UINT32:
    case OIP_UINT64:
    case OIP_BYTES:
    case OIP_OTHER:
        break;
    }
    return (double)bits;
}

/* -1 when the lengths do not lead to the end. */
static int64_t count_texts(const unsigned char *p, size_t len)
{
    int64_t n = 0;
    for (size_t i = 0; i < len; n++) {
        if (len - i < 4)
            return -1;
        size_t text = (size_t)little_endian(p + i, 4);
        i += 4;
        if (text > len - i)
            return -1;
        i += text;
    }
    return n;
}

int oip_tensor_binary(struct oip_tensor *t, const void *bytes, size_t len, struct error *err)
{
    const unsigned char *p = bytes;
    size_t width = datatypes[t->datatype].width;
    if (t->datatype == OIP_OTHER)
        return error_set(err, OIP_BAD_INPUT, "invalid datatype of the input '%s'", t->name);
    int64_t n = width == 0 ? count_texts(p, len) : len % width == 0 ? (int64_t)(len / width) : -1;
    if (n < 0 || n != oip_tensor_elements(t))
        return error_set(err, OIP_BAD_INPUT,
                         "input '%s': %zu bytes do not fit its datatype and shape", t->name, len);
    int r = make_room(t, width == 0 ? 0 : (size_t)n, err);
    if (r != 0)
        return r;
    t->n = (size_t)n;
    t->n_numbers = width == 0 ? 0 : t->n;
    for (size_t i = 0; i < t->n_numbers; i++)
        t->values[i] = number_of(t->datatype, little_endian(p + i * width, width));
    return 0;
}

void oip_tensor_free(struct oip_tensor *t)
{
    free(t->shape);
    free(t->values);
    *t = (struct oip_tensor){0};
}
