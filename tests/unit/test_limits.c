#include "relay/github/limits.h"

#include "relay/github/date.h"
#include "relay/github/reply.h"
#include "tests/unit/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MINUTE 60000
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define NOW    1000000
/* Mon, 24 Nov 2025 16:00:00 GMT */
#define WALL_S 1764000000
#define DATE   "date: Mon, 24 Nov 2025 16:00:00 GMT\n"

static const struct wall wall = {INT64_C(1000) * WALL_S};

/* clang-format off */
static const struct {
    const char *name, *headers;
    int64_t wall_off_ms; /* how far our clock is ahead of GitHub's */
    int64_t blocks;      /* before */
    int64_t wait;
} waits[] = {
    { "Retry-After in seconds", "retry-after: 90\n", 0, 0, 90000 },
    { "Retry-After with blanks around", "retry-after:  90 \n", 0, 0, 90000 },
    { "Retry-After comes before the reset", "retry-after: 90\nx-ratelimit-remaining: 0\nx-ratelimit-reset: 1764000300\n", 0, 0, 90000 },
    { "Retry-After does not grow with the blocks", "retry-after: 90\n", 0, 9, 90000 },
    { "Retry-After: 0 waits a little", "retry-after: 0\n", 0, 0, 1000 },
    { "Retry-After of a year is cut", "retry-after: 31536000\n", 0, 0, DAY },
    { "Retry-After past 64 bits of ms is cut", "retry-after: 9223372036854775807\n", 0, 0, DAY },
    { "Retry-After past 64 bits is none", "retry-after: 9223372036854775808\n", 0, 0, MINUTE },
    { "Retry-After as a date, against the answer's", DATE "retry-after: Mon, 24 Nov 2025 16:02:00 GMT\n", 7 * HOUR, 0, 120000 },
    { "Retry-After as a date, against our clock", "retry-after: Mon, 24 Nov 2025 16:02:00 GMT\n", 30000, 0, 90000 },
    { "Retry-After as a date in the past", DATE "retry-after: Mon, 24 Nov 2025 15:00:00 GMT\n", 0, 0, 1000 },
    { "Retry-After as a date far away", DATE "retry-after: Fri, 31 Dec 9999 23:59:59 GMT\n", 0, 0, DAY },
    { "Retry-After blank", "retry-after: \n", 0, 0, MINUTE },
    { "Retry-After negative", "retry-after: -5\n", 0, 0, MINUTE },
    { "Retry-After as a fraction", "retry-after: 1.5\n", 0, 0, MINUTE },
    { "Retry-After with a unit", "retry-after: 60s\n", 0, 0, MINUTE },
    { "Retry-After blank, reset given", DATE "retry-after: \nx-ratelimit-remaining: 0\nx-ratelimit-reset: 1764000300\n", 0, 0, 301000 },
    { "the reset, and a second, against the answer's date", DATE "x-ratelimit-remaining: 0\nx-ratelimit-reset: 1764000300\n", -7 * HOUR, 0, 301000 },
    { "the reset, and a second, against our clock", "x-ratelimit-remaining: 0\nx-ratelimit-reset: 1764000300\n", 1000, 0, 300000 },
    { "the reset against our clock when the date is none", "date: yesterday\nx-ratelimit-remaining: 0\nx-ratelimit-reset: 1764000300\n", 1000, 0, 300000 },
    { "the reset in the past", DATE "x-ratelimit-remaining: 0\nx-ratelimit-reset: 1763999000\n", 0, 0, 1000 },
    { "the reset far away", DATE "x-ratelimit-remaining: 0\nx-ratelimit-reset: 9223372036854775807\n", 0, 0, DAY },
    { "the reset of a limit that is not spent", DATE "x-ratelimit-remaining: 10\nx-ratelimit-reset: 1764000300\n", 0, 0, MINUTE },
    { "the reset with a blank limit", DATE "x-ratelimit-remaining: \nx-ratelimit-reset: 1764000300\n", 0, 0, MINUTE },
    { "the reset with no limit", DATE "x-ratelimit-reset: 1764000300\n", 0, 0, MINUTE },
    { "a spent limit without a reset", "x-ratelimit-remaining: 0\n", 0, 0, MINUTE },
    { "a spent limit with a blank reset", "x-ratelimit-remaining: 0\nx-ratelimit-reset: \n", 0, 0, MINUTE },
    { "nothing said, the second time", "", 0, 1, 2 * MINUTE },
    { "nothing said, the fifth time", "", 0, 4, 16 * MINUTE },
    { "nothing said, the sixth time", "", 0, 5, 32 * MINUTE },
    { "nothing said, the seventh time", "", 0, 6, HOUR },
    { "nothing said, for ever", "", 0, INT64_MAX - 1, HOUR },
};
/* clang-format on */

