/* What is debounced: each key with what it does, what forbids it the next run, and until when. */
#include "relay/base/html.h"
#include "relay/edge/page_private.h"

#include <inttypes.h>
#include <string.h>

#define WIDTH    1000 /* of a timeline, in its own units */
#define LANE     10
#define MARGIN   20   /* so wide the part behind the last end is at least, in parts of the whole */
#define SHORT_MS 1000 /* a timeline of nothing has a length, too */

/* clang-format off */
static const struct {
    const char *state, *words, *hint;
} states[] = {
    {"open",     "open",      "A run was asked for: its request waits, or it is under way."},
    {"held",     "held",      "It fires, and must go on firing until the hold ends."},
    {"deferred", "deferred",  "It fires and is blocked; it is asked again when the block ends."},
    {"firing",   "firing",    "It fires; its next notification is decided afresh."},
    {"disarmed", "disarmed",  "A run was started for this incident."},
    {"cooldown", "cooling",   "The time after a run in which no other is started."},
    {"quiet",    "quiet",     "Nothing fires, nothing forbids a run."},
};
/* clang-format on */
#define STATES (sizeof(states) / sizeof(states[0]))

/* Of an open request how far it is. */
static const char *badge_words(const json_t *key)
{
    const char *state = page_text(key, "state");
    const json_t *request = json_object_get(key, "request");
    if (request != NULL && strcmp(page_text(request, "state"), "queued") == 0)
        return "waiting";
    if (request != NULL)
        return page_number(request, "run_id") == 0 ? "dispatched" : "running";
    for (size_t i = 0; i < STATES; i++) {
        if (state != NULL && strcmp(states[i].state, state) == 0)
            return states[i].words;
    }
    return "";
}

/* --- the timeline --------------------------------------------------------------------------------
 */

struct phase {
    const char *kind, *words; /* its class; its name */
    int lane;
    int64_t from, until; /* until 0: no time ends it */
};

struct timeline {
    struct phase phases[6];
    size_t n;
    int64_t now;
};

static void add_phase(struct timeline *t, const char *kind, const char *words, int lane,
                      int64_t from, int64_t until)
{
    if (from == 0 || t->n == sizeof(t->phases) / sizeof(t->phases[0]))
        return;
    t->phases[t->n++] = (struct phase){kind, words, lane, from, until};
}

/* The newest of the last requests that is the key's and ended. */
static const json_t *last_ended(const json_t *requests, const char *key)
{
    size_t i;
    const json_t *r;
    json_array_foreach(requests, i, r)
    {
        const char *of = page_text(r, "key");
        if (of != NULL && strcmp(of, key) == 0 && page_number(r, "ended") != 0)
            return r;
    }
    return NULL;
}

static void gather(struct timeline *t, const json_t *key, const json_t *ended)
{
    if (page_number(ended, "run_id") != 0)
        add_phase(t, "running", "ran", 0, page_number(ended, "posted"),
                  page_number(ended, "ended"));
    const json_t *request = json_object_get(key, "request");
    int64_t posted = page_number(request, "posted");
    int64_t created = page_number(request, "created");
    bool waits = request != NULL && page_text(request, "run_url") == NULL;
    add_phase(t, "held", "held", 0, page_number(key, "held_from"), page_number(key, "held_until"));
    add_phase(t, "deferred", "deferred", 0, page_number(key, "deferred_from"),
              page_number(key, "until"));
    if (waits && strcmp(page_text(request, "state"), "queued") == 0)
        add_phase(t, "waiting", "waits for its POST", 0, created, 0);
    else if (request != NULL)
        add_phase(t, waits ? "dispatched" : "running", waits ? "dispatched" : "running", 0,
                  posted != 0 ? posted : created, 0);
    add_phase(t, "cooling", "cooling", 1, page_number(key, "cooldown_from"),
              page_number(key, "cooldown_until"));
    add_phase(t, "disarmed", "disarmed", 2, page_number(key, "disarmed_from"),
              page_number(key, "disarmed_until"));
}

struct scale {
    int64_t from, length;
};

static struct scale scale_of(const struct timeline *t)
{
    int64_t first = t->now;
    int64_t last = first;
    for (size_t i = 0; i < t->n; i++) {
        first = t->phases[i].from < first ? t->phases[i].from : first;
        last = t->phases[i].until > last ? t->phases[i].until : last;
    }
    int64_t length = last - first < SHORT_MS ? SHORT_MS : last - first;
    return (struct scale){first, length + length / MARGIN};
}

