#include "relay/base/watch.h"

#include "relay/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define QUIET_MS 200
#define LOOK_MS  5000

/* --- what was reported --- */

struct reports {
    pthread_mutex_t lock;
    int n;
    char path[256];
    bool exists;
    char paths[512]; /* all of them, each with a blank behind */
};

static void note(void *context, const char *path, bool exists)
{
    struct reports *r = context;
    pthread_mutex_lock(&r->lock);
    r->n++;
    r->exists = exists;
    (void)snprintf(r->path, sizeof(r->path), "%s", path);
    size_t len = strlen(r->paths);
    (void)snprintf(r->paths + len, sizeof(r->paths) - len, "%s ", path);
    pthread_mutex_unlock(&r->lock);
}

static int n_reports(struct reports *r)
{
    pthread_mutex_lock(&r->lock);
    int n = r->n;
    pthread_mutex_unlock(&r->lock);
    return n;
}

static void sleep_ms(int64_t ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* Exactly n more reports come, and then none for longer than events are gathered. */
static void expect_reports(struct reports *r, int n, int64_t within_ms)
{
    int64_t end = clock_mono(clock_system()).ms + within_ms;
    while (n_reports(r) < n && clock_mono(clock_system()).ms < end)
        sleep_ms(10);
    sleep_ms(n == 0 ? within_ms : QUIET_MS + 150);
    pthread_mutex_lock(&r->lock);
    if (r->n != n)
        fail_msg("%d reports instead of %d: %s", r->n, n, r->paths);
    r->n = 0;
    r->paths[0] = '\0';
    pthread_mutex_unlock(&r->lock);
}

/* --- files --- */

static char folder[64]; /* a fresh one for each test, and the working folder */

static void write_file(const char *name, const char *text)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static int enter_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/test-watch-XXXXXX");
    return mkdtemp(folder) == NULL || chdir(folder) != 0;
}

static int leave_folder(void **state)
{
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    return chdir("/") != 0 || system(command) != 0;
}

static struct watch *start(struct reports *r, const char *const *paths, size_t n)
{
    struct watch *w = NULL;
    struct error err = {0};
    pthread_mutex_init(&r->lock, NULL);
    if (watch_start(&w, paths, n, note, r, &err) != 0)
        fail_msg("%s", err.text);
    return w;
}

/* --- tests --- */

static void a_file_written_in_place_is_reported_once(void **state)
{
    (void)state;
    struct reports r = {0};
    write_file("conf", "one");
    struct watch *w = start(&r, (const char *const[]){"conf"}, 1);
    expect_reports(&r, 0, 400);
    for (int i = 0; i < 5; i++)
        write_file("conf", i % 2 ? "two" : "three");
    expect_reports(&r, 1, 2000);
    assert_string_equal(r.path, "conf");
    assert_true(r.exists);
    watch_stop(w);
}

static void a_file_that_another_is_renamed_over_is_reported(void **state)
{
    (void)state;
    struct reports r = {0};
    struct stat st;
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/conf", folder);
    write_file("conf", "one");
    assert_int_equal(stat("conf", &st), 0);
    struct watch *w = start(&r, (const char *const[]){path}, 1);
    write_file("conf.new", "two");
    /* Same size, same time: only the inode tells. */
    assert_int_equal(
        utimensat(AT_FDCWD, "conf.new", (struct timespec[]){st.st_atim, st.st_mtim}, 0), 0);
    assert_int_equal(rename("conf.new", "conf"), 0);
    expect_reports(&r, 1, 2000);
    assert_string_equal(r.path, path);
    write_file("conf", "the new file is watched as well");
    expect_reports(&r, 1, 2000);
    watch_stop(w);
}

/* As kubelet's atomic writer does: token -> ..data/token, ..data -> ..1, then ..data is swapped by
 * a rename and the old folder goes. */
static void the_swap_of_a_kubernetes_volume_is_reported(void **state)
{
    (void)state;
    struct reports r = {0};
    mkdir("..1", 0700);
    write_file("..1/token", "one");
    assert_int_equal(symlink("..1", "..data"), 0);
    assert_int_equal(symlink("..data/token", "token"), 0);
    struct watch *w = start(&r, (const char *const[]){"./token"}, 1);
    for (int i = 0; i < 2; i++) {
        const char *old = i == 0 ? "..1" : "..2", *new = i == 0 ? "..2" : "..3";
        char file[32];
        (void)snprintf(file, sizeof(file), "%s/token", new);
        mkdir(new, 0700);
        write_file(file, "two");
        assert_int_equal(symlink(new, "..data_tmp"), 0);
        assert_int_equal(rename("..data_tmp", "..data"), 0);
        (void)snprintf(file, sizeof(file), "%s/token", old);
        unlink(file);
        rmdir(old);
        expect_reports(&r, 1, 2000);
        assert_string_equal(r.path, "./token");
        assert_true(r.exists);
    }
    watch_stop(w);
}

static void a_file_that_goes_and_comes_is_reported_each_time(void **state)
{
    (void)state;
    struct reports r = {0};
    write_file("stop", "");
    struct watch *w = start(&r, (const char *const[]){"stop"}, 1);
    unlink("stop");
    expect_reports(&r, 1, 2000);
    assert_false(r.exists);
    write_file("stop", "");
    expect_reports(&r, 1, 2000);
    assert_true(r.exists);
    watch_stop(w);
}

