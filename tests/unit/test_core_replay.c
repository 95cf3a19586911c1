/* Notifications that came before, and those that are only tried. */
#include "tests/unit/core_fixture.h"

/* The last notification once more: the same MAC, signed at the same time. */
static void post_again(struct core_fixture *f, const char *status, enum core_verdict verdict,
                       const char *words)
{
    int64_t now = f->wall_ms;
    f->n_bodies--;
    f->wall_ms = WALL_START;
    core_post(f, status, "a", verdict, words);
    f->wall_ms = now;
}

static void a_mac_that_was_seen_repeats_the_first_decisions_and_changes_nothing(void **state)
{
    (void)state;
    struct core_fixture f;
    struct core_reply_kept first;
    core_fixture_init(&f, "");
    f.signed_time = true;
    core_send(&f, "firing", "a", &first);
    core_settle(&f);
    const char *decisions = strstr(first.body, "\"alerts\":");
    assert_non_null(decisions);
    core_accept(&f);
    core_pass(&f, 1000);
    post_again(&f, "resolved", CORE_DUPLICATE, "\"duplicate\":true");
    post_again(&f, "resolved", CORE_DUPLICATE, decisions);
    core_shows(&f, QUERY_KEY, KEY_TEXT, "\"fingerprint\":\"a\"");
    core_shows(&f, QUERY_METRICS, "", "reason=\"first\"} 1");
    assert_int_equal(f.n_posts, 1);
    free(first.body);
    core_fixture_clear(&f);
}

static void a_mac_is_known_after_a_crash_and_stale_once_it_was_forgotten(void **state)
{
    (void)state;
    struct core_fixture f;
    struct conf *conf = core_conf("retrain", "");
    core_fixture_init(&f, "");
    f.signed_time = true;
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    core_crash(&f);
    core_up(&f, conf);
    core_pass(&f, 2 * SIGNATURE_WINDOW_MS - 1);
    post_again(&f, "firing", CORE_DUPLICATE, "\"reason\":\"first\"");
    core_pass(&f, 1);
    post_again(&f, "firing", CORE_STALE, "");
    core_crash(&f);
    core_up(&f, conf);
    post_again(&f, "firing", CORE_STALE, ""); /* the floor is on disk, too */
    f.wall_ms = WALL_START + 1;
    core_post(&f, "firing", "b", CORE_STORED, "");
    conf_unref(conf);
    core_fixture_clear(&f);
}

static void a_dry_run_says_what_would_be_and_keeps_nothing(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, "");
    f.signed_time = true;
    f.dry = true;
    core_post(&f, "firing", "a", CORE_DRY,
              "{\"notification\":null,\"duplicate\":false,\"dry\":true");
    post_again(&f, "firing", CORE_DRY, "\"verdict\":\"dispatch\",\"reason\":\"first\"");
    assert_int_equal(f.n_posts, 0);
    core_shows(&f, QUERY_NOTIFICATIONS, "", "\"items\":[]");
    core_shows(&f, QUERY_KEYS, "", "\"items\":[]");
    f.dry = false;
    post_again(&f, "firing", CORE_STORED, "\"reason\":\"first\"");
    f.dry = true;
    post_again(&f, "firing", CORE_DRY,
               "\"reason\":\"duplicate\""); /* a MAC that was seen may be tried */
    core_fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mac_that_was_seen_repeats_the_first_decisions_and_changes_nothing),
        cmocka_unit_test(a_mac_is_known_after_a_crash_and_stale_once_it_was_forgotten),
        cmocka_unit_test(a_dry_run_says_what_would_be_and_keeps_nothing),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
