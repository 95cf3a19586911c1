#include "relay/github/preflight.h"

#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/github/exchange_private.h"
#include "relay/github/limits.h"
#include "relay/github/outcome.h"
#include "relay/github/preflight_private.h"
#include "relay/github/reply.h"
#include "relay/github/url.h"
#include "relay/github/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int preflight_new(struct preflight **out, const struct target *target,
                  const struct preflight_route *routes, size_t n_routes, struct error *err)
{
    SCOPED(preflight_free_p) struct preflight *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return error_set(err, -ENOMEM, "preflight: out of memory");
    *p = (struct preflight){.target = target, .n_routes = n_routes};
    p->routes = calloc(n_routes + 1, sizeof(*p->routes));
    if (p->routes == NULL)
        return error_set(err, -ENOMEM, "preflight: out of memory");
    if (n_routes > 0)
        memcpy(p->routes, routes, n_routes * sizeof(*routes));
    (void)snprintf(p->repository, sizeof(p->repository), "%s", target->repository);
    *out = GIVE(p);
    return 0;
}

void preflight_free(struct preflight *p)
{
    if (p == NULL)
        return;
    free(p->elsewhere);
    free(p->routes);
    findings_clear(&p->findings);
    free(p);
}

void preflight_free_p(struct preflight **p)
{
    preflight_free(*p);
}

bool preflight_is_over(const struct preflight *p)
{
    return p->ask == ASK_NOTHING;
}

const struct findings *preflight_findings(const struct preflight *p)
{
    return &p->findings;
}

bool preflight_is_unreachable(const struct preflight *p)
{
    return p->unreachable;
}

void preflight_report(struct preflight *p, enum severity severity, const char *subject,
                      const char *format, ...)
{
    char line[2 * sizeof(((struct finding *)NULL)->text)];
    char clean[sizeof(line)];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    utf8_clean(clean, sizeof(((struct finding *)NULL)->text), line);
    findings_add(&p->findings, severity, subject, "%s", clean);
}

void preflight_report_answer(struct preflight *p, enum severity severity, const char *subject,
                             const struct exchange_answer *answer, const char *remedy)
{
    const char *wanted = exchange_answer_header(answer, "x-accepted-github-permissions");
    char words[OUTCOME_TEXT];
    struct reply reply;

    reply_read(&reply, answer);
    outcome_words(words, answer->status, &reply, NULL);
    reply_clear(&reply);
    preflight_report(p, severity, subject, "%s%s%s%s%s%s", words,
                     wanted == NULL ? "" : " (GitHub wants ", wanted == NULL ? "" : wanted,
                     wanted == NULL ? "" : ")", remedy == NULL ? "" : ": ",
                     remedy == NULL ? "" : remedy);
}

/* --- asking -----------------------------------------------------------------------------------
 */

/* Its slashes are part of the path here, unlike anywhere else. */
static void add_path(struct buf *url, const char *path)
{
    for (;;) {
        SCOPED(buf_free) struct buf segment = BUF_INIT(URL_MAX);
        size_t len = strcspn(path, "/");
        buf_add(&segment, path, len);
        url_add_segment(url, buf_text(&segment));
        if (path[len] == '\0')
            return;
        buf_add_char(url, '/');
        path += len + 1;
    }
}

/* "refs/heads/main" and "main" are one branch. */
static const char *short_ref(const char *ref)
{
    if (strncmp(ref, "refs/heads/", 11) == 0)
        return ref + 11;
    return strncmp(ref, "refs/tags/", 10) == 0 ? ref + 10 : ref;
}

static void add_url(struct buf *url, const struct preflight *p)
{
    buf_add_text(url, p->target->api_url);
    if (p->ask == ASK_LIMIT) {
        buf_add_text(url, "/rate_limit");
        return;
    }
    buf_addf(url, "/repos/%s", p->repository);
    if (p->ask == ASK_BRANCH || p->ask == ASK_TAG) {
        buf_add_text(url, p->ask == ASK_BRANCH ? "/git/ref/heads/" : "/git/ref/tags/");
        add_path(url, short_ref(p->target->ref));
    } else if (p->ask == ASK_WORKFLOW) {
        buf_add_text(url, "/actions/workflows/");
        url_add_segment(url, p->target->workflow);
    } else if (p->ask == ASK_FILE) {
        buf_add_text(url, "/contents/");
        add_path(url, p->path);
        buf_add_text(url, "?ref=");
        url_add_segment(url, p->target->ref);
    }
}

