#include "relay/base/metrics.h"
#include "relay/base/scope.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define DROPPED                                                                                    \
    "# HELP t_metrics_dropped_total Samples not kept because their family has too many series.\n"  \
    "# TYPE t_metrics_dropped_total counter\n"                                                     \
    "t_metrics_dropped_total "

static int make_registry(void **state)
{
    *state = metrics_new("t_");
    return 0;
}

static int free_registry(void **state)
{
    metrics_free(*state);
    return 0;
}

static void assert_text(struct metrics *m, const char *want)
{
    SCOPED(buf_free) struct buf out = BUF_INIT(1 << 20);
    metrics_write(m, &out);
    assert_false(buf_failed(&out));
    assert_string_equal(buf_text(&out), want);
}

static void assert_line(struct metrics *m, const char *line)
{
    SCOPED(buf_free) struct buf out = BUF_INIT(1 << 20);
    metrics_write(m, &out);
    char want[1000];
    (void)snprintf(want, sizeof(want), "\n%s\n", line);
    if (strstr(buf_text(&out), want) == NULL)
        fail_msg("no line %s in\n%s", line, buf_text(&out));
}

static void a_new_registry_shows_that_nothing_was_dropped(void **state)
{
    assert_text(*state, DROPPED "0\n");
}

static void families_and_series_keep_their_order(void **state)
{
    struct metrics *m = *state;
    struct metric *total = metrics_counter(m, "z_total", "Things seen.", "source,result");
    struct metric *active = metrics_gauge(m, "active", "Things at work.", "");
    struct metric *empty = metrics_gauge(m, "empty", "Nothing yet.", "a");
    metric_add(total, 1, "b", "accepted", NULL);
    metric_add(total, 2, "a", "rejected", NULL);
    metric_add(total, 3, "b", "accepted", NULL);
    metric_touch(total, "a", "accepted", NULL);
    metric_set(active, 7, NULL);
    metric_add(active, -2.5, NULL);
    (void)empty;
    assert_text(m, DROPPED "0\n"
                           "# HELP t_z_total Things seen.\n"
                           "# TYPE t_z_total counter\n"
                           "t_z_total{source=\"b\",result=\"accepted\"} 4\n"
                           "t_z_total{source=\"a\",result=\"rejected\"} 2\n"
                           "t_z_total{source=\"a\",result=\"accepted\"} 0\n"
                           "# HELP t_active Things at work.\n"
                           "# TYPE t_active gauge\n"
                           "t_active 4.5\n"
                           "# HELP t_empty Nothing yet.\n"
                           "# TYPE t_empty gauge\n");
}

static void a_touch_does_not_change_a_value(void **state)
{
    struct metric *total = metrics_counter(*state, "x_total", "X.", "a");
    metric_add(total, 5, "v", NULL);
    metric_touch(total, "v", NULL);
    assert_line(*state, "t_x_total{a=\"v\"} 5");
}

static void a_histogram_is_cumulative_and_its_bounds_belong_to_their_bucket(void **state)
{
    struct metrics *m = *state;
    static const double bounds[] = {0.005, 0.1, 1, 2.5};
    struct metric *h = metrics_histogram(m, "seconds", "Time.", "target", bounds, 4);
    static const double values[] = {0.005, 0.0051, 0.1, 1, 2.5, 2.6, 1e9, -1};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        metric_observe(h, values[i], "x", NULL);
    metric_observe(h, (double)NAN, "x", NULL);
    metric_touch(h, "y", NULL);
    assert_text(m, DROPPED "0\n"
                           "# HELP t_seconds Time.\n"
                           "# TYPE t_seconds histogram\n"
                           "t_seconds_bucket{target=\"x\",le=\"0.005\"} 2\n"
                           "t_seconds_bucket{target=\"x\",le=\"0.1\"} 4\n"
                           "t_seconds_bucket{target=\"x\",le=\"1.0\"} 5\n"
                           "t_seconds_bucket{target=\"x\",le=\"2.5\"} 6\n"
                           "t_seconds_bucket{target=\"x\",le=\"+Inf\"} 8\n"
                           "t_seconds_sum{target=\"x\"} 1000000005.2101\n"
                           "t_seconds_count{target=\"x\"} 8\n"
                           "t_seconds_bucket{target=\"y\",le=\"0.005\"} 0\n"
                           "t_seconds_bucket{target=\"y\",le=\"0.1\"} 0\n"
                           "t_seconds_bucket{target=\"y\",le=\"1.0\"} 0\n"
                           "t_seconds_bucket{target=\"y\",le=\"2.5\"} 0\n"
                           "t_seconds_bucket{target=\"y\",le=\"+Inf\"} 0\n"
                           "t_seconds_sum{target=\"y\"} 0\n"
                           "t_seconds_count{target=\"y\"} 0\n");
}

