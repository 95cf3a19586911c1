/* The machine, the process, and its steps. */
#include "tests/sim/world.h"

#include "relay/base/metrics.h"
#include "relay/store/sqlite.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SPIN_MAX 500

void world_fail(struct world *w, const char *format, ...)
{
    if (w->failure[0] != '\0')
        return;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(w->failure, sizeof(w->failure), format, args);
    va_end(args);
}

struct conf *world_conf(struct world *w, int i)
{
    if (w->confs[i] != NULL)
        return w->confs[i];
    struct buf text = BUF_INIT(65536);
    struct conf_report report = {0};
    sim_conf_write(&w->history->confs[i], w->folder, &text);
    int r = conf_load_text(&w->confs[i], "sim.conf", buf_text(&text), &report);
    if (w->verbose)
        printf("--- config %d\n%s", i, buf_text(&text));
    if (r != 0)
        world_fail(w, "the simulator's config is refused: %s",
                   report.n_faults > 0 ? report.faults[0] : "");
    conf_report_clear(&report);
    buf_free(&text);
    return w->confs[i];
}

/* --- the process --------------------------------------------------------------------------------
 */

static bool open_store(struct world *w, struct error *err)
{
    if (w->memory != NULL)
        return memory_store_open(w->memory, &w->store, err) == 0;
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/relay.db", w->folder);
    return sqlite_store_open(&w->store, path, NULL, err) == 0;
}

/* Relay time by the design: within one boot by CLOCK_BOOTTIME, across a reboot by the wall clock.
 * Returns how long the relay was down. */
static int64_t start_time(struct world *w, const struct store_time *last, bool known)
{
    char boot_id[BOOT_ID_MAX];
    w->clock.boot_id(w, boot_id);
    w->boot_base = w->boot_ms;
    w->relay_base = w->wall_ms;
    if (!known)
        return 0;
    int64_t passed = strcmp(boot_id, last->boot_id) == 0 ? w->boot_ms - last->boot_ms
                                                         : w->wall_ms - last->wall_ms;
    passed = passed < 0 ? 0 : passed;
    w->relay_base = last->relay_ms + passed;
    return passed;
}

/* A POST that was under way when the process ended may have run. */
static void expect_recovery(struct world *w, int64_t now, int64_t down_ms)
{
    struct model *m = &w->x.model;
    model_started(m, now, down_ms);
    for (size_t i = 0; i < m->n_requests; i++) {
        struct model_request *r = &m->requests[i];
        if (!r->open || !r->in_flight)
            continue;
        int credential = world_credential(w, r->target);
        if (credential >= 0)
            w->last_write[credential] = now;
        model_unclear(m, (int)i, LOOK_AMBIGUOUS, now);
    }
}

static int take_sending(void *context, struct request *r)
{
    struct model *m = context;
    for (size_t i = 0; i < m->n_requests; i++) {
        struct model_request *mine = &m->requests[i];
        bool same = strcmp(mine->relay_id, r->relay_id) == 0 ||
                    (mine->relay_id[0] == '\0' && strcmp(mine->key, r->key) == 0);
        if (!mine->open || !same)
            continue;
        memcpy(mine->relay_id, r->relay_id, ULID_SIZE);
        if (r->state == REQUEST_SENDING && !mine->in_flight) {
            mine->correlated = r->correlated;
            mine->offset = r->look_wall - r->look_from;
            model_posting(m, (int)i, r->posted_at);
        }
    }
    request_free(r);
    free(r);
    return 0;
}

/* A commit that failed in doubt is found after all: what was sent of it counts. */
static void settle_doubt(struct world *w, const struct store_time *last, bool known)
{
    if (w->in_doubt && known && last->relay_ms == w->failed_at) {
        w->x = w->doubt;
        (void)w->store.ops->load_open_requests(w->store.self, take_sending, &w->x.model, NULL);
    }
    w->in_doubt = false;
}

