#include "relay/edge/page_view.h"

#include "relay/base/html.h"
#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/edge/page_private.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define DEPTH_MAX      8
#define EXPIRY_SOON_MS INT64_C(1209600000) /* 14 d before a token ends somebody has to know */

static void add_head(struct buf *out, const char *title)
{
    buf_add_text(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                      "<meta name=\"color-scheme\" content=\"light dark\">\n"
                      "<noscript><meta http-equiv=\"refresh\" content=\"30\"></noscript>\n<title>");
    html_add_text(out, title);
    buf_add_text(out, "</title>\n<link rel=\"stylesheet\" href=\"/page.css\">\n"
                      "<script src=\"/page.js\" defer></script>\n</head>\n<body>\n");
}

static void add_end(struct buf *out, const char *version)
{
    buf_add_text(out, "<footer class=\"soft\"><p>drift-relay ");
    html_add_text(out, version);
    buf_add_text(out,
                 " · times are UTC · <a href=\"/metrics\">metrics</a> · <a "
                 "href=\"/api/v1/status\">status as JSON</a></p></footer>\n</body>\n</html>\n");
}

/* --- what somebody has to see --------------------------------------------------------------------
 */

struct problems {
    struct buf *out;
    int n;
};

static struct buf *begin_problem(struct problems *p)
{
    if (p->n++ == 0)
        buf_add_text(p->out, "<section class=\"problems\" aria-labelledby=\"problems\">\n<h2 "
                             "id=\"problems\">Needs attention</h2>\n<ul>\n");
    buf_add_text(p->out, "<li>");
    return p->out;
}

static void end_problem(struct problems *p)
{
    buf_add_text(p->out, "</li>\n");
}

static void add_store_problem(struct problems *p, const json_t *store, int64_t now)
{
    if (page_is(store, "ok"))
        return;
    struct buf *out = begin_problem(p);
    buf_add_text(out, "<b>The store cannot be written</b> since ");
    page_add_time(out, page_number(store, "since"), now);
    buf_add_text(out, ": ");
    html_add_text(out, page_text(store, "error") == NULL ? "" : page_text(store, "error"));
    buf_add_text(out,
                 ". Notifications are answered 503 and come again; nothing is started. What was "
                 "accepted before is on disk and shows again once the store works.");
    end_problem(p);
}

static void add_config_problem(struct problems *p, const json_t *config, int64_t now)
{
    const char *fault = page_text(config, "fault");
    if (fault == NULL)
        return;
    struct buf *out = begin_problem(p);
    buf_add_text(out, "<b>The config was refused</b> ");
    page_add_time(out, page_number(config, "since"), now);
    buf_add_text(out, ", and the one before stays in force: <code>");
    html_add_text(out, fault);
    buf_add_text(out, "</code>");
    end_problem(p);
}

static void add_unsent_problem(struct problems *p, const json_t *overview, int64_t now)
{
    int64_t n = page_number(overview, "unsent");
    if (n == 0)
        return;
    struct buf *out = begin_problem(p);
    buf_add_text(out, "<b>GitHub cannot be reached</b>: ");
    page_add_count(out, n, "request waits", "requests wait");
    buf_add_text(out, ", the oldest since ");
    page_add_time(out, page_number(overview, "unsent_since"), now);
    buf_add_text(out, ".");
    end_problem(p);
}

static void add_grafana_problem(struct problems *p, const json_t *grafana, int64_t now)
{
    const char *fault = page_text(grafana, "fault");
    if (fault == NULL || page_text(grafana, "url") == NULL)
        return;
    struct buf *out = begin_problem(p);
    buf_add_text(out, "<b>Grafana cannot be asked</b> since ");
    page_add_time(out, page_number(grafana, "since"), now);
    buf_add_text(out, ": ");
    html_add_text(out, fault);
    buf_add_text(out, ". Runs are started all the same; annotations and thresholds wait.");
    end_problem(p);
}

static void add_findings(struct problems *p, const json_t *findings)
{
    size_t i;
    const json_t *f;
    json_array_foreach(findings, i, f)
    {
        struct buf *out = begin_problem(p);
        buf_add_text(out, "<b>Target ");
        html_add_text(out, page_text(f, "target"));
        buf_addf(out, "</b> (%s): ", page_text(f, "severity"));
        html_add_text(out, page_text(f, "text"));
        end_problem(p);
    }
}

static void add_pause(struct buf *out, const json_t *pause, int64_t now)
{
    int64_t until = page_number(pause, "until");
    buf_addf(out, "<b>The %s ", page_text(pause, "scope"));
    html_add_text(out, page_text(pause, "name"));
    buf_add_text(out, " is paused</b> since ");
    page_add_time(out, page_number(pause, "since"), now);
    if (until != 0) {
        buf_add_text(out, " until ");
        page_add_time(out, until, now);
    }
    page_add_said(out, pause);
    buf_add_text(out, ": no run is started there.");
}

