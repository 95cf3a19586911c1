#include "relay/alert/authorization.h"

#include <sodium.h>
#include <string.h>
#include <strings.h>

/* What follows "SCHEME ", or NULL when the header is absent or of another scheme. */
static const char *credentials(const char *value, const char *scheme)
{
    size_t len = strlen(scheme);
    if (value == NULL || strncasecmp(value, scheme, len) != 0)
        return NULL;
    value += len;
    if (*value != ' ' && *value != '\0')
        return NULL;
    return value + strspn(value, " ");
}

/* Tries every secret, whichever fits, so that time does not tell which one did. */
static bool is_a_secret(const struct auth *auth, const void *bytes, size_t len)
{
    int found = 0;
    for (size_t i = 0; i < auth->n_secrets; i++)
        found |= secret_equals(auth->secrets[i], bytes, len) != 0;
    return found != 0;
}

int authorization_check_bearer(const struct auth *auth, const char *value, const char **hint)
{
    const char *token = credentials(value, "Bearer");
    if (token == NULL) {
        *hint = "no \"Authorization: Bearer\" header: give the sender this source's token "
                "(Grafana: contact point > Authorization Header; Alertmanager: "
                "http_config.authorization)";
        return AUTH_MISSING;
    }
    if (*token == '\0')
        return AUTH_MALFORMED;
    return is_a_secret(auth, token, strlen(token)) ? 0 : AUTH_MISMATCH;
}

static int check_user_password(const struct auth *auth, const char *decoded, size_t len)
{
    const char *colon = memchr(decoded, ':', len);
    if (colon == NULL)
        return AUTH_MALFORMED;
    size_t user_len = (size_t)(colon - decoded);
    const char *password = colon + 1;
    bool known = is_a_secret(auth, password, len - user_len - 1);
    bool user =
        user_len == strlen(auth->username) && sodium_memcmp(decoded, auth->username, user_len) == 0;
    return known && user ? 0 : AUTH_MISMATCH;
}

int authorization_check_basic(const struct auth *auth, const char *value, const char **hint)
{
    const char *encoded = credentials(value, "Basic");
    if (encoded == NULL) {
        *hint = "no \"Authorization: Basic\" header: give the sender this source's user name and "
                "password "
                "(Grafana: contact point > HTTP Basic Authentication; Alertmanager: "
                "http_config.basic_auth)";
        return AUTH_MISSING;
    }
    char decoded[AUTHORIZATION_BASIC_MAX / 4 * 3];
    size_t len;
    size_t encoded_len = strlen(encoded);
    if (encoded_len > AUTHORIZATION_BASIC_MAX ||
        sodium_base642bin((unsigned char *)decoded, sizeof(decoded), encoded, encoded_len, NULL,
                          &len, NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
        return AUTH_MALFORMED;
    int outcome = check_user_password(auth, decoded, len);
    sodium_memzero(decoded, sizeof(decoded));
    return outcome;
}
