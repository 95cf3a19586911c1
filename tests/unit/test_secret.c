#include "relay/base/secret.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/test_secret.XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(path, sizeof(path), "%s/secret", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

static void write_file(const void *bytes, size_t len, mode_t mode)
{
    (void)unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static void a_secret_keeps_its_bytes(void **state)
{
    (void)state;
    char source[] = "a\0b\n";
    SCOPED(secret_free_p) struct secret *s = NULL;
    assert_int_equal(secret_new(&s, source, 4, NULL), 0);
    memset(source, 'x', sizeof(source));
    assert_int_equal(secret_len(s), 4);
    assert_memory_equal(secret_bytes(s), "a\0b\n", 4);
}

static void empty_and_huge_secrets_are_refused(void **state)
{
    (void)state;
    struct error err = {0};
    struct secret *s = NULL;
    assert_int_equal(secret_new(&s, "", 0, &err), -EINVAL);
    SCOPED(free_p) char *huge = calloc(1, 65537);
    assert_non_null(huge);
    assert_int_equal(secret_new(&s, huge, 65537, &err), -EINVAL);
    assert_null(s);
    assert_int_equal(secret_new(&s, huge, 65536, &err), 0);
    secret_free(s);
    secret_free(NULL);
}

static void equality_is_of_all_bytes_and_the_length(void **state)
{
    (void)state;
    SCOPED(secret_free_p) struct secret *s = NULL;
    assert_int_equal(secret_new(&s, "hunter2", 7, NULL), 0);
    assert_true(secret_equals(s, "hunter2", 7));
    assert_false(secret_equals(s, "hunter2", 6));
    assert_false(secret_equals(s, "hunter22", 8));
    assert_false(secret_equals(s, "Hunter2", 7));
    assert_false(secret_equals(s, "hunter3", 7));
    assert_false(secret_equals(s, "", 0));
}

static void a_file_loses_one_line_end_and_no_more(void **state)
{
    (void)state;
    static const struct {
        const char *name, *content, *want;
    } cases[] = {
        {"no line end", "s3cret", "s3cret"},
        {"newline", "s3cret\n", "s3cret"},
        {"carriage return and newline", "s3cret\r\n", "s3cret"},
        {"two newlines lose one", "s3cret\n\n", "s3cret\n"},
        {"a lone carriage return stays", "s3cret\r", "s3cret\r"},
        {"blanks stay", " s3cret \n", " s3cret "},
        {"lines inside stay", "-----BEGIN\nx\n-----END\n", "-----BEGIN\nx\n-----END"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_file(cases[i].content, strlen(cases[i].content), 0600);
        SCOPED(secret_free_p) struct secret *s = NULL;
        assert_int_equal(secret_read_file(&s, path, 1, NULL), 0);
        if (!secret_equals(s, cases[i].want, strlen(cases[i].want)))
            fail_msg("%s", cases[i].name);
    }
}

static void files_that_hold_no_secret_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *name, *content;
        size_t len;
    } cases[] = {
        {"empty", "", 0},
        {"only a newline", "\n", 1},
        {"only a line end", "\r\n", 2},
        {"NUL inside", "can\0ary", 7},
        {"NUL at the end", "canary\0\n", 8},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error err = {0};
        struct secret *s = NULL;
        write_file(cases[i].content, cases[i].len, 0600);
        if (secret_read_file(&s, path, 1, &err) != -EINVAL)
            fail_msg("%s was taken", cases[i].name);
        assert_null(s);
        assert_non_null(strstr(err.text, path));
        assert_null(strstr(err.text, "can"));
    }
}

static void the_size_limit_does_not_count_the_line_end(void **state)
{
    (void)state;
    static char content[65536 + 2];
    memset(content, 'k', 65536);
    struct secret *s = NULL;
    content[65536] = '\r';
    content[65537] = '\n';
    write_file(content, 65538, 0600);
    assert_int_equal(secret_read_file(&s, path, 1, NULL), 0);
    assert_int_equal(secret_len(s), 65536);
    secret_free(s);
    s = NULL;
    content[65536] = 'k';
    write_file(content, 65537, 0600);
    assert_int_equal(secret_read_file(&s, path, 1, NULL), -EINVAL);
    write_file(content, 65538, 0600);
    assert_int_equal(secret_read_file(&s, path, 1, NULL), -EINVAL);
    assert_null(s);
}

