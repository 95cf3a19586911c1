#include "relay/github/url.h"

#include "relay/base/scope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* clang-format off */
static const struct {
    const char *name, *a, *b;
    bool same;
} origins[] = {
    { "the same", "https://api.github.com/x", "https://api.github.com", true },
    { "case of the host", "https://API.github.com/", "HTTPS://api.GitHub.com/y", true },
    { "a port written out", "https://h:443/", "https://h/", true },
    { "a port of http written out", "http://h:80/", "http://h/", true },
    { "another port", "https://h:8443/", "https://h/", false },
    { "another scheme on the same port", "http://h:443/", "https://h:443/", false },
    { "another host", "https://h.example/", "https://h/", false },
    { "a host that only begins alike", "https://api.github.com.evil.example/", "https://api.github.com/", false },
    { "a user name before the host", "https://api.github.com@evil.example/", "https://api.github.com/", false },
    { "a user name before the same host", "https://u:p@api.github.com/", "https://api.github.com/", false },
    { "a backslash", "https://api.github.com\\@evil.example/", "https://api.github.com/", false },
    { "a blank", "https://h/a b", "https://h/", false },
    { "a line end", "https://h/a\r\nb", "https://h/", false },
    { "a byte past ASCII", "https://h/\xc3\xa9", "https://h/", false },
    { "no port after the colon", "https://h:/", "https://h/", false },
    { "a port that is no number", "https://h:44x/", "https://h/", false },
    { "a port too large", "https://h:65536/", "https://h/", false },
    { "no host", "https:///x", "https:///x", false },
    { "another protocol", "ftp://h/", "ftp://h/", false },
    { "an address with colons", "http://[::1]:80/x", "http://[::1]/", true },
    { "another port of such an address", "http://[::1]:81/x", "http://[::1]/", false },
    { "such an address, not closed", "http://[::1/x", "http://[::1/x", false },
    { "text behind such an address", "http://[::1]x/", "http://[::1]x/", false },
    { "nothing", "", "", false },
};

static const struct {
    const char *name, *base, *location, *want;
} locations[] = {
    { "absolute", "https://h/api", "https://h/x?y", "https://h/x?y" },
    { "absolute, elsewhere", "https://h/api", "https://other/x", "https://other/x" },
    { "a path", "https://h:8443/api/v3", "/repositories/1", "https://h:8443/repositories/1" },
    { "another host without a scheme", "https://h/api", "//evil/x", "https://evil/x" },
    { "a relative path", "https://h/api", "x", NULL },
    { "nothing", "https://h/api", "", NULL },
    { "no header", "https://h/api", NULL, NULL },
    { "a script", "https://h/api", "javascript:alert(1)", NULL },
    { "two lines", "https://h/api", "/x\r\ny: z", NULL },
};

static const struct {
    const char *name, *url, *repository;
    int64_t id;
    bool want;
} runs[] = {
    { "the API's", "https://api.github.com/repos/acme/ml/actions/runs/7", "acme/ml", 7, true },
    { "the page's", "https://github.com/acme/ml/actions/runs/43042502224", "acme/ml", 43042502224, true },
    { "written with other case", "https://github.com/Acme/ML/actions/runs/7", "acme/ml", 7, true },
    { "another run", "https://github.com/acme/ml/actions/runs/17", "acme/ml", 7, false },
    { "a run that begins alike", "https://github.com/acme/ml/actions/runs/71", "acme/ml", 7, false },
    { "another repository", "https://github.com/acme/ml2/actions/runs/7", "acme/ml", 7, false },
    { "an owner that ends alike", "https://github.com/notacme/ml/actions/runs/7", "acme/ml", 7, false },
    { "any repository", "https://github.com/a/b/actions/runs/7", NULL, 7, true },
    { "in the query", "https://evil.example/?/acme/ml/actions/runs/7", "acme/ml", 7, false },
    { "in the fragment", "https://evil.example/#/acme/ml/actions/runs/7", "acme/ml", 7, false },
    { "a script", "javascript:/acme/ml/actions/runs/7", "acme/ml", 7, false },
    { "a path too short", "https://h/actions/runs/7", "acme/ml", 7, false },
    { "no path", "https://h", NULL, 7, false },
    { "none", NULL, NULL, 7, false },
};
/* clang-format on */

static void a_segment_keeps_unreserved_characters_only(void **state)
{
    SCOPED(buf_free) struct buf b = BUF_INIT(256);

    (void)state;
    url_add_segment(&b, "aZ09-._~/?#%& +:@\x7f\x01\xed\x95\x9c");
    assert_string_equal(buf_text(&b), "aZ09-._~%2F%3F%23%25%26%20%2B%3A%40%7F%01%ED%95%9C");
}

static void origins_are_scheme_host_and_port(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++) {
        if (url_same_origin(origins[i].a, origins[i].b) != origins[i].same ||
            url_same_origin(origins[i].b, origins[i].a) != origins[i].same)
            fail_msg("%s", origins[i].name);
    }
}

static void a_location_is_resolved_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(locations) / sizeof(locations[0]); i++) {
        char *got = url_resolve(locations[i].base, locations[i].location);
        if ((got == NULL) != (locations[i].want == NULL) ||
            (got != NULL && strcmp(got, locations[i].want) != 0))
            fail_msg("%s: %s", locations[i].name, got == NULL ? "refused" : got);
        free(got);
    }
}

static void a_url_names_one_run(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
        if (url_names_run(runs[i].url, runs[i].repository, runs[i].id) != runs[i].want)
            fail_msg("%s", runs[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_segment_keeps_unreserved_characters_only),
        cmocka_unit_test(origins_are_scheme_host_and_port),
        cmocka_unit_test(a_location_is_resolved_or_refused),
        cmocka_unit_test(a_url_names_one_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