int preflight_next(struct preflight *p, struct exchange **out, struct error *err)
{
    SCOPED(exchange_free_p) struct exchange *x = NULL;
    SCOPED(buf_free) struct buf url = BUF_INIT(URL_MAX);

    if (p->ask == ASK_NOTHING)
        return 0;
    int r = exchange_make(&x, EXCHANGE_READ, p->target, "", err);
    if (r < 0)
        return r;
    if (p->elsewhere != NULL)
        buf_add_text(&url, p->elsewhere);
    else
        add_url(&url, p);
    if ((r = exchange_set_url(x, &url, err)) < 0)
        return r;
    *out = GIVE(x);
    return PREFLIGHT_ASK;
}

/* --- answers ----------------------------------------------------------------------------------
 */

/* True: it says nothing of what was asked, and no other would. */
static bool is_no_answer(struct preflight *p, const struct exchange_answer *answer)
{
    if (answer->transport == EXCHANGE_NO_TOKEN) {
        preflight_report(p, SEVERITY_ERROR, "credential", "%s", answer->error);
    } else if (answer->transport != EXCHANGE_ANSWERED) {
        p->unreachable = true;
        preflight_report(p, SEVERITY_ERROR, "reachable",
                         "%s: %s: look at api_url, name resolution, firewall and the certificates "
                         "of this machine",
                         p->target->api_url, answer->error);
    } else if (answer->status >= 500) {
        p->unreachable = true;
        preflight_report_answer(p, SEVERITY_ERROR, "reachable", answer,
                                "GitHub has trouble: try again later");
    } else if (limits_class(answer) == OUTCOME_LIMITED) {
        preflight_report_answer(p, SEVERITY_WARNING, "limit", answer,
                                "nothing more was asked: try again later");
    } else if (answer->status == 401) {
        preflight_report_answer(p, SEVERITY_ERROR, "credential", answer,
                                "the token is wrong, expired or revoked: make a new one and put it "
                                "into its file");
    } else {
        return false;
    }
    return true;
}

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 307 || status == 308;
}

/* One hop, to the same server: it tells how the repository is called now. */
static bool follow(struct preflight *p, const struct exchange_answer *answer)
{
    const char *location = exchange_answer_header(answer, "location");

    if (p->elsewhere != NULL || location == NULL)
        return false;
    char *url = url_resolve(p->target->api_url, location);
    if (url == NULL || !url_same_origin(url, p->target->api_url)) {
        free(url);
        return false;
    }
    p->elsewhere = url;
    return true;
}

static void take_repository(struct preflight *p, const struct exchange_answer *answer)
{
    if (is_redirect(answer->status) && follow(p, answer))
        return;
    p->ask = ASK_NOTHING;
    if (answer->status == 200)
        preflight_judge_repository(p, answer);
    else if (answer->status == 404)
        preflight_report(p, SEVERITY_ERROR, "repository",
                         "%s: not found: it does not exist, or this credential cannot see it: look "
                         "at `repository` and at the repositories the credential is for",
                         p->repository);
    else
        preflight_report_answer(p, SEVERITY_ERROR, "repository", answer, NULL);
    free(p->elsewhere);
    p->elsewhere = NULL;
}

static bool names_ref(const struct exchange_answer *answer, const char *kind, const char *ref)
{
    SCOPED(json_release_p) json_t *body = NULL;

    if (strict_json_load(&body, answer->body, answer->body_len, REPLY_DEPTH_MAX, NULL) < 0)
        return false;
    const char *found = json_string_value(json_object_get(body, "ref"));
    size_t len = strlen(kind);
    return found != NULL && strncmp(found, kind, len) == 0 && strcmp(found + len, ref) == 0;
}

