#include "relay/cli/offline.h"

#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/cli/offline_forge.h"
#include "relay/store/memory.h"
#include "relay/store/sqlite.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define STEPS_MAX 100000 /* without the clock moving: more is a bug */

/* What the core is asked for, one thing at a time. */
struct answer {
    enum core_verdict verdict;
    json_t **json;
    struct error *err;
    bool came;
};

struct offline {
    struct clock clock;
    int64_t wall_ms, boot_ms;
    char boot_id[BOOT_ID_MAX];
    struct forge_state *forge;
    struct memory_store *memory; /* NULL with a database */
    char *folder;                /* of the database's copy, else NULL */
    struct metrics *metrics;
    struct core *core;
    struct answer answer;
};

/* --- the clock ----------------------------------------------------------------------------------
 */

static struct wall wall_of(void *self)
{
    const struct offline *o = self;
    return (struct wall){o->wall_ms};
}

static struct mono mono_of(void *self)
{
    const struct offline *o = self;
    return (struct mono){o->boot_ms};
}

static int64_t boot_of(void *self)
{
    const struct offline *o = self;
    return o->boot_ms;
}

static void boot_id_of(void *self, char out[static BOOT_ID_MAX])
{
    const struct offline *o = self;
    memcpy(out, o->boot_id, BOOT_ID_MAX);
}

/* --- up and down --------------------------------------------------------------------------------
 */

/* The clock stands where the copy's last commit left it, so that the relay was never down. */
static int open_database(struct offline *o, const char *path, struct store *store,
                         struct error *err)
{
    int r = database_copy(&o->folder, path, err);
    if (r != 0)
        return r;
    char copy[PATH_MAX];
    (void)snprintf(copy, sizeof(copy), "%s/relay.db", o->folder);
    r = sqlite_store_open(store, copy, NULL, err);
    if (r != 0)
        return error_prefix(err, r, "a copy of %s", path);
    struct store_time last;
    r = store->ops->get_time(store->self, &last, err);
    if (r == 0) {
        o->wall_ms = last.wall_ms;
        o->boot_ms = last.boot_ms;
        memcpy(o->boot_id, last.boot_id, sizeof(o->boot_id));
    }
    return r < 0 ? r : 0;
}

static int open_memory(struct offline *o, struct store *store, struct error *err)
{
    int r = memory_store_new(&o->memory, err);
    return r == 0 ? memory_store_open(o->memory, store, err) : r;
}

int offline_open(struct offline **out, const struct offline_options *options, struct error *err)
{
    SCOPED(offline_free_p) struct offline *o = calloc(1, sizeof(*o));
    if (o == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    o->clock = (struct clock){o, wall_of, mono_of, boot_of, boot_id_of};
    o->wall_ms = options->start.ms;
    (void)snprintf(o->boot_id, sizeof(o->boot_id), "offline");
    struct core_options core = {.conf = options->conf, .stop_file = options->stop_file};
    int r = options->database == NULL ? open_memory(o, &core.ports.store, err)
                                      : open_database(o, options->database, &core.ports.store, err);
    if (r == 0)
        r = offline_forge_new(&o->forge, &o->clock, options->run_ms, err);
    if (r != 0) {
        if (core.ports.store.ops != NULL)
            core.ports.store.ops->close(core.ports.store.self);
        return r;
    }
    o->metrics = metrics_new("drift_relay_");
    core.metrics = o->metrics;
    core.ports.forge = offline_forge(o->forge);
    core.ports.clock = &o->clock;
    core.ports.rng = rng_system();
    r = core_open(&o->core, &core, err); /* the store is its from here on */
    if (r == 0)
        *out = GIVE(o);
    return r;
}

void offline_free(struct offline *o)
{
    if (o == NULL)
        return;
    core_free(o->core);
    offline_forge_free(o->forge);
    memory_store_free(o->memory);
    metrics_free(o->metrics);
    database_copy_remove(o->folder);
    free(o->folder);
    free(o);
}

void offline_free_p(struct offline **o)
{
    offline_free(*o);
}

/* --- time ---------------------------------------------------------------------------------------
 */

struct wall offline_now(const struct offline *o)
{
    return (struct wall){o->wall_ms};
}

/* Steps until nothing more happens at this time. Returns how long the core can wait, < 0: for ever.
 */
static int64_t settle(struct offline *o)
{
    int64_t wait = core_step(o->core);
    for (int i = 0; i < STEPS_MAX && (offline_forge_answer(o->forge, o->core) || wait == 0); i++)
        wait = core_step(o->core);
    return wait;
}

void offline_advance(struct offline *o, struct wall until)
{
    for (;;) {
        int64_t wait = settle(o);
        int64_t left = until.ms - o->wall_ms;
        if (left <= 0)
            return;
        int64_t step = wait < 0 || wait > left ? left : wait > 0 ? wait : 1;
        o->wall_ms += step;
        o->boot_ms += step;
    }
}

/* --- messages -----------------------------------------------------------------------------------
 */

static void reply(void *context, const struct core_reply *answer)
{
    struct answer *a = &((struct offline *)context)->answer;
    a->came = true;
    a->verdict = answer->verdict;
    bool words = answer->verdict == CORE_BAD_QUERY || answer->verdict == CORE_UNAVAILABLE;
    if (words)
        error_set(a->err, -EINVAL, "%s", answer->body);
    else if (strict_json_load(a->json, answer->body, answer->len, 64, a->err) != 0)
        a->verdict = CORE_UNAVAILABLE;
}

static void expect(struct offline *o, json_t **json, struct error *err)
{
    o->answer = (struct answer){.json = json, .err = err};
}

static enum core_verdict await(struct offline *o, bool sent)
{
    if (sent)
        (void)settle(o);
    if (o->answer.came)
        return o->answer.verdict;
    error_set(o->answer.err, -EAGAIN, "the core did not answer");
    return CORE_UNAVAILABLE;
}

enum core_verdict offline_explain(struct offline *o, const struct core_explanation *question,
                                  json_t **answer, struct error *err)
{
    expect(o, answer, err);
    return await(o, core_explain(o->core, question, reply, o));
}

enum core_verdict offline_submit(struct offline *o, struct intake *in, json_t **answer,
                                 struct error *err)
{
    expect(o, answer, err);
    in->reply = reply;
    in->context = o;
    bool sent = core_submit(o->core, in);
    if (!sent)
        intake_free(in);
    return await(o, sent);
}

enum core_verdict offline_ask(struct offline *o, enum core_query query, const char *cursor,
                              json_t **answer, struct error *err)
{
    expect(o, answer, err);
    return await(o, core_ask(o->core, query, NULL, cursor, STORE_LIST_MAX, reply, o));
}
