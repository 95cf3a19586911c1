#include "relay/cli/explain_text.h"

#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/cli/text.h"

#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES (256 * 1024)

struct words {
    struct buf *out;
    const json_t *check;
    struct wall now;
    bool utc, holds;
};

static const char *get(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "" : text;
}

static bool is_set(const json_t *object, const char *name)
{
    return json_is_string(json_object_get(object, name));
}

static long long number(const json_t *object, const char *name)
{
    return (long long)json_integer_value(json_object_get(object, name));
}

static void say(struct words *w, const char *text)
{
    buf_add_text(w->out, text);
}

static void say_value(struct words *w, const json_t *object, const char *name)
{
    text_add_safe(w->out, get(object, name));
}

/* The time in that field, from now; "?" when there is none. */
static void say_time(struct words *w, const json_t *object, const char *name)
{
    struct wall t;
    if (parse_rfc3339_ms(&t.ms, get(object, name), NULL) != 0)
        say(w, "?");
    else
        text_add_time_from(w->out, t, w->now, w->utc);
}

static void say_until(struct words *w, const char *otherwise)
{
    if (is_set(w->check, "until")) {
        say(w, ", over at ");
        say_time(w, w->check, "until");
    } else {
        say(w, otherwise);
    }
}

/* --- a sentence for each row --------------------------------------------------------------------
 */

static void resolve(struct words *w)
{
    say(w, w->holds ? "a resolve: it ends its alert" : "a resolve of nothing that fires here");
    if (is_set(w->check, "state_reason")) {
        say(w, " (Grafana's reason: ");
        say_value(w, w->check, "state_reason");
        say(w, ")");
    }
}

static void kind(struct words *w)
{
    const char *what = get(w->check, "kind");
    if (strcmp(what, "test") == 0)
        say(w, "a test of the contact point starts nothing");
    else if (strcmp(what, "no_data") == 0)
        say(w, "the rule has no data: that is no drift");
    else if (strcmp(what, "error") == 0)
        say(w, "the rule cannot be evaluated: that is no drift");
    else
        say(w, "it fires");
}

static void room(struct words *w)
{
    if (!is_set(w->check, "route")) {
        say(w, "no route matches its labels");
        return;
    }
    say(w, "route ");
    say_value(w, w->check, "route");
    buf_addf(w->out,
             w->holds ? " is full: at most %lld keys with %lld members each"
                      : " takes it (at most %lld keys with %lld members each)",
             number(w->check, "max_keys"), number(w->check, "max_members"));
}

static void duplicate(struct words *w)
{
    if (!w->holds) {
        say(w, "it is not yet part of a hold, deferral or request");
        return;
    }
    say(w, "it already belongs to the key's ");
    say_value(w, w->check, "of");
    say(w, is_set(w->check, "relay_id") ? " " : "");
    say_value(w, w->check, "relay_id");
}

static void min_alerts(struct words *w)
{
    long long have = number(w->check, "have");
    buf_addf(w->out, "%lld alert%s of min_alerts %lld fire%s", have, have == 1 ? "" : "s",
             number(w->check, "limit"), have == 1 ? "s" : "");
}

static void paused(struct words *w)
{
    const char *what = get(w->check, "what");
    if (!w->holds)
        say(w, "nothing is paused");
    else if (strcmp(what, "stop file") == 0)
        say(w, "the stop file exists");
    else
        buf_addf(w->out, "its %s is paused, until somebody resumes it", what);
}

static void held(struct words *w)
{
    say(w, w->holds ? "it joins the hold that began at " : "no hold is on");
    if (!w->holds)
        return;
    say_time(w, w->check, "began");
    say_until(w, "");
}

static void running(struct words *w)
{
    if (!w->holds) {
        say(w, "no request of the key is open");
        return;
    }
    say(w, "request ");
    say_value(w, w->check, "relay_id");
    say(w, " is open: ");
    say_value(w, w->check, "state");
    if (is_set(w->check, "posted_at")) {
        say(w, ", POSTed at ");
        say_time(w, w->check, "posted_at");
    }
}

static void disarmed(struct words *w)
{
    if (!w->holds) {
        say(w, "the key is armed");
        return;
    }
    say(w, "the POST at ");
    say_time(w, w->check, "disarmed_at");
    say(w, " disarmed the key until it is quiet for ");
    say_value(w, w->check, "settle");
    say_until(w, "; no time ends it (rearm_after is 0s)");
}

static void cooldown(struct words *w)
{
    bool retry = strcmp(get(w->check, "of"), "retry_after") == 0;
    say_value(w, w->check, "length");
    if (!w->holds) {
        say(w, ": none is on");
        return;
    }
    say(w, retry ? " (retry_after) from the request that ended at " : " from the POST at ");
    say_time(w, w->check, "from");
    say_until(w, "");
}

static void budget(struct words *w)
{
    long long limit = number(w->check, "limit");
    say_value(w, w->check, "of");
    say(w, " ");
    say_value(w, w->check, "whose");
    if (limit == 0) {
        say(w, " has no budget");
        return;
    }
    buf_addf(w->out, " has taken %lld of %lld requests in ", number(w->check, "have"), limit);
    say_value(w, w->check, "per");
    if (w->holds)
        say_until(w, "");
}

static void inputs(struct words *w)
{
    if (w->holds)
        say_value(w, w->check, "why");
    else
        say(w, "they can be made");
}