static int place(const struct scale *s, int64_t at)
{
    return (int)((double)(at - s->from) / (double)s->length * WIDTH);
}

/* For the eye alone: the list behind it says the same. */
static void add_picture(struct buf *out, const struct timeline *t)
{
    struct scale s = scale_of(t);
    buf_addf(out,
             "<svg class=\"line\" viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" "
             "aria-hidden=\"true\">",
             WIDTH, 3 * LANE);
    for (size_t i = 0; i < t->n; i++) {
        const struct phase *p = &t->phases[i];
        int x = place(&s, p->from);
        int end = p->until == 0 ? WIDTH : place(&s, p->until);
        buf_addf(out, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>", p->kind,
                 x, p->lane * LANE, end - x < 3 ? 3 : end - x, LANE - 2);
    }
    buf_addf(out, "<rect class=\"now\" x=\"%d\" y=\"0\" width=\"2\" height=\"%d\"/></svg>\n",
             place(&s, t->now), 3 * LANE);
}

static void add_phases(struct buf *out, const struct timeline *t)
{
    if (t->n == 0)
        return;
    add_picture(out, t);
    buf_add_text(out, "<ul class=\"phases\">\n");
    for (size_t i = 0; i < t->n; i++) {
        const struct phase *p = &t->phases[i];
        buf_addf(out, "<li class=\"%s\"><b>%s</b> from ", p->kind, p->words);
        page_add_time(out, p->from, t->now);
        if (p->until != 0) {
            buf_add_text(out, " until ");
            page_add_time(out, p->until, t->now);
        }
        buf_add_text(out, "</li>\n");
    }
    buf_add_text(out, "</ul>\n");
}

/* --- when it may act -----------------------------------------------------------------------------
 */

static void add_open(struct buf *out, const json_t *key, int64_t now)
{
    const json_t *request = json_object_get(key, "request");
    const char *state = page_text(request, "state");
    int64_t next = page_number(request, "next");
    html_add_text(out, page_request_words(state, page_text(request, "reason")));
    if (state != NULL && strcmp(state, "queued") == 0 && next > now) {
        buf_add_text(out, " Next try ");
        page_add_time(out, next, now);
        buf_add_char(out, '.');
    }
    if (page_number(request, "run_id") != 0) {
        buf_add_text(out, " It is ");
        page_add_run(out, request);
        buf_add_char(out, '.');
    }
    if (page_number(key, "firing") == 0 && state != NULL && strcmp(state, "queued") == 0)
        buf_add_text(out, " It does not fire any more.");
    buf_add_text(out, " No other run is started before it has ended.");
}

static void add_disarmed(struct buf *out, const json_t *key, int64_t until, int64_t now)
{
    buf_add_text(out,
                 "A run was started for this incident. It may act again once it was quiet for ");
    page_add_length(out, page_number(key, "settle_ms"));
    int64_t cooled = page_number(key, "cooldown_until");
    if (cooled > now) {
        buf_add_text(out, ", not before ");
        page_add_time(out, cooled, now);
    }
    if (until != 0) {
        buf_add_text(out,
                     page_number(key, "quiet_since") != 0 ? ", which is at " : ", at the latest ");
        page_add_time(out, until, now);
    }
    buf_add_char(out, '.');
}

static void add_firing(struct buf *out, const json_t *key)
{
    int64_t fires = page_number(key, "firing");
    int64_t wanted = page_number(key, "min_alerts");
    if (fires >= wanted)
        buf_add_text(out, "Nothing forbids a run: its next notification is decided afresh.");
    else
        buf_addf(out, "%" PRId64 " of the %" PRId64 " alerts that min_alerts asks for fire.", fires,
                 wanted);
}

