/* Every word that a decision, a cause or a default is known by. */
#include "relay/engine/decision.h"
#include "relay/engine/effects.h"
#include "relay/engine/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void each_verdict_and_cause_has_its_word(void **state)
{
    (void)state;
    assert_string_equal(verdict_text(VERDICT_IGNORED), "ignored");
    assert_string_equal(verdict_text(VERDICT_SUPPRESSED), "suppressed");
    assert_string_equal(verdict_text(VERDICT_HELD), "held");
    assert_string_equal(verdict_text(VERDICT_DEFERRED), "deferred");
    assert_string_equal(verdict_text(VERDICT_DISPATCH), "dispatch");
    assert_string_equal(verdict_text(VERDICT_RESOLVED), "resolved");
    assert_string_equal(cause_text(CAUSE_ALERT), "alert");
    assert_string_equal(cause_text(CAUSE_TIMER), "timer");
    assert_string_equal(cause_text(CAUSE_REDELIVER), "redeliver");
}

static void each_reason_has_its_word_and_is_found_by_it(void **state)
{
    (void)state;
    static const struct {
        enum reason reason;
        const char *word;
    } cases[] = {
        /* clang-format off */
        {REASON_TEST, "test"}, {REASON_NO_DATA, "no_data"}, {REASON_ERROR, "error"},
        {REASON_NO_ROUTE, "no_route"}, {REASON_LIMIT, "limit"}, {REASON_DUPLICATE, "duplicate"},
        {REASON_BELOW_MIN, "below_min"}, {REASON_PAUSED, "paused"}, {REASON_RUNNING, "running"},
        {REASON_NOT_REARMED, "not_rearmed"}, {REASON_COOLDOWN, "cooldown"}, {REASON_BUDGET, "budget"},
        {REASON_BAD_INPUT, "bad_input"}, {REASON_HOLD, "hold"}, {REASON_FIRST, "first"},
        {REASON_JOINED, "joined"}, {REASON_CANCELLED, "cancelled"}, {REASON_QUIET, "quiet"},
        {REASON_NOTED, "noted"},
        /* clang-format on */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum reason found = cases[i].reason == REASON_TEST ? REASON_NOTED : REASON_TEST;
        assert_string_equal(reason_text(cases[i].reason), cases[i].word);
        assert_true(reason_parse(&found, cases[i].word));
        assert_int_equal(found, cases[i].reason);
    }
    enum reason unchanged = REASON_QUIET;
    assert_false(reason_parse(&unchanged, "zzz"));
    assert_false(reason_parse(&unchanged, "tess"));
    assert_false(reason_parse(&unchanged, ""));
    assert_int_equal(unchanged, REASON_QUIET);
}

static void the_defaults_are_those_that_are_documented(void **state)
{
    (void)state;
    const int64_t minute = 60000, hour = 60 * minute;
    const struct policy *p = &policy_default;
    assert_int_equal(p->min_alerts, 1);
    assert_int_equal(p->hold_ms, 0);
    assert_false(p->extend_hold);
    assert_int_equal(p->hold_max_ms, 0); /* ten times the hold */
    assert_int_equal(p->cooldown_ms, 6 * hour);
    assert_int_equal(p->rearm, REARM_RESOLVED);
    assert_int_equal(p->settle_ms, 15 * minute);
    assert_int_equal(p->rearm_after_ms, 24 * hour);
    assert_int_equal(p->when_blocked, WHEN_BLOCKED_DROP);
    assert_int_equal(p->retry_after_ms, 15 * minute);
    assert_int_equal(p->stale_after_ms, 9 * hour);
    assert_int_equal(p->expires_ms, 6 * hour);
    assert_int_equal(p->budget.max, 4);
    assert_int_equal(p->budget.per_ms, 24 * hour);
    assert_int_equal(p->max_keys, 100000);
    assert_int_equal(p->max_members, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_verdict_and_cause_has_its_word),
        cmocka_unit_test(each_reason_has_its_word_and_is_found_by_it),
        cmocka_unit_test(the_defaults_are_those_that_are_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
