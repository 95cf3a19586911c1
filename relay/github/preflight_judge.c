/* What the answers about credential, repository and workflow show. */
#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/github/date.h"
#include "relay/github/preflight_private.h"
#include "relay/github/reply.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* NULL, with an error reported: it is no JSON object. */
static json_t *body_of(struct preflight *p, const char *subject,
                       const struct exchange_answer *answer)
{
    json_t *body = NULL;

    if (strict_json_load(&body, answer->body, answer->body_len, REPLY_DEPTH_MAX, NULL) == 0 &&
        json_is_object(body))
        return body;
    json_decref(body);
    preflight_report(p, SEVERITY_ERROR, subject,
                     "the answer is no JSON object: look at `api_url`: is it GitHub's API?");
    return NULL;
}

/* --- credential -------------------------------------------------------------------------------
 */

static void judge_clock(struct preflight *p, const struct exchange_answer *answer, struct wall wall)
{
    const char *date = exchange_answer_header(answer, "date");
    char difference[DURATION_MAX];
    int64_t there;

    if (date == NULL || !date_parse_http(&there, date)) {
        preflight_report(p, SEVERITY_SKIPPED, "clock", "the answer has no Date to compare with");
        return;
    }
    int64_t off = there - wall.ms;
    bool behind = off > 0;
    format_duration_ms(difference, (behind ? off : -off) / 1000 * 1000);
    if (off > PREFLIGHT_SKEW_MS || off < -PREFLIGHT_SKEW_MS)
        preflight_report(p, SEVERITY_WARNING, "clock",
                         "this machine's is %s %s GitHub's: set it (NTP); signatures and App "
                         "tokens depend on it",
                         difference, behind ? "behind" : "ahead of");
    else
        preflight_report(p, SEVERITY_OK, "clock", "within %s of GitHub's", difference);
}

static void judge_expiry(struct preflight *p, const struct exchange_answer *answer,
                         struct wall wall)
{
    const char *text = exchange_answer_header(answer, "github-authentication-token-expiration");
    char end[RFC3339_MAX];
    int64_t ms;

    if (p->is_app)
        return; /* its tokens live for an hour and are made anew */
    if (text == NULL || !date_parse_expiry(&ms, text)) {
        preflight_report(p, SEVERITY_OK, "expiry", "GitHub names no end of the token");
        return;
    }
    format_rfc3339_ms(end, ms);
    if (ms - wall.ms < PREFLIGHT_EXPIRY_MS)
        preflight_report(p, SEVERITY_WARNING, "expiry",
                         "the token ends at %s: make a new one and put it into its file", end);
    else
        preflight_report(p, SEVERITY_OK, "expiry", "the token ends at %s", end);
}

static void judge_budget(struct preflight *p, const struct exchange_answer *answer)
{
    if (answer->status != 200) {
        preflight_report(p, SEVERITY_OK, "limit", "this server has no rate limit");
        return;
    }
    SCOPED(json_release_p) json_t *body = body_of(p, "limit", answer);
    char reset[RFC3339_MAX];
    const json_t *core = json_object_get(json_object_get(body, "resources"), "core");
    int64_t limit = json_integer_value(json_object_get(core, "limit"));
    int64_t left = json_integer_value(json_object_get(core, "remaining"));
    int64_t at = json_integer_value(json_object_get(core, "reset"));
    if (body == NULL)
        return;
    if (limit <= 0 || at < 0 || at > INT64_MAX / 1000) {
        preflight_report(p, SEVERITY_SKIPPED, "limit", "the answer has no resources.core");
        return;
    }
    format_rfc3339_ms(reset, at * 1000);
    if (left < limit / 10)
        preflight_report(p, SEVERITY_WARNING, "limit",
                         "%" PRId64 " of %" PRId64
                         " requests are left until %s: something else uses this credential",
                         left, limit, reset);
    else
        preflight_report(p, SEVERITY_OK, "limit", "%" PRId64 " of %" PRId64 " requests are left",
                         left, limit);
}

void preflight_judge_limit(struct preflight *p, const struct exchange_answer *answer,
                           struct wall wall)
{
    const char *scopes = exchange_answer_header(answer, "x-oauth-scopes");
    bool tls = strncasecmp(p->target->api_url, "https:", 6) == 0;

    p->is_app = answer->token_expiry_s != 0;
    p->is_classic = scopes != NULL && !p->is_app;
    if (p->is_classic)
        (void)snprintf(p->scopes, sizeof(p->scopes), "%s", scopes);
    preflight_report(p, SEVERITY_OK, "reachable", "%s answered in %" PRId64 " ms%s",
                     p->target->api_url, answer->duration_ms,
                     tls ? ", its certificate is good" : ", without TLS (loopback)");
    judge_clock(p, answer, wall);
    preflight_report(p, SEVERITY_OK, "credential", "%s",
                     p->is_app       ? "the App gets tokens for this repository"
                     : p->is_classic ? "a classic token that GitHub knows"
                                     : "a token that GitHub knows");
    judge_expiry(p, answer, wall);
    judge_budget(p, answer);
}

