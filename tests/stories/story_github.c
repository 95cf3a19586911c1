#include "tests/stories/story_github.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void answer_body(struct exchange_answer *a, int status, const char *body)
{
    a->transport = EXCHANGE_ANSWERED;
    a->status = status;
    a->body = strdup(body);
    a->body_len = strlen(body);
}

static void answer_post(struct story_github *g, struct exchange_answer *a)
{
    char body[512];
    g->n_posts++;
    if (g->how == GITHUB_DOWN) {
        a->transport = EXCHANGE_NOT_SENT;
        (void)snprintf(a->error, sizeof(a->error), "could not connect");
    } else if (g->how == GITHUB_CUTS) {
        a->transport = EXCHANGE_UNKNOWN;
        (void)snprintf(a->error, sizeof(a->error), "the connection was cut");
    } else if (g->how == GITHUB_UNAUTHORIZED) {
        answer_body(a, 401, "{\"message\":\"Bad credentials\"}");
    } else {
        if (g->n_runs == STORY_RUNS_MAX)
            abort(); /* no story has so many */
        int64_t id = 43000000000 + (int64_t)g->n_runs;
        g->runs[g->n_runs++].id = id;
        (void)snprintf(body, sizeof(body),
                       "{\"workflow_run_id\":%lld,\"run_url\":\"https://api.github.com/repos/acme/"
                       "kospi/actions/runs/%lld\","
                       "\"html_url\":\"https://github.com/acme/kospi/actions/runs/%lld\"}",
                       (long long)id, (long long)id, (long long)id);
        answer_body(a, 200, body);
    }
}

static void answer_poll(struct story_github *g, const struct exchange *x, struct exchange_answer *a)
{
    const char *slash = strrchr(x->url, '/');
    char body[512];
    for (size_t i = 0; i < g->n_runs; i++) {
        int64_t id = g->runs[i].id;
        const char *conclusion = g->runs[i].conclusion;
        if (strtoll(slash + 1, NULL, 10) != id) /* NOLINT: our own URL */
            continue;
        bool over = conclusion[0] != '\0';
        (void)snprintf(body, sizeof(body),
                       "{\"id\":%lld,\"status\":\"%s\",\"conclusion\":%s%s%s,\"run_attempt\":1,"
                       "\"html_url\":\"https://github.com/acme/kospi/actions/runs/%lld\","
                       "\"display_title\":\"retrain [%s]\"}",
                       (long long)id, over ? "completed" : "in_progress", over ? "\"" : "null",
                       conclusion, over ? "\"" : "", (long long)id, x->relay_id);
        answer_body(a, 200, body);
        return;
    }
    answer_body(a, 404, "{\"message\":\"Not Found\"}");
}

/* POST …/runs/ID/cancel */
static void answer_cancel(struct story_github *g, const struct exchange *x,
                          struct exchange_answer *a)
{
    for (size_t i = 0; i < g->n_runs; i++) {
        char end[64];
        (void)snprintf(end, sizeof(end), "/%lld/cancel", (long long)g->runs[i].id);
        if (strstr(x->url, end) == NULL || g->runs[i].conclusion[0] != '\0')
            continue;
        (void)snprintf(g->runs[i].conclusion, sizeof(g->runs[i].conclusion), "cancelled");
        answer_body(a, 202, "{}");
        return;
    }
    answer_body(a, 409, "{\"message\":\"Cannot cancel a workflow run that is completed.\"}");
}

void story_github_answer(struct story_github *g, const struct exchange *x,
                         struct exchange_answer *a)
{
    a->duration_ms = 1;
    if (x->kind == EXCHANGE_DISPATCH)
        answer_post(g, a);
    else if (x->kind == EXCHANGE_CANCEL)
        answer_cancel(g, x, a);
    else
        answer_poll(g, x, a);
}

size_t story_github_end_runs(struct story_github *g, const char *conclusion)
{
    size_t n = 0;
    for (size_t i = 0; i < g->n_runs; i++) {
        if (g->runs[i].conclusion[0] != '\0')
            continue;
        (void)snprintf(g->runs[i].conclusion, sizeof(g->runs[i].conclusion), "%s", conclusion);
        n++;
    }
    return n;
}
