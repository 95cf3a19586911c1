#include "relay/github/inputs.h"

#include "relay/base/parse.h"
#include "relay/base/pattern.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/github/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_BYTES 64
#define PLACES                                                                                     \
    "{label:X} {annotation:X} {value:REF} {alertname} {starts_at} {fingerprint} "                  \
    "{rule_uid} {route} {key} {relay_id} {count}"

enum place {
    PLACE_TEXT, /* literal */
    PLACE_LABEL,
    PLACE_ANNOTATION,
    PLACE_VALUE,
    PLACE_ALERTNAME,
    PLACE_STARTS_AT,
    PLACE_FINGERPRINT,
    PLACE_RULE_UID,
    PLACE_ROUTE,
    PLACE_KEY,
    PLACE_RELAY_ID,
    PLACE_COUNT,
};

static const struct {
    const char *word;
    bool argument;
} places[] = {
    [PLACE_LABEL] = {"label", true},
    [PLACE_ANNOTATION] = {"annotation", true},
    [PLACE_VALUE] = {"value", true},
    [PLACE_ALERTNAME] = {"alertname", false},
    [PLACE_STARTS_AT] = {"starts_at", false},
    [PLACE_FINGERPRINT] = {"fingerprint", false},
    [PLACE_RULE_UID] = {"rule_uid", false},
    [PLACE_ROUTE] = {"route", false},
    [PLACE_KEY] = {"key", false},
    [PLACE_RELAY_ID] = {"relay_id", false},
    [PLACE_COUNT] = {"count", false},
};

struct segment {
    enum place place;
    char *text; /* the literal, or the argument; NULL where there is none */
};

struct input {
    char *name;
    struct segment *segments;
    size_t n_segments;
    struct pattern *pattern; /* NULL: any text */
};

struct inputs {
    struct input *items;
    size_t n;
};

/* Every byte of a value takes at most two in JSON once control characters are gone, so no set of
 * inputs that compiles can pass the limit. */
_Static_assert((INPUTS_MAX - 1) * (2 * INPUT_VALUE_MAX + NAME_MAX_BYTES + 6) + 2 <= INPUTS_JSON_MAX,
               "the limits of one input must keep all of them within the limit of the whole");

/* ---- compiling ---- */

static bool is_name(const char *name)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789-";
    size_t len = name == NULL ? 0 : strspn(name, letters);

    return len > 0 && len <= NAME_MAX_BYTES && name[len] == '\0' &&
           strchr("0123456789-", name[0]) == NULL;
}

/* Takes `text` also when it fails. */
static int add_segment(struct input *in, enum place place, char *text, struct error *err)
{
    SCOPED(free_p) char *owned = text;
    struct segment *grown = reallocarray(in->segments, in->n_segments + 1, sizeof(*in->segments));

    if (grown != NULL)
        in->segments = grown;
    if (grown == NULL || (owned == NULL && (place == PLACE_TEXT || places[place].argument)))
        return error_set(err, -ENOMEM, "inputs: out of memory");
    in->segments[in->n_segments++] = (struct segment){place, GIVE(owned)};
    return 0;
}

/* body: what stands between the braces. */
static int add_place(struct input *in, const char *body, size_t len, struct error *err)
{
    const char *colon = memchr(body, ':', len);
    size_t word = colon == NULL ? len : (size_t)(colon - body);
    size_t argument = colon == NULL ? 0 : len - word - 1;

    for (size_t i = PLACE_LABEL; i < sizeof(places) / sizeof(places[0]); i++) {
        if (strlen(places[i].word) != word || memcmp(places[i].word, body, word) != 0)
            continue;
        if (places[i].argument != (argument > 0) || (colon != NULL && argument == 0))
            break;
        return add_segment(in, (enum place)i,
                           places[i].argument ? strndup(colon + 1, argument) : NULL, err);
    }
    return error_set(err, -EINVAL, "input %s: {%.*s} is no placeholder; there are: " PLACES,
                     in->name, (int)(len < 64 ? len : 64), body);
}

static int parse_template(struct input *in, const char *text, struct error *err)
{
    while (*text != '\0') {
        int r;
        if (text[0] == '{' && text[1] != '{') {
            size_t len = strcspn(text + 1, "{}");
            if (text[1 + len] != '}')
                return error_set(err, -EINVAL, "input %s: a { that no } closes ({{ is a brace)",
                                 in->name);
            r = add_place(in, text + 1, len, err);
            text += len + 2;
        } else {
            /* The first brace of a pair, or none, and what follows up to the next brace. */
            size_t skip = text[0] == '{';
            size_t len = skip + strcspn(text + 2 * skip, "{");
            r = add_segment(in, PLACE_TEXT, strndup(text + skip, len), err);
            text += skip + len;
        }
        if (r < 0)
            return r;
    }
    return 0;
}

