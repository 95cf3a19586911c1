#include "relay/edge/admin_access.h"

#include "relay/alert/authorization.h"
#include "relay/base/log.h"
#include "relay/base/scope.h"
#include "relay/base/secret.h"

#include <stdio.h>
#include <unistd.h>

static void refuse(struct http_request *r, const char *reason)
{
    static const struct http_header scheme[] = {{"WWW-Authenticate", "Bearer"}};
    static struct log_brake brake = LOG_BRAKE_INIT(10, 60000);
    uint32_t left_out;
    if (log_brake_take(&brake, &left_out))
        log_warn("admin", "refused", LOG_STR("reason", reason),
                 LOG_STR("peer", http_request_peer(r)), LOG_STR("path", http_request_path(r)),
                 LOG_INT("left_out", left_out));
    http_request_problem(r, 401, "changes need the token of admin.token_file as a bearer token",
                         scheme, 1);
}

/* The file is read anew, so that a new token counts at once. */
static bool has_token(struct http_request *r, const char *token_file)
{
    SCOPED(secret_free_p) struct secret *token = NULL;
    struct error err = {0};
    const char *hint = NULL;
    if (secret_read_file(&token, token_file, 1, &err) != 0) {
        log_error("admin", "token_unreadable", LOG_STR("error", err.text));
        http_request_problem(r, 503, "the token file cannot be read: see the relay's log", NULL, 0);
        return false;
    }
    const struct auth auth = {.scheme = AUTH_BEARER, .secrets = &token, .n_secrets = 1};
    int fault = authorization_check_bearer(&auth, http_request_header(r, "Authorization"), &hint);
    if (fault != 0)
        refuse(r, fault == AUTH_MISSING ? "missing" : "mismatch");
    return fault == 0;
}

bool admin_may_change(struct http_request *r, const char *token_file,
                      char who[static ADMIN_WHO_MAX])
{
    uid_t uid;
    bool local = http_request_peer_uid(r, &uid);
    if (local && (uid == 0 || uid == geteuid())) {
        (void)snprintf(who, ADMIN_WHO_MAX, "uid %lu", (unsigned long)uid);
        return true;
    }
    (void)snprintf(who, ADMIN_WHO_MAX, "token");
    if (!local && token_file != NULL)
        return has_token(r, token_file);
    http_request_problem(r, 403,
                         "changes are taken over the operators' socket (admin.socket), from root "
                         "and the user that the relay runs as, or over TCP with the token of "
                         "admin.token_file",
                         NULL, 0);
    return false;
}
