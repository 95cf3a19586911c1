#include "relay/github/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void text_that_is_no_utf8_is_told_and_dropped(void **state)
{
    static const char *const bad[] = {"\x80",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xe0\x80\x80",
                                      "\xed\xa0\x80",
                                      "\xf0\x80\x80\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "\xc3",
                                      "\xed\x95",
                                      "\xf0\x9f\x98",
                                      "\xc3("};
    char out[8];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(utf8_is_valid(bad[i]));
    assert_true(utf8_is_valid(""));
    assert_true(
        utf8_is_valid("a\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xef\xbf\xbf\xf4\x8f\xbf\xbf"));
    utf8_clean(out, sizeof(out),
               "a\xff"
               "b\xed\x95"
               "c");
    assert_string_equal(out, "abc");
    utf8_clean(out, sizeof(out),
               "123456\xc3\xa9"
               "8");
    assert_string_equal(out, "123456");
    utf8_clean(out, sizeof(out),
               "12345\xc3\xa9"
               "8");
    assert_string_equal(out, "12345\xc3\xa9");
    utf8_clean(out, 1, "abc");
    assert_string_equal(out, "");
    utf8_clean(out, sizeof(out), NULL);
    assert_string_equal(out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_that_is_no_utf8_is_told_and_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
