#include "tests/sim/forge.h"

#include "relay/base/buf.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define URL "https://api.github.com/repos/acme/other/actions/workflows/w.yml/dispatches"

/* clang-format off */
static const struct {
    struct forge_dispatch d;
    enum exchange_transport transport;
    int status;
    const char *header, *value, *body; /* body NULL: a run's */
} dispatches[] = {
    {{"200", FORGE_ACCEPTED, 0, 0}, EXCHANGE_ANSWERED, 200, NULL, NULL, NULL},
    {{"204", FORGE_UNTRACKED, 0, 0}, EXCHANGE_ANSWERED, 204, NULL, NULL, ""},
    {{"not sent", FORGE_NOT_EXECUTED, 0, 0}, EXCHANGE_NOT_SENT, 0, NULL, NULL, ""},
    {{"cut", FORGE_AMBIGUOUS, 0, 0}, EXCHANGE_UNKNOWN, 0, NULL, NULL, ""},
    {{"502", FORGE_AMBIGUOUS, 0, 0}, EXCHANGE_ANSWERED, 502, NULL, NULL, "<html>"},
    {{"a 200 that is none", FORGE_AMBIGUOUS, 0, 0}, EXCHANGE_ANSWERED, 200, NULL, NULL, "{}"},
    {{"429", FORGE_NOT_EXECUTED, 120000, 0}, EXCHANGE_ANSWERED, 429, "retry-after", "120",
     "{\"message\":\"You have exceeded a secondary rate limit\"}"},
    {{"limit", FORGE_NOT_EXECUTED, 60000, 0}, EXCHANGE_ANSWERED, 403, NULL, NULL,
     "{\"message\":\"API rate limit exceeded for user ID 1.\"}"},
    {{"401", FORGE_NOT_EXECUTED, 0, 60000}, EXCHANGE_ANSWERED, 401, NULL, NULL,
     "{\"message\":\"Bad credentials\"}"},
    {{"not accessible", FORGE_NOT_EXECUTED, 0, 60000}, EXCHANGE_ANSWERED, 403, NULL, NULL,
     "{\"message\":\"Resource not accessible by personal access token\"}"},
    {{"307", FORGE_REDIRECTED, 0, 0}, EXCHANGE_ANSWERED, 307, "location", URL, "{}"},
    {{"307 elsewhere", FORGE_REFUSED, 0, 0}, EXCHANGE_ANSWERED, 307, "location", "https://x.example/", "{}"},
    {{"no relay_id", FORGE_NO_RELAY_ID, 0, 0}, EXCHANGE_ANSWERED, 422, NULL, NULL,
     "{\"message\":\"Unexpected inputs provided: [\\\"relay_id\\\"]\"}"},
    {{"no run details", FORGE_NO_DETAILS, 0, 0}, EXCHANGE_ANSWERED, 400, NULL, NULL,
     "{\"message\":\"\\\"return_run_details\\\" is not a permitted key.\"}"},
    {{"404", FORGE_REFUSED, 0, 0}, EXCHANGE_ANSWERED, 404, NULL, NULL, "{\"message\":\"Not Found\"}"},
    {{"422", FORGE_REFUSED, 0, 0}, EXCHANGE_ANSWERED, 422, NULL, NULL, "{\"message\":\"No ref found for: main\"}"},
};
static const struct {
    struct forge_run r;
    enum exchange_transport transport;
    int status;
    const char *run_status;
} runs[] = {
    {{"success", RUN_ENDS, 0, 0, true}, EXCHANGE_ANSWERED, 200, "completed"},
    {{"in progress", RUN_GOES_ON, 0, 0, true}, EXCHANGE_ANSWERED, 200, "in_progress"},
    {{"queued", RUN_GOES_ON, 0, 0, true}, EXCHANGE_ANSWERED, 200, "queued"},
    {{"failure", RUN_FAILED, 0, 0, true}, EXCHANGE_ANSWERED, 200, "completed"},
    {{"timed_out", RUN_FAILED, 0, 0, true}, EXCHANGE_ANSWERED, 200, "completed"},
    {{"startup_failure", RUN_FAILED, 0, 0, true}, EXCHANGE_ANSWERED, 200, "completed"},
    {{"cancelled", RUN_ENDS, 0, 0, true}, EXCHANGE_ANSWERED, 200, "completed"},
    {{"304", RUN_GOES_ON, 0, 0, false}, EXCHANGE_ANSWERED, 304, NULL},
    {{"404", RUN_GONE, 0, 0, false}, EXCHANGE_ANSWERED, 404, NULL},
    {{"500", RUN_GOES_ON, 0, 0, false}, EXCHANGE_ANSWERED, 500, NULL},
    {{"401", RUN_GOES_ON, 0, 60000, false}, EXCHANGE_ANSWERED, 401, NULL},
    {{"cut", RUN_GOES_ON, 0, 0, false}, EXCHANGE_UNKNOWN, 0, NULL},
};
#define MARKED "{\"total_count\":1,\"workflow_runs\":[{\"id\":ID,\"display_title\":\"run [RELAY]\"}]}"
static const struct {
    struct forge_list l;
    enum exchange_transport transport;
    int status;
    const char *body; /* ID and RELAY stand for the run's and the request's */
} lists[] = {
    {{"shows it", LIST_SHOWS, 0, 0}, EXCHANGE_ANSWERED, 200, MARKED},
    {{"empty", LIST_EMPTY, 0, 0}, EXCHANGE_ANSWERED, 200, "{\"total_count\":0,\"workflow_runs\":[]}"},
    {{"another's", LIST_EMPTY, 0, 0}, EXCHANGE_ANSWERED, 200,
     "{\"total_count\":1,\"workflow_runs\":[{\"id\":ID,\"display_title\":\"RELAY\"}]}"},
    {{"no title", LIST_EMPTY, 0, 0}, EXCHANGE_ANSWERED, 200,
     "{\"total_count\":1,\"workflow_runs\":[{\"id\":ID,\"display_title\":null}]}"},
    {{"half of it", LIST_FAILS, 0, 0}, EXCHANGE_ANSWERED, 200, "{\"total_count\":1,\"workflow_runs\":[]}"},
    {{"502", LIST_FAILS, 0, 0}, EXCHANGE_ANSWERED, 502, "<html>"},
    {{"404", LIST_FAILS, 0, 0}, EXCHANGE_ANSWERED, 404, "{\"message\":\"Not Found\"}"},
    {{"401", LIST_FAILS, 0, 60000}, EXCHANGE_ANSWERED, 401, "{\"message\":\"Bad credentials\"}"},
    {{"cut", LIST_FAILS, 0, 0}, EXCHANGE_UNKNOWN, 0, ""},
};
/* clang-format on */

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool is_bad_dispatch(const struct forge_dispatch *d)
{
    return d->class == FORGE_AMBIGUOUS || (d->class == FORGE_NOT_EXECUTED && d->refuses_ms == 0);
}

