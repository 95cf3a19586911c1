#include "relay/cli/offline_forge.h"

#include "relay/base/buf.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct forge_state {
    const struct clock *clock;
    int64_t run_ms;
    struct exchange **started;
    size_t n_started, cap_started;
    struct run {
        int64_t began;
        char relay_id[ULID_SIZE];
    } * runs; /* by their id, which counts from 1 */
    size_t n_runs, cap_runs;
};

int offline_forge_new(struct forge_state **out, const struct clock *clock, int64_t run_ms,
                      struct error *err)
{
    struct forge_state *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    f->clock = clock;
    f->run_ms = run_ms;
    *out = f;
    return 0;
}

void offline_forge_free(struct forge_state *f)
{
    if (f == NULL)
        return;
    for (size_t i = 0; i < f->n_started; i++)
        exchange_free(f->started[i]);
    free(f->started);
    free(f->runs);
    free(f);
}

/* Room for one more element; false: out of memory. */
static bool make_room(void **items, size_t size, size_t n, size_t *cap)
{
    if (n < *cap)
        return true;
    size_t more = *cap == 0 ? 16 : *cap * 2;
    void *grown = reallocarray(*items, more, size);
    if (grown == NULL)
        return false;
    *items = grown;
    *cap = more;
    return true;
}

/* Out of memory, or never to be answered: the request stays as it is, under way. */
static void start(void *self, struct exchange *x)
{
    struct forge_state *f = self;
    void *items = f->started;
    if (f->run_ms == 0 ||
        !make_room(&items, sizeof(struct exchange *), f->n_started, &f->cap_started)) {
        exchange_free(x);
        return;
    }
    f->started = items;
    f->started[f->n_started++] = x;
}

struct forge offline_forge(struct forge_state *f)
{
    return (struct forge){.self = f, .start = start};
}

/* The repository as the POST's URL names it: …/repos/OWNER/NAME/actions/… */
static void add_urls(struct buf *out, const char *url, size_t id)
{
    const char *repos = strstr(url, "/repos/");
    const char *name = repos == NULL ? "" : repos + strlen("/repos/");
    const char *end = strstr(name, "/actions/");
    int len = end == NULL ? 0 : (int)(end - name);
    buf_addf(out,
             "\"run_url\":\"https://api.github.com/repos/%.*s/actions/runs/%zu\","
             "\"html_url\":\"https://github.com/%.*s/actions/runs/%zu\"",
             len, name, id, len, name, id);
}

static void accept_post(struct forge_state *f, const struct exchange *x, struct buf *body)
{
    void *items = f->runs;
    if (!make_room(&items, sizeof(struct run), f->n_runs, &f->cap_runs))
        return;
    f->runs = items;
    struct run *run = &f->runs[f->n_runs++];
    run->began = clock_wall(f->clock).ms;
    memcpy(run->relay_id, x->relay_id, sizeof(run->relay_id));
    buf_addf(body, "{\"workflow_run_id\":%zu,", f->n_runs);
    add_urls(body, x->url, f->n_runs);
    buf_add_char(body, '}');
}

static void describe_run(const struct forge_state *f, const struct exchange *x, struct buf *body)
{
    for (size_t i = f->n_runs; i-- > 0;) {
        const struct run *run = &f->runs[i];
        if (strcmp(run->relay_id, x->relay_id) != 0)
            continue;
        bool over = clock_wall(f->clock).ms - run->began >= f->run_ms;
        buf_addf(body, "{\"id\":%zu,\"status\":\"%s\",\"conclusion\":%s,", i + 1,
                 over ? "completed" : "in_progress", over ? "\"success\"" : "null");
        buf_addf(body, "\"run_attempt\":1,\"display_title\":\"[%s]\"}", run->relay_id);
        return;
    }
}

bool offline_forge_answer(struct forge_state *f, struct core *core)
{
    size_t n = f->n_started;
    for (size_t i = 0; i < n; i++) {
        struct exchange *x = f->started[i];
        SCOPED(buf_free) struct buf body = BUF_INIT(4096);
        if (x->kind == EXCHANGE_DISPATCH)
            accept_post(f, x, &body);
        else
            describe_run(f, x, &body);
        struct exchange_answer answer = {
            .transport = EXCHANGE_ANSWERED, .status = 200, .body_len = body.len};
        answer.body = buf_give(&body);
        core_answer(core, x->kind, x->relay_id, &answer);
        exchange_free(x);
    }
    f->n_started = 0;
    return n > 0;
}
