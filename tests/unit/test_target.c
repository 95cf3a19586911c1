#include "relay/github/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_config_names_a_repository_a_workflow_and_a_ref(void **state)
{
    static const char *const repositories[] = {"acme/ml", "A-b.c_d/x", "a/.github"};
    static const char *const no_repositories[] = {NULL,   "",    "acme",  "acme/", "/ml",   "a/b/c",
                                                  "a/..", "./b", "a b/c", "a/b?x", "a/b\n", "é/b"};
    static const char *const workflows[] = {"retrain.yml", "12345", "my workflow.yaml",
                                            "재학습.yml"};
    static const char *const no_workflows[] = {
        NULL, "", ".", "..", ".github/workflows/x.yml", "a\\b", "a\nb", "\xff", "\xc2\x85"};
    static const char *const refs[] = {"main", "release/2.0", "refs/heads/x", "v1.0-rc.1"};
    static const char *const no_refs[] = {NULL,       "",    "a b",  "a..b", "-a",   "a~1",
                                          "a^",       "a:b", "a?",   "a*",   "a[b",  "a\\b",
                                          "/a",       "a/",  "a//b", ".a",   "a/.b", "a.lock",
                                          "a.lock/b", "a.",  "@",    "a@{b", "a\tb"};

    (void)state;
    for (size_t i = 0; i < sizeof(repositories) / sizeof(repositories[0]); i++)
        assert_true(target_repository_is_valid(repositories[i]));
    for (size_t i = 0; i < sizeof(no_repositories) / sizeof(no_repositories[0]); i++)
        assert_false(target_repository_is_valid(no_repositories[i]));
    for (size_t i = 0; i < sizeof(workflows) / sizeof(workflows[0]); i++)
        assert_true(target_workflow_is_valid(workflows[i]));
    for (size_t i = 0; i < sizeof(no_workflows) / sizeof(no_workflows[0]); i++)
        assert_false(target_workflow_is_valid(no_workflows[i]));
    for (size_t i = 0; i < sizeof(refs) / sizeof(refs[0]); i++)
        assert_true(target_ref_is_valid(refs[i]));
    for (size_t i = 0; i < sizeof(no_refs) / sizeof(no_refs[0]); i++)
        assert_false(target_ref_is_valid(no_refs[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_config_names_a_repository_a_workflow_and_a_ref),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