void world_start(struct world *w)
{
    struct error err = {0};
    struct store_time last;
    if (world_conf(w, w->conf) == NULL)
        return;
    if (w->memory != NULL)
        memory_store_fail(w->memory, &(struct memory_fault){0});
    w->fault = (struct memory_fault){0};
    if (!open_store(w, &err)) {
        world_fail(w, "the store does not open: %s", err.text);
        return;
    }
    int r = w->store.ops->get_time(w->store.self, &last, &err);
    int64_t down_ms = start_time(w, &last, r == 0);
    settle_doubt(w, &last, r == 0);
    w->metrics = metrics_new("drift_relay_");
    struct core_options options = {
        .ports = {.store = w->store,
                  .forge = {.self = w, .start = world_forge_start},
                  .clock = &w->clock,
                  .rng = &w->rng_port},
        .conf = w->confs[w->conf],
        .metrics = w->metrics,
        .stop_file = w->stop_file,
    };
    w->n_started = 0;
    w->store_ok = true;
    w->quit_sent = false;
    w->quitting = false;
    if (core_open(&w->core, &options, &err) != 0) {
        world_fail(w, "the core does not open: %s", err.text);
        w->core = NULL;
        return;
    }
    w->x.model.conf = &w->history->confs[w->conf];
    w->x.model.stop = w->stop_file;
    memset(w->x.refused_until, 0, sizeof(w->x.refused_until));
    expect_recovery(w, world_relay_now(w), down_ms);
    w->step_at = world_relay_now(w);
    world_compare_requests(w);
    w->outcomes_seen = SIZE_MAX; /* after the first step, which lets stale members leave */
    w->start_seen = false;
    w->wait_ms = 0;
}

static void forget_sent(struct world *w)
{
    for (size_t i = 0; i < w->n_sent; i++)
        free(w->sent[i].body);
    w->n_sent = 0;
}

void world_drop(struct world *w)
{
    core_free(w->core);
    metrics_free(w->metrics);
    w->core = NULL;
    w->metrics = NULL;
    w->n_flights = 0;
    w->n_held = 0;
    forget_sent(w);
}

/* --- steps --------------------------------------------------------------------------------------
 */

static void forget_macs(struct ledger *l, int64_t now)
{
    for (size_t i = 0; i < l->n; i++) {
        if (!l->rows[i].has_mac || l->rows[i].received_at + 2 * SIGNATURE_WINDOW_MS > now)
            continue;
        l->rows[i].has_mac = false;
        if (l->rows[i].signed_at > l->floor)
            l->floor = l->rows[i].signed_at;
    }
}

/* The core makes a batch of what is held, up to a reload and the reload by itself, then of what was
 * sent, which has a reload only alone. */
static size_t count_batch(const struct world *w)
{
    if (w->n_held == 0)
        return w->n_sent;
    size_t n = 1;
    while (w->held[0].type != SENT_RELOAD && n < w->n_held && w->held[n].type != SENT_RELOAD)
        n++;
    return n;
}

/* What is done even though nothing could be stored. */
static void expect_refused(struct world *w, struct sent *s, bool ran, int64_t now)
{
    if (s->type == SENT_STOP_FILE || (s->type == SENT_RELOAD && ran))
        world_expect(w, s, now);
}

/* The store refused the batch, or (not ran) to be used at all: nothing of it happened, answers of
 * the forge and reloads are kept. */
static void take_back(struct world *w, int64_t now, bool was_ok, bool ran)
{
    w->totals->failed_commits++;
    w->loads++;
    if (w->fault.doubtful && was_ok) {
        w->doubt = w->x;
        model_requests_end(&w->doubt.model, now);
        w->in_doubt = true;
    }
    w->x = w->before;
    memset(w->x.refused_until, 0, sizeof(w->x.refused_until)); /* loading is as a start */
    bool of_held = w->n_held > 0;
    if (of_held)
        expect_refused(w, &w->held[0], ran, now);
    for (size_t i = 0; i < w->n_sent; i++) {
        struct sent *s = &w->sent[i];
        s->expected = CORE_UNAVAILABLE;
        expect_refused(w, s, ran && !of_held, now);
        if ((s->type == SENT_ANSWER || s->type == SENT_RELOAD) && w->n_held < WORLD_BATCH)
            w->held[w->n_held++] = *s;
    }
    if (ran && !was_ok) /* it was well for a moment */
        model_started(&w->x.model, now, now - w->failed_at);
    if (ran)
        w->failed_at = now;
    w->store_ok = core_is_ready(w->core);
    if (w->store_ok) {
        w->in_doubt = false;
        model_started(&w->x.model, now, now - w->failed_at);
    }
}

static void expect_step(struct world *w, int64_t now)
{
    struct sent *batch = w->n_held > 0 ? w->held : w->sent;
    size_t n = count_batch(w);
    if (!w->store_ok)
        model_started(&w->x.model, now, now - w->failed_at);
    for (size_t i = 0; i < n; i++)
        world_expect(w, &batch[i], now);
    model_timers(&w->x.model, now);
    forget_macs(&w->x.ledger, now);
}

