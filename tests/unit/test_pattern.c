#include "relay/base/pattern.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* clang-format off */
static const struct {
    const char *name, *pattern, *text;
    bool want;
} matches[] = {
    { "a literal matches itself", "retrain", "retrain", true },
    { "nothing may stand before", "retrain", "xretrain", false },
    { "nothing may stand behind", "retrain", "retrainx", false },
    { "alternatives are anchored as a whole: first", "a|b", "ax", false },
    { "alternatives are anchored as a whole: second", "a|b", "xb", false },
    { "alternatives are anchored as a whole", "a|b", "b", true },
    { "a newline at the end is not overlooked", "[a-z]+", "abc\n", false },
    { "a line of several is not enough", "[a-z]+", "abc\ndef", false },
    { "a dot takes a newline", "a.b", "a\nb", true },
    { "own anchors do no harm", "^abc$", "abc", true },
    { "case counts", "abc", "ABC", false },
    { "an interval at its lower end", "[a-z0-9-]{1,64}", "x", true },
    { "an interval does not take nothing", "[a-z0-9-]{1,64}", "", false },
    { "an interval past its upper end", "[a-z]{1,3}", "abcd", false },
    { "an open interval", "a{2,}", "aaaaa", true },
    { "a class of POSIX", "[[:alpha:]_][[:alnum:]_]*", "model_2", true },
    { "a closing bracket may come first", "[]a]+", "]a]", true },
    { "a negated set with a closing bracket first", "[^]a]", "]", false },
    { "a backslash in brackets, written twice", "[\\\\]", "\\", true },
    { "an escaped dot is a dot", "v1\\.2", "v1.2", true },
    { "an escaped dot is nothing else", "v1\\.2", "v1x2", false },
    { "an escaped parenthesis", "f\\(x\\)", "f(x)", true },
    { "an escaped slash", "a\\/b", "a/b", true },
    { "a group may be missing", "(a)?", "", true },
    { "the C locale counts bytes", "...", "\xed\x95\x9c", true },
    { "a Korean text matches itself", "상승|하락", "하락", true },
    { "everything", ".*", "", true },
    { "a group of groups", "((a|b)c)+", "acbc", true },
    { "closing braces are ordinary", "a}", "a}", true },
};

static const struct {
    const char *name, *pattern, *says;
} refusals[] = {
    { "digits", "\\d+", "[0-9]" },
    { "word characters", "\\w+", "[A-Za-z0-9_]" },
    { "blanks", "a\\s", "[[:space:]]" },
    { "no digits", "\\D", "[^0-9]" },
    { "a word boundary", "\\bfoo", "word boundaries" },
    { "GNU's start of a word", "\\<foo", "word boundaries" },
    { "GNU's end of a buffer", "foo\\'", "anchored" },
    { "Perl's end", "foo\\Z", "anchored" },
    { "a backreference", "(a)\\1", "backreference" },
    { "a letter escaped for nothing", "\\q", "punctuation" },
    { "a newline written as an escape", "a\\n", "punctuation" },
    { "a byte past ASCII escaped", "\\\xed\x95\x9c", "punctuation" },
    { "a backslash at the end would escape the anchor", "abc\\", "at the end" },
    { "an escape in brackets", "[\\d]", "stands for itself" },
    { "an escaped dot in brackets", "[a-z\\.]+", "stands for itself" },
    { "an escaped end of brackets", "[a\\]", "stands for itself" },
    { "a group that does not capture", "(?:a)", "Perl" },
    { "a flag", "(?i)abc", "Perl" },
    { "a lazy star", "a*?", "repetition of a repetition" },
    { "a lazy plus", "a+?", "repetition of a repetition" },
    { "a lazy question mark", "a?""?", "repetition of a repetition" },
    { "a lazy interval", "a{2}?", "repetition of a repetition" },
    { "a possessive star", "a*+", "repetition of a repetition" },
    { "two intervals", "a{2}{3}", "repetition of a repetition" },
    { "a star at the start", "*a", "repetition of nothing" },
    { "a star at the start of a group", "(*a)", "repetition of nothing" },
    { "a star behind an alternative", "a|*b", "repetition of nothing" },
    { "a star behind an anchor", "^*a", "repetition of nothing" },
    { "an interval at the start", "{2}", "repetition of nothing" },
    { "a brace that begins no interval", "a{x}", "no interval" },
    { "an interval without a start", "a{,3}", "no interval" },
    { "an interval that runs back", "a{3,2}", "no interval" },
    { "an interval too large", "a{256}", "no interval" },
    { "an interval that is not closed", "a{2", "no interval" },
    { "a number without end", "a{99999999999999999999}", "no interval" },
    { "the empty pattern", "", "empty" },
    { "an empty alternative at the end", "a|", "empty" },
    { "an empty alternative at the start", "|a", "empty" },
    { "an empty alternative between", "a||b", "empty" },
    { "an empty group", "a()", "empty" },
    { "an empty alternative in a group", "(a|)", "empty" },
    { "a parenthesis that would leave the anchors", "a)|(b", ") without (" },
    { "a parenthesis never closed", "(a", "( without )" },
    { "a bracket never closed", "[a", "[ without ]" },
    { "a bracket with nothing in it", "[]", "[ without ]" },
    { "a class never closed", "[[:alpha:", "not closed" },
    { "a class without its brackets", "[:alpha:]+", "[[:alpha:]]" },
    { "a class that is none", "[[:letter:]]", "class" },
    { "a range that runs back", "[z-a]", "ange" },
    { "intervals that multiply", "((a{200}){200}){200}", "too large" },
    { "intervals that multiply, open", "((a{250,}){250,})", "too large" },
};
/* clang-format on */

