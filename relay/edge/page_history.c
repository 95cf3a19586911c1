/* What happened: the last requests, and the alerts that started nothing, each with why. */
#include "relay/base/html.h"
#include "relay/edge/page_private.h"

#include <inttypes.h>
#include <string.h>

#define GROUPS_MAX 40

/* --- requests ------------------------------------------------------------------------------------
 */

/* An address that GitHub gave, for people to follow: nothing else than the web. */
static bool may_link(const char *url)
{
    return url != NULL && (strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0);
}

void page_add_run(struct buf *out, const json_t *r)
{
    const char *url = page_text(r, "run_url");
    const char *word = page_text(r, "conclusion");
    if (word == NULL)
        word = page_text(r, "run_status");
    if (page_number(r, "run_id") == 0) {
        buf_add_text(out, "–");
        return;
    }
    if (may_link(url)) {
        buf_add_text(out, "<a rel=\"noopener noreferrer\" href=\"");
        html_add_text(out, url);
        buf_addf(out, "\">run %" PRId64 "</a>", page_number(r, "run_id"));
    } else {
        buf_addf(out, "run %" PRId64, page_number(r, "run_id"));
    }
    if (word != NULL) {
        buf_add_text(out, " ");
        html_add_text(out, word);
    }
}

static const char *effect_words(const char *effect)
{
    if (effect == NULL)
        return "";
    if (strcmp(effect, "effective") == 0)
        return " It helped: its alerts resolved.";
    if (strcmp(effect, "not_effective") == 0)
        return " It did not help: its alerts went on firing.";
    return "";
}

static void add_request(struct buf *out, const json_t *r, int64_t now)
{
    const char *state = page_text(r, "state");
    const char *reason = page_text(r, "reason");
    const char *detail = page_text(r, "detail");
    int64_t attempts = page_number(r, "attempts");
    buf_addf(out, "<tr class=\"%s\">\n<td data-of=\"Asked for\">", state);
    page_add_time(out, page_number(r, "created"), now);
    buf_add_text(out, "<br>");
    page_add_link(out, "requests", page_text(r, "relay_id"));
    buf_add_text(out, "</td>\n<td data-of=\"Key\">");
    html_add_text(out, page_text(r, "key"));
    buf_add_text(out, "</td>\n<td data-of=\"What became of it\"><b>");
    html_add_text(out, state);
    if (reason != NULL) {
        buf_add_text(out, " · ");
        html_add_text(out, reason);
    }
    buf_addf(out, "</b> %s%s", page_request_words(state, reason),
             effect_words(page_text(r, "effect")));
    if (attempts > 1) {
        buf_add_text(out, " Tried ");
        page_add_number(out, attempts);
        buf_add_text(out, " times.");
    }
    if (detail != NULL) {
        buf_add_text(out, " <span class=\"soft\">");
        html_add_text(out, detail);
        buf_add_text(out, "</span>");
    }
    buf_add_text(out, "</td>\n<td data-of=\"Run\">");
    page_add_run(out, r);
    buf_add_text(out, "</td>\n</tr>\n");
}

void page_add_requests(struct buf *out, const json_t *overview)
{
    const json_t *requests = json_object_get(overview, "requests");
    buf_add_text(out, "<section aria-labelledby=\"requests\">\n<h2 id=\"requests\">Last "
                      "requests</h2>\n");
    if (json_array_size(requests) == 0) {
        buf_add_text(out, "<p>No run was asked for yet.</p>\n</section>\n");
        return;
    }
    buf_add_text(out, "<table>\n<thead><tr><th scope=\"col\">Asked for</th><th "
                      "scope=\"col\">Key</th><th scope=\"col\">What became of it</th><th "
                      "scope=\"col\">Run</th></tr></thead>\n<tbody>\n");
    size_t i;
    const json_t *r;
    json_array_foreach(requests, i, r)
    {
        add_request(out, r, page_number(overview, "now"));
    }
    buf_add_text(out, "</tbody>\n</table>\n<p class=\"more\"><a href=\"/api/v1/requests\">All "
                      "requests</a></p>\n</section>\n");
}

/* --- what started nothing ------------------------------------------------------------------------
 */

/* Alike decisions of one key are told once. */
struct group {
    const char *key, *fingerprint, *verdict, *reason, *notification, *words;
    int64_t newest, n;
};

struct groups {
    struct group items[GROUPS_MAX];
    size_t n;
};

static bool same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Newest first, as they come. */
static void add_group_of(struct groups *g, const struct group *one)
{
    if (one->words == NULL)
        return;
    for (size_t i = 0; i < g->n; i++) {
        struct group *have = &g->items[i];
        if (have->words == one->words && same(have->key, one->key) &&
            (one->notification == NULL) == (have->notification == NULL) &&
            (one->key != NULL || same(have->fingerprint, one->fingerprint))) {
            have->n++;
            return;
        }
    }
    if (g->n < GROUPS_MAX)
        g->items[g->n++] = *one;
}