static void a_histogram_without_labels_has_only_le(void **state)
{
    static const double bounds[] = {1};
    struct metric *h = metrics_histogram(*state, "h", "H.", "", bounds, 1);
    metric_observe(h, (double)INFINITY, NULL);
    assert_line(*state, "t_h_bucket{le=\"1.0\"} 0");
    assert_line(*state, "t_h_bucket{le=\"+Inf\"} 1");
    assert_line(*state, "t_h_sum +Inf");
    assert_line(*state, "t_h_count 1");
}

static void help_and_label_values_are_escaped(void **state)
{
    struct metric *g = metrics_gauge(*state, "g", "A \\ and a\nline, \"quoted\".", "v");
    metric_set(g, 1, "a\"b\\c\nd", NULL);
    metric_set(g, 2, "{x=\"1\"} 9\n# TYPE", NULL);
    assert_line(*state, "# HELP t_g A \\\\ and a\\nline, \"quoted\".");
    assert_line(*state, "t_g{v=\"a\\\"b\\\\c\\nd\"} 1");
    assert_line(*state, "t_g{v=\"{x=\\\"1\\\"} 9\\n# TYPE\"} 2");
}

static void label_values_become_utf_8_before_they_are_compared(void **state)
{
    struct metric *c = metrics_counter(*state, "c_total", "C.", "v");
    /* Two values that would print alike must not become two series of one name. */
    metric_add(c, 1, "a\xff", NULL);
    metric_add(c, 1, "a\xfe", NULL);
    metric_add(c, 1, "a\xef\xbf\xbd", NULL);
    metric_add(c, 1, "상승", NULL);
    assert_text(*state, DROPPED "0\n"
                                "# HELP t_c_total C.\n"
                                "# TYPE t_c_total counter\n"
                                "t_c_total{v=\"a\xef\xbf\xbd\"} 3\n"
                                "t_c_total{v=\"상승\"} 1\n");
}

static void a_long_label_value_is_cut_between_characters(void **state)
{
    struct metric *c = metrics_counter(*state, "c_total", "C.", "v,w");
    char value[400] = "x";
    for (size_t i = 1; i + 4 < sizeof(value); i += 3)
        memcpy(value + i, "\xec\x83\x81", 4);
    metric_add(c, 1, value, "tail", NULL);
    char want[200] = "t_c_total{v=\"";
    (void)snprintf(want, sizeof(want), "t_c_total{v=\"%.127s\",w=\"tail\"} 1", value);
    assert_line(*state, want); /* 1 + 42 * 3 = 127 bytes of at most 128 */
}

static void values_of_neighbouring_labels_do_not_run_together(void **state)
{
    struct metric *c = metrics_counter(*state, "c_total", "C.", "a,b");
    metric_add(c, 1, "xy", "z", NULL);
    metric_add(c, 2, "x", "yz", NULL);
    metric_add(c, 4, "", "xyz", NULL);
    metric_add(c, 8, "xyz", "", NULL);
    assert_line(*state, "t_c_total{a=\"xy\",b=\"z\"} 1");
    assert_line(*state, "t_c_total{a=\"x\",b=\"yz\"} 2");
    assert_line(*state, "t_c_total{a=\"\",b=\"xyz\"} 4");
    assert_line(*state, "t_c_total{a=\"xyz\",b=\"\"} 8");
}

