#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "tests/unit/log_capture.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void a_line_has_time_level_module_event_and_fields(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_LOGFMT, &fake_clock);
    log_info("dispatcher", "posted", LOG_STR("relay_id", "01J"), LOG_INT("http_status", 200),
             LOG_DOUBLE("score", 0.8), LOG_BOOL("fresh", true), LOG_BOOL("cut", false),
             LOG_STR("absent", NULL));
    assert_string_equal(take(), "ts=2026-11-25T14:30:00.123Z level=info module=dispatcher "
                                "event=posted relay_id=01J http_status=200 score=0.8 fresh=true "
                                "cut=false\n");
    log_error("m", "e", LOG_NONE);
    assert_string_equal(take(), "ts=2026-11-25T14:30:00.123Z level=error module=m event=e\n");
    fake_wall_ms = INT64_C(1795617000000);
    log_warn("m", "e", LOG_INT("n", INT64_MIN));
    assert_string_equal(take(), "ts=2026-11-25T14:30:00.000Z level=warn module=m event=e "
                                "n=-9223372036854775808\n");
}

static void lines_below_the_lowest_level_are_not_written(void **state)
{
    (void)state;
    log_setup(LOG_WARN, LOG_LOGFMT, &fake_clock);
    log_debug("m", "e", LOG_NONE);
    log_info("m", "e", LOG_NONE);
    assert_string_equal(take(), "");
    log_warn("m", "e", LOG_NONE);
    assert_non_null(strstr(take(), "level=warn"));
    log_setup(LOG_DEBUG, LOG_LOGFMT, &fake_clock);
    log_debug("m", "e", LOG_NONE);
    assert_non_null(strstr(take(), "level=debug"));
}

static void levels_are_named_by_their_words(void **state)
{
    (void)state;
    enum log_level level = LOG_ERROR;
    assert_true(log_level_parse(&level, "debug") && level == LOG_DEBUG);
    assert_true(log_level_parse(&level, "info") && level == LOG_INFO);
    assert_true(log_level_parse(&level, "warn") && level == LOG_WARN);
    assert_true(log_level_parse(&level, "error") && level == LOG_ERROR);
    assert_false(log_level_parse(&level, "INFO"));
    assert_false(log_level_parse(&level, ""));
    assert_int_equal(level, LOG_ERROR);
}

static void logfmt_values_are_quoted_where_they_need_it(void **state)
{
    (void)state;
    static const struct {
        const char *value, *want;
    } cases[] = {
        /* clang-format off */
        { "plain-1.2:3/x",    "plain-1.2:3/x" },
        { "상승",             "상승" },
        { "",                 "\"\"" },
        { "two words",        "\"two words\"" },
        { "a=b",              "\"a=b\"" },
        { "say \"hi\"",       "\"say \\\"hi\\\"\"" },
        { "back\\slash",      "\"back\\\\slash\"" },
        { "x\nlevel=error",   "\"x\\nlevel=error\"" },
        { "\x1b[31m",         "\"\\u001b[31m\"" },
        { "del\x7f",          "\"del\\u007f\"" },
        { "c1\xc2\x9b",       "\"c1\\u009b\"" },
        { "bad\xff",          "\"bad\xef\xbf\xbd\"" },
        /* clang-format on */
    };
    log_setup(LOG_INFO, LOG_LOGFMT, &fake_clock);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char want[200];
        (void)snprintf(want, sizeof(want), HEAD " v=%s\n", cases[i].want);
        log_info("m", "e", LOG_STR("v", cases[i].value));
        assert_string_equal(take(), want);
    }
}

static void a_long_value_is_cut_between_characters(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_LOGFMT, &fake_clock);
    for (size_t lead = 0; lead < 5; lead++) {
        char value[3000];
        memset(value, 'x', lead);
        size_t len = lead;
        for (; len + 4 < sizeof(value); len += 4)
            memcpy(value + len, "\xf0\x9f\x98\x80", 4);
        value[len] = '\0';
        log_info("m", "e", LOG_STR("v", value));
        const char *line = take();
        size_t kept = 1024 - (1024 - lead) % 4; /* whole characters within 1024 bytes */
        const char *v = line + strlen(HEAD " v=");
        assert_memory_equal(v, value, kept);
        assert_string_equal(v + kept, "…\n");
    }
    char exact[1026];
    memset(exact, 'y', 1025);
    exact[1025] = '\0';
    log_info("m", "e", LOG_STR("v", exact));
    assert_non_null(strstr(take(), "y…\n"));
    exact[1024] = '\0';
    log_info("m", "e", LOG_STR("v", exact));
    assert_null(strstr(take(), "…"));
}

