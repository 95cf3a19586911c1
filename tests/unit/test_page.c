/* The status page: what each state of things reads like, and that no text from outside is more than
 * text. */
#include "relay/edge/page_view.h"

#include "relay/base/scope.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

/* 2026-01-05T04:00:00Z */
#define NOW  "1767585600000"
#define AGO  "1767582000000" /* 03:00 */
#define SOON "1767589200000" /* 05:00 */
#define WELL "\"version\":\"1\",\"store\":{\"ok\":true},\"ready\":true,\"now\":" NOW

static char *page_of(const char *rest, const char *state)
{
    char overview[8192];
    struct error err = {0};
    struct buf out = BUF_INIT(1U << 20);
    assert_in_range(snprintf(overview, sizeof(overview), "{" WELL "%s}", rest), 1, 8191);
    if (page_render(&out, overview, strlen(overview), state, &err) != 0)
        fail_msg("%s", err.text);
    char *text = buf_give(&out);
    assert_non_null(text);
    return text;
}

static void check(const char *name, const char *page, const char *words, bool there)
{
    if ((strstr(page, words) != NULL) != there)
        fail_msg("%s: %s is %sin:\n%s", name, words, there ? "not " : "", page);
}

#define KEY(rest) ",\"keys\":[{\"key\":\"kospi/m1\",\"firing\":1,\"min_alerts\":1," rest "}]"
#define OPEN(rest)                                                                                 \
    KEY("\"state\":\"open\",\"request\":{\"relay_id\":\"R1\",\"created\":" AGO "," rest "}")
#define REQUEST(rest)                                                                              \
    ",\"requests\":[{\"relay_id\":\"R1\",\"key\":\"kospi/m1\",\"created\":" AGO                    \
    ",\"attempts\":1," rest "}]"
#define DECISION(verdict, reason)                                                                  \
    ",\"notifications\":[{\"id\":\"N1\",\"source\":\"grafana\",\"received\":" AGO                  \
    ",\"alerts\":[{\"fingerprint\":\"f1\",\"key\":\"kospi/m1\",\"verdict\":\"" verdict             \
    "\",\"reason\":\"" reason "\"}]}]"

