#include "model/app/close_input.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* clang-format off */
static const struct {
    const char *name, *text;
    enum close_input want;
    double value;
} cases[] = {
    { "a price", "2480.5", CLOSE_INPUT_OK, 2480.5 },
    { "a whole number", "2480", CLOSE_INPUT_OK, 2480 },
    { "separated thousands", "2,480.50", CLOSE_INPUT_OK, 2480.5 },
    { "separated millions", "1,234,567", CLOSE_INPUT_OK, 1234567 },
    { "blanks around", "  2480.5\t", CLOSE_INPUT_OK, 2480.5 },
    { "a plus", "+3", CLOSE_INPUT_OK, 3 },
    { "leading zeros", "007", CLOSE_INPUT_OK, 7 },
    { "less than one", "0.001", CLOSE_INPUT_OK, 0.001 },
    { "the largest", "1000000000000", CLOSE_INPUT_OK, 1e12 },
    { "nothing", "", CLOSE_INPUT_EMPTY, 0 },
    { "only blanks", " \t ", CLOSE_INPUT_EMPTY, 0 },
    { "a decimal comma", "2480,5", CLOSE_INPUT_NO_NUMBER, 0 },
    { "a decimal comma of three digits stands for thousands", "2,480", CLOSE_INPUT_OK, 2480 },
    { "four digits before a comma", "1234,567", CLOSE_INPUT_NO_NUMBER, 0 },
    { "two digits after a comma", "1,23", CLOSE_INPUT_NO_NUMBER, 0 },
    { "four digits after a comma", "1,2345", CLOSE_INPUT_NO_NUMBER, 0 },
    { "a comma at the end", "1,", CLOSE_INPUT_NO_NUMBER, 0 },
    { "a comma first", ",123", CLOSE_INPUT_NO_NUMBER, 0 },
    { "two commas", "1,,234", CLOSE_INPUT_NO_NUMBER, 0 },
    { "a comma among the decimals", "1.234,567", CLOSE_INPUT_NO_NUMBER, 0 },
    { "two points", "1.2.3", CLOSE_INPUT_NO_NUMBER, 0 },
    { "a point at the end", "2480.", CLOSE_INPUT_NO_NUMBER, 0 },
    { "a point first", ".5", CLOSE_INPUT_NO_NUMBER, 0 },
    { "a blank within", "2 480", CLOSE_INPUT_NO_NUMBER, 0 },
    { "an exponent", "1e3", CLOSE_INPUT_NO_NUMBER, 0 },
    { "an exponent past every double", "1e999", CLOSE_INPUT_NO_NUMBER, 0 },
    { "not a number", "nan", CLOSE_INPUT_NO_NUMBER, 0 },
    { "infinity", "inf", CLOSE_INPUT_NO_NUMBER, 0 },
    { "hexadecimal", "0x10", CLOSE_INPUT_NO_NUMBER, 0 },
    { "words", "high", CLOSE_INPUT_NO_NUMBER, 0 },
    { "markup", "<b>1</b>", CLOSE_INPUT_NO_NUMBER, 0 },
    { "a sign alone", "-", CLOSE_INPUT_NO_NUMBER, 0 },
    { "two signs", "--1", CLOSE_INPUT_NO_NUMBER, 0 },
    { "full-width digits", "２４８０", CLOSE_INPUT_NO_NUMBER, 0 },
    { "a negative price", "-5", CLOSE_INPUT_NOT_POSITIVE, 0 },
    { "zero", "0", CLOSE_INPUT_NOT_POSITIVE, 0 },
    { "zero with decimals", "0,000.000", CLOSE_INPUT_NOT_POSITIVE, 0 },
    { "more than an index can be", "1000000000001", CLOSE_INPUT_TOO_LARGE, 0 },
};
/* clang-format on */

static void what_is_typed_is_read_as_people_write_prices(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double value = 0;
        enum close_input got = close_input_parse(&value, cases[i].text);
        if (got != cases[i].want || value < cases[i].value || value > cases[i].value)
            fail_msg("%s: outcome %d, value %.17g", cases[i].name, (int)got, value);
    }
}

static void hundreds_of_digits_are_too_large(void **state)
{
    (void)state;
    char digits[1024];
    double value = 0;
    memset(digits, '9', sizeof(digits) - 1);
    digits[sizeof(digits) - 1] = '\0';
    assert_int_equal(close_input_parse(&value, digits), CLOSE_INPUT_TOO_LARGE);
    memset(digits, '0', sizeof(digits) - 1);
    digits[1] = '.';
    digits[sizeof(digits) - 2] = '1';
    assert_int_equal(close_input_parse(&value, digits), CLOSE_INPUT_NOT_POSITIVE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_typed_is_read_as_people_write_prices),
        cmocka_unit_test(hundreds_of_digits_are_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