static void a_limit_blocks_for_as_long_as_it_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        struct credential c = {.remaining = -1, .blocks = waits[i].blocks};
        struct exchange_answer a = answer_make(403, waits[i].headers, "{\"message\":\"slow\"}");
        struct wall ours = {wall.ms + waits[i].wall_off_ms};
        assert_true(limits_note(&c, &a, OUTCOME_LIMITED, NOW, ours));
        if (c.not_before != NOW + waits[i].wait)
            fail_msg("%s: %lld ms", waits[i].name, (long long)(c.not_before - NOW));
        assert_true(c.blocks == waits[i].blocks + 1);
        assert_string_equal(c.reason, "slow");
        assert_true(limits_read_at(&c) == c.not_before);
        assert_true(limits_write_at(&c) == c.not_before);
        exchange_answer_clear(&a);
    }
}

static void a_refused_credential_waits_ever_longer(void **state)
{
    static const int64_t minutes[] = {1, 2, 4, 8, 15, 15};
    struct credential c = {.remaining = -1};
    struct exchange_answer a =
        answer_make(401, "retry-after: 5\n", "{\"message\":\"Bad credentials\"}");
    int64_t now = NOW;

    (void)state;
    for (size_t i = 0; i < sizeof(minutes) / sizeof(minutes[0]); i++) {
        assert_true(limits_note(&c, &a, OUTCOME_CREDENTIAL, now, wall));
        assert_true(c.not_before == now + minutes[i] * MINUTE);
        now = c.not_before;
    }
    assert_string_equal(c.reason, "Bad credentials");
    exchange_answer_clear(&a);
}

/* clang-format off */
static const struct {
    const char *name;
    struct credential before;
    int64_t not_before;
    const char *reason;
} renewals[] = {
    { "a refusal ends", { .not_before = NOW + HOUR, .reason = "401" }, 0, "" },
    { "a limit stays", { .not_before = NOW + HOUR, .limited_until = NOW + HOUR, .reason = "429" }, NOW + HOUR, "429" },
    { "a limit within a refusal stays", { .not_before = NOW + HOUR, .limited_until = NOW + MINUTE, .reason = "401" }, NOW + MINUTE, "401" },
    { "nothing", { .reason = "" }, 0, "" },
};
/* clang-format on */

static void a_new_token_ends_refusals_and_no_limits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(renewals) / sizeof(renewals[0]); i++) {
        struct credential c = renewals[i].before;
        c.blocks = 3;
        limits_renewed(&c);
        if (c.not_before != renewals[i].not_before || strcmp(c.reason, renewals[i].reason) != 0)
            fail_msg("%s: %lld %s", renewals[i].name, (long long)c.not_before, c.reason);
        assert_int_equal(c.blocks, 3); /* the next refusal waits longer all the same */
    }
}

static void a_limit_is_told_from_a_refusal(void **state)
{
    (void)state;
    struct credential c = {.remaining = -1};
    struct exchange_answer refused = answer_make(401, "", "");
    struct exchange_answer limited = answer_make(429, "retry-after: 5\n", "");
    assert_true(limits_note(&c, &limited, OUTCOME_LIMITED, NOW, wall));
    assert_true(limits_note(&c, &refused, OUTCOME_CREDENTIAL, NOW + 1, wall));
    assert_true(c.limited_until == NOW + 5000 && c.not_before > NOW + MINUTE);
    limits_renewed(&c);
    assert_true(c.not_before == NOW + 5000);
    exchange_answer_clear(&refused);
    exchange_answer_clear(&limited);
}

