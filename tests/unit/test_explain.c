/* When would an alert act, whatever stands in its way: the core asked over a clock that is told. */
#include "conf_fixture.h"
#include "relay/base/log.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/cli/offline.h"

#define MINUTE   60000LL
#define START_MS 1795500000000LL /* 2026-11-24 */
#define NEVER    (-1)

static const char config[] =
    "sources = ( { name = \"grafana\"; format = \"grafana\"; auth = { scheme = \"grafana-hmac\";\n"
    "  secret_files = ( \"$D/secret\" ); }; } );\n"
    "targets = ( { name = \"retrain\"; repository = \"acme/kospi\"; workflow = \"retrain.yml\";\n"
    "  ref = \"main\"; token_file = \"$D/token\"; } );\n"
    "routes = ( { name = \"kospi\"; match = ( \"action=retrain\" ); key = ( \"model\" );\n"
    "  target = \"retrain\"; inputs = ( { name = \"model\"; value = \"{label:model}\"; } ); $P } "
    ");\n";

/* A notification of one alert: capital = resolved; a, b: model m; c: model n. */
static char *body_of(char alert)
{
    bool resolved = alert < 'a';
    char name = (char)(resolved ? alert + ('a' - 'A') : alert);
    SCOPED(buf_free) struct buf body = BUF_INIT(4096);
    buf_addf(&body,
             "{\"receiver\":\"r\",\"status\":\"%s\",\"groupKey\":\"g\",\"truncatedAlerts\":0,"
             "\"externalURL\":\"http://g/\",\"version\":\"1\",\"alerts\":[{\"status\":\"%s\","
             "\"labels\":{\"action\":\"retrain\",\"alertname\":\"drift\",\"model\":\"%s\"},"
             "\"annotations\":{},\"startsAt\":\"2026-11-20T00:00:00Z\",\"endsAt\":\"%s\","
             "\"generatorURL\":\"\",\"fingerprint\":\"%c\",\"values\":null}]}",
             resolved ? "resolved" : "firing", resolved ? "resolved" : "firing",
             name == 'c' ? "n" : "m", resolved ? "2026-12-20T00:00:00Z" : "0001-01-01T00:00:00Z",
             name);
    char *text = buf_give(&body);
    assert_non_null(text);
    return text;
}

struct step {
    int64_t minute;
    char alert;
};

/* clang-format off */
static const struct {
    const char *name, *policy;
    int64_t run_minutes; /* 0: GitHub never answers */
    bool stop_file;
    struct step steps[4], asked;
    const char *decision;
    int64_t acts_minute; /* or NEVER and */
    const char *acts_when;
} cases[] = {
    {"nothing stands in the way", "", 20, false, {{0}}, {0, 'a'}, "dispatch/first", 0, NULL},
    {"a hold is waited for", "hold = \"10m\";", 20, false, {{0}}, {0, 'a'},
     "held/hold", 10, NULL},
    {"a member of the hold waits with it", "hold = \"10m\";", 20, false, {{0, 'a'}}, {3, 'a'},
     "suppressed/duplicate", 10, NULL},
    {"another alert joins the hold", "hold = \"10m\";", 20, false, {{0, 'a'}}, {3, 'b'},
     "held/joined", 10, NULL},
    {"another alert makes the hold longer", "hold = \"10m\"; extend_hold = true;", 20, false,
     {{0, 'a'}}, {3, 'b'}, "held/joined", 13, NULL},
    {"a deferral ends with the cooldown",
     "when_blocked = \"defer\"; rearm = \"cooldown\"; cooldown = \"1h\";", 20, false,
     {{0, 'a'}}, {30, 'b'}, "deferred/cooldown", 60, NULL},
    {"a member of the deferral waits with it",
     "when_blocked = \"defer\"; rearm = \"cooldown\"; cooldown = \"1h\";", 20, false,
     {{0, 'a'}, {30, 'b'}}, {40, 'b'}, "suppressed/duplicate", 60, NULL},
    {"an open request has no foreseeable end", "", 0, false, {{0, 'a'}}, {5, 'b'},
     "suppressed/running", NEVER, "request_ended"},
    {"a member of the open request neither", "", 0, false, {{0, 'a'}}, {5, 'a'},
     "suppressed/duplicate", NEVER, "request_ended"},
    {"a member of a deferral behind it neither", "when_blocked = \"defer\";", 0, false,
     {{0, 'a'}, {5, 'b'}}, {6, 'b'}, "suppressed/duplicate", NEVER, "request_ended"},
    {"the stop file must go", "hold = \"10m\";", 20, true, {{0}}, {0, 'a'},
     "suppressed/paused", NEVER, "resumed"},
    {"a member of a deferral behind it waits for that too", "when_blocked = \"defer\";", 20, true,
     {{0, 'a'}}, {1, 'a'}, "suppressed/duplicate", NEVER, "resumed"},
    {"another alert must fire", "min_alerts = 2;", 20, false, {{0}}, {0, 'a'},
     "suppressed/below_min", NEVER, "members"},
    {"a key must go", "max_keys = 1;", 20, false, {{0, 'a'}}, {1, 'c'},
     "suppressed/limit", NEVER, "room"},
    {"a slot of the budget comes back", "budget = { max = 1; per = \"1h\"; };", 20, false,
     {{0, 'a'}}, {5, 'c'}, "suppressed/budget", 60, NULL},
    {"a hold follows the cooldown", "hold = \"10m\"; rearm = \"cooldown\"; cooldown = \"30m\";", 20,
     false, {{0, 'a'}}, {35, 'b'}, "suppressed/cooldown", 50, NULL},
    {"a block at the hold's end comes before it acts",
     "hold = \"10m\"; budget = { max = 1; per = \"1h\"; };", 20, false,
     {{0, 'a'}, {5, 'c'}}, {12, 'c'}, "suppressed/duplicate", 80, NULL},
    {"disarming that no time ends", "rearm_after = \"0s\";", 20, false, {{0, 'a'}}, {30, 'b'},
     "suppressed/not_rearmed", NEVER, "rearmed"},
    {"disarming ends by rearm_after", "rearm_after = \"2h\"; cooldown = \"1h\";", 20, false,
     {{0, 'a'}}, {30, 'b'}, "suppressed/not_rearmed", 120, NULL},
    {"a key that was quiet long enough acts at once", "cooldown = \"30m\";", 20, false,
     {{0, 'a'}, {10, 'A'}}, {40, 'a'}, "dispatch/first", 40, NULL},
    {"a member that went stale is forgotten", "stale_after = \"1h\"; min_alerts = 2;", 20, false,
     {{0, 'a'}}, {61, 'b'}, "suppressed/below_min", NEVER, "members"},
    {"a resolve never acts", "", 20, false, {{0, 'a'}}, {1, 'A'}, "resolved/quiet", NEVER, "never"},
};
/* clang-format on */

