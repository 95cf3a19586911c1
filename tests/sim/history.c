/* Events by chance: what Grafana, GitHub, operators and bad luck do to a relay. */
#include "tests/sim/history.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define S_MS 1000LL
#define M_MS (60 * S_MS)
#define H_MS (60 * M_MS)

const struct sim_instance sim_instances[SIM_INSTANCES] = {
    {"f3", "Drift", "retrain", "m0", "z0"},
    {"f1", "Drift", "retrain", "m0", "z0"},
    {"f2", "Drift", "retrain", "m0", "z1"},
    {"f0", "Drift", "retrain", "m1", "z0"},
    {"f4", "Drift", "retrain", "m1", "z1"},
    {"f5", "Drift", "rebuild", "m0", "z0"},
    {"f6", "Drift", "rebuild", "m1", "z1"},
    {"f7", "Drift", "rebuild", "a b/\xc3\xbc", "z0"},
    {"f8", "Drift", "none", "m0", NULL},
    {"f9", "Drift", "retrain", NULL, "z0"}, /* without the label of an input */
    {"fa", "DatasourceNoData", "retrain", "m0", "z0"},
    {"fb", "TestAlert", "retrain", "m0", "z0"},
};

const char *const event_texts[EVENT_KINDS] = {
    [EVENT_NOTIFY] = "notification", [EVENT_ANSWER] = "answer",
    [EVENT_WAIT] = "wait",           [EVENT_RELOAD] = "reload",
    [EVENT_STOP_FILE] = "stop file", [EVENT_COMMAND] = "command",
    [EVENT_CRASH] = "crash",         [EVENT_RESTART] = "restart",
    [EVENT_REBOOT] = "reboot",       [EVENT_WALL_JUMP] = "wall jump",
    [EVENT_FAULT] = "store fault",   [EVENT_INCIDENT] = "incident at GitHub",
};

/* What the senders know of each instance. */
struct sender {
    bool fires;
    int64_t starts_at;
};
struct maker {
    struct draw draw;
    struct sender senders[SIM_SOURCES][SIM_INSTANCES];
    int64_t wall_ms;
    unsigned nonces;
    struct event last; /* the last notification, for duplicates and replays */
};

/* --- notifications ------------------------------------------------------------------------------
 */

static void make_firing(struct maker *m, struct sender *s, struct sim_item *item)
{
    struct draw *d = &m->draw;
    item->kind = ALERT_FIRING;
    if (!s->fires || draw_percent(d, 15)) /* an edit's refire begins anew */
        s->starts_at = m->wall_ms / S_MS * S_MS;
    s->fires = true;
    item->starts_at = s->starts_at;
    if (draw_percent(d, 5)) /* a peer whose clock differs */
        item->starts_at += draw_between(d, -3, 3) * S_MS;
    if (draw_percent(d, 2))
        item->starts_at = TIME_NONE;
    if (item->instance == 10)
        item->kind = ALERT_NO_DATA;
    else if (item->instance == 11)
        item->kind = ALERT_TEST;
    else if (draw_percent(d, 12))
        item->kind = draw_percent(d, 60) ? ALERT_NO_DATA : ALERT_ERROR;
}

static void make_resolve(struct maker *m, struct sender *s, struct sim_item *item)
{
    struct draw *d = &m->draw;
    item->kind = ALERT_RESOLVED;
    item->starts_at = s->starts_at;
    item->ends_at = m->wall_ms / S_MS * S_MS;
    item->administrative = draw_percent(d, 20);
    if (draw_percent(d, 12)) /* one of an earlier incident that comes late */
        item->ends_at = s->starts_at - draw_between(d, 0, 2) * S_MS;
    else if (draw_percent(d, 4))
        item->ends_at = TIME_NONE;
    else
        s->fires = false;
}

static bool has_instance(const struct event *e, int instance)
{
    for (size_t i = 0; i < e->n_items; i++) {
        if (e->items[i].instance == instance)
            return true;
    }
    return false;
}

static void make_notification(struct maker *m, struct event *e)
{
    struct draw *d = &m->draw;
    e->source = draw_percent(d, 80) ? 0 : 1;
    e->nonce = ++m->nonces;
    e->flag = draw_percent(d, 3);
    size_t n = 1 + draw_below(d, draw_percent(d, 30) ? SIM_ITEMS : 2);
    /* Few instances in a spell, so that they meet. */
    unsigned range = draw_percent(d, 60) ? 5 : SIM_INSTANCES;
    while (e->n_items < n) {
        int instance = (int)draw_below(d, range);
        if (has_instance(e, instance)) {
            n--;
            continue;
        }
        struct sender *s = &m->senders[e->source][instance];
        struct sim_item *item = &e->items[e->n_items++];
        *item = (struct sim_item){.instance = instance, .ends_at = TIME_NONE};
        item->value_null = draw_percent(d, 10);
        if (draw_percent(d, s->fires ? 40 : 8))
            make_resolve(m, s, item);
        else
            make_firing(m, s, item);
    }
    m->last = *e;
}