/* A token may read and not write, and GitHub limits writes more than reads. */
static void reads_that_work_between_do_not_shorten_the_waits(void **state)
{
    static const struct {
        enum outcome outcome;
        int64_t minutes[7];
    } rows[] = {{OUTCOME_CREDENTIAL, {1, 2, 4, 8, 15, 15, 15}},
                {OUTCOME_LIMITED, {1, 2, 4, 8, 16, 32, 60}}};
    struct exchange_answer refused = answer_make(403, "", "{\"message\":\"no\"}");
    struct exchange_answer run = answer_make(200, "", "{}");

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct credential c = {.remaining = -1};
        int64_t now = NOW;
        for (size_t k = 0; k < 7; k++) {
            assert_true(limits_note(&c, &refused, rows[i].outcome, now, wall));
            assert_true(c.not_before == now + rows[i].minutes[k] * MINUTE);
            now = c.not_before;
            assert_true(limits_note(&c, &run, OUTCOME_REFUSED, now, wall)); /* a read */
            assert_true(limits_read_at(&c) <= now && limits_write_at(&c) <= now);
            assert_string_equal(c.reason, "");
            assert_false(limits_note(&c, &run, OUTCOME_REFUSED, now + 1, wall));
            now += 12 * MINUTE; /* the longest delay of a POST's own */
            assert_false(limits_note(&c, &run, OUTCOME_REDIRECTED, now, wall));
        }
        assert_true(limits_note(&c, &run, OUTCOME_REFUSED, c.not_before + HOUR, wall));
        assert_true(c.blocks == 0 && c.not_before == 0);
    }
    exchange_answer_clear(&refused);
    exchange_answer_clear(&run);
}

static void a_write_that_is_taken_ends_the_row_of_blocks(void **state)
{
    static const enum outcome good[] = {OUTCOME_ACCEPTED, OUTCOME_ACCEPTED_NO_ID,
                                        OUTCOME_NO_RUN_DETAILS, OUTCOME_NO_RELAY_ID};
    struct exchange_answer a = answer_make(200, "", "");

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct credential c = {.not_before = NOW, .blocks = 5, .remaining = -1, .reason = "x"};
        assert_true(limits_note(&c, &a, good[i], NOW, wall));
        assert_true(c.not_before == 0);
        assert_true(c.blocks == 0);
        assert_string_equal(c.reason, "");
    }
    exchange_answer_clear(&a);
}

static void what_says_nothing_of_the_credential_changes_nothing(void **state)
{
    static const enum outcome mute[] = {OUTCOME_NOT_SENT, OUTCOME_AMBIGUOUS};
    struct exchange_answer a = answer_none(EXCHANGE_UNKNOWN, "cut");

    (void)state;
    for (size_t i = 0; i < sizeof(mute) / sizeof(mute[0]); i++) {
        struct credential c = {.not_before = NOW, .blocks = 5, .remaining = 7, .reason = "x"};
        assert_false(limits_note(&c, &a, mute[i], NOW, wall));
        assert_true(c.not_before == NOW && c.blocks == 5 && c.remaining == 7);
        assert_string_equal(c.reason, "x");
    }
}

static void a_block_is_not_ended_by_an_answer_to_what_left_before(void **state)
{
    struct credential c = {.not_before = NOW + HOUR, .blocks = 1, .remaining = -1, .reason = "x"};
    struct exchange_answer ok = answer_make(200, "", "");
    struct exchange_answer limited = answer_make(429, "retry-after: 5\n", "");

    (void)state;
    assert_false(limits_note(&c, &ok, OUTCOME_REFUSED, NOW, wall));
    assert_true(limits_note(&c, &limited, OUTCOME_LIMITED, NOW, wall)); /* how far limits reach */
    assert_true(c.not_before == NOW + HOUR && c.limited_until == NOW + 5000);
    assert_true(c.blocks == 1);
    exchange_answer_clear(&limited);
    limited = answer_make(429, "retry-after: 7200\n", "");
    assert_true(limits_note(&c, &limited, OUTCOME_LIMITED, NOW, wall));
    assert_true(c.not_before == NOW + 2 * HOUR);
    assert_true(c.blocks == 1);
    exchange_answer_clear(&ok);
    exchange_answer_clear(&limited);
}

static void a_wait_at_the_end_of_time_does_not_overflow(void **state)
{
    struct credential c = {.remaining = -1};
    struct exchange_answer a = answer_make(429, "retry-after: 60\n", "");

    (void)state;
    assert_true(limits_note(&c, &a, OUTCOME_LIMITED, INT64_MAX - 5, wall));
    assert_true(c.not_before == INT64_MAX);
    exchange_answer_clear(&a);
}