static void take_ref(struct preflight *p, const struct exchange_answer *answer)
{
    bool branch = p->ask == ASK_BRANCH;
    const char *ref = short_ref(p->target->ref);
    bool only_branch = strncmp(p->target->ref, "refs/heads/", 11) == 0;

    p->ask = ASK_WORKFLOW;
    if (answer->status == 200 && names_ref(answer, branch ? "refs/heads/" : "refs/tags/", ref)) {
        preflight_report(p, SEVERITY_OK, "ref", "%s %s", branch ? "branch" : "tag", ref);
    } else if (limits_class(answer) == OUTCOME_CREDENTIAL) {
        preflight_report(p, SEVERITY_SKIPPED, "ref",
                         "%s: this credential may not read it (that takes Contents: read, which a "
                         "dispatch does not)",
                         ref);
    } else if (answer->status != 200 && answer->status != 404) {
        preflight_report_answer(p, SEVERITY_ERROR, "ref", answer, NULL);
    } else if (branch && !only_branch) {
        p->ask = ASK_TAG;
    } else {
        p->no_ref = true;
        preflight_report(p, SEVERITY_ERROR, "ref", "%s: no such %s in %s: look at `ref`",
                         p->target->ref, only_branch ? "branch" : "branch or tag", p->repository);
    }
}

static void take_workflow(struct preflight *p, const struct exchange_answer *answer)
{
    p->ask = ASK_NOTHING;
    if (answer->status == 200)
        preflight_judge_workflow(p, answer);
    else if (answer->status == 404)
        preflight_report(p, SEVERITY_ERROR, "workflow",
                         "%s: not found: the file has to be in .github/workflows of the default "
                         "branch, and the credential has to see the repository's Actions",
                         p->target->workflow);
    else
        preflight_report_answer(p, SEVERITY_ERROR, "workflow", answer,
                                "the credential needs Actions: read and write");
}

static void take_file(struct preflight *p, const struct exchange_answer *answer)
{
    p->ask = ASK_NOTHING;
    if (answer->status == 200)
        preflight_judge_file(p, answer);
    else if (limits_class(answer) == OUTCOME_CREDENTIAL)
        preflight_report(p, SEVERITY_SKIPPED, "file",
                         "%s: this credential may not read it (that takes Contents: read, which a "
                         "dispatch does not): its trigger and inputs are not compared",
                         p->path);
    else if (answer->status == 404)
        preflight_report(p, SEVERITY_ERROR, "file", "%s: not at ref %s: merge it there", p->path,
                         p->target->ref);
    else
        preflight_report_answer(p, SEVERITY_WARNING, "file", answer, NULL);
}

static void take_limit(struct preflight *p, const struct exchange_answer *answer, struct wall wall)
{
    /* 404: a GitHub Enterprise Server without rate limits. */
    p->ask = answer->status == 200 || answer->status == 404 ? ASK_REPOSITORY : ASK_NOTHING;
    if (p->ask == ASK_NOTHING)
        preflight_report_answer(p, SEVERITY_ERROR,
                                limits_class(answer) == OUTCOME_CREDENTIAL ? "credential"
                                                                           : "reachable",
                                answer, "look at `api_url` and at the credential");
    else
        preflight_judge_limit(p, answer, wall);
}

void preflight_answer(struct preflight *p, const struct exchange_answer *answer, struct wall wall)
{
    if (is_no_answer(p, answer)) {
        p->ask = ASK_NOTHING;
        return;
    }
    switch (p->ask) {
    case ASK_LIMIT:
        take_limit(p, answer, wall);
        break;
    case ASK_REPOSITORY:
        take_repository(p, answer);
        break;
    case ASK_BRANCH:
    case ASK_TAG:
        take_ref(p, answer);
        break;
    case ASK_WORKFLOW:
        take_workflow(p, answer);
        break;
    case ASK_FILE:
        take_file(p, answer);
        break;
    case ASK_NOTHING:
        break;
    }
}
