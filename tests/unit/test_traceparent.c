#include "relay/base/traceparent.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#define TRACE  "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"
#define VALID  "00-" TRACE "-" PARENT "-01"

/* clang-format off */
static const struct {
    const char *name, *header, *want; /* want NULL: refused */
} cases[] = {
    {"the standard's example", VALID, VALID},
    {"unknown flags", "00-" TRACE "-" PARENT "-fe", "00-" TRACE "-" PARENT "-fe"},
    {"a later version", "01-" TRACE "-" PARENT "-01", "01-" TRACE "-" PARENT "-01"},
    {"a later version with more fields", "01-" TRACE "-" PARENT "-01-more", "01-" TRACE "-" PARENT "-01"},
    {"no header", NULL, NULL},
    {"an empty one", "", NULL},
    {"one that ends early", "00-" TRACE "-" PARENT "-0", NULL},
    {"more than version 00 has", VALID "-more", NULL},
    {"a later version with something unseparated", "01-" TRACE "-" PARENT "-01more", NULL},
    {"version ff", "ff-" TRACE "-" PARENT "-01", NULL},
    {"upper case", "00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01", NULL},
    {"no hexadecimal digit", "00-4gf92f3577b34da6a3ce929d0e0e4736-" PARENT "-01", NULL},
    {"a trace of zeros", "00-00000000000000000000000000000000-" PARENT "-01", NULL},
    {"a parent of zeros", "00-" TRACE "-0000000000000000-01", NULL},
    {"other separators", "00_" TRACE "_" PARENT "_01", NULL},
    {"a blank before", " " VALID, NULL},
};
/* clang-format on */

static void only_what_the_standard_allows_is_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[TRACEPARENT_SIZE] = "before";
        if (traceparent_parse(out, cases[i].header) != (cases[i].want != NULL))
            fail_msg("%s", cases[i].name);
        assert_string_equal(out, cases[i].want == NULL ? "" : cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(only_what_the_standard_allows_is_taken)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