static void writes_are_a_second_apart(void **state)
{
    struct credential c = {.remaining = -1};
    struct exchange_answer a = answer_make(204, "", "");

    (void)state;
    assert_true(limits_write_at(&c) == 0);
    limits_wrote(&c, NOW);
    assert_true(limits_write_at(&c) == NOW + 1000);
    assert_true(limits_read_at(&c) == 0);
    limits_wrote(&c, NOW - 5); /* never back */
    assert_true(c.last_write == NOW);
    limits_wrote(&c, NOW + 300); /* the answer came */
    assert_true(limits_write_at(&c) == NOW + 1300);
    assert_false(limits_note(&c, &a, OUTCOME_REFUSED, NOW + 600, wall));
    assert_true(limits_write_at(&c) == NOW + 1300);
    c.not_before = NOW + HOUR;
    assert_true(limits_write_at(&c) == NOW + HOUR);
    exchange_answer_clear(&a);
}

static void the_rest_of_the_limit_is_kept_but_not_worth_a_write(void **state)
{
    struct credential c = {.remaining = -1};
    struct exchange_answer a = answer_make(200, "X-RateLimit-Remaining: 4999\n", "");

    (void)state;
    assert_false(limits_note(&c, &a, OUTCOME_REFUSED, NOW, wall));
    assert_true(c.remaining == 4999);
    exchange_answer_clear(&a);
    a = answer_make(200, "x-ratelimit-remaining: \n", "");
    assert_false(limits_note(&c, &a, OUTCOME_REFUSED, NOW, wall));
    assert_true(c.remaining == 4999);
    exchange_answer_clear(&a);
}

static void the_tokens_expiry_is_kept(void **state)
{
    struct credential c = {.remaining = -1};
    struct exchange_answer a =
        answer_make(200, "github-authentication-token-expiration: 2025-11-24 16:00:00 UTC\n", "");

    (void)state;
    assert_true(limits_note(&c, &a, OUTCOME_REFUSED, NOW, wall));
    assert_true(c.token_expiry_s == WALL_S);
    assert_false(limits_note(&c, &a, OUTCOME_REFUSED, NOW, wall));
    exchange_answer_clear(&a);
    a = answer_make(200, "github-authentication-token-expiration: never\n", "");
    assert_false(limits_note(&c, &a, OUTCOME_REFUSED, NOW, wall));
    assert_true(c.token_expiry_s == WALL_S);
    exchange_answer_clear(&a);
}