/* clang-format off */
static const struct {
    const char *name, *rest, *words;
} cases[] = {
    {"nothing at all", "", "None: nothing fires, and nothing is waited for."},
    {"no request yet", "", "No run was asked for yet."},
    {"keys that fire are counted", ",\"keys_firing\":2,\"waiting\":3,\"under_way\":1", "2 keys fire, 3 requests wait, 1 run is under way."},
    {"a thousand are grouped", ",\"keys_firing\":10000", "10,000 keys fire"},

    {"a hold says when it ends", KEY("\"state\":\"held\",\"held_from\":" AGO ",\"held_until\":" SOON ",\"until\":" SOON),
        "A run is started if it still fires at <time datetime=\"2026-01-05T05:00:00Z\">05:00:00 (in 1 h)</time>."},
    {"a hold is drawn", KEY("\"state\":\"held\",\"held_from\":" AGO ",\"held_until\":" SOON ",\"until\":" SOON),
        "<rect class=\"held\" x=\"0\""},
    {"a deferral says what it waits for", KEY("\"state\":\"deferred\",\"deferred_for\":\"budget\",\"until\":0"),
        "It is asked again when the budget has a free slot."},
    {"a disarmed key that fires", KEY("\"state\":\"disarmed\",\"settle_ms\":900000,\"until\":" SOON ",\"disarmed_from\":" AGO),
        "It may act again once it was quiet for 15 min, at the latest <time datetime=\"2026-01-05T05:00:00Z\">"},
    {"a disarmed key that is quiet", KEY("\"state\":\"disarmed\",\"settle_ms\":900000,\"quiet_since\":" AGO ",\"until\":" SOON),
        "once it was quiet for 15 min, which is at <time"},
    {"a disarmed key that no time arms", KEY("\"state\":\"disarmed\",\"settle_ms\":900000,\"until\":0"),
        "once it was quiet for 15 min.</p>"},
    {"a disarmed key that has to cool, too", KEY("\"state\":\"disarmed\",\"settle_ms\":900000,\"until\":0,\"cooldown_until\":" SOON),
        "once it was quiet for 15 min, not before <time datetime=\"2026-01-05T05:00:00Z\">"},
    {"a cooldown", KEY("\"state\":\"cooldown\",\"until\":" SOON), "It may act again at <time"},
    {"too few alerts", ",\"keys\":[{\"key\":\"k\",\"state\":\"quiet\",\"firing\":1,\"min_alerts\":3}]",
        "1 of the 3 alerts that min_alerts asks for fire."},
    {"a paused key", KEY("\"state\":\"firing\",\"paused\":true"), "<strong>Paused: nothing is started.</strong>"},
    {"a request that waits says when it tries", OPEN("\"state\":\"queued\",\"reason\":\"not_sent\",\"next\":" SOON),
        "GitHub could not be reached; it is tried again. Next try <time datetime=\"2026-01-05T05:00:00Z\">"},
    {"a run under way is linked", OPEN("\"state\":\"running\",\"run_id\":7,\"run_url\":\"https://github.com/x\",\"run_status\":\"queued\""),
        "It is <a rel=\"noopener noreferrer\" href=\"https://github.com/x\">run 7</a> queued."},
    {"the run before is drawn", KEY("\"state\":\"cooldown\",\"until\":" SOON)
        REQUEST("\"state\":\"done\",\"run_id\":7,\"posted\":" AGO ",\"ended\":" NOW), "<b>ran</b> from <time"},

    {"a run that ended well", REQUEST("\"state\":\"done\",\"reason\":\"success\",\"effect\":\"effective\""),
        "<b>done · success</b> Its run ended well. It helped: its alerts resolved."},
    {"how often it was tried", ",\"requests\":[{\"relay_id\":\"R\",\"key\":\"k\",\"state\":\"dead\",\"attempts\":12}]", " Tried 12 times."},
    {"an end that has no words of ours", REQUEST("\"state\":\"done\",\"reason\":\"neutral\""), "Its run ended."},
    {"an end before it ran", REQUEST("\"state\":\"dead\",\"reason\":\"resolved\""),
        "Not started: its alerts resolved before anything ran."},
    {"an address that is none of the web", REQUEST("\"state\":\"done\",\"run_id\":7,\"run_url\":\"javascript:x\""),
        "<td data-of=\"Run\">run 7</td>"},

    {"an alert that was turned down", DECISION("suppressed", "cooldown"),
        "<b>kospi/m1</b> The cooldown since the last run of this key was not over."},
    {"an alert that ended a request", DECISION("resolved", "cancelled"), "It resolved, which ended what had not been started yet."},
    {"a hold that ended blocked", ",\"outcomes\":[{\"at\":" AGO ",\"key\":\"kospi/m1\",\"verdict\":\"suppressed\",\"reason\":\"budget\"}]",
        "<b>kospi/m1</b> The budget of its route or target was spent. <span class=\"soft\">suppressed · budget, by a timer, <time"},
    {"a hold whose alerts went stale", ",\"outcomes\":[{\"at\":" AGO ",\"key\":\"k\",\"verdict\":\"resolved\",\"reason\":\"cancelled\"}]",
        "Its alerts were not heard any more (stale_after)"},
    {"a hold that ended with a run", ",\"outcomes\":[{\"at\":" AGO ",\"key\":\"k\",\"verdict\":\"dispatch\",\"reason\":\"first\"}]",
        "Nothing was turned down."},
    {"an alert that started a run is not turned down", DECISION("dispatch", "first"), "Nothing was turned down."},

    {"a refused config", ",\"config\":{\"since\":" AGO ",\"fault\":\"a.conf:3: routes: no <target>\"}",
        "the one before stays in force: <code>a.conf:3: routes: no &lt;target&gt;</code>"},
    {"Grafana's trouble", ",\"grafana\":{\"url\":\"http://g\",\"since\":" AGO ",\"fault\":\"401 <no>\"}",
        "<b>Grafana cannot be asked</b> since <time datetime=\"2026-01-05T03:00:00Z\">03:00:00 (1 h ago)</time>: 401 &lt;no&gt;."},
    {"Grafana is well", ",\"grafana\":{\"url\":\"http://g\",\"fault\":null}", "<dd>http://g: annotated, its thresholds read</dd>"},
    {"a target that would not work", ",\"findings\":[{\"target\":\"retrain\",\"severity\":\"error\",\"text\":\"no <workflow>\"}]",
        "<b>Target retrain</b> (error): no &lt;workflow&gt;"},
    {"a GitHub that is away", ",\"unsent\":2,\"unsent_since\":" AGO,
        "<b>GitHub cannot be reached</b>: 2 requests wait, the oldest since <time datetime=\"2026-01-05T03:00:00Z\">"},
    {"a request that waits is no run", OPEN("\"state\":\"queued\""), "<span class=\"badge open\">waiting</span>"},
    {"a run is one", OPEN("\"state\":\"running\",\"run_id\":1"), "<span class=\"badge open\">running</span>"},
    {"the stop file", ",\"stop_file\":true", "<b>The stop file exists</b>"},
    {"a pause", ",\"paused\":[{\"scope\":\"route\",\"name\":\"kospi\",\"since\":" AGO ",\"until\":" SOON ",\"who\":\"uid 0\",\"why\":\"<move>\"}]",
        "<b>The route kospi is paused</b> since <time datetime=\"2026-01-05T03:00:00Z\">03:00:00 (1 h ago)</time> until <time "
        "datetime=\"2026-01-05T05:00:00Z\">05:00:00 (in 1 h)</time> by uid 0 (&lt;move&gt;): no run is started there."},
    {"a pause without end", ",\"paused\":[{\"scope\":\"target\",\"name\":\"t\",\"since\":" AGO ",\"until\":0}]",
        "<b>The target t is paused</b> since <time datetime=\"2026-01-05T03:00:00Z\">03:00:00 (1 h ago)</time>: no run"},
    {"an operator's change", ",\"changes\":[{\"at\":" AGO ",\"who\":\"uid 0\",\"action\":\"rearm\",\"name\":\"kospi/m1\",\"why\":\"tested\"}]",
        "<b>rearm kospi/m1</b> by uid 0 (tested) <span class=\"soft\"><time"},
    {"a credential that has to wait", ",\"credentials\":[{\"name\":\"t\",\"blocked_until\":" SOON ",\"reason\":\"401\",\"remaining\":-1}]",
        "<b>GitHub is not asked</b> with t until <time datetime=\"2026-01-05T05:00:00Z\">05:00:00 (in 1 h)</time>: 401."},
    {"a token that ends soon", ",\"credentials\":[{\"name\":\"t\",\"remaining\":4990,\"token_expires_s\":1768000000}]", "<b>A token ends</b>: t"},
    {"calls left", ",\"credentials\":[{\"name\":\"t\",\"remaining\":4990}]", "t: free to ask, 4,990 calls left"},
    {"a sender that was heard", ",\"sources\":[\"grafana\"]" DECISION("ignored", "test"), "grafana: heard <time"},
    {"more keys", ",\"next\":\"0 kospi/a%20b\"", "<a rel=\"next\" href=\"/?cursor=0%20kospi/a%2520b\">"},
};
/* clang-format on */