static void a_json_line_is_one_valid_object_whatever_the_bytes(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_JSON, &fake_clock);
    log_info("m", "e", LOG_STR("text", "a\"b\\\n\xff\x01\xc3\xa4"), LOG_INT("n", -7),
             LOG_DOUBLE("d", 0.25), LOG_DOUBLE("whole", 3), LOG_DOUBLE("nan", (double)NAN),
             LOG_DOUBLE("inf", (double)-INFINITY), LOG_BOOL("b", true), LOG_STR("absent", NULL),
             LOG_STR("empty", ""));
    const char *line = take();
    SCOPED(json_release_p) json_t *tree = NULL;
    struct error err = {0};
    if (strict_json_load(&tree, line, strlen(line), 1, &err) != 0)
        fail_msg("%s in %s", err.text, line);
    assert_string_equal(strchr(line, '\n'), "\n");
    assert_int_equal(json_object_size(tree), 12);
    assert_string_equal(json_string_value(json_object_get(tree, "ts")), "2026-11-25T14:30:00.123Z");
    assert_string_equal(json_string_value(json_object_get(tree, "level")), "info");
    assert_string_equal(json_string_value(json_object_get(tree, "text")),
                        "a\"b\\\n\xef\xbf\xbd\x01\xc3\xa4");
    assert_int_equal(json_integer_value(json_object_get(tree, "n")), -7);
    assert_true(json_number_value(json_object_get(tree, "whole")) > 2.9);
    assert_true(json_is_null(json_object_get(tree, "nan")));
    assert_true(json_is_null(json_object_get(tree, "inf")));
    assert_true(json_is_true(json_object_get(tree, "b")));
    assert_null(json_object_get(tree, "absent"));
}

static void under_the_journal_a_line_starts_with_its_priority(void **state)
{
    (void)state;
    struct stat st;
    assert_int_equal(fstat(STDERR_FILENO, &st), 0);
    char stream[80];
    (void)snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
    log_setup(LOG_DEBUG, LOG_LOGFMT, &fake_clock);
    static const char *const want[] = {"<7>ts=", "<6>ts=", "<4>ts=", "<3>ts="};
    for (int i = LOG_DEBUG; i <= LOG_ERROR; i++) {
        log_at((enum log_level)i, "m", "e", LOG_NONE);
        assert_memory_equal(take(), want[i], 6);
    }
    /* stderr was redirected since: the variable is about another stream. */
    (void)snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev,
                   (uintmax_t)st.st_ino + 1);
    assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
    log_setup(LOG_DEBUG, LOG_LOGFMT, &fake_clock);
    log_info("m", "e", LOG_NONE);
    assert_memory_equal(take(), "ts=", 3);
}

static void a_line_that_is_too_long_keeps_its_event(void **state)
{
    (void)state;
    char value[1025];
    memset(value, '\x01', sizeof(value) - 1); /* six bytes each when escaped */
    value[sizeof(value) - 1] = '\0';
    struct log_field fields[21];
    for (size_t i = 0; i < 20; i++)
        fields[i] = LOG_STR("v", value);
    fields[20] = LOG_NONE;
    log_setup(LOG_INFO, LOG_JSON, &fake_clock);
    log_write(LOG_INFO, "m", "e", fields);
    assert_string_equal(take(), "{\"ts\":\"2026-11-25T14:30:00.123Z\",\"level\":\"info\","
                                "\"module\":\"m\",\"event\":\"e\",\"fields_lost\":true}\n");
}

static void logging_leaves_errno_alone_even_when_it_fails(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_LOGFMT, &fake_clock);
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(full >= 0);
    assert_true(dup2(full, STDERR_FILENO) >= 0);
    errno = ECONNREFUSED;
    log_info("m", "e", LOG_NONE);
    assert_int_equal(errno, ECONNREFUSED);
    (void)close(full);
    assert_true(dup2(capture_fd, STDERR_FILENO) >= 0);
}

static void *write_many(void *name)
{
    for (int i = 0; i < 300; i++)
        log_info("m", "e", LOG_STR("who", name), LOG_INT("n", i), LOG_STR("pad", "0123456789"));
    return NULL;
}

static void lines_of_many_threads_do_not_mix(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_LOGFMT, &fake_clock);
    /* O_APPEND, as the kernel promises whole writes only then. */
    assert_int_equal(fcntl(capture_fd, F_SETFL, O_APPEND), 0);
    static char names[4][2] = {"a", "b", "c", "d"};
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, names[i]), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    int next[4] = {0};
    const char *line = take();
    for (; *line != '\0'; line = strchr(line, '\n') + 1) {
        assert_memory_equal(line, HEAD " who=", strlen(HEAD " who="));
        size_t who = (size_t)(line[strlen(HEAD " who=")] - 'a');
        assert_true(who < 4);
        char want[200];
        (void)snprintf(want, sizeof(want), HEAD " who=%s n=%d pad=0123456789\n", names[who],
                       next[who]++);
        assert_memory_equal(line, want, strlen(want));
    }
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(next[i], 300);
}