static void add_pause_problems(struct problems *p, const json_t *overview)
{
    if (page_is(overview, "stop_file")) {
        buf_add_text(begin_problem(p),
                     "<b>The stop file exists</b>: no run is started while it does.");
        end_problem(p);
    }
    size_t i;
    const json_t *pause;
    json_array_foreach(json_object_get(overview, "paused"), i, pause)
    {
        add_pause(begin_problem(p), pause, page_number(overview, "now"));
        end_problem(p);
    }
}

static void add_credential_problems(struct problems *p, const json_t *credentials, int64_t now)
{
    size_t i;
    const json_t *c;
    json_array_foreach(credentials, i, c)
    {
        int64_t blocked = page_number(c, "blocked_until");
        int64_t expires = page_number(c, "token_expires_s") * 1000;
        if (blocked != 0) {
            const char *reason = page_text(c, "reason");
            struct buf *out = begin_problem(p);
            buf_add_text(out, "<b>GitHub is not asked</b> with ");
            html_add_text(out, page_text(c, "name"));
            buf_add_text(out, " until ");
            page_add_time(out, blocked, now);
            buf_add_text(out, ": ");
            html_add_text(out, reason == NULL ? "GitHub asked to wait" : reason);
            buf_add_text(out, ". Requests wait for it until they expire.");
            end_problem(p);
        }
        if (expires != 0 && expires - now < EXPIRY_SOON_MS) {
            struct buf *out = begin_problem(p);
            buf_add_text(out, "<b>A token ends</b>: ");
            html_add_text(out, page_text(c, "name"));
            buf_add_char(out, ' ');
            page_add_time(out, expires, now);
            end_problem(p);
        }
    }
}

static void add_problems(struct buf *out, const json_t *overview)
{
    int64_t now = page_number(overview, "now");
    struct problems p = {.out = out};
    add_store_problem(&p, json_object_get(overview, "store"), now);
    if (!page_is(overview, "ready") && page_is(json_object_get(overview, "store"), "ok")) {
        buf_add_text(begin_problem(&p),
                     "<b>The relay is shutting down</b>: senders are told to come "
                     "again.");
        end_problem(&p);
    }
    add_unsent_problem(&p, overview, now);
    add_config_problem(&p, json_object_get(overview, "config"), now);
    add_pause_problems(&p, overview);
    add_findings(&p, json_object_get(overview, "findings"));
    add_grafana_problem(&p, json_object_get(overview, "grafana"), now);
    add_credential_problems(&p, json_object_get(overview, "credentials"), now);
    if (p.n > 0)
        buf_add_text(out, "</ul>\n</section>\n");
}

/* --- health --------------------------------------------------------------------------------------
 */

static void add_github(struct buf *out, const json_t *credentials, int64_t now)
{
    size_t i;
    const json_t *c;
    buf_add_text(out, "<div><dt>GitHub</dt>\n");
    if (json_array_size(credentials) == 0)
        buf_add_text(out, "<dd>not asked yet</dd>\n");
    json_array_foreach(credentials, i, c)
    {
        int64_t expires = page_number(c, "token_expires_s") * 1000;
        buf_add_text(out, "<dd>");
        html_add_text(out, page_text(c, "name"));
        buf_add_text(out, page_number(c, "blocked_until") == 0 ? ": free to ask" : ": has to wait");
        if (page_number(c, "remaining") >= 0) {
            buf_add_text(out, ", ");
            page_add_number(out, page_number(c, "remaining"));
            buf_add_text(out, " calls left");
        }
        if (expires != 0) {
            buf_add_text(out, ", its token ends ");
            page_add_time(out, expires, now);
        }
        buf_add_text(out, "</dd>\n");
    }
    buf_add_text(out, "</div>\n");
}

static int64_t last_heard(const json_t *notifications, const char *source)
{
    size_t i;
    const json_t *n;
    json_array_foreach(notifications, i, n)
    {
        const char *from = page_text(n, "source");
        if (from != NULL && source != NULL && strcmp(from, source) == 0)
            return page_number(n, "received");
    }
    return 0;
}

static void add_sources(struct buf *out, const json_t *overview, int64_t now)
{
    const json_t *notifications = json_object_get(overview, "notifications");
    size_t i;
    const json_t *source;
    buf_add_text(out, "<div><dt>Senders</dt>\n");
    json_array_foreach(json_object_get(overview, "sources"), i, source)
    {
        int64_t heard = last_heard(notifications, json_string_value(source));
        buf_add_text(out, "<dd>");
        html_add_text(out, json_string_value(source));
        if (heard != 0) {
            buf_add_text(out, ": heard ");
            page_add_time(out, heard, now);
        } else {
            buf_add_text(out, ": not among the last notifications");
        }
        buf_add_text(out, "</dd>\n");
    }
    buf_add_text(out, "</div>\n");
}