static void each_state_of_things_has_its_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        SCOPED(free_p) char *page = page_of(cases[i].rest, "");
        check(cases[i].name, page, cases[i].words, true);
    }
}

static void what_is_well_needs_no_attention(void **state)
{
    (void)state;
    SCOPED(free_p)
    char *page = page_of(
        ",\"credentials\":[{\"name\":\"t\",\"remaining\":5000,\"token_expires_s\":1800000000}]",
        "");
    check("well", page, "Needs attention", false);
}

static void alike_decisions_are_told_once(void **state)
{
    (void)state;
    SCOPED(free_p)
    char *page = page_of(",\"notifications\":[{\"id\":\"N2\",\"received\":" AGO ",\"alerts\":["
                         "{\"key\":\"k\",\"verdict\":\"suppressed\",\"reason\":\"cooldown\"},"
                         "{\"key\":\"k\",\"verdict\":\"suppressed\",\"reason\":\"cooldown\"},"
                         "{\"key\":\"other\",\"verdict\":\"suppressed\",\"reason\":\"cooldown\"}]},"
                         "{\"id\":\"N1\",\"received\":" AGO ",\"alerts\":null}]",
                         "");
    check("together", page, "cooldown, 2 times, last <time", true);
    check("apart", page, "<b>other</b>", true);
    check("newest", page, "/api/v1/notifications/N2", true);
}