static void hold(struct words *w)
{
    if (!w->holds) {
        say(w, "the route has none");
        return;
    }
    say(w, "the key must fire for ");
    say_value(w, w->check, "hold");
    say(w, " without a break");
}

static void dispatch(struct words *w)
{
    say(w, "nothing stands in the way: the workflow is started");
}

static void (*const sentences[])(struct words *w) = {
    resolve, kind,     room,     duplicate, min_alerts, paused, held,
    running, disarmed, cooldown, budget,    inputs,     hold,   dispatch,
};

void explain_sentence(struct buf *out, const json_t *check, struct wall now, bool utc)
{
    struct words w = {.out = out,
                      .check = check,
                      .now = now,
                      .utc = utc,
                      .holds = json_is_true(json_object_get(check, "holds"))};
    long long row = number(check, "row");
    if (row >= 0 && row < (long long)(sizeof(sentences) / sizeof(sentences[0])))
        sentences[row](&w);
}

/* --- the page ------------------------------------------------------------------------------------
 */

static void print_field(const char *name, const char *text)
{
    char lead[32];
    (void)snprintf(lead, sizeof(lead), "  %-13s ", name);
    text_print(lead, text);
}

static void print_checks(const json_t *alert, struct wall now, bool utc)
{
    bool decided = false;
    size_t i;
    json_t *check;
    json_array_foreach(json_object_get(alert, "checks"), i, check)
    {
        SCOPED(buf_free) struct buf line = BUF_INIT(LINE_MAX_BYTES);
        char lead[32];
        bool decides = !decided && json_is_true(json_object_get(check, "holds"));
        decided = decided || decides;
        (void)snprintf(lead, sizeof(lead), "%s %2lld %-11s ", decides ? ">" : " ",
                       number(check, "row"), get(check, "name"));
        explain_sentence(&line, check, now, utc);
        text_print(lead, buf_text(&line));
    }
}

/* clang-format off */
static const struct {
    const char *word, *sentence;
} events[] = {
    {"never",         "never: such an alert starts nothing"},
    {"room",          "when keys or members of the route are forgotten"},
    {"members",       "when enough alerts of the key fire"},
    {"resumed",       "when the pause or the stop file is gone"},
    {"request_ended", "when the open request has ended, and its cooldown too"},
    {"rearmed",       "when the key was quiet for `settle`, or by drift-relay rearm"},
    {"inputs",        "when its inputs can be made"},
    {"unknown",       "not within the blocks that can be foreseen"},
};
/* clang-format on */

static void print_acts(const json_t *alert, struct words *w)
{
    const char *when = get(alert, "acts_when");
    buf_clear(w->out);
    if (is_set(alert, "acts_at"))
        say_time(w, alert, "acts_at");
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        if (strcmp(events[i].word, when) == 0)
            say(w, events[i].sentence);
    }
    print_field("would act", buf_text(w->out));
}

static void print_key(const json_t *alert, struct words *w)
{
    const json_t *members = json_object_get(alert, "members");
    buf_clear(w->out);
    if (is_set(alert, "key")) {
        say(w, "key ");
        say_value(w, alert, "key");
    } else {
        say(w, is_set(alert, "route") ? "no key" : "no route");
    }
    if (json_is_object(members))
        buf_addf(w->out, "; members: %lld firing, %lld blind", number(members, "firing"),
                 number(members, "blind"));
    text_print("  ", buf_text(w->out));
}

static void print_alert(const json_t *alert, struct wall now, bool utc)
{
    SCOPED(buf_free) struct buf line = BUF_INIT(LINE_MAX_BYTES);
    struct words w = {.out = &line, .now = now, .utc = utc};
    say(&w, "alert ");
    say_value(&w, alert, "fingerprint");
    say(&w, " \"");
    say_value(&w, alert, "alertname");
    buf_addf(&line, "\" (%s)", get(alert, "kind"));
    (void)putchar('\n');
    text_print("", buf_text(&line));
    print_key(alert, &w);
    print_checks(alert, now, utc);
    buf_clear(&line);
    buf_addf(&line, "%s/%s", get(alert, "verdict"), get(alert, "reason"));
    if (is_set(alert, "until")) {
        say(&w, ", until ");
        say_time(&w, alert, "until");
    }
    print_field("decision", buf_text(&line));
    const json_t *made = json_object_get(alert, "inputs");
    SCOPED(free_p) char *dump = made == NULL ? NULL : json_dumps(made, JSON_COMPACT);
    buf_clear(&line);
    if (dump != NULL && json_is_object(made)) {
        text_add_safe(&line, dump);
        print_field("inputs", buf_text(&line));
    }
    print_acts(alert, &w);
}

void explain_print(const json_t *explanation, bool utc)
{
    struct wall now = {0};
    size_t i;
    json_t *alert;
    SCOPED(buf_free) struct buf line = BUF_INIT(LINE_MAX_BYTES);
    if (parse_rfc3339_ms(&now.ms, get(explanation, "at"), NULL) != 0)
        return;
    buf_add_text(&line, "source ");
    text_add_safe(&line, get(explanation, "source"));
    buf_add_text(&line, ", explained for ");
    text_add_time(&line, now, utc);
    text_print("", buf_text(&line));
    json_array_foreach(json_object_get(explanation, "alerts"), i, alert)
    {
        print_alert(alert, now, utc);
    }
}