static int compile_one(struct inputs *all, const struct input_spec *spec, struct error *err)
{
    struct input *in = &all->items[all->n];

    if (!is_name(spec->name))
        return error_set(err, -EINVAL,
                         "input \"%s\": a name of at most %d letters, digits, _ and - is wanted, "
                         "not beginning with a digit or -",
                         spec->name == NULL ? "" : spec->name, NAME_MAX_BYTES);
    /* GitHub tells no two inputs apart by case. */
    if (strcasecmp(spec->name, "relay_id") == 0)
        return error_set(err, -EINVAL, "input relay_id: the relay sends it by itself");
    for (size_t i = 0; i < all->n; i++) {
        if (strcasecmp(all->items[i].name, spec->name) == 0)
            return error_set(err, -EINVAL, "input %s: named twice", spec->name);
    }
    in->name = strdup(spec->name);
    all->n++; /* from here on inputs_free() sees it */
    if (in->name == NULL)
        return error_set(err, -ENOMEM, "inputs: out of memory");
    if (spec->value == NULL || !utf8_is_valid(spec->value))
        return error_set(err, -EINVAL, "input %s: a value in UTF-8 is wanted", in->name);
    int r = parse_template(in, spec->value, err);
    if (r < 0)
        return r;
    if (spec->pattern != NULL && (r = pattern_compile(&in->pattern, spec->pattern, err)) < 0)
        return error_prefix(err, r, "input %s", in->name);
    return 0;
}

int inputs_compile(struct inputs **out, const struct input_spec *specs, size_t n, struct error *err)
{
    if (n > INPUTS_MAX - 1)
        return error_set(err, -EINVAL, "inputs: %zu are too many: GitHub takes %d with relay_id", n,
                         INPUTS_MAX);
    SCOPED(inputs_free_p) struct inputs *in = calloc(1, sizeof(*in));
    if (in == NULL || (in->items = calloc(n + 1, sizeof(*in->items))) == NULL)
        return error_set(err, -ENOMEM, "inputs: out of memory");
    for (size_t i = 0; i < n; i++) {
        int r = compile_one(in, &specs[i], err);
        if (r < 0)
            return r;
    }
    *out = GIVE(in);
    return 0;
}

void inputs_free(struct inputs *in)
{
    if (in == NULL)
        return;
    for (size_t i = 0; i < in->n; i++) {
        for (size_t j = 0; j < in->items[i].n_segments; j++)
            free(in->items[i].segments[j].text);
        free(in->items[i].segments);
        free(in->items[i].name);
        pattern_free(in->items[i].pattern);
    }
    free(in->items);
    free(in);
}

void inputs_free_p(struct inputs **in)
{
    inputs_free(*in);
}

size_t inputs_count(const struct inputs *in)
{
    return in->n;
}

const char *inputs_name(const struct inputs *in, size_t i)
{
    return in->items[i].name;
}

/* ---- making ---- */

/* A value as it grows: cleaned, and cut at INPUT_VALUE_MAX. */
struct value {
    char text[INPUT_VALUE_MAX + 1];
    size_t len;
    bool full; /* something was cut: nothing more may follow */
};

static void value_add(struct value *v, const char *text)
{
    while (*text != '\0' && !v->full) {
        size_t bytes = utf8_char(text);
        size_t step = bytes == 0 ? 1 : bytes;
        if (bytes != 0 && !utf8_is_control(text, bytes)) {
            v->full = v->len + bytes > INPUT_VALUE_MAX;
            if (!v->full) {
                memcpy(v->text + v->len, text, bytes);
                v->len += bytes;
            }
        }
        text += step;
    }
    v->text[v->len] = '\0';
}

/* Of a number printed with %e. */
static int exponent_of(const char *text)
{
    const char *e = strchr(text, 'e');
    int exponent = 0;

    for (const char *digit = e == NULL ? "" : e + 2; *digit != '\0'; digit++)
        exponent = exponent * 10 + (*digit - '0');
    return e != NULL && e[1] == '-' ? -exponent : exponent;
}