static void a_null_value_ends_the_list_and_is_empty(void **state)
{
    struct metric *c = metrics_counter(*state, "c_total", "C.", "a,b,c");
    const char *none = NULL;
    metric_add(c, 1, "x", none, "never read", NULL);
    assert_line(*state, "t_c_total{a=\"x\",b=\"\",c=\"\"} 1");
}

static void a_counter_does_not_go_down(void **state)
{
    struct metric *c = metrics_counter(*state, "c_total", "C.", "");
    metric_add(c, 3, NULL);
    metric_add(c, -1, NULL);
    metric_add(c, (double)NAN, NULL);
    assert_line(*state, "t_c_total 3");
    metric_set(c, 41, NULL); /* kept elsewhere */
    assert_line(*state, "t_c_total 41");
}

static void values_read_back_as_they_were_set(void **state)
{
    static const struct {
        double value;
        const char *line;
    } cases[] = {
        /* clang-format off */
        { 0.1 + 0.2,           "t_g 0.30000000000000004" },
        { 1764081000,          "t_g 1764081000" },
        { 123456789012345678., "t_g 1.2345678901234568e+17" },
        { -0.25,               "t_g -0.25" },
        { (double)NAN,         "t_g NaN" },
        { (double)INFINITY,    "t_g +Inf" },
        { (double)-INFINITY,   "t_g -Inf" },
        /* clang-format on */
    };
    struct metric *g = metrics_gauge(*state, "g", "G.", "");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        metric_set(g, cases[i].value, NULL);
        assert_line(*state, cases[i].line);
    }
}

static void a_cleared_gauge_has_no_series_until_it_is_set_again(void **state)
{
    struct metric *g = metrics_gauge(*state, "g", "G.", "state");
    for (int round = 0; round < 3; round++) {
        metric_clear(g);
        assert_text(*state, DROPPED "0\n# HELP t_g G.\n# TYPE t_g gauge\n");
        metric_set(g, round, "queued", NULL);
        metric_set(g, 1, "done", NULL);
        char want[300];
        (void)snprintf(want, sizeof(want),
                       DROPPED "0\n# HELP t_g G.\n# TYPE t_g gauge\nt_g{state=\"queued\"} %d\n"
                               "t_g{state=\"done\"} 1\n",
                       round);
        assert_text(*state, want);
    }
}

static void a_family_keeps_a_thousand_series_and_counts_the_rest(void **state)
{
    struct metric *c = metrics_counter(*state, "c_total", "C.", "v");
    char value[16];
    for (int i = 0; i < 1005; i++) {
        (void)snprintf(value, sizeof(value), "%d", i);
        metric_add(c, 1, value, NULL);
    }
    metric_add(c, 1, "0", NULL); /* those that are there go on */
    metric_add(c, 1, "1004", NULL);
    assert_line(*state, "t_metrics_dropped_total 6");
    assert_line(*state, "t_c_total{v=\"0\"} 2");
    assert_line(*state, "t_c_total{v=\"999\"} 1");
    SCOPED(buf_free) struct buf out = BUF_INIT(1 << 20);
    metrics_write(*state, &out);
    assert_null(strstr(buf_text(&out), "\"1000\""));
}

/* Clearing makes room again. */
static void a_cleared_family_is_not_full(void **state)
{
    struct metric *g = metrics_gauge(*state, "g", "G.", "v");
    char value[16];
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(value, sizeof(value), "%d", i);
        metric_set(g, 1, value, NULL);
    }
    metric_clear(g);
    metric_set(g, 1, "new", NULL);
    assert_text(*state, DROPPED "0\n# HELP t_g G.\n# TYPE t_g gauge\nt_g{v=\"new\"} 1\n");
}

