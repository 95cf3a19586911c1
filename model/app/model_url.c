#include "model/app/model_url.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool is_printable(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text <= ' ' || *text > '~')
            return false;
    }
    return true;
}

static const char *after_scheme(const char *text)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t len = strlen(schemes[i]);
        if (strncasecmp(text, schemes[i], len) == 0)
            return text + len;
    }
    return NULL;
}

/* The segment behind /models/, where it stands as itself. */
static void read_name(char name[static MODEL_NAME_MAX], const char *path)
{
    static const char before[] = "/models/";
    const char *start = strstr(path, before);
    name[0] = '\0';
    if (start == NULL)
        return;
    start += strlen(before);
    size_t len = strcspn(start, "/?:");
    if (len < MODEL_NAME_MAX && memchr(start, '%', len) == NULL)
        (void)snprintf(name, MODEL_NAME_MAX, "%.*s", (int)len, start);
}

int model_url_parse(struct model_url *out, const char *text, struct error *err)
{
    static const char suffix[] = "/metrics";
    const char *host = after_scheme(text);
    if (strlen(text) + sizeof(suffix) > MODEL_URL_MAX)
        return error_set(err, -EINVAL, "the model's URL is longer than %zu characters",
                         (size_t)MODEL_URL_MAX - sizeof(suffix));
    if (host == NULL || !is_printable(text))
        return error_set(err, -EINVAL,
                         "\"%s\" is no URL such as http://model:8080/v2/models/NAME/infer", text);
    size_t host_len = strcspn(host, "/?#");
    if (host_len == 0 || host[host_len] != '/' || memchr(host, '@', host_len) != NULL ||
        strpbrk(host, "#\"\\<>") != NULL)
        return error_set(err, -EINVAL,
                         "the model's URL needs a host and a path, and no user name or fragment");
    int origin = (int)(host - text) + (int)host_len;
    (void)snprintf(out->infer, sizeof(out->infer), "%s", text);
    (void)snprintf(out->metrics, sizeof(out->metrics), "%.*s%s", origin, text, suffix);
    read_name(out->name, host + host_len);
    return 0;
}
