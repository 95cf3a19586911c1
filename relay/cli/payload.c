#include "relay/cli/payload.h"

#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/cli/cli.h"
#include "relay/cli/client.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* A recording keeps its body in base64; anything else is the body itself. */
static int open_recording(struct payload *p, const char *command)
{
    SCOPED(json_release_p) json_t *root = NULL;
    if (strict_json_load(&root, p->body, p->len, 32, NULL) != 0)
        return 0;
    const char *coded = json_string_value(json_object_get(root, "body_base64"));
    if (coded == NULL)
        return 0;
    size_t coded_len = strlen(coded);
    SCOPED(free_p) char *body = malloc(coded_len + 1);
    size_t len;
    if (body == NULL || sodium_base642bin((unsigned char *)body, coded_len, coded, coded_len, NULL,
                                          &len, NULL, sodium_base64_VARIANT_ORIGINAL) != 0) {
        fprintf(stderr, "drift-relay %s: body_base64 is no base64\n", command);
        return EXIT_FAILED;
    }
    free(p->body);
    p->body = GIVE(body);
    p->len = len;
    p->recording = GIVE(root);
    return 0;
}

int payload_read(struct payload *out, const char *command, const char *path)
{
    *out = (struct payload){0};
    int code = client_read_file(path, &out->body, &out->len);
    return code != 0 ? code : open_recording(out, command);
}

void payload_clear(struct payload *p)
{
    free(p->body);
    json_decref(p->recording);
}