static void a_secret_that_everyone_may_read_is_refused_when_strict(void **state)
{
    (void)state;
    struct error err = {0};
    SCOPED(secret_free_p) struct secret *s = NULL;
    write_file("canary", 6, 0644);
    assert_int_equal(secret_read_file(&s, path, 1, &err), -EACCES);
    assert_non_null(strstr(err.text, "chmod"));
    assert_null(strstr(err.text, "canary"));
    assert_null(s);
    assert_int_equal(secret_read_file(&s, path, 0, &err), 0);
    write_file("canary", 6, 0640);
    secret_free(s);
    s = NULL;
    assert_int_equal(secret_read_file(&s, path, 1, &err), 0);
}

static void what_is_no_regular_file_is_refused_without_waiting(void **state)
{
    (void)state;
    struct error err = {0};
    struct secret *s = NULL;
    assert_int_equal(secret_read_file(&s, folder, 0, &err), -EINVAL);
    (void)unlink(path);
    assert_int_equal(secret_read_file(&s, path, 0, &err), -ENOENT);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(mkfifo(path, 0600), 0);
    (void)alarm(5); /* a blocking open would end the test here */
    assert_int_equal(secret_read_file(&s, path, 0, &err), -EINVAL);
    (void)alarm(0);
    assert_null(s);
}

static void symbolic_links_are_followed(void **state)
{
    (void)state;
    char target[80];
    (void)snprintf(target, sizeof(target), "%s/target", folder);
    write_file("linked", 6, 0600);
    assert_int_equal(rename(path, target), 0);
    assert_int_equal(symlink("target", path), 0);
    SCOPED(secret_free_p) struct secret *s = NULL;
    assert_int_equal(secret_read_file(&s, path, 1, NULL), 0);
    assert_true(secret_equals(s, "linked", 6));
    assert_int_equal(unlink(target), 0);
}

static void the_environment_gives_what_is_set_and_not_empty(void **state)
{
    (void)state;
    struct error err = {0};
    SCOPED(secret_free_p) struct secret *s = NULL;
    assert_int_equal(setenv("TEST_SECRET", "from env", 1), 0);
    assert_int_equal(secret_from_env(&s, "TEST_SECRET", &err), 0);
    assert_true(secret_equals(s, "from env", 8));
    struct secret *none = NULL;
    assert_int_equal(setenv("TEST_SECRET", "", 1), 0);
    assert_int_equal(secret_from_env(&none, "TEST_SECRET", &err), -EINVAL);
    assert_int_equal(unsetenv("TEST_SECRET"), 0);
    assert_int_equal(secret_from_env(&none, "TEST_SECRET", &err), -EINVAL);
    assert_non_null(strstr(err.text, "TEST_SECRET"));
    assert_null(none);
}

/* Writing to it, or reading past its end, ends the process. */
static void the_memory_of_a_secret_is_guarded(void **state)
{
    (void)state;
    SCOPED(secret_free_p) struct secret *s = NULL;
    assert_int_equal(secret_new(&s, "0123456789abcdef", 16, NULL), 0);
    for (int past = 0; past < 2; past++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            (void)close(STDERR_FILENO);     /* a sanitizer's report is expected */
            (void)signal(SIGSEGV, SIG_DFL); /* cmocka would run on in the child */
            (void)signal(SIGBUS, SIG_DFL);
            volatile unsigned char *bytes = (unsigned char *)(uintptr_t)secret_bytes(s);
            if (past == 0)
                bytes[0] = 'X';
            else
                (void)bytes[16];
            _exit(0);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_keeps_its_bytes),
        cmocka_unit_test(empty_and_huge_secrets_are_refused),
        cmocka_unit_test(equality_is_of_all_bytes_and_the_length),
        cmocka_unit_test(a_file_loses_one_line_end_and_no_more),
        cmocka_unit_test(files_that_hold_no_secret_are_refused_by_name),
        cmocka_unit_test(the_size_limit_does_not_count_the_line_end),
        cmocka_unit_test(a_secret_that_everyone_may_read_is_refused_when_strict),
        cmocka_unit_test(what_is_no_regular_file_is_refused_without_waiting),
        cmocka_unit_test(symbolic_links_are_followed),
        cmocka_unit_test(the_environment_gives_what_is_set_and_not_empty),
        cmocka_unit_test(the_memory_of_a_secret_is_guarded),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