static void at_minute(struct offline *o, int64_t minute)
{
    offline_advance(o, (struct wall){START_MS + minute * MINUTE});
}

static void submit(struct offline *o, char alert)
{
    struct intake *in = calloc(1, sizeof(*in));
    struct alert_limits limits = {.alerts = 100, .labels = 64, .depth = 16};
    struct error err = {0};
    SCOPED(json_release_p) json_t *answer = NULL;
    assert_non_null(in);
    in->source = strdup("grafana");
    in->body = body_of(alert);
    in->body_len = strlen(in->body);
    in->received_wall = offline_now(o).ms;
    assert_int_equal(notification_parse(&in->content, ALERT_FORMAT_GRAFANA, in->body, in->body_len,
                                        &limits, &err),
                     0);
    assert_int_equal(offline_submit(o, in, &answer, &err), CORE_STORED);
}

static void check_alert(const json_t *alert, size_t i)
{
    char decision[64];
    int64_t acts = NEVER;
    const char *at = json_string_value(json_object_get(alert, "acts_at"));
    const char *when = json_string_value(json_object_get(alert, "acts_when"));
    (void)snprintf(decision, sizeof(decision), "%s/%s",
                   json_string_value(json_object_get(alert, "verdict")),
                   json_string_value(json_object_get(alert, "reason")));
    assert_string_equal(decision, cases[i].decision);
    if (at != NULL) {
        int64_t ms;
        assert_int_equal(parse_rfc3339_ms(&ms, at, NULL), 0);
        acts = (ms - START_MS) / MINUTE;
    }
    assert_int_equal(acts, cases[i].acts_minute);
    if (cases[i].acts_when == NULL)
        assert_null(when);
    else
        assert_string_equal(when, cases[i].acts_when);
}

static size_t count_requests(struct offline *o)
{
    SCOPED(json_release_p) json_t *page = NULL;
    struct error err = {0};
    assert_int_equal(offline_ask(o, QUERY_REQUESTS, "", &page, &err), CORE_FOUND);
    return json_array_size(json_object_get(page, "items"));
}

/* The same alert, sent again every minute (once, where each makes the hold longer), starts nothing
 * until then; then it does, or its hold or deferral by itself. */
static void check_that_it_acts(struct offline *o, size_t i)
{
    bool once = strstr(cases[i].policy, "extend_hold") != NULL;
    size_t before = count_requests(o);
    for (int64_t minute = cases[i].asked.minute; minute <= cases[i].acts_minute; minute++) {
        assert_int_equal(count_requests(o), before);
        at_minute(o, minute);
        if (!once || minute == cases[i].asked.minute)
            submit(o, cases[i].asked.alert);
    }
    assert_int_equal(count_requests(o), before + 1);
}

static void open_case(struct offline **o, struct conf **conf, size_t i)
{
    char text[TEXT_MAX];
    struct conf_report report;
    struct error err = {0};
    replace(text, config, "$P", cases[i].policy);
    int r = load(conf, text, &report);
    print_report(&report);
    conf_report_clear(&report);
    assert_int_equal(r, 0);
    struct offline_options options = {.conf = *conf,
                                      .start = {START_MS},
                                      .run_ms = cases[i].run_minutes * MINUTE,
                                      .stop_file = cases[i].stop_file};
    assert_int_equal(offline_open(o, &options, &err), 0);
}

static void an_alert_acts_when_the_last_block_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        SCOPED(conf_unref_p) struct conf *conf = NULL;
        SCOPED(offline_free_p) struct offline *o = NULL;
        SCOPED(json_release_p) json_t *said = NULL;
        struct error err = {0};
        print_message("- %s\n", cases[i].name);
        open_case(&o, &conf, i);
        for (const struct step *s = cases[i].steps; s->alert != '\0'; s++) {
            at_minute(o, s->minute);
            submit(o, s->alert);
        }
        at_minute(o, cases[i].asked.minute);
        SCOPED(free_p) char *body = body_of(cases[i].asked.alert);
        struct core_explanation question = {.body = body, .body_len = strlen(body)};
        assert_int_equal(offline_explain(o, &question, &said, &err), CORE_DRY);
        check_alert(json_array_get(json_object_get(said, "alerts"), 0), i);

        if (cases[i].acts_minute >= 0)
            check_that_it_acts(o, i);
    }
}

int main(void)
{
    log_setup(LOG_ERROR, LOG_LOGFMT, clock_system());
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_alert_acts_when_the_last_block_ends),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