static void add_decisions(struct groups *g, const json_t *notification)
{
    size_t i;
    const json_t *decision;
    json_array_foreach(json_object_get(notification, "alerts"), i, decision)
    {
        struct group one = {.key = page_text(decision, "key"),
                            .fingerprint = page_text(decision, "fingerprint"),
                            .verdict = page_text(decision, "verdict"),
                            .reason = page_text(decision, "reason"),
                            .notification = page_text(notification, "id"),
                            .newest = page_number(notification, "received"),
                            .n = 1};
        one.words = page_decision_words(one.verdict, one.reason);
        add_group_of(g, &one);
    }
}

/* What a timer decided. */
static void add_outcome(struct groups *g, const json_t *outcome)
{
    struct group one = {.key = page_text(outcome, "key"),
                        .verdict = page_text(outcome, "verdict"),
                        .reason = page_text(outcome, "reason"),
                        .newest = page_number(outcome, "at"),
                        .n = 1};
    one.words =
        page_decision_words(same(one.reason, "cancelled") ? "timer" : one.verdict, one.reason);
    add_group_of(g, &one);
}

/* Both are newest first. */
static void gather(struct groups *g, const json_t *notifications, const json_t *outcomes)
{
    size_t n = 0;
    size_t o = 0;
    for (;;) {
        const json_t *notification = json_array_get(notifications, n);
        const json_t *outcome = json_array_get(outcomes, o);
        if (notification == NULL && outcome == NULL)
            return;
        if (outcome == NULL || (notification != NULL && page_number(notification, "received") >=
                                                            page_number(outcome, "at"))) {
            add_decisions(g, notification);
            n++;
        } else {
            add_outcome(g, outcome);
            o++;
        }
    }
}

static void add_group(struct buf *out, const struct group *g, int64_t now)
{
    buf_add_text(out, "<li><b>");
    html_add_text(out, g->key != NULL ? g->key : g->fingerprint != NULL ? g->fingerprint : "");
    buf_addf(out, "</b> %s <span class=\"soft\">", g->words);
    html_add_text(out, g->verdict);
    buf_add_text(out, " · ");
    html_add_text(out, g->reason);
    buf_add_text(out, g->notification == NULL ? ", by a timer, " : ", ");
    if (g->n > 1) {
        page_add_number(out, g->n);
        buf_add_text(out, " times, last ");
    }
    page_add_time(out, g->newest, now);
    if (g->notification != NULL) {
        buf_add_text(out, ", ");
        page_add_link(out, "notifications", g->notification);
    }
    buf_add_text(out, "</span></li>\n");
}

void page_add_not_started(struct buf *out, const json_t *overview)
{
    struct groups g = {.n = 0};
    const json_t *notifications = json_object_get(overview, "notifications");
    gather(&g, notifications, json_object_get(overview, "outcomes"));
    buf_add_text(out, "<section aria-labelledby=\"not-started\">\n<h2 id=\"not-started\">Not "
                      "started, and why</h2>\n<p class=\"soft\">Of the last ");
    page_add_count(out, (int64_t)json_array_size(notifications), "notification", "notifications");
    buf_add_text(out, ".</p>\n");
    if (g.n == 0)
        buf_add_text(out, "<p>Nothing was turned down.</p>\n");
    buf_add_text(out, "<ul class=\"told\">\n");
    for (size_t i = 0; i < g.n; i++)
        add_group(out, &g.items[i], page_number(overview, "now"));
    buf_add_text(out, "</ul>\n<p class=\"more\"><a href=\"/api/v1/notifications\">All "
                      "notifications</a></p>\n</section>\n");
}

/* --- what operators did --------------------------------------------------------------------------
 */

void page_add_said(struct buf *out, const json_t *deed)
{
    const char *who = page_text(deed, "who");
    const char *why = page_text(deed, "why");
    if (who != NULL) {
        buf_add_text(out, " by ");
        html_add_text(out, who);
    }
    if (why != NULL) {
        buf_add_text(out, " (");
        html_add_text(out, why);
        buf_add_char(out, ')');
    }
}

static void add_change(struct buf *out, const json_t *change, int64_t now)
{
    const char *name = page_text(change, "name");
    const char *detail = page_text(change, "detail");
    buf_add_text(out, "<li><b>");
    html_add_text(out, page_text(change, "action"));
    if (name != NULL) {
        buf_add_char(out, ' ');
        html_add_text(out, name);
    }
    buf_add_text(out, "</b>");
    page_add_said(out, change);
    buf_add_text(out, " <span class=\"soft\">");
    page_add_time(out, page_number(change, "at"), now);
    if (detail != NULL) {
        buf_add_text(out, ", ");
        html_add_text(out, detail);
    }
    buf_add_text(out, "</span></li>\n");
}

void page_add_changes(struct buf *out, const json_t *overview)
{
    const json_t *changes = json_object_get(overview, "changes");
    if (json_array_size(changes) == 0)
        return;
    buf_add_text(out, "<section aria-labelledby=\"changes\">\n<h2 id=\"changes\">Operators’ "
                      "changes</h2>\n<ul class=\"told\">\n");
    size_t i;
    const json_t *change;
    json_array_foreach(changes, i, change)
    {
        add_change(out, change, page_number(overview, "now"));
    }
    buf_add_text(out, "</ul>\n<p class=\"more\"><a href=\"/api/v1/changes\">All changes</a></p>\n"
                      "</section>\n");
}
