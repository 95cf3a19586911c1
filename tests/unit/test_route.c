/* Routes: the first that matches, and the text of a key. */
#include "relay/engine/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char action[] = "action", retrain[] = "retrain", model[] = "model", horizon[] = "horizon",
            first[] = "first", second[] = "second", grafana[] = "grafana", odd[] = "a/b";
static struct matcher both[] = {{.name = action, .op = MATCH_EQUAL, .value = retrain},
                                {.name = model, .op = MATCH_NOT_EQUAL, .value = retrain}};
static char *key_labels[] = {model, horizon};

static void the_first_route_that_matches_wins(void **state)
{
    (void)state;
    const struct route a = {.name = first, .source = grafana, .matchers = both, .n_matchers = 2};
    const struct route b = {.name = second, .matchers = both, .n_matchers = 1};
    const struct route *const routes[] = {&a, &b};
    const struct label yes[] = {{"action", "retrain"}, {"model", "kospi"}};
    const struct label half[] = {{"action", "retrain"}, {"model", "retrain"}};
    const struct alert takes = {.labels = yes, .n_labels = 2};
    const struct alert partly = {.labels = half, .n_labels = 2};
    const struct alert none = {.n_labels = 0};
    assert_ptr_equal(route_find(routes, 2, "grafana", &takes), &a);
    assert_ptr_equal(route_find(routes, 2, "elsewhere", &takes), &b);
    assert_ptr_equal(route_find(routes, 2, "grafana", &partly), &b); /* all must match */
    assert_null(route_find(routes, 1, "grafana", &partly));
    assert_null(route_find(routes, 2, "grafana", &none));
    assert_null(route_find(routes, 0, "grafana", &takes));
}

static void a_keys_text_is_percent_encoded(void **state)
{
    (void)state;
    static const struct {
        const char *model, *want;
    } cases[] = {
        {"kospi-1_a.b~Z9", "first/kospi-1_a.b~Z9/"},
        {"a/b", "first/a%2Fb/"},
        {"100% \n", "first/100%25%20%0A/"},
        {"\xEC\x83\x81", "first/%EC%83%81/"},
        {"", "first//"},
    };
    const struct route r = {.name = first, .key_labels = key_labels, .n_key_labels = 2};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf out = BUF_INIT(1000);
        const struct label labels[] = {{"model", cases[i].model}};
        const struct alert a = {.labels = labels, .n_labels = 1};
        route_key_text(&r, &a, &out);
        assert_string_equal(buf_text(&out), cases[i].want);
        buf_free(&out);
    }
}

static void two_keys_never_share_a_text(void **state)
{
    (void)state;
    struct buf one = BUF_INIT(1000), other = BUF_INIT(1000);
    const struct route r = {.name = odd, .key_labels = key_labels, .n_key_labels = 2};
    const struct label left[] = {{"horizon", "c"}, {"model", "a/b"}};
    const struct label right[] = {{"horizon", "b/c"}, {"model", "a"}};
    route_key_text(&r, &(const struct alert){.labels = left, .n_labels = 2}, &one);
    route_key_text(&r, &(const struct alert){.labels = right, .n_labels = 2}, &other);
    assert_string_equal(buf_text(&one), "a%2Fb/a%2Fb/c");
    assert_string_equal(buf_text(&other), "a%2Fb/a/b%2Fc");
    buf_free(&one);
    buf_free(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_route_that_matches_wins),
        cmocka_unit_test(a_keys_text_is_percent_encoded),
        cmocka_unit_test(two_keys_never_share_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