static void alerts_and_timers_are_told_newest_first(void **state)
{
    (void)state;
    SCOPED(free_p)
    char *page =
        page_of(",\"notifications\":[{\"id\":\"N2\",\"received\":300,\"alerts\":[{\"key\":\"a300\","
                "\"verdict\":\"ignored\",\"reason\":\"test\"}]},"
                "{\"id\":\"N1\",\"received\":100,\"alerts\":[{\"key\":\"a100\",\"verdict\":"
                "\"ignored\",\"reason\":\"test\"}]}],"
                "\"outcomes\":[{\"at\":400,\"key\":\"t400\",\"verdict\":\"suppressed\",\"reason\":"
                "\"budget\"},"
                "{\"at\":200,\"key\":\"t200\",\"verdict\":\"suppressed\",\"reason\":\"budget\"}]",
                "");
    static const char *const order[] = {"<b>t400</b>", "<b>a300</b>", "<b>t200</b>", "<b>a100</b>"};
    const char *at = page;
    for (size_t i = 0; i < 4; i++) {
        at = strstr(at, order[i]);
        if (at == NULL)
            fail_msg("%s is not in its place: %s", order[i], page);
    }
}

static void a_store_that_fails_is_all_that_is_told(void **state)
{
    (void)state;
    static const char overview[] =
        "{\"now\":" NOW ",\"ready\":false,\"version\":\"1\",\"store\":{\"ok\":false,"
        "\"since\":" AGO ",\"error\":\"disk <full>\"}}";
    struct error err = {0};
    SCOPED(buf_free) struct buf out = BUF_INIT(1U << 20);
    assert_int_equal(page_render(&out, overview, strlen(overview), "", &err), 0);
    check("why", buf_text(&out), "disk &lt;full&gt;", true);
    check("since", buf_text(&out),
          "since <time datetime=\"2026-01-05T03:00:00Z\">03:00:00 (1 h ago)", true);
    check("keys", buf_text(&out), "id=\"keys\"", false);
    check("title", buf_text(&out), "<title>store fails · drift-relay</title>", true);
}

#define EVIL "\\\"><script>alert(1)</script><img src=x onerror=alert(1)>'&\\u202e"

