#include "model/app/drift_status.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define CHECKSUM      "8d5e0c4f8d5e0c4f8d5e0c4f8d5e0c4f8d5e0c4f8d5e0c4f8d5e0c4f8d5e0c4f"
#define OF_M(feature) "{model=\"m\",feature=\"" feature "\"}"
#define SCORE(feature, value)                                                                      \
    "model_drift_score{model=\"m\",feature=\"" feature "\",stattest=\"wasserstein\"} " value "\n"
#define COUNT(feature, value)                                                                      \
    "model_drift_samples{model=\"m\",feature=\"" feature "\",set=\"current\"} " value "\n"
#define DETECTED(feature, value) "model_drift_detected" OF_M(feature) " " value "\n"

/* clang-format off */
static const struct {
    const char *name, *text;
    enum drift_state want;
} cases[] = {
    { "nothing", "", DRIFT_UNKNOWN },
    { "other metrics", "up 1\nprocess_cpu_seconds_total 3.5\n", DRIFT_UNKNOWN },
    { "the lesson's gauges say nothing of a test", "data_drift_score_ma5 0.9\n", DRIFT_UNKNOWN },
    { "samples alone", COUNT("ma5", "12"), DRIFT_TOO_FEW },
    { "no samples at all", COUNT("ma5", "0"), DRIFT_TOO_FEW },
    { "a verdict without a score is none", COUNT("ma5", "12") DETECTED("ma5", "0"), DRIFT_TOO_FEW },
    { "a score that is no number is none", COUNT("ma5", "12") SCORE("ma5", "NaN") DETECTED("ma5", "0"), DRIFT_TOO_FEW },
    { "a score without a verdict is none", COUNT("ma5", "60") SCORE("ma5", "0.9"), DRIFT_TOO_FEW },
    { "calm", SCORE("ma5", "0.1") DETECTED("ma5", "0"), DRIFT_NONE },
    { "one of two", SCORE("ma5", "0.1") DETECTED("ma5", "0") SCORE("ma20", "0.9") DETECTED("ma20", "1"), DRIFT_DETECTED },
    { "a small p-value is drift by the server's verdict", SCORE("ma5", "0.01") DETECTED("ma5", "1"), DRIFT_DETECTED },
    { "an infinite score does not hide the verdict", SCORE("ma5", "+Inf") DETECTED("ma5", "1"), DRIFT_DETECTED },
    { "another model's drift is not ours", "model_drift_detected{model=\"other\",feature=\"ma5\"} 1\n", DRIFT_UNKNOWN },
    { "no model in the labels", "model_drift_detected{feature=\"ma5\"} 1\n", DRIFT_DETECTED },
    { "no feature in the labels", "model_drift_detected{model=\"m\"} 1\n", DRIFT_UNKNOWN },
    { "blanks, a comma at the end, a timestamp", " model_drift_detected { feature = \"ma5\" , model=\"m\", } 1 1700000000000\r\n", DRIFT_DETECTED },
    { "an exponent", "model_drift_detected{feature=\"ma5\"} 1e+00\n", DRIFT_DETECTED },
    { "no line end at the end", "model_drift_detected{feature=\"ma5\"} 1", DRIFT_DETECTED },
    { "a comment", "# model_drift_detected{feature=\"ma5\"} 1\n", DRIFT_UNKNOWN },
    { "labels without an end", "model_drift_detected{feature=\"ma5\" 1\n", DRIFT_UNKNOWN },
    { "a value without an end", "model_drift_detected{feature=\"ma5} 1\n", DRIFT_UNKNOWN },
    { "a backslash at the end", "model_drift_detected{feature=\"ma5\\", DRIFT_UNKNOWN },
    { "no value", "model_drift_detected{feature=\"ma5\"}\n", DRIFT_UNKNOWN },
    { "a word as value", "model_drift_detected{feature=\"ma5\"} yes\n", DRIFT_UNKNOWN },
    { "a longer name", "model_drift_detected_total{feature=\"ma5\"} 1\n", DRIFT_UNKNOWN },
    { "a page", "<!doctype html>\n<p>model_drift_detected 1</p>\n", DRIFT_UNKNOWN },
    { "a bad line does not hide the next", "model_drift_detected{\nmodel_drift_detected{feature=\"x\"} 1\n", DRIFT_DETECTED },
};
/* clang-format on */

static void the_state_follows_from_the_metrics(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct drift_status s;
        drift_status_read(&s, cases[i].text, strlen(cases[i].text), "m");
        if (drift_status_state(&s) != cases[i].want)
            fail_msg("%s: %d", cases[i].name, (int)drift_status_state(&s));
    }
}

static void each_feature_has_its_numbers(void **state)
{
    (void)state;
    static const char text[] =
        "model_drift_reference_info{model=\"m\",hash=\"" CHECKSUM "\"} 1\n"
        "model_drift_samples{model=\"m\",feature=\"ma5\",set=\"reference\"} 1001\n" COUNT("ma5",
                                                                                          "60")
            SCORE("ma5", "0.25") "model_drift_threshold" OF_M("ma5") " 0.8\n" DETECTED("ma5", "0")
                COUNT("a \\\"b\\\"\\\\", "7");
    struct drift_status s;
    drift_status_read(&s, text, strlen(text), "m");
    assert_string_equal(s.hash, CHECKSUM);
    assert_int_equal(s.n_features, 2);
    assert_string_equal(s.features[0].name, "ma5");
    assert_true(s.features[0].score == 0.25 && s.features[0].threshold == 0.8);
    assert_true(s.features[0].detected == 0 && s.features[0].samples == 60);
    assert_string_equal(s.features[1].name, "a \"b\"\\");
    assert_true(isnan(s.features[1].score) && s.features[1].samples == 7);
}

static void too_many_features_and_too_long_lines_are_left_out(void **state)
{
    (void)state;
    char text[32 * 1024] = "";
    size_t len = 0;
    for (int i = 0; i < 100; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                "model_drift_detected{feature=\"f%d\"} 0\n", i);
    len += (size_t)snprintf(text + len, sizeof(text) - len, "model_drift_detected{feature=\"");
    memset(text + len, 'x', 5000);
    len += 5000;
    len += (size_t)snprintf(text + len, sizeof(text) - len,
                            "\"} 1\nmodel_drift_detected{feature=\"f0\"} 1\n");
    struct drift_status s;
    drift_status_read(&s, text, len, "");
    assert_int_equal(s.n_features, DRIFT_STATUS_FEATURES);
    assert_true(s.features[0].detected == 1);
    assert_true(s.features[DRIFT_STATUS_FEATURES - 1].detected == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_state_follows_from_the_metrics),
        cmocka_unit_test(each_feature_has_its_numbers),
        cmocka_unit_test(too_many_features_and_too_long_lines_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