static void add_health(struct buf *out, const json_t *overview)
{
    int64_t now = page_number(overview, "now");
    bool store = page_is(json_object_get(overview, "store"), "ok");
    const char *fault = page_text(json_object_get(overview, "config"), "fault");
    buf_add_text(out, "<section aria-labelledby=\"health\">\n<h2 id=\"health\">Health</h2>\n"
                      "<dl class=\"health\">\n");
    buf_addf(out, "<div><dt>Store</dt>\n<dd>%s</dd>\n</div>\n", store ? "written" : "fails");
    buf_addf(out, "<div><dt>Config</dt>\n<dd>%s</dd>\n</div>\n",
             fault == NULL ? "the file read last is in force" : "the file read last was refused");
    const json_t *grafana = json_object_get(overview, "grafana");
    if (page_text(grafana, "url") != NULL) {
        buf_add_text(out, "<div><dt>Grafana</dt>\n<dd>");
        html_add_text(out, page_text(grafana, "url"));
        buf_add_text(out, page_text(grafana, "fault") == NULL
                              ? ": annotated, its thresholds read</dd>\n</div>\n"
                              : ": cannot be asked</dd>\n</div>\n");
    }
    if (store) {
        add_sources(out, overview, now);
        add_github(out, json_object_get(overview, "credentials"), now);
    }
    buf_add_text(out, "</dl>\n</section>\n");
}

/* --- the page ------------------------------------------------------------------------------------
 */

static void add_summary(struct buf *out, const json_t *overview)
{
    int64_t now = page_number(overview, "now");
    buf_add_text(out, "<header>\n<h1>drift-relay</h1>\n<p id=\"summary\" role=\"status\">");
    if (!page_is(json_object_get(overview, "store"), "ok")) {
        buf_add_text(out, "The store fails: nothing is accepted.");
    } else {
        page_add_count(out, page_number(overview, "keys_firing"), "key fires", "keys fire");
        buf_add_text(out, ", ");
        page_add_count(out, page_number(overview, "waiting"), "request waits", "requests wait");
        buf_add_text(out, ", ");
        page_add_count(out, page_number(overview, "under_way"), "run is under way",
                       "runs are under way");
        buf_add_char(out, '.');
    }
    char text[RFC3339_MAX];
    format_rfc3339_ms(text, now);
    buf_addf(out,
             "</p>\n<p class=\"soft\" id=\"shown\">As of <time datetime=\"%s\">%.10s %.8s</time>"
             "</p>\n</header>\n",
             text, text, text + sizeof("2026-01-05T") - 1);
}

static void add_title(struct buf *out, const json_t *overview)
{
    SCOPED(buf_free) struct buf title = BUF_INIT(128);
    if (!page_is(json_object_get(overview, "store"), "ok"))
        buf_add_text(&title, "store fails");
    else
        page_add_count(&title, page_number(overview, "keys_firing"), "key fires", "keys fire");
    buf_add_text(&title, " · drift-relay");
    add_head(out, buf_text(&title));
}

int page_render(struct buf *out, const char *overview, size_t len, const char *state,
                struct error *err)
{
    SCOPED(json_release_p) json_t *o = NULL;
    int r = strict_json_load(&o, overview, len, DEPTH_MAX, err);
    if (r != 0)
        return r;
    if (page_text(o, "version") == NULL || !json_is_object(json_object_get(o, "store")))
        return error_set(err, -EINVAL, "page: no overview");
    add_title(out, o);
    add_summary(out, o);
    buf_add_text(out, "<main>\n");
    add_problems(out, o);
    if (page_is(json_object_get(o, "store"), "ok")) {
        page_add_keys(out, o, state);
        page_add_requests(out, o);
        page_add_not_started(out, o);
        page_add_changes(out, o);
    }
    add_health(out, o);
    buf_add_text(out, "</main>\n");
    add_end(out, page_text(o, "version"));
    return buf_failed(out) ? error_set(err, -ENOMEM, "page: out of memory") : 0;
}

void page_render_unavailable(struct buf *out, const char *why)
{
    add_head(out, "drift-relay");
    buf_add_text(out, "<header>\n<h1>drift-relay</h1>\n<p id=\"summary\" role=\"status\">No status "
                      "now: ");
    html_add_text(out, why);
    buf_add_text(out, ".</p>\n</header>\n<main></main>\n");
    add_end(out, DRIFT_RELAY_VERSION);
}
