/* Tail probabilities against values that were computed with rational numbers or 80 digits. */
#include "model/drift/kolmogorov.h"
#include "model/drift/special.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define N(table) (sizeof(table) / sizeof((table)[0]))

static void assert_close(const char *name, double got, double want, double relative)
{
    if (!(fabs(got - want) <= relative * fabs(want)))
        fail_msg("%s: %.17g, wanted %.17g", name, got, want);
}

static void the_kolmogorov_law_is_right_in_every_region(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double n, d, want, relative;
    } cases[] = {
        /* clang-format off */
        { "d is 1",                           8, 1,         0,                      0     },
        { "d below half a step",             20, 0.025,     1,                      0     },
        { "one value",                        1, 0.6,       0.8,                    1e-14 },
        { "t is 1",                           7, 1.0 / 7,   0.9938801009783339,     1e-14 },
        { "just above t = 1",                20, 0.0525,    0.9999998686300591,     1e-12 },
        { "t from n - 1 on",                 20, 0.975,     1.8189894035458564e-32, 1e-12 },
        { "d from a half on",                50, 0.6,       9.634070456142341e-18,  1e-12 },
        { "few values, the matrix",          10, 0.3,       0.2705355748,           1e-12 },
        { "few values, near the centre",    100, 0.1,       0.2526927570063901,     1e-12 },
        { "few values, s almost 4",         100, 0.19,      0.0012339926382757104,  1e-10 },
        { "few values, s above 4",          100, 0.25,      5.408871776434847e-06,  1e-12 },
        { "many values, one side doubled",  160, 0.125,     0.012264599828528424,   1e-4  },
        { "many values, the matrix",        200, 0.03,      0.991436524714942,      1e-12 },
        { "many values, a smaller matrix",  300, 0.02,      0.9995956727697175,     1e-12 },
        { "the limit with corrections",     400, 0.04,      0.5308902737461528,     1e-6  },
        /* the same formulas by scipy's kstwo, which the scores are to equal */
        { "scipy: limit with corrections",  990, 0.02,      0.8156056966083148,     1e-12 },
        { "scipy: one side doubled",        990, 0.045,     0.03517995884908742,    1e-12 },
        { "scipy: far out",                 990, 0.3,       1.6277438899258246e-79, 1e-12 },
        { "past every double",             1000, 0.62,      0,                      0     },
        /* clang-format on */
    };
    for (size_t i = 0; i < N(cases); i++)
        assert_close(cases[i].name, kolmogorov_survival(cases[i].n, cases[i].d), cases[i].want,
                     cases[i].relative);
}

static void the_kolmogorov_law_never_rises(void **state)
{
    (void)state;
    static const double sizes[] = {1, 2, 10, 140, 141, 1000, 100000, 100001};
    for (size_t i = 0; i < N(sizes); i++) {
        double before = 1;
        for (int step = 0; step <= 60; step++) {
            double p = kolmogorov_survival(sizes[i], 0.0005 * pow(1.14, step));
            assert_true(p >= 0 && p <= before * (1 + 1e-5));
            before = p;
        }
    }
}

static void chi_square_tails_are_right(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double df, x, want;
    } cases[] = {
        /* clang-format off */
        { "one degree, near 0",        1,    0.5,    0.4795001221869535    },
        { "one degree, the fraction",  1,    3,      0.0832645166635504    },
        { "two degrees: e^-5",         2,    10,     0.006737946999085467  },
        { "three degrees",             3,    0.25,   0.9691404042162732    },
        { "nine degrees",              9,    12.125, 0.20635380312998103   },
        { "ten degrees",               10,   30,     0.0008566412107753004 },
        { "99 degrees",                99,   120,    0.07424385580596679   },
        { "1999 degrees, above",       1999, 2100,   0.056857482043121     },
        { "2000 degrees, below",       2000, 1800,   0.9994500977342882    },
        { "nothing is as far as 0",    5,    0,      1                     },
        { "infinitely far",            5,    (double)INFINITY, 0           },
        /* clang-format on */
    };
    for (size_t i = 0; i < N(cases); i++)
        assert_close(cases[i].name, chisquare_survival(cases[i].x, cases[i].df), cases[i].want,
                     cases[i].df > 1000 ? 1e-11 : 1e-13);
    assert_true(isnan(chisquare_survival(0, 0)));
}

static void normal_tails_are_right(void **state)
{
    (void)state;
    assert_close("0", normal_two_sided(0), 1, 0);
    assert_close("1", normal_two_sided(1), 0.31731050786291415, 1e-15);
    assert_close("-1.96", normal_two_sided(-1.96), 0.04999579029644087, 1e-14);
    assert_close("9, in steps of 2^-52", normal_two_sided(9), 0, 0);
    assert_true(isnan(normal_two_sided((double)NAN)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_kolmogorov_law_is_right_in_every_region),
        cmocka_unit_test(the_kolmogorov_law_never_rises),
        cmocka_unit_test(chi_square_tails_are_right),
        cmocka_unit_test(normal_tails_are_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