/* A reload sets it up anew while other threads go on. */
static void a_line_is_of_one_format_also_while_that_changes(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_LOGFMT, &fake_clock);
    assert_int_equal(fcntl(capture_fd, F_SETFL, O_APPEND), 0);
    static char name[2] = "a";
    pthread_t writer;
    assert_int_equal(pthread_create(&writer, NULL, write_many, name), 0);
    for (int i = 0; i < 2000; i++)
        log_setup(LOG_INFO, i % 2 == 0 ? LOG_JSON : LOG_LOGFMT, &fake_clock);
    assert_int_equal(pthread_join(writer, NULL), 0);
    int n = 0;
    for (const char *line = take(); *line != '\0'; line = strchr(line, '\n') + 1, n++) {
        char want[200];
        (void)snprintf(want, sizeof(want),
                       line[0] == '{' ? "{\"ts\":\"2026-11-25T14:30:00.123Z\",\"level\":\"info\","
                                        "\"module\":\"m\",\"event\":\"e\",\"who\":\"a\",\"n\":%d,"
                                        "\"pad\":\"0123456789\"}\n"
                                      : HEAD " who=a n=%d pad=0123456789\n",
                       n);
        assert_memory_equal(line, want, strlen(want));
    }
    assert_int_equal(n, 300);
}

static void a_brake_lets_a_burst_through_and_counts_the_rest(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_LOGFMT, &fake_clock);
    struct log_brake brake = LOG_BRAKE_INIT(3, 1000);
    fake_mono_ms = 5000000;
    uint32_t left_out = 99;
    for (int i = 0; i < 3; i++) {
        assert_true(log_brake_take(&brake, &left_out));
        assert_int_equal(left_out, 0);
    }
    for (int i = 0; i < 10; i++)
        assert_false(log_brake_take(&brake, &left_out));
    fake_mono_ms += 999;
    assert_false(log_brake_take(&brake, &left_out));
    fake_mono_ms += 1;
    assert_true(log_brake_take(&brake, &left_out));
    assert_int_equal(left_out, 11);
    assert_true(log_brake_take(&brake, &left_out));
    assert_int_equal(left_out, 0);
}

static void a_brake_works_right_after_boot(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_LOGFMT, &fake_clock);
    struct log_brake brake = LOG_BRAKE_INIT(1, 60000);
    uint32_t left_out;
    fake_mono_ms = 20;
    assert_true(log_brake_take(&brake, &left_out));
    assert_false(log_brake_take(&brake, &left_out));
}

static struct log_brake shared_brake = LOG_BRAKE_INIT(50, 1000);
static _Atomic uint32_t taken;

static void *take_many(void *unused)
{
    (void)unused;
    for (int i = 0; i < 1000; i++) {
        uint32_t left_out;
        if (log_brake_take(&shared_brake, &left_out))
            atomic_fetch_add(&taken, 1);
    }
    return NULL;
}

static void a_brake_shared_by_threads_loses_no_count(void **state)
{
    (void)state;
    log_setup(LOG_INFO, LOG_LOGFMT, &fake_clock);
    fake_mono_ms = 100; /* within the first window: nobody opens a new one */
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_many, NULL), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&taken), 50);
    fake_mono_ms += 1000;
    uint32_t left_out;
    assert_true(log_brake_take(&shared_brake, &left_out));
    assert_int_equal(left_out, 3950);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        captured_test(a_line_has_time_level_module_event_and_fields),
        captured_test(lines_below_the_lowest_level_are_not_written),
        cmocka_unit_test(levels_are_named_by_their_words),
        captured_test(logfmt_values_are_quoted_where_they_need_it),
        captured_test(a_long_value_is_cut_between_characters),
        captured_test(a_json_line_is_one_valid_object_whatever_the_bytes),
        captured_test(under_the_journal_a_line_starts_with_its_priority),
        captured_test(a_line_that_is_too_long_keeps_its_event),
        captured_test(logging_leaves_errno_alone_even_when_it_fails),
        captured_test(lines_of_many_threads_do_not_mix),
        captured_test(a_line_is_of_one_format_also_while_that_changes),
        cmocka_unit_test(a_brake_lets_a_burst_through_and_counts_the_rest),
        cmocka_unit_test(a_brake_works_right_after_boot),
        cmocka_unit_test(a_brake_shared_by_threads_loses_no_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