static void a_file_that_is_gone_and_back_at_once_is_one_change(void **state)
{
    (void)state;
    struct reports r = {0};
    write_file("conf", "one");
    struct watch *w = start(&r, (const char *const[]){"conf"}, 1);
    unlink("conf");
    write_file("conf", "two two");
    expect_reports(&r, 1, 2000);
    assert_true(r.exists);
    watch_stop(w);
}

static void other_files_and_reading_are_not_reported(void **state)
{
    (void)state;
    struct reports r = {0};
    char text[8];
    write_file("conf", "one");
    struct watch *w = start(&r, (const char *const[]){"conf"}, 1);
    write_file("other", "x");
    int fd = open("conf", O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(fd, text, sizeof(text)), 3);
    close(fd);
    assert_int_equal(chmod("conf", 0400), 0);
    expect_reports(&r, 0, 600);
    watch_stop(w);
}

static void each_path_is_reported_for_itself(void **state)
{
    (void)state;
    struct reports r = {0};
    mkdir("sub", 0700);
    write_file("a", "1");
    write_file("b", "1");
    write_file("sub/c", "1");
    struct watch *w = start(&r, (const char *const[]){"a", "b", "sub/c"}, 3);
    write_file("b", "22");
    write_file("sub/c", "22");
    expect_reports(&r, 2, 2000);
    write_file("a", "22");
    expect_reports(&r, 1, 2000);
    assert_string_equal(r.path, "a");
    watch_stop(w);
}

static void a_folder_that_appears_later_is_found(void **state)
{
    (void)state;
    struct reports r = {0};
    struct watch *w = start(&r, (const char *const[]){"later/conf"}, 1);
    mkdir("later", 0700);
    write_file("later/conf", "one");
    expect_reports(&r, 1, LOOK_MS + 2000);
    assert_true(r.exists);
    write_file("later/conf", "second"); /* from now on by events */
    expect_reports(&r, 1, 2000);
    watch_stop(w);
}

static void a_folder_that_is_replaced_is_followed(void **state)
{
    (void)state;
    struct reports r = {0};
    mkdir("d", 0700);
    mkdir("e", 0700);
    write_file("d/conf", "one");
    write_file("e/conf", "second");
    struct watch *w = start(&r, (const char *const[]){"d/conf"}, 1);
    assert_int_equal(rename("d", "old"), 0);
    assert_int_equal(rename("e", "d"), 0);
    expect_reports(&r, 1, 2000);
    write_file("d/conf", "3");
    expect_reports(&r, 1, 2000);
    write_file("old/conf", "nobody cares");
    expect_reports(&r, 0, 600);
    watch_stop(w);
}

static void a_link_to_a_file_elsewhere_is_looked_at_now_and_then(void **state)
{
    (void)state;
    struct reports r = {0};
    mkdir("elsewhere", 0700);
    write_file("elsewhere/conf", "one");
    assert_int_equal(symlink("elsewhere/conf", "conf"), 0);
    struct watch *w = start(&r, (const char *const[]){"conf"}, 1);
    write_file("elsewhere/conf", "second");
    expect_reports(&r, 1, LOOK_MS + 2000);
    watch_stop(w);
}

static void changes_without_a_pause_are_reported_after_two_seconds(void **state)
{
    (void)state;
    struct reports r = {0};
    write_file("conf", "");
    struct watch *w = start(&r, (const char *const[]){"conf"}, 1);
    int64_t began = clock_mono(clock_system()).ms;
    while (n_reports(&r) == 0 && clock_mono(clock_system()).ms - began < 4000) {
        write_file("conf", "x");
        sleep_ms(20);
    }
    assert_in_range(clock_mono(clock_system()).ms - began, 1900, 3500);
    watch_stop(w);
}

static void stopping_is_prompt_and_an_empty_path_is_refused(void **state)
{
    (void)state;
    struct reports r = {0};
    struct error err = {0};
    struct watch *w = start(&r, NULL, 0);
    int64_t began = clock_mono(clock_system()).ms;
    watch_stop(w);
    assert_true(clock_mono(clock_system()).ms - began < 500);
    watch_stop(NULL);
    w = NULL;
    assert_int_equal(watch_start(&w, (const char *const[]){"a", ""}, 2, note, &r, &err), -EINVAL);
    assert_null(w);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_written_in_place_is_reported_once),
        TEST(a_file_that_another_is_renamed_over_is_reported),
        TEST(the_swap_of_a_kubernetes_volume_is_reported),
        TEST(a_file_that_goes_and_comes_is_reported_each_time),
        TEST(a_file_that_is_gone_and_back_at_once_is_one_change),
        TEST(other_files_and_reading_are_not_reported),
        TEST(each_path_is_reported_for_itself),
        TEST(a_folder_that_appears_later_is_found),
        TEST(a_folder_that_is_replaced_is_followed),
        TEST(a_link_to_a_file_elsewhere_is_looked_at_now_and_then),
        TEST(changes_without_a_pause_are_reported_after_two_seconds),
        TEST(stopping_is_prompt_and_an_empty_path_is_refused),
    };
    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
