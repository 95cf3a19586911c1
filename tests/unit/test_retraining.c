/* Annotations of retrainings: what a request looks like in Grafana, and what is written when. */
#include "relay/grafana/retraining.h"

#include "relay/base/scope.h"
#include "relay/base/strict_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ID    "01JDG3K5Q8RWXYZ0123456789A"
#define START INT64_C(1764115205000) /* 2025-11-26T00:00:05Z */
#define ATTEMPTS                                                                                   \
    "\"attempts\":[{\"at\":\"2025-11-26T00:00:00Z\"},{\"at\":\"2025-11-26T00:00:05Z\"}]"
#define NAMES                                                                                      \
    "\"relay_id\":\"" ID "\",\"route\":\"kospi\",\"target\":\"retrain\",\"key\":\"kospi/a%2Fb\""
#define RUN "\"run\":{\"id\":43,\"url\":\"https://github.com/acme/kospi/actions/runs/43?a=1&b=2\"}"
#define RUNNING                                                                                    \
    "{" NAMES                                                                                      \
    ",\"state\":\"running\",\"reason\":null,\"cause\":\"alert\",\"notification\":\"01N\"," RUN     \
    "," ATTEMPTS "}"
#define DONE                                                                                       \
    "{" NAMES ",\"state\":\"done\",\"reason\":\"failure\",\"cause\":\"timer\",\"ended_at\":"       \
    "\"2025-11-26T00:01:40Z\"," RUN "," ATTEMPTS "}"
#define IN(state) "{" NAMES ",\"state\":\"" state "\",\"run\":null," ATTEMPTS "}"

#define LOOK "GET /api/annotations?type=annotation&tags=retraining&tags=relay_id%3A" ID
#define MAKE "POST /api/annotations"
#define END  "PATCH /api/annotations/7"
#define DONE_TEXT                                                                                  \
    "Retraining kospi/a%2Fb: failure. <a href=\\\"https://github.com/acme/kospi/actions/runs/"     \
    "43?a=1&#38;b=2\\\" target=\\\"_blank\\\">Run 43</a>. Started when a hold or deferral ended."
#define FOUND(text)                                                                                \
    "[{\"id\":7,\"text\":\"" text "\",\"tags\":[\"relay_id:" ID "\",\"retraining\"]}]"
#define MADE   "{\"id\":7}"
#define STEPS  8
#define WAIT   "so many ms"
#define UNSENT -1 /* instead of a status: no byte left */

/* clang-format off */
static const struct {
    const char *name, *request;
    bool shown, ended, over;
} states[] = {
    {"queued", IN("queued"), false, false, false},
    {"sending", IN("sending"), false, false, false},
    {"ambiguous", IN("ambiguous"), false, false, false},
    {"refused", IN("dead"), false, false, true},
    {"accepted", IN("accepted"), true, false, false},
    {"accepted without id", IN("accepted_no_id"), true, false, false},
    {"adopted", IN("adopted"), true, false, false},
    {"running", RUNNING, true, false, false},
    {"done", DONE, true, true, true},
    {"parked", IN("parked"), true, true, true},
    {"no attempts", "{" NAMES ",\"state\":\"running\",\"attempts\":[]}", false, false, false},
    {"a time that is none", "{" NAMES ",\"state\":\"running\",\"attempts\":[{\"at\":\"then\"}]}", false, false, false},
};