/* The last one again: a replay, a peer's duplicate, or reordered in parts. */
static void make_again(struct maker *m, struct event *e)
{
    struct draw *d = &m->draw;
    *e = m->last;
    e->after_ms = draw_below(d, 20) * S_MS;
    e->flag = false;
    if (draw_percent(d, 40))
        return;
    e->nonce = ++m->nonces;
    if (draw_percent(d, 30)) {
        int64_t skew = draw_between(d, -2, 2) * S_MS;
        for (size_t i = 0; i < e->n_items; i++) {
            if (e->items[i].starts_at != TIME_NONE)
                e->items[i].starts_at += skew;
        }
    }
    for (size_t i = e->n_items; i-- > 1;) {
        size_t j = draw_below(d, (unsigned)i + 1);
        struct sim_item swap = e->items[i];
        e->items[i] = e->items[j];
        e->items[j] = swap;
    }
    if (e->n_items > 1 && draw_percent(d, 50))
        e->n_items--;
}

/* --- the rest -----------------------------------------------------------------------------------
 */

static int64_t draw_pause(struct draw *d)
{
    unsigned of = draw_below(d, 100);
    if (of < 12)
        return 0;
    if (of < 45)
        return draw_between(d, 1, 30 * S_MS);
    if (of < 75)
        return draw_between(d, 1, 10) * 30 * S_MS; /* whole: things fall due together */
    if (of < 94)
        return draw_between(d, 1, 60) * M_MS;
    return draw_between(d, 1, 30) * H_MS;
}

static int64_t draw_downtime(struct draw *d)
{
    unsigned of = draw_below(d, 100);
    if (of < 50)
        return draw_between(d, 0, 5 * S_MS);
    if (of < 90)
        return draw_between(d, 0, 15 * M_MS);
    return draw_between(d, 0, 20 * H_MS);
}

static int64_t draw_jump(struct draw *d)
{
    static const int64_t jumps[] = {S_MS, M_MS, H_MS /* summer time */, SIM_DAY_MS};
    int64_t jump = jumps[draw_below(d, 4)];
    if (draw_percent(d, 40))
        jump = draw_between(d, 1, jump);
    return draw_percent(d, 50) ? jump : -jump;
}

static int64_t draw_incident(struct draw *d)
{
    unsigned of = draw_below(d, 100);
    if (of < 50)
        return draw_between(d, 1, 60) * M_MS;
    return of < 80 ? draw_between(d, 1, 23) * H_MS : SIM_DAY_MS;
}

static enum event_kind draw_kind(struct draw *d)
{
    static const struct {
        enum event_kind kind;
        unsigned weight;
    } kinds[] = {
        {EVENT_NOTIFY, 470},   {EVENT_ANSWER, 270},   {EVENT_WAIT, 60},  {EVENT_RELOAD, 30},
        {EVENT_STOP_FILE, 25}, {EVENT_COMMAND, 50},   {EVENT_CRASH, 30}, {EVENT_RESTART, 12},
        {EVENT_REBOOT, 10},    {EVENT_WALL_JUMP, 18}, {EVENT_FAULT, 24}, {EVENT_INCIDENT, 1},
    };
    unsigned at = draw_below(d, 1000);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (at < kinds[i].weight)
            return kinds[i].kind;
        at -= kinds[i].weight;
    }
    return EVENT_WAIT;
}

static void make_event(struct maker *m, struct event *e)
{
    struct draw *d = &m->draw;
    *e = (struct event){.kind = draw_kind(d), .after_ms = draw_pause(d)};
    e->which = (unsigned)draw_next(d);
    e->outcome = draw_percent(d, 50) ? 0 : (unsigned)(draw_next(d) >> 33);
    e->together = draw_percent(d, 10);
    switch (e->kind) {
    case EVENT_NOTIFY:
        if (m->last.n_items > 0 && draw_percent(d, 15))
            make_again(m, e);
        else
            make_notification(m, e);
        break;
    case EVENT_STOP_FILE:
        e->flag = draw_percent(d, 40);
        break;
    case EVENT_COMMAND:
        e->outcome = (unsigned)(draw_next(d) >> 33);
        break;
    case EVENT_CRASH:
    case EVENT_RESTART:
    case EVENT_REBOOT:
        e->amount = draw_downtime(d);
        break;
    case EVENT_WALL_JUMP:
        e->amount = draw_jump(d);
        break;
    case EVENT_INCIDENT:
        e->amount = draw_incident(d);
        break;
    case EVENT_FAULT:
        e->outcome = 1 + draw_below(d, 15);
        e->skip = draw_percent(d, 50) ? 0 : draw_below(d, 6);
        e->times = e->skip > 0 ? 1 : 1 + draw_below(d, 4);
        e->flag = draw_percent(d, 30);
        if (e->flag) { /* a commit fails, and nothing can be begun that would clear it away */
            e->outcome = 10;
            e->skip = 1;
            e->times = 2 + draw_below(d, 3);
        }
        break;
    case EVENT_ANSWER:
    case EVENT_WAIT:
    case EVENT_RELOAD:
    case EVENT_KINDS:
        break;
    }
    m->wall_ms += e->after_ms;
    if (e->kind == EVENT_WALL_JUMP || e->kind == EVENT_CRASH)
        m->wall_ms += e->amount;
}