/* What was sent is done with, unless what was held came first and went well. */
static void end_step(struct world *w, bool well)
{
    if (w->x.model.trouble != NULL)
        world_fail(w, "the simulator: %s", w->x.model.trouble);
    if (w->store_ok) {
        world_compare_requests(w);
        world_compare_rest(w, !w->start_seen);
        w->start_seen = true;
    }
    if (well && w->n_held > 0) {
        size_t n = count_batch(w);
        w->n_held -= n;
        memmove(w->held, w->held + n, w->n_held * sizeof(w->held[0]));
        return;
    }
    world_compare_replies(w);
    forget_sent(w);
}

void world_step(struct world *w)
{
    int64_t now = world_relay_now(w);
    bool may_fail = w->memory != NULL && (w->fault.times > 0 || !w->store_ok);
    bool was_ok = w->store_ok;
    size_t failed = 0, outcomes = w->x.model.n_outcomes;
    w->totals->steps++;
    w->step_at = now;
    w->quitting = w->quitting || (w->quit_sent && w->n_held == 0);
    if (may_fail) {
        w->before = w->x;
        memory_store_fail(w->memory, &w->fault);
    }
    expect_step(w, now);
    w->n_started = 0;
    w->wait_ms = core_step(w->core);
    if (may_fail) {
        failed = memory_store_failures(w->memory);
        memory_store_fail(w->memory, &(struct memory_fault){0});
    }
    if (failed > 0) {
        w->fault.times -= failed < w->fault.times ? failed : w->fault.times;
        w->fault.skip = 0;
        /* One failure is the batch's or the revival's, two are both. */
        take_back(w, now, was_ok, was_ok || failed > 1 || core_is_ready(w->core));
    } else {
        w->in_doubt = w->in_doubt && !core_is_ready(w->core);
        w->store_ok = true;
    }
    if (++w->fault_steps > 10 && w->store_ok)
        w->fault.times = 0;
    for (size_t i = outcomes; w->verbose && i < w->x.model.n_outcomes; i++)
        printf("     expected: outcome of %s: %s/%s\n", w->x.model.outcomes[i].key,
               verdict_text(w->x.model.outcomes[i].verdict),
               reason_text(w->x.model.outcomes[i].reason));
    end_step(w, failed == 0);
}

void world_settle(struct world *w)
{
    for (int spins = 0; w->core != NULL && w->failure[0] == '\0'; spins++) {
        if (spins == SPIN_MAX)
            world_fail(w, "the core is never done at %" PRId64, world_relay_now(w));
        if (w->n_sent == 0 && w->wait_ms != 0)
            return;
        world_step(w);
    }
}

void world_pass(struct world *w, int64_t ms)
{
    while (w->core != NULL && w->failure[0] == '\0') {
        world_settle(w);
        world_incident_answers(w);
        if (w->wait_ms < 0 || w->wait_ms > ms)
            break;
        ms -= w->wait_ms;
        world_advance(w, w->wait_ms);
        world_step(w);
    }
    world_advance(w, ms);
    if (w->wait_ms > 0)
        w->wait_ms -= ms;
}

const char *world_run(struct world *w, const struct history *h, const bool *kept)
{
    w->history = h;
    w->rng.state = h->seed ^ UINT64_C(0x5deece66d);
    w->wall_ms = h->wall_ms;
    w->boot_ms = 1000000;
    w->x.model.conf = &h->confs[0];
    w->x.ledger.floor = INT64_MIN;
    world_clocks(w);
    struct error err = {0};
    if (!w->sqlite && memory_store_new(&w->memory, &err) != 0)
        world_fail(w, "%s", err.text);
    world_start(w);
    for (size_t i = 0; i < h->n_events && w->failure[0] == '\0'; i++) {
        if (kept != NULL && !kept[i])
            continue;
        if (w->verbose)
            event_print(&h->events[i], i);
        w->totals->events++;
        world_event(w, &h->events[i]);
    }
    world_settle(w);
    if (w->failure[0] == '\0')
        world_compare_rest(w, true);
    w->totals->histories++;
    w->totals->requests += w->x.model.n_requests;
    w->totals->outcomes += w->x.model.n_outcomes;
    return w->failure[0] == '\0' ? NULL : w->failure;
}

void world_free(struct world *w)
{
    if (w->core != NULL)
        world_drop(w);
    forget_sent(w);
    memory_store_free(w->memory);
    for (size_t i = 0; i < WORLD_NONCES; i++)
        free(w->answers[i]);
    for (size_t i = 0; i < SIM_CONFS; i++)
        conf_unref(w->confs[i]);
}
