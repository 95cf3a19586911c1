/* What a notification would come to: the question read, the engine asked, the answer written. */
#include "relay/core/core_explain.h"

#include "relay/base/scope.h"
#include "relay/base/strict_json.h"

#include <errno.h>
#include <string.h>

#define EXPLANATION_MAX (64U * 1024 * 1024)

/* --- writing -------------------------------------------------------------------------------------
 */

/* Rows 12 and 13 are not asked: they are what is left. */
static void add_last_checks(const struct explanation *x, const struct decision *d, json_t *checks)
{
    const struct conf_route *route = conf_route_by_name(x->core->conf, d->route);
    bool hold = d->verdict == VERDICT_HELD && d->reason == REASON_HOLD;
    bool dispatch = d->verdict == VERDICT_DISPATCH;
    if (route == NULL || (!hold && !dispatch))
        return;
    (void)json_array_append_new(checks, explain_last_check(x, 12, hold, &route->route.policy));
    if (dispatch)
        (void)json_array_append_new(checks, explain_last_check(x, 13, true, &route->route.policy));
}

static json_t *write_alert(struct explanation *x, const struct effects *e, size_t i,
                           struct error *err)
{
    const struct alert *alert = &x->content->alerts[i];
    const struct decision *d = &e->decisions[i];
    struct alert_story *story = &x->alerts[i];
    int64_t at;
    const char *when;
    if (explain_acts(x, e, i, &at, &when, err) != 0)
        return NULL;
    const struct key_story *key =
        story->row != 0 || d->key == NULL ? NULL : explain_find_story(x, d->key, false);
    if (key != NULL) {
        (void)json_array_extend(story->checks, key->checks);
        add_last_checks(x, d, story->checks);
    }
    json_t *out = json_pack("{s:s,s:s,s:s,s:s?,s:s?,s:O?,s:O,s:s,s:s,s:s?,s:o,s:O?,s:o,s:s?}",
                            "fingerprint", alert->fingerprint, "alertname", alert->alertname,
                            "kind", alert_kind_text(alert->kind), "route", d->route, "key", d->key,
                            "members", story->members, "checks", story->checks, "verdict",
                            verdict_text(d->verdict), "reason", reason_text(d->reason), "relay_id",
                            d->relay_id[0] == '\0' ? NULL : d->relay_id, "until",
                            explain_time(x, d->until), "inputs", key == NULL ? NULL : key->inputs,
                            "acts_at", explain_time(x, at), "acts_when", at != 0 ? NULL : when);
    return out;
}

static int write_explanation(struct explanation *x, const struct effects *e, struct buf *out,
                             struct error *err)
{
    char at[RFC3339_MAX];
    format_rfc3339_ms(at, x->wall.ms);
    SCOPED(json_release_p) json_t *list = json_array();
    for (size_t i = 0; i < x->content->n_alerts; i++) {
        json_t *alert = write_alert(x, e, i, err);
        if (alert == NULL || json_array_append_new(list, alert) != 0)
            return error_set(err, -ENOMEM, "core: out of memory");
    }
    SCOPED(json_release_p)
    json_t *root = json_pack("{s:s,s:s,s:O}", "at", at, "source", x->source, "alerts", list);
    if (root == NULL || x->failed)
        return error_set(err, -ENOMEM, "core: out of memory");
    buf_add_json(out, root);
    buf_add_char(out, '\n');
    return 0;
}

static int explain(struct explanation *x, struct buf *out, struct error *err)
{
    size_t n = x->content->n_alerts;
    x->alerts = calloc(n + 1, sizeof(*x->alerts));
    for (size_t i = 0; x->alerts != NULL && i < n; i++)
        x->alerts[i].checks = json_array();
    SCOPED(effects_clear) struct effects effects = {0};
    int r = x->alerts == NULL ? error_set(err, -ENOMEM, "core: out of memory")
                              : explain_ask(x, &effects, err);
    return r == 0 ? write_explanation(x, &effects, out, err) : r;
}

/* --- the question --------------------------------------------------------------------------------
 */

static int parse_as(const struct core *c, const struct message *m, const struct conf_source *source,
                    struct notification **out, struct error *err)
{
    return notification_parse(out, source->format, m->u.explain.body, m->u.explain.body_len,
                              &c->conf->limits.alert, err);
}

/* The source that was named, else the only one that reads the body. */
static int choose_source(const struct core *c, const struct message *m, const char **name,
                         struct notification **content, struct error *err)
{
    SCOPED(buf_free) struct buf names = BUF_INIT(400);
    const char *wanted = m->u.explain.source;
    size_t n = 0;
    int r = -EINVAL;
    for (size_t i = 0; i < c->conf->n_sources; i++) {
        const struct conf_source *source = &c->conf->sources[i];
        if (wanted != NULL && strcmp(wanted, source->name) != 0)
            continue;
        SCOPED(notification_free_p) struct notification *parsed = NULL;
        r = parse_as(c, m, source, &parsed, err);
        if (r != 0)
            continue;
        buf_addf(&names, "%s%s", n++ == 0 ? "" : ", ", source->name);
        if (n > 1)
            continue;
        *name = source->name;
        *content = GIVE(parsed);
    }
    if (n == 1)
        return 0;
    if (n > 1)
        return error_set(err, -EINVAL, "several sources read this body: name one of %s",
                         buf_text(&names));
    return err->text[0] != '\0' ? r : error_set(err, -EINVAL, "there is no source %s", wanted);
}

static int choose_time(struct core *c, const struct message *m, int64_t *now, struct wall *wall,
                       struct error *err)
{
    *now = relay_time_now(&c->time);
    *wall = clock_wall(c->ports.clock);
    int64_t at = wall->ms;
    int r = m->u.explain.at == NULL ? 0 : parse_rfc3339_ms(&at, m->u.explain.at, err);
    if (r != 0)
        return r;
    if (at <= wall->ms - 1000)
        return error_set(err, -EINVAL, "%s is past: what was then is not kept", m->u.explain.at);
    at = at < wall->ms ? wall->ms : at; /* now, in whole seconds */
    *now += at - wall->ms;
    wall->ms = at;
    return 0;
}

int core_handle_explain(struct core *c, struct message *m, struct error *err)
{
    struct error why = {0};
    SCOPED(notification_free_p) struct notification *content = NULL;
    SCOPED(explanation_clear) struct explanation x = {.core = c};
    m->reply = BUF_INIT(EXPLANATION_MAX);
    int r = choose_source(c, m, &x.source, &content, &why);
    if (r == 0)
        r = choose_time(c, m, &x.now, &x.wall, &why);
    if (r != 0) {
        m->verdict = CORE_BAD_QUERY;
        buf_add_text(&m->reply, why.text);
        return 0;
    }
    x.content = content;
    m->verdict = CORE_DRY;
    c->explaining = true;
    r = explain(&x, &m->reply, err);
    c->explaining = false;
    if (r == 0 && buf_failed(&m->reply)) {
        buf_clear(&m->reply);
        m->verdict = CORE_UNAVAILABLE;
        buf_add_text(&m->reply, "the answer could not be made");
    }
    return r;
}
