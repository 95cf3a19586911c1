/* A verified notification: known already? else decided, stored, and its answer written. */
#include "relay/base/log.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/core/core_private.h"

#include <errno.h>
#include <string.h>

#define DECISIONS_NOTED 20 /* lines of one notification */
#define ANSWER_MAX      (16U * 1024 * 1024)

void intake_free(struct intake *in)
{
    if (in == NULL)
        return;
    free(in->source);
    free(in->body);
    notification_free(in->content);
    free(in);
}

static void write_answer(struct buf *out, const char *id, bool duplicate, bool dry,
                         const char *alerts)
{
    buf_add_text(out, "{\"notification\":");
    if (dry)
        buf_add_text(out, "null");
    else
        buf_add_json_string(out, id);
    buf_addf(out, ",\"duplicate\":%s", duplicate ? "true" : "false");
    if (dry)
        buf_add_text(out, ",\"dry\":true");
    buf_add_text(out, ",\"alerts\":");
    buf_add_text(out, alerts);
    buf_add_text(out, "}\n");
}

/* The first answer's decisions again. */
static int answer_duplicate(struct core *c, struct message *m, const char *id, struct error *err)
{
    SCOPED(store_notification_clear) struct store_notification first = {0};
    int r = c->ports.store.ops->get_notification(c->ports.store.self, id, &first, err);
    if (r < 0)
        return r;
    m->verdict = CORE_DUPLICATE;
    log_info("core", "duplicate", LOG_STR("notification", id),
             LOG_STR("source", m->u.intake->source));
    write_answer(&m->reply, id, true, false, r == STORE_NONE ? "[]" : first.alerts);
    return 0;
}

/* 0 = new; 1 = answered (duplicate or stale); negative = fault. */
static int check_replay(struct core *c, struct message *m, struct error *err)
{
    const struct intake *in = m->u.intake;
    if (!in->signed_time || in->dry)
        return 0;
    struct store_mac known;
    int r = c->ports.store.ops->get_mac(c->ports.store.self, in->claim.mac, &known, err);
    if (r < 0)
        return r;
    if (r == 0) {
        r = answer_duplicate(c, m, known.notification, err);
        return r < 0 ? r : 1;
    }
    if (in->claim.signed_at_ms <= c->floor) {
        m->verdict = CORE_STALE;
        return 1;
    }
    return 0;
}

static int store_notification(struct core *c, const struct intake *in, const char *id, int64_t now,
                              const char *alerts, struct error *err)
{
    const struct store_ops *ops = c->ports.store.ops;
    struct store_notification row = {
        .source = in->source,
        .received_wall = in->received_wall,
        .received_at = now,
        .body = in->body,
        .body_len = in->body_len,
    };
    memcpy(row.id, id, ULID_SIZE);
    SCOPED(free_p) char *format = strdup(alert_format_text(in->format));
    SCOPED(free_p) char *decisions = strdup(alerts);
    if (format == NULL || decisions == NULL)
        return error_set(err, -ENOMEM, "core: out of memory");
    row.format = format;
    row.alerts = decisions;
    int r = ops->put_notification(c->ports.store.self, &row, err);
    if (r != 0 || !in->signed_time)
        return r;
    struct store_mac mac = {.signed_wall = in->claim.signed_at_ms, .received_at = now};
    memcpy(mac.mac, in->claim.mac, sizeof(mac.mac));
    memcpy(mac.notification, id, ULID_SIZE);
    if (c->oldest_mac > now)
        c->oldest_mac = now;
    return ops->put_mac(c->ports.store.self, &mac, err);
}

/* One line for all alerts that met the same: the decisions themselves are stored. */
struct noted {
    const struct decision *decision;
    size_t alerts;
};

static bool same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool alike(const struct decision *a, const struct decision *b)
{
    return a->verdict == b->verdict && a->reason == b->reason && same(a->key, b->key) &&
           strcmp(a->relay_id, b->relay_id) == 0;
}

static void note_decisions(const struct effects *e, const char *id)
{
    struct noted noted[DECISIONS_NOTED];
    size_t n = 0;
    size_t left_out = 0;
    for (size_t i = 0; i < e->n_decisions; i++) {
        const struct decision *d = &e->decisions[i];
        size_t k = 0;
        while (k < n && !alike(noted[k].decision, d))
            k++;
        if (k < n)
            noted[k].alerts++;
        else if (n < DECISIONS_NOTED)
            noted[n++] = (struct noted){d, 1};
        else
            left_out++;
    }
    for (size_t k = 0; k < n; k++) {
        const struct decision *d = noted[k].decision;
        log_info("core", "decided", LOG_STR("notification", id), LOG_STR("key", d->key),
                 LOG_STR("verdict", verdict_text(d->verdict)),
                 LOG_STR("reason", reason_text(d->reason)), LOG_INT("alerts", noted[k].alerts),
                 LOG_STR("relay_id", d->relay_id[0] == '\0' ? NULL : d->relay_id));
    }
    if (left_out > 0)
        log_info("core", "decided_more", LOG_STR("notification", id), LOG_INT("alerts", left_out));
}