/* clang-format off */
static const struct {
    const char *name, *text;
    int64_t want; /* unix s, -1: refused */
} http_dates[] = {
    { "the example of RFC 9110", "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
    { "the beginning", "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
    { "before the beginning", "Wed, 31 Dec 1969 23:59:59 GMT", -2 },
    { "a leap day", "Thu, 29 Feb 2024 00:00:00 GMT", 1709164800 },
    { "no leap day", "Wed, 29 Feb 2023 00:00:00 GMT", -1 },
    { "another weekday", "Mon, 06 Nov 1994 08:49:37 GMT", -1 },
    { "no weekday", "Xxx, 06 Nov 1994 08:49:37 GMT", -1 },
    { "letters of two weekdays", "unM, 06 Nov 1994 08:49:37 GMT", -1 },
    { "no month", "Sun, 06 Nov 1994 08:49:37 UTC", -1 },
    { "letters of two months", "Sun, 06 ovD 1994 08:49:37 GMT", -1 },
    { "lower case", "sun, 06 nov 1994 08:49:37 gmt", -1 },
    { "one digit of a day", "Sun, 6 Nov 1994 08:49:37 GMT", -1 },
    { "an hour too many", "Sun, 06 Nov 1994 24:00:00 GMT", -1 },
    { "the form of RFC 850", "Sunday, 06-Nov-94 08:49:37 GMT", -1 },
    { "the form of asctime", "Sun Nov  6 08:49:37 1994", -1 },
    { "a blank before", " Sun, 06 Nov 1994 08:49:37 GMT", -1 },
    { "more behind", "Sun, 06 Nov 1994 08:49:37 GMT ", -1 },
    { "cut short", "Sun, 06 Nov 1994 08:49:37", -1 },
    { "nothing", "", -1 },
}, expiries[] = {
    { "the zone's name", "2006-01-02 15:04:05 UTC", 1136214245 },
    { "an offset west", "2006-01-02 15:04:05 -0700", 1136239445 },
    { "an offset east", "2006-01-02 15:04:05 +0530", 1136194445 },
    { "an ambiguous zone", "2006-01-02 15:04:05 CST", -1 },
    { "no zone", "2006-01-02 15:04:05", -1 },
    { "an offset with a colon", "2006-01-02 15:04:05 -07:00", -1 },
    { "an offset too large", "2006-01-02 15:04:05 +9900", -1 },
    { "a month too many", "2006-13-02 15:04:05 UTC", -1 },
    { "RFC 3339", "2006-01-02T15:04:05Z", -1 },
    { "nothing", "", -1 },
};
/* clang-format on */

static void times_are_read_strictly(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(http_dates) / sizeof(http_dates[0]); i++) {
        int64_t ms = -1000;
        bool taken = date_parse_http(&ms, http_dates[i].text);
        /* One second before 1970 would look like a refusal: it is asked for as -2. */
        int64_t want = http_dates[i].want == -2 ? -1 : http_dates[i].want;
        if (ms != want * 1000 || taken != (http_dates[i].want != -1))
            fail_msg("%s: %lld", http_dates[i].name, (long long)ms);
    }
    for (size_t i = 0; i < sizeof(expiries) / sizeof(expiries[0]); i++) {
        int64_t ms = -1000;
        bool taken = date_parse_expiry(&ms, expiries[i].text);
        if (ms != expiries[i].want * 1000 || taken != (expiries[i].want >= 0))
            fail_msg("%s: %lld", expiries[i].name, (long long)ms);
    }
}

static void any_exchange_tells_limits_and_refusals(void **state)
{
    static const struct {
        const char *name, *headers, *body;
        int status;
        enum outcome want;
    } rows[] = {
        {"a run", "x-ratelimit-remaining: 0\n", "{}", 200, OUTCOME_REFUSED},
        {"unchanged", "", "", 304, OUTCOME_REFUSED},
        {"not found", "", "", 404, OUTCOME_REFUSED},
        {"a bad token", "", "", 401, OUTCOME_CREDENTIAL},
        {"a spent limit", "x-ratelimit-remaining: 0\n", "", 403, OUTCOME_LIMITED},
        {"a repository out of reach", "",
         "{\"message\":\"Resource not accessible by integration\"}", 403, OUTCOME_CREDENTIAL},
        {"forbidden", "", "{\"message\":\"no\"}", 403, OUTCOME_REFUSED},
        {"too many", "", "", 429, OUTCOME_LIMITED},
        {"a server's fault", "retry-after: 5\n", "", 502, OUTCOME_AMBIGUOUS},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct exchange_answer a = answer_make(rows[i].status, rows[i].headers, rows[i].body);
        if (limits_class(&a) != rows[i].want)
            fail_msg("%s: %s", rows[i].name, outcome_text(limits_class(&a)));
        exchange_answer_clear(&a);
    }
    struct exchange_answer none = answer_none(EXCHANGE_UNKNOWN, "cut");
    assert_int_equal(limits_class(&none), OUTCOME_AMBIGUOUS);
}

static void a_reason_fits_and_is_clean(void **state)
{
    struct credential c = {.remaining = -1};
    static char body[1024];
    size_t at = (size_t)snprintf(body, sizeof(body), "{\"message\":\"a\\tb");

    (void)state;
    memset(body + at, 'x', 500);
    (void)snprintf(body + at + 500, sizeof(body) - at - 500, "\"}");
    struct exchange_answer a = answer_make(401, "", body);
    limits_note(&c, &a, OUTCOME_CREDENTIAL, NOW, wall);
    assert_memory_equal(c.reason, "abxxx", 5);
    assert_int_equal(strlen(c.reason), sizeof(c.reason) - 1);
    exchange_answer_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_limit_blocks_for_as_long_as_it_says),
        cmocka_unit_test(a_refused_credential_waits_ever_longer),
        cmocka_unit_test(a_new_token_ends_refusals_and_no_limits),
        cmocka_unit_test(a_limit_is_told_from_a_refusal),
        cmocka_unit_test(reads_that_work_between_do_not_shorten_the_waits),
        cmocka_unit_test(a_write_that_is_taken_ends_the_row_of_blocks),
        cmocka_unit_test(what_says_nothing_of_the_credential_changes_nothing),
        cmocka_unit_test(a_block_is_not_ended_by_an_answer_to_what_left_before),
        cmocka_unit_test(a_wait_at_the_end_of_time_does_not_overflow),
        cmocka_unit_test(writes_are_a_second_apart),
        cmocka_unit_test(the_rest_of_the_limit_is_kept_but_not_worth_a_write),
        cmocka_unit_test(the_tokens_expiry_is_kept),
        cmocka_unit_test(times_are_read_strictly),
        cmocka_unit_test(any_exchange_tells_limits_and_refusals),
        cmocka_unit_test(a_reason_fits_and_is_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