static bool is_bad_run(const struct forge_run *r)
{
    return r->class == RUN_GOES_ON && !r->shows && r->refuses_ms == 0;
}

static bool is_bad_list(const struct forge_list *l)
{
    return l->class == LIST_FAILS && l->refuses_ms == 0;
}

size_t forge_choose_dispatch(unsigned n, bool bad)
{
    size_t i = n % COUNT(dispatches);
    while (bad && !is_bad_dispatch(&dispatches[i].d))
        i = (i + 1) % COUNT(dispatches);
    return i;
}

size_t forge_choose_run(unsigned n, bool bad)
{
    size_t i = n % COUNT(runs);
    while (bad && !is_bad_run(&runs[i].r))
        i = (i + 1) % COUNT(runs);
    return i;
}

size_t forge_choose_list(unsigned n, bool bad)
{
    size_t i = n % COUNT(lists);
    while (bad && !is_bad_list(&lists[i].l))
        i = (i + 1) % COUNT(lists);
    return i;
}

const struct forge_list *forge_list(size_t i)
{
    return &lists[i].l;
}

const struct forge_dispatch *forge_dispatch(size_t i)
{
    return &dispatches[i].d;
}

const struct forge_run *forge_run(size_t i)
{
    return &runs[i].r;
}

static void set_body(struct exchange_answer *out, struct buf *b)
{
    out->body_len = b->len;
    out->body = buf_give(b);
}

void forge_answer_dispatch(struct exchange_answer *out, size_t i, const char *repository,
                           int64_t run_id)
{
    struct buf b = BUF_INIT(4096);
    *out = (struct exchange_answer){.transport = dispatches[i].transport,
                                    .status = dispatches[i].status};
    if (dispatches[i].body != NULL)
        buf_add_text(&b, dispatches[i].body);
    else
        buf_addf(&b,
                 "{\"workflow_run_id\":%" PRId64 ",\"run_url\":\"https://api.github.com/repos/acme/"
                 "%s/actions/runs/%" PRId64 "\",\"html_url\":\"https://github.com/acme/%s/actions/"
                 "runs/%" PRId64 "\"}",
                 run_id, repository, run_id, repository, run_id);
    set_body(out, &b);
    if (dispatches[i].header == NULL)
        return;
    out->headers = calloc(1, sizeof(*out->headers));
    if (out->headers == NULL)
        abort();
    out->headers[0].name = strdup(dispatches[i].header);
    out->headers[0].value = strdup(dispatches[i].value);
    out->n_headers = 1;
}

void forge_answer_run(struct exchange_answer *out, size_t i, const char *repository, int64_t run_id,
                      const char *relay_id)
{
    struct buf b = BUF_INIT(4096);
    *out = (struct exchange_answer){.transport = runs[i].transport, .status = runs[i].status};
    if (runs[i].run_status != NULL) {
        buf_addf(&b, "{\"id\":%" PRId64 ",\"status\":\"%s\",\"display_title\":\"run [%s]\"", run_id,
                 runs[i].run_status, relay_id);
        if (strcmp(runs[i].run_status, "completed") == 0)
            buf_addf(&b, ",\"conclusion\":\"%s\"", runs[i].r.name);
        buf_addf(&b, ",\"html_url\":\"https://github.com/acme/%s/actions/runs/%" PRId64 "\"}",
                 repository, run_id);
    }
    set_body(out, &b);
}

void forge_answer_list(struct exchange_answer *out, size_t i, int64_t run_id, const char *relay_id)
{
    struct buf b = BUF_INIT(4096);
    *out = (struct exchange_answer){.transport = lists[i].transport, .status = lists[i].status};
    for (const char *at = lists[i].body; *at != '\0'; at++) {
        if (strncmp(at, "ID", 2) == 0) {
            buf_addf(&b, "%" PRId64, run_id);
            at++;
        } else if (strncmp(at, "RELAY", 5) == 0) {
            buf_add_text(&b, relay_id);
            at += 4;
        } else
            buf_add(&b, at, 1);
    }
    set_body(out, &b);
}