static const struct {
    const char *name, *request;
    struct step { const char *call; int status; const char *body; enum track_outcome outcome; } steps[STEPS];
    const char *then; /* what is called for after DONE came; NULL: nothing */
} ways[] = {
    {"made while it runs, patched at its end", RUNNING, {{LOOK, 200, "[]", TRACK_FOUND}, {MAKE, 200, MADE, TRACK_MADE}}, END},
    {"found again after a restart", RUNNING, {{LOOK, 200, FOUND("Retraining"), TRACK_FOUND}}, END},
    {"another's annotation is none of its own", RUNNING, {{LOOK, 200, "[{\"id\":3,\"tags\":[\"retraining\",\"relay_id:X\"]}]", TRACK_FOUND}, {MAKE, 200, MADE, TRACK_MADE}}, END},
    {"the oldest of two is kept up", RUNNING, {{LOOK, 200, "[{\"id\":9,\"tags\":[\"retraining\",\"relay_id:" ID "\"]},{\"id\":7,\"tags\":[\"retraining\",\"relay_id:" ID "\"]}]", TRACK_FOUND}}, END},
    {"a made one whose answer was lost is looked for", RUNNING, {{LOOK, 200, "[]", TRACK_FOUND}, {MAKE, 0, "", TRACK_AWAY}, {LOOK, 200, FOUND("Retraining"), TRACK_FOUND}}, END},
    {"one that Grafana takes long over is waited for", RUNNING, {{LOOK, 200, "[]", TRACK_FOUND}, {MAKE, 0, "", TRACK_AWAY}, {WAIT, 20000, "", TRACK_FOUND}, {LOOK, 200, "[]", TRACK_LATER}, {WAIT, 20000, "", TRACK_FOUND}, {LOOK, 200, FOUND("Retraining"), TRACK_FOUND}}, END},
    {"a 504 of a proxy says as little", RUNNING, {{LOOK, 200, "[]", TRACK_FOUND}, {MAKE, 504, "", TRACK_AWAY}, {WAIT, 119999, "", TRACK_FOUND}, {LOOK, 200, "[]", TRACK_LATER}}, LOOK},
    {"one that did not come in two minutes is made", RUNNING, {{LOOK, 200, "[]", TRACK_FOUND}, {MAKE, 0, "", TRACK_AWAY}, {WAIT, 120000, "", TRACK_FOUND}, {LOOK, 200, "[]", TRACK_FOUND}, {MAKE, 200, MADE, TRACK_MADE}}, END},
    {"one that did not leave is made at once", RUNNING, {{LOOK, 200, "[]", TRACK_FOUND}, {MAKE, UNSENT, "", TRACK_AWAY}, {LOOK, 200, "[]", TRACK_FOUND}, {MAKE, 200, MADE, TRACK_MADE}}, END},
    {"away while it is looked for", RUNNING, {{LOOK, 502, "", TRACK_AWAY}, {LOOK, 200, "[]", TRACK_FOUND}, {MAKE, 200, MADE, TRACK_MADE}}, END},
    {"an answer without an id is looked for", RUNNING, {{LOOK, 200, "[]", TRACK_FOUND}, {MAKE, 200, "", TRACK_MADE}, {LOOK, 200, FOUND("Retraining"), TRACK_FOUND}}, END},
    {"no list", RUNNING, {{LOOK, 200, "{}", TRACK_REFUSED}}, LOOK},
    {"a stray 404 is asked again", RUNNING, {{LOOK, 404, "", TRACK_REFUSED}, {LOOK, 200, "[]", TRACK_FOUND}, {MAKE, 200, MADE, TRACK_MADE}}, END},
    {"may not be written", RUNNING, {{LOOK, 200, "[]", TRACK_FOUND}, {MAKE, 403, "", TRACK_REFUSED}}, LOOK},
    {"ended before it was made: made whole", DONE, {{LOOK, 200, "[]", TRACK_FOUND}, {MAKE, 200, MADE, TRACK_MADE}}, NULL},
    {"ended and written before a restart", DONE, {{LOOK, 200, FOUND(DONE_TEXT), TRACK_FOUND}}, NULL},
    {"ended while the relay was down", DONE, {{LOOK, 200, FOUND("Retraining kospi/a%2Fb: running."), TRACK_FOUND}, {END, 200, "", TRACK_PATCHED}}, NULL},
    {"away at the end", DONE, {{LOOK, 200, FOUND("x"), TRACK_FOUND}, {END, 0, "", TRACK_AWAY}, {END, 200, "", TRACK_PATCHED}}, NULL},
    {"deleted by people", DONE, {{LOOK, 200, FOUND("x"), TRACK_FOUND}, {END, 404, "", TRACK_LATER}, {LOOK, 200, "[]", TRACK_FOUND}}, NULL},
    {"a stray 404 is no deletion", DONE, {{LOOK, 200, FOUND("x"), TRACK_FOUND}, {END, 404, "", TRACK_LATER}, {LOOK, 200, FOUND("x"), TRACK_FOUND}, {END, 200, "", TRACK_PATCHED}}, NULL},
};
/* clang-format on */

static json_t *load(const char *text)
{
    json_t *json = NULL;
    struct error err = {0};
    if (strict_json_load(&json, text, strlen(text), 16, &err) != 0)
        fail_msg("%s: %s", err.text, text);
    return json;
}

static void only_what_ran_or_may_have_is_shown(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        SCOPED(json_release_p) json_t *request = load(states[i].request);
        SCOPED(retraining_clear) struct retraining r;
        bool shown = retraining_read(&r, request);
        if (shown != states[i].shown || (shown && (r.end_ms != 0) != states[i].ended) ||
            (shown && r.start_ms != START) || retraining_request_is_over(request) != states[i].over)
            fail_msg("%s: %d %d", states[i].name, shown, r.end_ms != 0);
    }
}