/* --- repository -------------------------------------------------------------------------------
 */

/* In "repo, workflow". */
static bool has_scope(const char *scopes, const char *wanted)
{
    size_t len;

    for (const char *at = scopes; *at != '\0'; at += len) {
        at += strspn(at, ", ");
        len = strcspn(at, ", ");
        if (len == strlen(wanted) && strncmp(at, wanted, len) == 0)
            return true;
    }
    return false;
}

static void judge_permission(struct preflight *p, const json_t *repository)
{
    const json_t *push = json_object_get(json_object_get(repository, "permissions"), "push");

    if (p->is_app)
        preflight_report(p, SEVERITY_OK, "permission", "the App's token has Actions: write");
    else if (json_is_false(push))
        preflight_report(p, SEVERITY_ERROR, "permission",
                         "the token's owner may not write to %s: give that person write access",
                         p->repository);
    else if (p->is_classic && !has_scope(p->scopes, "repo"))
        preflight_report(p, SEVERITY_ERROR, "permission",
                         "the classic token has the scopes \"%s\": give it repo", p->scopes);
    else if (p->is_classic)
        preflight_report(p, SEVERITY_OK, "permission", "the classic token has the scope repo");
    else
        preflight_report(p, SEVERITY_SKIPPED, "permission",
                         "whether the token has Actions: write only a dispatch can tell");
}

void preflight_judge_repository(struct preflight *p, const struct exchange_answer *answer)
{
    SCOPED(json_release_p) json_t *body = body_of(p, "repository", answer);
    const char *name = json_string_value(json_object_get(body, "full_name"));

    if (body == NULL)
        return;
    if (!target_repository_is_valid(name)) {
        preflight_report(p, SEVERITY_ERROR, "repository",
                         "the answer has no full_name: look at `api_url`: is it GitHub's API?");
        return;
    }
    bool renamed = strcasecmp(name, p->target->repository) != 0;
    (void)snprintf(p->repository, sizeof(p->repository), "%s", name);
    if (json_is_true(json_object_get(body, "archived")))
        preflight_report(p, SEVERITY_ERROR, "repository",
                         "%s is archived, so nothing starts there: unarchive it", name);
    else if (json_is_true(json_object_get(body, "disabled")))
        preflight_report(p, SEVERITY_ERROR, "repository", "%s is disabled by GitHub", name);
    else if (renamed)
        preflight_report(p, SEVERITY_WARNING, "repository",
                         "%s is called %s now: write repository = \"%s\"", p->target->repository,
                         name, name);
    else
        preflight_report(p, SEVERITY_OK, "repository", "%s", name);
    judge_permission(p, body);
    p->ask = strncmp(p->target->ref, "refs/tags/", 10) == 0 ? ASK_TAG : ASK_BRANCH;
}

/* --- workflow ---------------------------------------------------------------------------------
 */

static const char *remedy_of(const char *state)
{
    if (strcmp(state, "disabled_inactivity") == 0)
        return "GitHub disabled it after 60 days without activity: enable it on its Actions page";
    if (strcmp(state, "disabled_fork") == 0)
        return "workflows of a fork are disabled: enable them on its Actions page";
    return "enable it on its Actions page";
}

void preflight_judge_workflow(struct preflight *p, const struct exchange_answer *answer)
{
    static const char folder[] = ".github/workflows/";
    SCOPED(json_release_p) json_t *body = body_of(p, "workflow", answer);
    const char *state = json_string_value(json_object_get(body, "state"));
    const char *path = json_string_value(json_object_get(body, "path"));

    if (body == NULL)
        return;
    if (state == NULL)
        preflight_report(p, SEVERITY_ERROR, "workflow", "the answer has no state");
    else if (strcmp(state, "active") != 0)
        preflight_report(p, SEVERITY_ERROR, "workflow", "%s is %.40s: %s", p->target->workflow,
                         state, remedy_of(state));
    else
        preflight_report(p, SEVERITY_OK, "workflow", "%s is active", p->target->workflow);
    if (path == NULL || strncmp(path, folder, strlen(folder)) != 0 ||
        !target_workflow_is_valid(path + strlen(folder))) {
        preflight_report(p, SEVERITY_SKIPPED, "file", "the workflow is no file in %s", folder);
        return;
    }
    (void)snprintf(p->path, sizeof(p->path), "%s", path);
    p->ask = p->no_ref ? ASK_NOTHING : ASK_FILE;
}
