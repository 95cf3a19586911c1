/* inputs.h - templates of a route's workflow inputs, and the values they give.
 *
 * A value is text with placeholders: {label:X} {annotation:X} {value:REF} {alertname} {starts_at}
 * {fingerprint} {rule_uid} {route} {key} {relay_id} {count}; {{ is a brace. starts_at is RFC 3339
 * UTC; a value is printed as the shortest decimal that reads back. A missing or null label
 * (alertname too), annotation, value, rule_uid or starts_at makes the input impossible, and so does
 * a pattern that does not match the whole of what would be sent: control characters (C0, DEL, C1)
 * are stripped, then it is cut to 256 bytes at a character's boundary, then matched. All inputs
 * together are at most 65,535 bytes as JSON. Limits of GitHub: at most 25 inputs, relay_id included
 * (github.com; 10 on GHES). Pure; a compiled set may be used from any thread. */
#ifndef RELAY_GITHUB_INPUTS_H
#define RELAY_GITHUB_INPUTS_H

#include "relay/alert/alert.h"
#include "relay/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INPUTS_MAX      25
#define INPUT_VALUE_MAX 256
#define INPUTS_JSON_MAX 65535

struct inputs; /* compiled, immutable, owned by the config */

struct input_spec {
    const char *name;    /* [A-Za-z_][A-Za-z0-9_-]{0,63} */
    const char *value;   /* the template */
    const char *pattern; /* anchored ERE, or NULL: any text */
};

/* -EINVAL with err: a bad name, an unknown placeholder (the error lists the known ones), an
 * unclosed brace, a bad pattern, a name twice, the name relay_id (sent by the relay itself), both
 * without case, more than 24, text that is no UTF-8. */
__attribute__((warn_unused_result)) int
inputs_compile(struct inputs **out, const struct input_spec *specs, size_t n, struct error *err);
void inputs_free(struct inputs *in); /* NULL is fine */
void inputs_free_p(struct inputs **in);
size_t inputs_count(const struct inputs *in);
const char *inputs_name(const struct inputs *in, size_t i);
/* The i-th one's value when it is the same for every alert, as it would be sent; false: it has
 * placeholders. */
bool inputs_constant(const struct inputs *in, size_t i, char out[static INPUT_VALUE_MAX + 1]);

struct input_context {
    const struct alert *alert; /* the leading member's, as last heard */
    const char *route, *key, *relay_id;
    uint64_t count; /* members that fire */
};

enum inputs_outcome { INPUTS_BAD = 1 /* err says which input and why */ };

/* A compact JSON object of strings in the order of the specs ("{}" for none); caller frees. Only
 * here can an alert's text enter a request: it arrives as JSON data or not at all. */
__attribute__((warn_unused_result)) int inputs_make(char **json, const struct inputs *in,
                                                    const struct input_context *context,
                                                    struct error *err);

#endif
