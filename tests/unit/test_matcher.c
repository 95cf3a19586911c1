/* Matchers in Alertmanager's notation. */
#include "relay/engine/matcher.h"

#include "relay/base/pattern.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static bool matches(const char *text, const char *value)
{
    struct matcher m;
    struct error err = {0};
    const struct label labels[] = {{"model", value}, {"other", "x"}};
    const struct alert alert = {.labels = value == NULL ? labels + 1 : labels,
                                .n_labels = value == NULL ? 1 : 2};
    if (matcher_parse(&m, text, &err) != 0)
        fail_msg("%s: %s", text, err.text);
    bool yes = matcher_matches(&m, &alert);
    matcher_clear(&m);
    return yes;
}

static void a_matcher_takes_what_it_says(void **state)
{
    (void)state;
    static const struct {
        const char *text, *value;
        bool want;
    } cases[] = {
        {"model=kospi", "kospi", true},
        {"model=kospi", "kospi2", false},
        {"model=kospi", NULL, false},
        {"model=", NULL, true},
        {"model=", "", true},
        {"model!=", NULL, false},
        {"model!=kospi", NULL, true},
        {"model!=kospi", "kospi", false},
        {"model=~kos.*", "kospi", true},
        {"model=~kos", "kospi", false}, /* anchored */
        {"model=~(kospi|spx)", "spx", true},
        {"model=~.+", NULL, false},
        {"model!~kos.*", "kospi", false},
        {"model!~kos.*", NULL, true},
        {"model=\"a b\"", "a b", true},
        {"model=\"a\\\"b\\\\\"", "a\"b\\", true},
        {"model=\"\"", NULL, true},
        {"model= x", " x", true}, /* as it stands */
        {"model=a=b", "a=b", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        print_message("%s with %s\n", cases[i].text,
                      cases[i].value == NULL ? "none" : cases[i].value);
        assert_int_equal(matches(cases[i].text, cases[i].value), cases[i].want);
    }
}

static void what_is_no_matcher_is_refused_with_words(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "is no matcher"},
        {"model", "is no matcher"},
        {"=kospi", "is no matcher"},
        {"9model=x", "is no matcher"},
        {"model ~x", "is no matcher"},
        {"model=\"x", "not closed"},
        {"model=\"x\\", "not closed"},
        {"model=\"x\"y", "after the closing quote"},
        {"model=~(a", ""},
        {"model=~\\d+", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct matcher m = {0};
        struct error err = {0};
        print_message("%s\n", cases[i].text);
        assert_true(matcher_parse(&m, cases[i].text, &err) < 0);
        assert_true(err.text[0] != '\0');
        assert_non_null(strstr(err.text, cases[i].says));
    }
}

static void a_value_has_a_limit(void **state)
{
    (void)state;
    char text[5000];
    struct matcher m = {0};
    struct error err = {0};
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    text[1] = '=';
    assert_true(matcher_parse(&m, text, &err) < 0);
    assert_non_null(strstr(err.text, "4096"));
}

static void the_name_takes_the_characters_of_labels(void **state)
{
    (void)state;
    static const char all[] = "_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ\x80\xff"
                              "0123456789";
    static const char others[] = "`{@[/:^ -.";
    struct error err = {0};
    char text[sizeof(all) + 2];
    for (size_t i = 0; i < sizeof(all) - 1; i++) {
        struct matcher m = {0};
        bool digit = all[i] >= '0' && all[i] <= '9';
        (void)snprintf(text, sizeof(text), "%c%s=", all[i], all);
        assert_int_equal(matcher_parse(&m, text, &err), digit ? -EINVAL : 0);
        if (!digit)
            assert_memory_equal(m.name, text, sizeof(all));
        matcher_clear(&m);
        assert_null(m.name);
        assert_null(m.value);
    }
    for (size_t i = 0; i < sizeof(others) - 1; i++) {
        struct matcher m = {0};
        (void)snprintf(text, sizeof(text), "a%c=x", others[i]);
        assert_int_equal(matcher_parse(&m, text, &err), -EINVAL);
    }
}

static void a_value_has_4096_bytes_at_most(void **state)
{
    (void)state;
    char text[2 + 4097 + 1] = "m=";
    struct error err = {0};
    struct matcher m = {0};
    memset(text + 2, 'x', 4097);
    assert_int_equal(matcher_parse(&m, text, &err), -EINVAL);
    assert_non_null(strstr(err.text, "4096"));
    text[2 + 4096] = '\0';
    assert_int_equal(matcher_parse(&m, text, &err), 0);
    matcher_clear(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_matcher_takes_what_it_says),
        cmocka_unit_test(what_is_no_matcher_is_refused_with_words),
        cmocka_unit_test(a_value_has_a_limit),
        cmocka_unit_test(the_name_takes_the_characters_of_labels),
        cmocka_unit_test(a_value_has_4096_bytes_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