void history_make(struct history *h, uint64_t seed, size_t n_events)
{
    static const int64_t starts[] = {INT64_C(1774000000000),  /* before summer time */
                                     INT64_C(2147483000000)}; /* before 2038-01-19T03:14:08Z */
    struct maker m = {.draw = {seed}};
    (void)draw_next(&m.draw);
    h->seed = seed;
    h->n_events = n_events;
    h->wall_ms = starts[draw_below(&m.draw, 2)] + draw_between(&m.draw, 0, H_MS);
    m.wall_ms = h->wall_ms;
    sim_conf_draw(&h->confs[0], &m.draw);
    for (size_t i = 1; i < SIM_CONFS; i++) {
        h->confs[i] = h->confs[i - 1];
        sim_conf_change(&h->confs[i], &m.draw);
    }
    for (size_t i = 0; i < n_events; i++) {
        make_event(&m, &h->events[i]);
        if (i > 0 && h->events[i - 1].together)
            h->events[i].after_ms = 0;
    }
}

/* --- bodies -------------------------------------------------------------------------------------
 */

static void write_label(struct buf *out, const char *name, const char *value, const char *comma)
{
    if (value != NULL)
        buf_addf(out, "%s\"%s\":\"%s\"", comma, name, value);
}

static void write_time(struct buf *out, const char *name, int64_t ms)
{
    buf_addf(out, ",\"%s\":\"", name);
    if (ms == TIME_NONE) {
        buf_add_text(out, "0001-01-01T00:00:00Z\"");
        return;
    }
    struct tm tm;
    time_t s = (time_t)(ms / 1000);
    (void)gmtime_r(&s, &tm);
    buf_addf(out, "%04d-%02d-%02dT%02d:%02d:%02dZ\"", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
             tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void write_item(const struct sim_item *item, struct buf *out)
{
    const struct sim_instance *instance = &sim_instances[item->instance];
    bool resolved = item->kind == ALERT_RESOLVED;
    buf_addf(out, "{\"status\":\"%s\",\"fingerprint\":\"%s\",\"labels\":{",
             resolved ? "resolved" : "firing", instance->fingerprint);
    write_label(out, "alertname", instance->alertname, "");
    write_label(out, "action", instance->action, ",");
    write_label(out, "model", instance->model, ",");
    write_label(out, "zone", instance->zone, ",");
    buf_add_text(out, "},\"annotations\":{");
    if (resolved && item->administrative)
        buf_add_text(out, "\"grafana_state_reason\":\"Updated\"");
    else if (item->kind == ALERT_NO_DATA && item->instance != 10)
        buf_add_text(out, "\"grafana_state_reason\":\"NoData, KeepLast\"");
    else if (item->kind == ALERT_ERROR)
        buf_add_text(out, "\"grafana_state_reason\":\"Error\"");
    buf_addf(out, "},\"values\":{\"A\":%s}", item->value_null ? "null" : "0.93");
    write_time(out, "startsAt", item->starts_at);
    write_time(out, "endsAt", item->ends_at);
    buf_add_text(out, "}");
}

void event_write_body(const struct event *e, struct buf *out)
{
    buf_addf(out,
             "{\"receiver\":\"relay\",\"status\":\"firing\",\"groupKey\":\"{}:{n=\\\"%u\\\"}\","
             "\"version\":\"1\",\"alerts\":[",
             e->nonce);
    for (size_t i = 0; i < e->n_items; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        write_item(&e->items[i], out);
    }
    buf_add_text(out, "]}");
}

void event_print(const struct event *e, size_t number)
{
    printf("%4zu +%" PRId64 " ms: %s", number, e->after_ms, event_texts[e->kind]);
    if (e->kind == EVENT_NOTIFY) {
        printf(" %u from %s%s:", e->nonce, sim_sources[e->source], e->flag ? " (dry)" : "");
        for (size_t i = 0; i < e->n_items; i++) {
            const struct sim_item *item = &e->items[i];
            printf(" %s %s", sim_instances[item->instance].fingerprint,
                   alert_kind_text(item->kind));
            if (item->starts_at != TIME_NONE)
                printf(" since %" PRId64, item->starts_at / 1000 % 1000000);
            if (item->ends_at != TIME_NONE)
                printf(" to %" PRId64, item->ends_at / 1000 % 1000000);
            if (item->value_null)
                printf(" null");
        }
    } else {
        printf(" amount %" PRId64 " which %u outcome %u flag %d skip %u times %u", e->amount,
               e->which % 1000, e->outcome % 1000, (int)e->flag, e->skip, e->times);
    }
    printf("%s\n", e->together ? " (together with the next)" : "");
}
