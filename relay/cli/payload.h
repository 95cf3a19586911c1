/* payload.h - a notification from a file: a body, or a recording of a request that carried one. */
#ifndef RELAY_CLI_PAYLOAD_H
#define RELAY_CLI_PAYLOAD_H

#include <jansson.h>
#include <stddef.h>

struct payload {
    char *body;
    size_t len;
    json_t *recording; /* the whole .http.json ("body_base64", "headers"), else NULL */
};

/* path "-": standard input. 0, or the exit code to end with, the reason being on stderr. */
int payload_read(struct payload *out, const char *command, const char *path);
void payload_clear(struct payload *p);

#endif
