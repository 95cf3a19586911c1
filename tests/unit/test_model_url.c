#include "model/app/model_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* clang-format off */
static const struct {
    const char *name, *text, *metrics, *model; /* metrics NULL: refused */
} cases[] = {
    { "the default", MODEL_URL_DEFAULT, "http://127.0.0.1:8080/metrics", "kospi-prediction-model" },
    { "a name of a cluster's", "http://m.ns.svc.cluster.local/v2/models/a/infer", "http://m.ns.svc.cluster.local/metrics", "a" },
    { "https and a port", "https://h:8443/v2/models/a/infer", "https://h:8443/metrics", "a" },
    { "capitals in the scheme", "HTTP://h/v2/models/a/infer", "HTTP://h/metrics", "a" },
    { "behind a prefix", "http://h/x/v2/models/a/infer", "http://h/metrics", "a" },
    { "v1", "http://h/v1/models/a:predict", "http://h/metrics", "a" },
    { "an address of IPv6", "http://[::1]:8080/v2/models/a/infer", "http://[::1]:8080/metrics", "a" },
    { "another path", "http://h/predict", "http://h/metrics", "" },
    { "an encoded name", "http://h/v2/models/a%20b/infer", "http://h/metrics", "" },
    { "nothing", "", NULL, NULL },
    { "no scheme", "model:8080/v2/models/a/infer", NULL, NULL },
    { "another scheme", "ftp://h/v2/models/a/infer", NULL, NULL },
    { "no host", "http:///v2/models/a/infer", NULL, NULL },
    { "no path", "http://h", NULL, NULL },
    { "a query without a path", "http://h?x", NULL, NULL },
    { "a user name", "http://u:p@h/v2/models/a/infer", NULL, NULL },
    { "a fragment", "http://h/v2#x", NULL, NULL },
    { "a blank", "http://h/v2 x", NULL, NULL },
    { "a line end", "http://h/v2\nx", NULL, NULL },
    { "a byte past ASCII", "http://h/v2/models/\xed\x95\x98/infer", NULL, NULL },
    { "a backslash", "http://h\\x/v2", NULL, NULL },
};
/* clang-format on */

static void a_url_says_where_the_metrics_are(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct model_url url;
        struct error err = {0};
        int r = model_url_parse(&url, cases[i].text, &err);
        if ((r == 0) != (cases[i].metrics != NULL) || (r != 0 && err.text[0] == '\0'))
            fail_msg("%s: %d", cases[i].name, r);
        if (r == 0 &&
            (strcmp(url.metrics, cases[i].metrics) != 0 || strcmp(url.name, cases[i].model) != 0 ||
             strcmp(url.infer, cases[i].text) != 0))
            fail_msg("%s: %s of \"%s\"", cases[i].name, url.metrics, url.name);
    }
}

static void a_url_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    char text[2 * MODEL_URL_MAX] = "http://h/";
    struct model_url url;
    struct error err = {0};
    memset(text + 9, 'a', MODEL_URL_MAX - 9 - sizeof("/metrics"));
    assert_int_equal(model_url_parse(&url, text, &err), 0);
    text[strlen(text)] = 'a';
    assert_true(model_url_parse(&url, text, &err) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_says_where_the_metrics_are),
        cmocka_unit_test(a_url_that_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