/* The shortest decimal that reads back; with an exponent only where many zeros would stand. */
static void value_add_number(struct value *v, double number)
{
    char text[48];
    double back;
    int digits = 0;

    if (number == 0) {
        value_add(v, "0"); /* also for -0 */
        return;
    }
    do
        (void)snprintf(text, sizeof(text), "%.*e", digits, number);
    while (++digits < 17 &&
           (parse_double(&back, text, NULL) < 0 || back < number || back > number));
    int exponent = exponent_of(text);
    if (exponent >= -5 && exponent <= 15)
        (void)snprintf(text, sizeof(text), "%.*f",
                       digits - 1 > exponent ? digits - 1 - exponent : 0, number);
    value_add(v, text);
}

static int value_add_alert_value(struct value *v, const struct alert *alert, const char *ref)
{
    for (size_t i = 0; i < alert->n_values; i++) {
        if (strcmp(alert->values[i].ref, ref) != 0)
            continue;
        value_add_number(v, alert->values[i].number);
        return 0;
    }
    return INPUTS_BAD;
}

/* NULL: there is none. room: for those that are made. */
static const char *place_text(const struct segment *s, const struct input_context *c,
                              char room[static RFC3339_MAX])
{
    const struct alert *alert = c->alert;

    switch (s->place) {
    case PLACE_TEXT:
        return s->text;
    case PLACE_LABEL:
        return label_value(alert->labels, alert->n_labels, s->text);
    case PLACE_ANNOTATION:
        return label_value(alert->annotations, alert->n_annotations, s->text);
    case PLACE_ALERTNAME:
        return alert->alertname[0] == '\0' ? NULL : alert->alertname;
    case PLACE_STARTS_AT:
        if (alert->starts_at == TIME_NONE)
            return NULL;
        format_rfc3339_ms(room, alert->starts_at);
        return room;
    case PLACE_FINGERPRINT:
        return alert->fingerprint;
    case PLACE_RULE_UID:
        return alert->rule_uid;
    case PLACE_ROUTE:
        return c->route;
    case PLACE_KEY:
        return c->key;
    case PLACE_RELAY_ID:
        return c->relay_id;
    case PLACE_COUNT:
        (void)snprintf(room, RFC3339_MAX, "%" PRIu64, c->count);
        return room;
    case PLACE_VALUE:
        break;
    }
    return NULL;
}

bool inputs_constant(const struct inputs *in, size_t i, char out[static INPUT_VALUE_MAX + 1])
{
    const struct input *input = &in->items[i];
    struct value v = {.len = 0};

    for (size_t j = 0; j < input->n_segments; j++) {
        if (input->segments[j].place != PLACE_TEXT)
            return false;
        value_add(&v, input->segments[j].text);
    }
    memcpy(out, v.text, v.len + 1);
    return true;
}

static int make_value(struct value *v, const struct input *in, const struct input_context *context,
                      struct error *err)
{
    char room[RFC3339_MAX];

    for (size_t i = 0; i < in->n_segments; i++) {
        const struct segment *s = &in->segments[i];
        int r = 0;
        if (s->place == PLACE_VALUE) {
            r = value_add_alert_value(v, context->alert, s->text);
        } else {
            const char *text = place_text(s, context, room);
            if (text != NULL)
                value_add(v, text);
            else
                r = INPUTS_BAD;
        }
        if (r != 0)
            return error_set(err, INPUTS_BAD, "input %s: the alert has no %s%s%s", in->name,
                             places[s->place].word, s->text == NULL ? "" : " ",
                             s->text == NULL ? "" : s->text);
    }
    if (in->pattern == NULL || pattern_matches(in->pattern, v->text))
        return 0;
    char shown[65];
    utf8_clean(shown, sizeof(shown), v->text);
    return error_set(err, INPUTS_BAD, "input %s: \"%s\" does not match %s", in->name, shown,
                     pattern_text(in->pattern));
}

int inputs_make(char **json, const struct inputs *in, const struct input_context *context,
                struct error *err)
{
    SCOPED(buf_free) struct buf text = BUF_INIT(INPUTS_JSON_MAX);

    buf_add_char(&text, '{');
    for (size_t i = 0; i < in->n; i++) {
        struct value v = {.len = 0};
        int r = make_value(&v, &in->items[i], context, err);
        if (r != 0)
            return r;
        if (i > 0)
            buf_add_char(&text, ',');
        buf_add_json_string(&text, in->items[i].name);
        buf_add_char(&text, ':');
        buf_add_json_string(&text, v.text);
    }
    buf_add_char(&text, '}');
    char *made = buf_give(&text);
    if (made == NULL)
        return error_set(err, -ENOMEM, "inputs: out of memory");
    *json = made;
    return 0;
}