static void add_next(struct buf *out, const json_t *key, int64_t now)
{
    const char *state = page_text(key, "state");
    int64_t until = page_number(key, "until");
    buf_add_text(out, "<p>");
    if (strcmp(state, "open") == 0) {
        add_open(out, key, now);
    } else if (strcmp(state, "held") == 0) {
        buf_add_text(out, "A run is started if it still fires at ");
        page_add_time(out, until != 0 ? until : page_number(key, "held_until"), now);
        buf_add_char(out, '.');
    } else if (strcmp(state, "deferred") == 0) {
        buf_addf(out, "It is asked again when %s",
                 page_block_words(page_text(key, "deferred_for")));
        if (until != 0) {
            buf_add_text(out, ", at ");
            page_add_time(out, until, now);
        }
        buf_add_char(out, '.');
    } else if (strcmp(state, "disarmed") == 0) {
        add_disarmed(out, key, until, now);
    } else if (strcmp(state, "cooldown") == 0) {
        buf_add_text(out, "It may act again at ");
        page_add_time(out, until, now);
        buf_add_char(out, '.');
    } else {
        add_firing(out, key);
    }
    if (page_is(key, "paused"))
        buf_add_text(out, " <strong>Paused: nothing is started.</strong>");
    buf_add_text(out, "</p>\n");
}

static void add_key(struct buf *out, const json_t *key, const json_t *requests, int64_t now)
{
    const char *state = page_text(key, "state");
    struct timeline t = {.now = now};
    buf_addf(out, "<li class=\"key\">\n<h3>");
    page_add_link(out, "keys", page_text(key, "key"));
    buf_addf(out, " <span class=\"badge %s\">%s</span></h3>\n<p class=\"soft\">", state,
             badge_words(key));
    page_add_count(out, page_number(key, "firing"), "alert fires", "alerts fire");
    if (page_number(key, "blind") > 0) {
        buf_add_text(out, ", ");
        page_add_count(out, page_number(key, "blind"), "without data", "without data");
    }
    buf_add_text(out, "</p>\n");
    add_next(out, key, now);
    gather(&t, key, last_ended(requests, page_text(key, "key")));
    add_phases(out, &t);
    buf_add_text(out, "</li>\n");
}

/* --- the section ---------------------------------------------------------------------------------
 */

static void add_choice(struct buf *out, const char *state, const char *words, int64_t n,
                       const char *chosen)
{
    buf_addf(out, "<li><a href=\"/%s%s\"%s>%s <b>", state[0] == '\0' ? "" : "?state=", state,
             strcmp(state, chosen) == 0 ? " aria-current=\"true\"" : "", words);
    page_add_number(out, n);
    buf_add_text(out, "</b></a></li>\n");
}

static void add_choices(struct buf *out, const json_t *counts, const char *chosen)
{
    int64_t all = 0;
    for (size_t i = 0; i < STATES; i++)
        all += page_number(counts, states[i].state);
    buf_add_text(out, "<nav aria-label=\"Keys by state\"><ul class=\"choices\">\n");
    add_choice(out, "", "all", all, chosen);
    for (size_t i = 0; i < STATES; i++)
        add_choice(out, states[i].state, states[i].words, page_number(counts, states[i].state),
                   chosen);
    buf_add_text(out, "</ul></nav>\n");
    for (size_t i = 0; i < STATES; i++) {
        if (strcmp(states[i].state, chosen) == 0)
            buf_addf(out, "<p class=\"soft\">%s</p>\n", states[i].hint);
    }
}

static void add_next_page(struct buf *out, const char *next, const char *chosen)
{
    if (next == NULL)
        return;
    buf_add_text(out, "<p class=\"more\"><a rel=\"next\" href=\"/?");
    if (chosen[0] != '\0')
        buf_addf(out, "state=%s&amp;", chosen);
    buf_add_text(out, "cursor=");
    page_add_encoded(out, next);
    buf_add_text(out, "\">More keys</a></p>\n");
}

void page_add_keys(struct buf *out, const json_t *overview, const char *state)
{
    const json_t *keys = json_object_get(overview, "keys");
    const char *chosen = "";
    for (size_t i = 0; i < STATES; i++) {
        if (strcmp(states[i].state, state) == 0)
            chosen = states[i].state;
    }
    buf_add_text(out, "<section aria-labelledby=\"keys\">\n<h2 id=\"keys\">Keys</h2>\n");
    add_choices(out, json_object_get(overview, "key_states"), chosen);
    if (json_array_size(keys) == 0)
        buf_add_text(out, "<p>None: nothing fires, and nothing is waited for.</p>\n");
    buf_add_text(out, "<ul class=\"keys\">\n");
    size_t i;
    const json_t *key;
    json_array_foreach(keys, i, key)
    {
        add_key(out, key, json_object_get(overview, "requests"), page_number(overview, "now"));
    }
    buf_add_text(out, "</ul>\n");
    add_next_page(out, page_text(overview, "next"), chosen);
    buf_add_text(out, "</section>\n");
}
