/* The retrainings that Grafana is told of: which are left, for how long, and whose turn it is. */
#include "relay/grafana/backlog.h"

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

#define DAY_MS INT64_C(86400000)
#define WALL   INT64_C(1764115200000) /* 2025-11-26T00:00:00Z */
#define OPEN(id, created)                                                                          \
    "{\"relay_id\":\"" id "\",\"state\":\"running\",\"created_at\":\"" created                     \
    "\",\"ended_at\":null}"
#define DONE(id, created, ended)                                                                   \
    "{\"relay_id\":\"" id "\",\"state\":\"done\",\"created_at\":\"" created                        \
    "\",\"ended_at\":\"" ended "\"}"

static void backlog_free_p(struct backlog **b)
{
    backlog_free(*b);
}

static json_t *load(const char *text)
{
    json_t *json = NULL;
    struct error err = {0};
    if (strict_json_load(&json, text, strlen(text), 16, &err) != 0)
        fail_msg("%s: %s", err.text, text);
    return json;
}

static bool take(struct backlog *b, const char *page)
{
    SCOPED(json_release_p) json_t *json = load(page);
    return backlog_take(b, json, (struct wall){.ms = WALL}, (struct mono){.ms = 0});
}

/* The ids of a round, each followed by a blank. */
static void round_of(char out[static 64], struct backlog *b, int64_t now_ms)
{
    struct backlog_item *item;
    out[0] = '\0';
    backlog_begin_round(b);
    while ((item = backlog_next(b, (struct mono){.ms = now_ms})) != NULL)
        (void)snprintf(out + strlen(out), 64 - strlen(out), "%s ", item->relay_id);
}

/* clang-format off */
static const struct {
    const char *name, *request;
    bool kept, kept_3_days_on;
} requests[] = {
    {"open", OPEN("A", "2025-11-25T23:00:00Z"), true, true},
    {"open, and made a year ago", OPEN("A", "2024-11-26T00:00:00Z"), true, true},
    {"made a year ago, ended just now", DONE("A", "2024-11-26T00:00:00Z", "2025-11-26T00:00:00Z"), true, false},
    {"ended just within three days", DONE("A", "2025-11-22T00:00:00Z", "2025-11-23T00:00:01Z"), true, false},
    {"ended three days ago", DONE("A", "2025-11-22T00:00:00Z", "2025-11-23T00:00:00Z"), false, false},
    {"without an end, of an older release", DONE("A", "2025-11-22T00:00:00Z", ""), false, false},
    {"without an id", "{\"state\":\"running\",\"created_at\":\"2025-11-25T23:00:00Z\"}", false, false},
};
/* clang-format on */

static void what_is_open_stays_and_what_ended_is_kept_for_three_days(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        SCOPED(backlog_free_p) struct backlog *b = backlog_new((struct wall){.ms = 0});
        SCOPED(buf_free) struct buf page = BUF_INIT(1024);
        char ids[64];
        buf_addf(&page, "[%s]", requests[i].request);
        assert_non_null(b);
        bool taken = take(b, buf_text(&page));
        round_of(ids, b, 0);
        bool kept = strcmp(ids, "A ") == 0;
        backlog_forget(b, (struct wall){.ms = WALL + 3 * DAY_MS});
        round_of(ids, b, 0);
        bool kept_on = strcmp(ids, "A ") == 0;
        if (taken != requests[i].kept || kept != taken || kept_on != requests[i].kept_3_days_on)
            fail_msg("%s: %d %d %d", requests[i].name, taken, kept, kept_on);
    }
}

static void a_page_is_new_only_once(void **state)
{
    (void)state;
    SCOPED(backlog_free_p) struct backlog *b = backlog_new((struct wall){.ms = 0});
    assert_true(take(b, "[" OPEN("A", "2025-11-25T23:00:00Z") "]"));
    assert_false(take(b, "[" OPEN("A", "2025-11-25T23:00:00Z") "]"));
    assert_true(
        take(b, "[" OPEN("B", "2025-11-25T23:00:00Z") "," OPEN("A", "2025-11-25T23:00:00Z") "]"));
    assert_false(take(b, "[]"));
}