static void show(char out[static 256], struct retraining_track *t, const struct retraining *r)
{
    SCOPED(grafana_call_free_p) struct grafana_call *call = NULL;
    out[0] = '\0';
    if (!retraining_is_due(t, r))
        return;
    call = retraining_call(t, r);
    assert_non_null(call);
    (void)snprintf(out, 256, "%s %s", call->method, call->path);
}

static void each_answer_leads_where_it_should(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct retraining_track track = {.id = 0};
        char shown[256];
        struct mono now = {.ms = 1000};
        SCOPED(json_release_p) json_t *request = load(ways[i].request);
        SCOPED(json_release_p) json_t *done = load(DONE);
        SCOPED(retraining_clear) struct retraining r;
        SCOPED(retraining_clear) struct retraining end;
        assert_true(retraining_read(&r, request));
        assert_true(retraining_read(&end, done));
        for (const struct step *step = ways[i].steps; step->call != NULL; step++) {
            if (strcmp(step->call, WAIT) == 0) {
                now.ms += step->status;
                continue;
            }
            show(shown, &track, &r);
            struct grafana_answer answer = {.status = step->status == UNSENT ? 0 : step->status,
                                            .body = step->body,
                                            .body_len = strlen(step->body),
                                            .error = "",
                                            .unsent = step->status == UNSENT};
            enum track_outcome outcome = retraining_answer(&track, &r, &answer, now);
            if (strcmp(shown, step->call) != 0 || outcome != step->outcome)
                fail_msg("%s: \"%s\" for \"%s\", then %d", ways[i].name, shown, step->call,
                         outcome);
        }
        show(shown, &track, &end);
        if (strcmp(shown, ways[i].then == NULL ? "" : ways[i].then) != 0)
            fail_msg("%s: then \"%s\"", ways[i].name, shown);
    }
}

static void a_region_has_start_end_text_and_tags(void **state)
{
    (void)state;
    struct retraining_track track = {.stage = TRACK_MAKE};
    SCOPED(json_release_p) json_t *request = load(DONE);
    SCOPED(retraining_clear) struct retraining r;
    assert_true(retraining_read(&r, request));
    SCOPED(grafana_call_free_p)
    struct grafana_call *call = retraining_call(&track, &r);
    assert_string_equal(call->body, "{\"time\":1764115205000,\"text\":\"" DONE_TEXT
                                    "\",\"tags\":[\"retraining\","
                                    "\"relay_id:" ID "\",\"route:kospi\",\"target:retrain\","
                                    "\"conclusion:failure\"],\"timeEnd\":1764115300000}");
}

static void an_end_is_never_before_the_start(void **state)
{
    (void)state;
    static const char *const requests[] = {
        "{" NAMES ",\"state\":\"parked\",\"ended_at\":\"2025-11-26T00:00:04Z\"," ATTEMPTS "}",
        "{" NAMES ",\"state\":\"parked\",\"ended_at\":null," ATTEMPTS "}"};
    for (size_t i = 0; i < 2; i++) {
        SCOPED(json_release_p) json_t *request = load(requests[i]);
        SCOPED(retraining_clear) struct retraining r;
        assert_true(retraining_read(&r, request));
        assert_int_equal(r.end_ms, START);
    }
}

static void what_runs_has_no_end(void **state)
{
    (void)state;
    struct retraining_track track = {.stage = TRACK_MAKE};
    SCOPED(json_release_p) json_t *request = load(RUNNING);
    SCOPED(retraining_clear) struct retraining r;
    assert_true(retraining_read(&r, request));
    SCOPED(grafana_call_free_p)
    struct grafana_call *call = retraining_call(&track, &r);
    assert_null(strstr(call->body, "timeEnd"));
    assert_non_null(strstr(call->body, "Started by an alert, notification 01N."));
    assert_non_null(strstr(call->body, "conclusion:running"));
}

static void a_link_that_is_no_web_address_is_left_out(void **state)
{
    (void)state;
    SCOPED(json_release_p)
    json_t *request = load("{" NAMES ",\"state\":\"running\",\"run\":{\"id\":4,\"url\":"
                           "\"javascript:alert(1)\"}," ATTEMPTS "}");
    SCOPED(retraining_clear) struct retraining r;
    assert_true(retraining_read(&r, request));
    assert_null(strstr(buf_text(&r.text), "javascript"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_ran_or_may_have_is_shown),
        cmocka_unit_test(each_answer_leads_where_it_should),
        cmocka_unit_test(a_region_has_start_end_text_and_tags),
        cmocka_unit_test(an_end_is_never_before_the_start),
        cmocka_unit_test(what_runs_has_no_end),
        cmocka_unit_test(a_link_that_is_no_web_address_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