static void output_that_does_not_fit_marks_the_buffer(void **state)
{
    SCOPED(buf_free) struct buf out = BUF_INIT(50);
    metrics_write(*state, &out);
    assert_true(buf_failed(&out));
}

/* Names that Prometheus would refuse are our own bugs: they end the process at the start. */
static void wrong_names_end_the_process(void **state)
{
    static const struct {
        const char *name, *labels;
    } cases[] = {
        {"with-dash", ""},
        {"", "le"},
        {"ok", "__reserved"},
        {"ok", "a,,b"},
        {"ok", "1a"},
        {"ok", "a b"},
        {"metrics_dropped_total", ""},
        {"ok", "a,b,c,d,e,f,g,h,i"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            (void)close(STDERR_FILENO);
            (void)signal(SIGABRT, SIG_DFL);
            (void)metrics_gauge(*state, cases[i].name, "Help.", cases[i].labels);
            _exit(0);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
            fail_msg("\"%s\" with labels \"%s\" was taken", cases[i].name, cases[i].labels);
    }
}

struct shared {
    struct metrics *registry;
    struct metric *counter, *gauge, *histogram;
};

static void *use_all(void *argument)
{
    const struct shared *s = argument;
    for (int i = 0; i < 1000; i++) {
        metric_add(s->counter, 1, i % 2 == 0 ? "even" : "odd", NULL);
        metric_set(s->gauge, i, "x", NULL);
        metric_observe(s->histogram, 0.5, NULL);
        if (i % 100 == 0) {
            SCOPED(buf_free) struct buf out = BUF_INIT(1 << 16);
            metric_clear(s->gauge);
            metrics_write(s->registry, &out);
        }
    }
    return NULL;
}

static void no_sample_of_any_thread_is_lost(void **state)
{
    static const double bounds[] = {1};
    struct shared s = {.registry = *state,
                       .counter = metrics_counter(*state, "c_total", "C.", "parity"),
                       .gauge = metrics_gauge(*state, "g", "G.", "v"),
                       .histogram = metrics_histogram(*state, "h", "H.", "", bounds, 1)};
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_all, &s), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_line(*state, "t_c_total{parity=\"even\"} 2000");
    assert_line(*state, "t_c_total{parity=\"odd\"} 2000");
    assert_line(*state, "t_h_count 4000");
    assert_line(*state, "t_h_sum 2000");
    assert_line(*state, "t_g{v=\"x\"} 999");
}

#define registry_test(f) cmocka_unit_test_setup_teardown(f, make_registry, free_registry)

int main(void)
{
    const struct CMUnitTest tests[] = {
        registry_test(a_new_registry_shows_that_nothing_was_dropped),
        registry_test(families_and_series_keep_their_order),
        registry_test(a_touch_does_not_change_a_value),
        registry_test(a_histogram_is_cumulative_and_its_bounds_belong_to_their_bucket),
        registry_test(a_histogram_without_labels_has_only_le),
        registry_test(help_and_label_values_are_escaped),
        registry_test(label_values_become_utf_8_before_they_are_compared),
        registry_test(a_long_label_value_is_cut_between_characters),
        registry_test(values_of_neighbouring_labels_do_not_run_together),
        registry_test(a_null_value_ends_the_list_and_is_empty),
        registry_test(a_counter_does_not_go_down),
        registry_test(values_read_back_as_they_were_set),
        registry_test(a_cleared_gauge_has_no_series_until_it_is_set_again),
        registry_test(a_family_keeps_a_thousand_series_and_counts_the_rest),
        registry_test(a_cleared_family_is_not_full),
        registry_test(output_that_does_not_fit_marks_the_buffer),
        registry_test(wrong_names_end_the_process),
        registry_test(no_sample_of_any_thread_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