static void no_text_from_outside_becomes_markup(void **state)
{
    (void)state;
    SCOPED(free_p)
    char *page =
        page_of(",\"keys\":[{\"key\":\"" EVIL
                "\",\"state\":\"open\",\"firing\":1,\"request\":{\"state\":\"" EVIL
                "\",\"run_id\":1,\"run_url\":\"https://" EVIL "\",\"run_status\":\"" EVIL "\"}}],"
                "\"requests\":[{\"relay_id\":\"" EVIL "\",\"key\":\"" EVIL
                "\",\"state\":\"done\",\"reason\":\"" EVIL "\",\"detail\":\"" EVIL
                "\",\"run_id\":1,\"run_url\":\"https://" EVIL "\",\"conclusion\":\"" EVIL "\"}],"
                "\"notifications\":[{\"id\":\"" EVIL "\",\"source\":\"" EVIL
                "\",\"received\":1,\"alerts\":["
                "{\"key\":null,\"fingerprint\":\"" EVIL
                "\",\"verdict\":\"ignored\",\"reason\":\"no_route\"}]}],"
                "\"credentials\":[{\"name\":\"" EVIL "\",\"reason\":\"" EVIL
                "\",\"blocked_until\":" SOON "}],"
                "\"paused\":[{\"scope\":\"route\",\"name\":\"" EVIL "\"}],\"next\":\"" EVIL "\","
                "\"config\":{\"fault\":\"" EVIL "\"},\"sources\":[\"" EVIL "\"],"
                "\"changes\":[{\"at\":1,\"who\":\"" EVIL "\",\"action\":\"" EVIL
                "\",\"name\":\"" EVIL "\",\"why\":\"" EVIL "\",\"detail\":\"" EVIL "\"}]",
                EVIL);
    check("script", page, "<script>", false);
    check("img", page, "<img", false);
    check("quote", page, "x onerror=alert(1)>", false);
    check("direction", page, "\xe2\x80\xae", false);
    check("inline style", page, " style=", false);
    check("handlers", page, " onerror=\"", false);
    size_t told = 0;
    for (const char *at = page; (at = strstr(at, "&lt;script&gt;alert(1)&lt;/script&gt;")) != NULL;
         at++)
        told++;
    assert_in_range(told, 12, 40);
}

static void the_state_that_is_chosen_is_marked_and_kept(void **state)
{
    (void)state;
    SCOPED(free_p) char *page = page_of(",\"key_states\":{\"held\":51},\"next\":\"1 k\"", "held");
    check("mark", page, "<a href=\"/?state=held\" aria-current=\"true\">held <b>51</b>", true);
    check("next", page, "href=\"/?state=held&amp;cursor=1%20k\"", true);
    SCOPED(free_p) char *other = page_of(",\"next\":\"1 k\"", "\"><b>");
    check("no state", other, "href=\"/?cursor=1%20k\"", true);
    check("all", other, "<a href=\"/\" aria-current=\"true\">", true);
}

/* The last unit is what counts; a length is cut, never rounded up to a time that is not yet. */
static void lengths_read_as_people_say_them(void **state)
{
    (void)state;
    static const struct {
        const char *at, *words;
    } lengths[] = {
        {"1767585599001", "(0 s ago)"},       {"1767585541000", "(59 s ago)"},
        {"1767585540000", "(1 min ago)"},     {"1767582000001", "(59 min ago)"},
        {"1767581880000", "(1 h 2 min ago)"}, {"1767499200000", "(24 h ago)"},
        {"1767412800000", "(2 days ago)"},    {"1767672000000", "(in 24 h)"},
    };
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        char rest[256];
        (void)snprintf(rest, sizeof(rest),
                       REQUEST("\"state\":\"queued\"") ",\"config\":{\"fault\":\"x\",\"since\":%s}",
                       lengths[i].at);
        SCOPED(free_p) char *page = page_of(rest, "");
        check(lengths[i].at, page, lengths[i].words, true);
    }
}

static void what_is_no_overview_is_refused(void **state)
{
    (void)state;
    struct error err = {0};
    SCOPED(buf_free) struct buf out = BUF_INIT(1U << 20);
    assert_true(page_render(&out, "{", 1, "", &err) < 0);
    assert_int_equal(page_render(&out, "{}", 2, "", &err), -EINVAL);
    assert_string_equal(err.text, "page: no overview");
    SCOPED(buf_free) struct buf little = BUF_INIT(100);
    assert_int_equal(page_render(&little, "{" WELL "}", sizeof("{" WELL "}") - 1, "", &err),
                     -ENOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_state_of_things_has_its_sentence),
        cmocka_unit_test(what_is_well_needs_no_attention),
        cmocka_unit_test(alike_decisions_are_told_once),
        cmocka_unit_test(alerts_and_timers_are_told_newest_first),
        cmocka_unit_test(a_store_that_fails_is_all_that_is_told),
        cmocka_unit_test(no_text_from_outside_becomes_markup),
        cmocka_unit_test(the_state_that_is_chosen_is_marked_and_kept),
        cmocka_unit_test(lengths_read_as_people_say_them),
        cmocka_unit_test(what_is_no_overview_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
