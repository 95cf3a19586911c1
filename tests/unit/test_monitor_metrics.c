#include "model/model_file/file.h"
#include "tests/unit/monitor_fixture.h"

#define N(table) (sizeof(table) / sizeof((table)[0]))
#define DOCS     "docs/drift.md"

static void bins_and_buckets_count_every_row_and_the_reference(void **state)
{
    (void)state;
    static const struct {
        const char *family, *rest;
        double want;
    } cases[] = {
        /* clang-format off */
        { "model_feature_bin_total",                ",bin=\"0\"",   1 },
        { "model_feature_bin_total",                ",bin=\"1\"",   1 }, /* an edge opens its bin */
        { "model_feature_bin_total",                ",bin=\"2\"",   4 },
        { "model_feature_reference_bin_ratio",      ",bin=\"0\"",   0.25 },
        { "model_feature_reference_bin_ratio",      ",bin=\"1\"",   0.25 },
        { "model_feature_reference_bin_ratio",      ",bin=\"2\"",   0.5 },
        { "model_feature_value_bucket",             ",le=\"0.25\"", 2 },
        { "model_feature_value_bucket",             ",le=\"0.5\"",  4 },
        { "model_feature_value_bucket",             ",le=\"+Inf\"", 6 },
        { "model_feature_value_sum",                "",             1004.25 },
        { "model_feature_value_count",              "",             6 },
        { "model_feature_reference_value_bucket",   ",le=\"0.25\"", 26 },
        { "model_feature_reference_value_bucket",   ",le=\"0.5\"",  51 },
        { "model_feature_reference_value_bucket",   ",le=\"+Inf\"", 100 },
        { "model_feature_reference_value_count",    "",             100 },
        /* clang-format on */
    };
    SCOPED(model_file_free) struct model_file model = make_model(100, "wasserstein", 0);
    SCOPED(buf_free) struct buf text = BUF_INIT(MONITOR_METRICS_MAX);
    const struct monitor_options o = options(2, 0); /* counters outlive the window */
    SCOPED(monitor_stop_p) struct monitor *m = start(&o, "kospi", &model);
    static const double values[] = {0, 0.25, 0.5, 0.5, 3, 1000};
    for (size_t i = 0; i < N(values); i++)
        observe(m, values[i], 0);
    write_metrics(&text, m);
    for (size_t i = 0; i < N(cases); i++)
        assert_binned(&text, &model, cases[i].family, cases[i].rest, cases[i].want);
}

static void several_models_share_each_family(void **state)
{
    (void)state;
    SCOPED(model_file_free) struct model_file model = make_model(1001, "wasserstein", 0);
    SCOPED(buf_free) struct buf text = BUF_INIT(MONITOR_METRICS_MAX);
    const struct monitor_options o = options(60, 0);
    struct monitor *two[] = {start(&o, "kospi", &model), start(&o, "a\"b\\\xEC\xBD\x94", &model)};
    for (size_t i = 0; i < 30; i++)
        observe(two[1], 9, 9);
    until(&text, two[1],
          "model_drift_samples{model=\"a\\\"b\\\\\xEC\xBD\x94\",feature=\"ma5\",set=\"current\"}",
          "30");
    buf_clear(&text);
    monitor_metrics(two, 2, &text);
    assert_value(&text, CURRENT, 0);
    assert_true(has(&text, "data_drift_score_ma5", NULL));
    assert_non_null(strstr(buf_text(&text), "model_drift_score{model=\"a"));
    for (const char *line = strstr(buf_text(&text), "# TYPE "); line != NULL;
         line = strstr(line + 1, "# TYPE ")) {
        char type[64];
        (void)snprintf(type, sizeof(type), "%.*s ", (int)strcspn(line + 7, " ") + 7, line);
        if (strstr(line + 1, type) != NULL)
            fail_msg("twice: %s", type);
    }
    buf_clear(&text);
    monitor_metrics((struct monitor *const[]){NULL, two[1]}, 2, &text);
    assert_true(has(&text, "data_drift_score_ma5", NULL)); /* the first is not there yet */
    assert_non_null(strstr(buf_text(&text), "model_drift_score{model=\"a"));
    assert_null(strstr(buf_text(&text), "kospi"));
    buf_clear(&text);
    monitor_metrics(two, 0, &text);
    assert_int_equal(text.len, 0);
    struct buf small = BUF_INIT(100);
    monitor_metrics(two, 2, &small);
    assert_true(buf_failed(&small));
    buf_free(&small);
    monitor_stop(two[0]);
    monitor_stop(two[1]);
}

static void assert_documented(const struct buf *docs, const struct buf *text)
{
    for (const char *line = strstr(buf_text(text), "# TYPE "); line != NULL;
         line = strstr(line + 1, "# TYPE ")) {
        char name[80];
        (void)snprintf(name, sizeof(name), "`%.*s`", (int)strcspn(line + 7, " "), line + 7);
        if (strstr(buf_text(docs), name) == NULL)
            fail_msg(DOCS " lacks %s", name);
    }
}

/* The names in the first cell of each row of its tables; recording rules have colons. */
static void assert_exported(const struct buf *docs, const struct buf *text)
{
    size_t found = 0;
    for (const char *row = strstr(buf_text(docs), "\n| `"); row != NULL;
         row = strstr(row + 1, "\n| `")) {
        const char *end = strstr(row, " | ");
        for (const char *at = strchr(row, '`'); at != NULL && at < end; at = strchr(at + 1, '`')) {
            char type[80];
            size_t len = strcspn(++at, "`");
            const char *name = at;
            at += len;
            if ((strncmp(name, "model_", 6) != 0 && strncmp(name, "data_", 5) != 0) ||
                memchr(name, ':', len) != NULL)
                continue;
            (void)snprintf(type, sizeof(type), "# TYPE %.*s ", (int)len, name);
            if (strstr(buf_text(text), type) == NULL)
                fail_msg(DOCS " has %s, which is not exported", type);
            found++;
        }
    }
    assert_true(found > 10);
}

static void the_manual_names_what_is_exported_and_nothing_else(void **state)
{
    (void)state;
    SCOPED(model_file_free) struct model_file model = make_model(100, "wasserstein", 0);
    SCOPED(buf_free) struct buf text = BUF_INIT(MONITOR_METRICS_MAX);
    SCOPED(buf_free) struct buf docs = BUF_INIT(1 << 20);
    struct error err = {0};
    const struct monitor_options o = options(60, 0);
    SCOPED(monitor_stop_p) struct monitor *m = start(&o, "kospi", &model);
    write_metrics(&text, m);
    if (file_read(&docs, DOCS, &err) != 0)
        fail_msg("%s", err.text);
    assert_documented(&docs, &text);
    assert_exported(&docs, &text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bins_and_buckets_count_every_row_and_the_reference),
        cmocka_unit_test(several_models_share_each_family),
        cmocka_unit_test(the_manual_names_what_is_exported_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
