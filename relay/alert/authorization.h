/* authorization.h - the Authorization header: bearer tokens (RFC 6750) and basic auth (RFC 7617).
 *
 * For signature.c. The word for the scheme may have any case (RFC 9110, 11.1). A header of another
 * scheme counts as none. Comparison is constant-time in the secret, and every secret is tried. */
#ifndef RELAY_ALERT_AUTHORIZATION_H
#define RELAY_ALERT_AUTHORIZATION_H

#include "relay/alert/signature.h"

/* Longest base64 of "user:password" that is looked at. */
#define AUTHORIZATION_BASIC_MAX 8192

/* value: of the Authorization header, NULL when there is none. 0 = verified, else an auth_outcome.
 * *hint is set where there is something to say. */
__attribute__((warn_unused_result)) int
authorization_check_bearer(const struct auth *auth, const char *value, const char **hint);
__attribute__((warn_unused_result)) int
authorization_check_basic(const struct auth *auth, const char *value, const char **hint);

#endif