static void note(const struct intake *in, const char *id)
{
    log_info("core", in->dry ? "dry_run" : "notification", LOG_STR("notification", id),
             LOG_STR("source", in->source), LOG_INT("alerts", in->content->n_alerts),
             LOG_STR("receiver", in->content->receiver),
             LOG_STR("traceparent", in->traceparent[0] == '\0' ? NULL : in->traceparent));
    if (in->content->truncated_alerts > 0) {
        log_warn("core", "truncated", LOG_STR("notification", id),
                 LOG_INT("left_out", in->content->truncated_alerts),
                 LOG_STR("remedy", "set maxAlerts of the contact point to 0"));
    }
}

int core_intake(struct core *c, struct message *m, struct error *err)
{
    struct intake *in = m->u.intake;
    m->reply = BUF_INIT(ANSWER_MAX);
    int r = check_replay(c, m, err);
    if (r != 0)
        return r < 0 ? r : 0;
    int64_t now = relay_time_now(&c->time);
    struct wall wall = clock_wall(c->ports.clock);
    char id[ULID_SIZE];
    ulid_make(id, wall, c->ports.rng);
    struct engine_event event = {.now = now,
                                 .wall = wall,
                                 .source = in->source,
                                 .notification = id,
                                 .content = in->content,
                                 .dry = in->dry};
    r = engine_notification(c->engine, &event, &m->effects, err);
    if (r != 0)
        return r;
    SCOPED(buf_free) struct buf alerts = BUF_INIT(ANSWER_MAX);
    core_write_decisions(c, &m->effects, in->content->alerts, now, &alerts);
    note(in, id);
    if (!in->dry)
        note_decisions(&m->effects, id);
    if (in->dry) {
        m->verdict = CORE_DRY;
        write_answer(&m->reply, id, false, true, buf_text(&alerts));
        return 0;
    }
    r = core_begin(c, err);
    if (r == 0)
        r = store_notification(c, in, id, now, buf_text(&alerts), err);
    if (r == 0)
        r = core_apply(c, &m->effects, now, err);
    if (r == 0)
        r = core_effect_heard(c, &m->effects, in->content->alerts, err);
    m->verdict = CORE_STORED;
    write_answer(&m->reply, id, false, false, buf_text(&alerts));
    if (r == 0 && (buf_failed(&alerts) || buf_failed(&m->reply)))
        r = error_set(err, -ENOMEM, "core: out of memory");
    return r;
}

static int make_inputs(struct core *c, const struct route *route, const char *key,
                       const char *relay_id, const struct leading *leading,
                       const struct alert *alert, char **json, struct error *err)
{
    const struct conf_route *conf = conf_route_by_name(c->conf, route->name);
    struct input_context context = {.alert = alert,
                                    .route = route->name,
                                    .key = key,
                                    .relay_id = relay_id,
                                    .count = leading->count};
    int r = inputs_make(json, conf->inputs, &context, err);
    if (r != INPUTS_BAD)
        return r;
    if (!c->explaining)
        log_warn("core", "bad_input", LOG_STR("route", route->name), LOG_STR("key", key),
                 LOG_STR("fingerprint", alert->fingerprint), LOG_STR("why", err->text));
    return ENGINE_BAD_INPUT;
}

int core_inputs(void *self, const struct route *route, const char *key, const char *relay_id,
                const struct leading *leading, char **json, struct error *err)
{
    struct core *c = self;
    if (leading->alert != NULL)
        return make_inputs(c, route, key, relay_id, leading, leading->alert, json, err);
    /* The leading member was heard in an earlier notification: read its alert there. */
    SCOPED(store_notification_clear) struct store_notification row = {0};
    int r = c->ports.store.ops->get_notification(c->ports.store.self, leading->member->notification,
                                                 &row, err);
    if (r < 0)
        return r;
    SCOPED(notification_free_p) struct notification *content = NULL;
    bool grafana = r == 0 && strcmp(row.format, alert_format_text(ALERT_FORMAT_GRAFANA)) == 0;
    struct alert_limits limits = {.alerts = SIZE_MAX, .labels = SIZE_MAX, .depth = 2048};
    error_set(err, 0, "the notification is no longer stored");
    if (r == STORE_NONE ||
        notification_parse(&content, grafana ? ALERT_FORMAT_GRAFANA : ALERT_FORMAT_ALERTMANAGER,
                           row.body, row.body_len, &limits, err) != 0 ||
        leading->member->position >= content->n_alerts) {
        if (!c->explaining)
            log_warn("core", "bad_input", LOG_STR("route", route->name), LOG_STR("key", key),
                     LOG_STR("notification", leading->member->notification),
                     LOG_STR("why", err->text));
        return ENGINE_BAD_INPUT;
    }
    return make_inputs(c, route, key, relay_id, leading,
                       &content->alerts[leading->member->position], json, err);
}