static void one_that_cannot_be_written_holds_up_no_other(void **state)
{
    (void)state;
    SCOPED(backlog_free_p) struct backlog *b = backlog_new((struct wall){.ms = 0});
    char ids[64];
    (void)take(b, "[" OPEN("A", "2025-11-25T23:00:00Z") "," OPEN(
                      "B", "2025-11-25T23:00:00Z") "," OPEN("C", "2025-11-25T23:00:00Z") "]");
    static const struct {
        const char *first;
        int64_t now_ms;
    } rounds[] = {
        {"A", 0}, {"B", 1500}, {"C", 9000}}; /* A is due again in the second, B in the third */
    for (size_t i = 0; i < sizeof(rounds) / sizeof(rounds[0]);
         i++) { /* ends at its first failure */
        struct mono now = {.ms = rounds[i].now_ms};
        backlog_begin_round(b);
        struct backlog_item *item = backlog_next(b, now);
        assert_non_null(item);
        assert_string_equal(item->relay_id, rounds[i].first);
        backlog_postpone(item, now);
    }
    round_of(ids, b, 999);
    assert_string_equal(ids, "");
    round_of(ids, b, 9999);
    assert_string_equal(ids, "A B ");
    backlog_hurry(b);
    round_of(ids, b, 999);
    assert_int_equal(strlen(ids), strlen("A B C "));
}

static void each_failure_waits_twice_as_long_up_to_five_minutes(void **state)
{
    (void)state;
    struct backlog_item item = {.over = false};
    for (int64_t want = 1000; want < 300000; want *= 2) {
        backlog_postpone(&item, (struct mono){.ms = 7});
        assert_int_equal(item.due_ms, 7 + want);
    }
    backlog_postpone(&item, (struct mono){.ms = 7});
    assert_int_equal(item.due_ms, 7 + 300000);
    backlog_postpone(&item, (struct mono){.ms = 7});
    assert_int_equal(item.due_ms, 7 + 300000);
}

static void what_was_there_before_the_relay_may_still_be_on_its_way(void **state)
{
    (void)state;
    SCOPED(backlog_free_p) struct backlog *b = backlog_new((struct wall){.ms = WALL});
    SCOPED(json_release_p)
    json_t *page =
        load("[" OPEN("A", "2025-11-25T23:59:59.999Z") "," OPEN("B", "2025-11-26T00:00:00Z") "]");
    (void)backlog_take(b, page, (struct wall){.ms = WALL}, (struct mono){.ms = 5});
    backlog_begin_round(b);
    struct backlog_item *before = backlog_next(b, (struct mono){.ms = 5});
    struct backlog_item *since = backlog_next(b, (struct mono){.ms = 5});
    assert_non_null(before);
    assert_non_null(since);
    assert_int_equal(before->track.unsure_until_ms, 5 + TRACK_UNSURE_MS);
    assert_int_equal(since->track.unsure_until_ms, 0);
}

static void one_that_the_relay_no_longer_keeps_is_forgotten(void **state)
{
    (void)state;
    SCOPED(backlog_free_p) struct backlog *b = backlog_new((struct wall){.ms = 0});
    char ids[64];
    (void)take(b, "[" OPEN("A", "2025-11-25T23:00:00Z") "]");
    backlog_begin_round(b);
    struct backlog_item *item = backlog_next(b, (struct mono){.ms = 0});
    assert_non_null(item);
    backlog_update(item, NULL, (struct wall){.ms = WALL}); /* it may only not say */
    assert_int_equal(item->ended_ms, 0);
    backlog_update(item, NULL, (struct wall){.ms = WALL + 3 * DAY_MS});
    backlog_forget(b, (struct wall){.ms = WALL + 3 * DAY_MS});
    round_of(ids, b, 0);
    assert_string_equal(ids, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_open_stays_and_what_ended_is_kept_for_three_days),
        cmocka_unit_test(a_page_is_new_only_once),
        cmocka_unit_test(one_that_cannot_be_written_holds_up_no_other),
        cmocka_unit_test(each_failure_waits_twice_as_long_up_to_five_minutes),
        cmocka_unit_test(what_was_there_before_the_relay_may_still_be_on_its_way),
        cmocka_unit_test(one_that_the_relay_no_longer_keeps_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