static void the_whole_text_must_match(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]); i++) {
        struct pattern *p = NULL;
        struct error err = {0};
        if (pattern_compile(&p, matches[i].pattern, &err) != 0)
            fail_msg("%s: %s", matches[i].name, err.text);
        if (pattern_matches(p, matches[i].text) != matches[i].want)
            fail_msg("%s: \"%s\" on \"%s\"", matches[i].name, matches[i].pattern, matches[i].text);
        assert_string_equal(pattern_text(p), matches[i].pattern);
        pattern_free(p);
    }
}

static void what_posix_lacks_is_refused_and_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct pattern *p = NULL;
        struct error err = {0};
        if (pattern_compile(&p, refusals[i].pattern, &err) != -EINVAL)
            fail_msg("%s: \"%s\" was taken", refusals[i].name, refusals[i].pattern);
        assert_null(p);
        if (strstr(err.text, refusals[i].says) == NULL)
            fail_msg("%s: the error does not say \"%s\": %s", refusals[i].name, refusals[i].says,
                     err.text);
    }
}

static void a_fault_is_told_with_its_place(void **state)
{
    struct pattern *p = NULL;
    struct error err = {0};

    (void)state;
    assert_int_equal(pattern_compile(&p, "abc\\d", &err), -EINVAL);
    assert_non_null(strstr(err.text, "byte 4"));
    assert_int_equal(pattern_compile(&p, "\\d", NULL), -EINVAL);
}

static void length_and_depth_have_limits(void **state)
{
    static char text[PATTERN_MAX + 2];
    struct pattern *p = NULL;
    struct error err = {0};

    (void)state;
    memset(text, 'a', PATTERN_MAX);
    assert_int_equal(pattern_compile(&p, text, &err), 0);
    pattern_free(p);
    p = NULL;
    text[PATTERN_MAX] = 'a';
    assert_int_equal(pattern_compile(&p, text, &err), -EINVAL);

    memset(text, 0, sizeof(text));
    memset(text, '(', 100);
    text[100] = 'a';
    memset(text + 101, ')', 100);
    assert_int_equal(pattern_compile(&p, text, &err), -EINVAL);
    assert_non_null(strstr(err.text, "groups"));
    assert_null(p);
}

static void freeing_nothing_is_fine(void **state)
{
    (void)state;
    pattern_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_text_must_match),
        cmocka_unit_test(what_posix_lacks_is_refused_and_named),
        cmocka_unit_test(a_fault_is_told_with_its_place),
        cmocka_unit_test(length_and_depth_have_limits),
        cmocka_unit_test(freeing_nothing_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
