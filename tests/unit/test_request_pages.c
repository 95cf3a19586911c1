/* Lists of more than one page, and of more than GitHub shows. */
#include "tests/unit/request_find_fixture.h"

static struct run full[GITHUB_RUNS_PER_PAGE];

/* Runs of others, `first` being the newest, one a second. */
static char times[GITHUB_RUNS_PER_PAGE][64];
static void fill(int64_t first)
{
    for (int64_t i = 0; i < GITHUB_RUNS_PER_PAGE; i++) {
        int64_t second = first - i;
        (void)snprintf(times[i], sizeof(times[i]), ",\"created_at\":\"2025-11-24T%02d:%02d:%02dZ\"",
                       (int)(second / 3600 % 24), (int)(second / 60 % 60), (int)(second % 60));
        full[i] = (struct run){first - i + 1, "\"" RELAY_ID "\"", times[i]};
    }
}

static void all_pages_are_read_before_anything_is_concluded(void **state)
{
    struct request r = cut_off();
    int64_t now = AT(45 * MINUTE), at;

    (void)state;
    for (int page = 1; page <= 3; page++) {
        assert_int_equal(r.state, REQUEST_AMBIGUOUS);
        request_looking(&r, wall.ms + (now - NOW), now);
        assert_int_equal(r.search.page, page);
        fill(50000 - (page - 1) * 50);
        listed(&r, true, now, 120, full, page < 3 ? 50 : 20);
        assert_int_equal(request_next_step(&r, &at), page < 3 ? STEP_LOOK : STEP_POST);
        assert_true(at == now);
    }
    assert_int_equal(r.state, REQUEST_QUEUED);
    request_free(&r);
}

/* Nor does one count that began before. */
static void a_reading_counts_from_its_beginning(void **state)
{
    struct request r = cut_off();

    (void)state;
    fill(50000);
    listed(&r, true, AT(45 * MINUTE) - 1, 60, full, 50);
    listed(&r, true, AT(46 * MINUTE), 60, full, 10);
    assert_int_equal(r.state, REQUEST_AMBIGUOUS);
    request_free(&r);
}

static void a_list_that_shrank_between_pages_is_read_again(void **state)
{
    struct request r = cut_off();

    (void)state;
    fill(50000);
    listed(&r, true, AT(46 * MINUTE), 60, full, 50);
    listed(&r, true, AT(46 * MINUTE), 59, full, 9);
    assert_int_equal(r.state, REQUEST_AMBIGUOUS);
    assert_int_equal(r.search.page, 0);
    assert_non_null(strstr(r.detail, "changed"));
    request_free(&r);
}

static void a_run_that_was_found_is_adopted_though_the_next_page_fails(void **state)
{
    struct request r = cut_off();

    (void)state;
    fill(50000);
    full[7].title = "\"" MARK "\"";
    listed(&r, true, AT(5000), 60, full, 50);
    assert_int_equal(r.state, REQUEST_AMBIGUOUS); /* an older one may follow */
    answered(&r, true, AT(5000), 502, "");
    assert_int_equal(r.state, REQUEST_ADOPTED);
    assert_true(r.run_id == full[7].id);
    request_free(&r);
}

/* 10,000 runs of others, of which a list shows 1,000 at a time. */
static void past_the_cap_the_reading_goes_on_by_time(void **state)
{
    struct request r = cut_off();
    int64_t now = AT(45 * MINUTE), left = 3000, newest = 60000;
    int pages = 0;

    (void)state;
    while (r.state == REQUEST_AMBIGUOUS && pages < 100) {
        request_looking(&r, wall.ms + (now - NOW), now);
        if (r.search.page == 1 && pages > 0) {
            assert_true(r.search.until[0] != '\0');
            newest += 1; /* the oldest seen is seen again */
            left += 1;
        }
        int64_t from_here = left + (r.search.page - 1) * GITHUB_RUNS_PER_PAGE;
        fill(newest);
        size_t n = left < GITHUB_RUNS_PER_PAGE ? (size_t)left : GITHUB_RUNS_PER_PAGE;
        if (left <= GITHUB_RUNS_PER_PAGE)
            full[n - 1].title = "\"" MARK "\"";
        listed(&r, true, now, from_here, full, n);
        newest -= (int64_t)n;
        left -= (int64_t)n;
        pages++;
    }
    assert_int_equal(r.state, REQUEST_ADOPTED);
    assert_int_equal(pages, 61);
    request_free(&r);
}

static void a_capped_list_that_cannot_be_gone_past_is_no_reading(void **state)
{
    static const struct {
        const char *name, *more;
    } rows[] = {
        {"all of one second, again and again", DISPATCHED},
        {"without times", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct request r = cut_off();
        int pages = 0;
        for (int64_t k = 0; k < GITHUB_RUNS_PER_PAGE; k++)
            full[k] = (struct run){k + 1, "null", rows[i].more};
        do {
            listed(&r, true, AT(45 * MINUTE), 10000, full, GITHUB_RUNS_PER_PAGE);
            pages++;
        } while (r.search.page != 0 && pages < 1000);
        if (r.state != REQUEST_AMBIGUOUS || pages > 40 ||
            strstr(r.detail, "more runs than GitHub lists") == NULL)
            fail_msg("%s: %s after %d pages", rows[i].name, r.detail, pages);
        request_free(&r);
    }
}

static void a_list_without_an_end_is_left(void **state)
{
    struct request r = cut_off();
    int pages = 0;

    (void)state;
    do {
        fill(80000 - pages * 49);
        listed(&r, true, AT(45 * MINUTE), INT64_MAX, full, GITHUB_RUNS_PER_PAGE);
        pages++;
    } while (r.search.page != 0 && pages < 1000);
    assert_int_equal(pages, REQUEST_PAGES_MAX);
    assert_int_equal(r.state, REQUEST_AMBIGUOUS);
    request_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_pages_are_read_before_anything_is_concluded),
        cmocka_unit_test(a_reading_counts_from_its_beginning),
        cmocka_unit_test(a_list_that_shrank_between_pages_is_read_again),
        cmocka_unit_test(a_run_that_was_found_is_adopted_though_the_next_page_fails),
        cmocka_unit_test(past_the_cap_the_reading_goes_on_by_time),
        cmocka_unit_test(a_capped_list_that_cannot_be_gone_past_is_no_reading),
        cmocka_unit_test(a_list_without_an_end_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
