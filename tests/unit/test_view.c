#include "model/app/view.h"

#include "relay/base/html.h"
#include "model/app/words.h"
#include "relay/base/scope.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define FFFD    "\xef\xbf\xbd"
#define HOSTILE "\"><script>alert(1)</script>'&\xe2\x80\xae\x1b[31m\xff"

/* clang-format off */
static const struct {
    const char *name, *text, *want;
} escapes[] = {
    { "plain", "ma5", "ma5" },
    { "Korean", "상승", "상승" },
    { "what HTML takes for markup", "<a href=\"x\" b='y'>&</a>", "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;&lt;/a&gt;" },
    { "a reference is no reference", "&lt;", "&amp;lt;" },
    { "control characters", "a\x01\n\x7f", "a" FFFD FFFD FFFD },
    { "C1 controls", "a\xc2\x9b", "a" FFFD },
    { "a blank that does not break is no control", "\xc2\xa0", "\xc2\xa0" },
    { "writing from right to left, by override", "\xe2\x80\xae" "abc", FFFD "abc" },
    { "an isolate", "\xe2\x81\xa6" "abc", FFFD "abc" },
    { "a dash is no override", "\xe2\x80\x94", "\xe2\x80\x94" },
    { "no UTF-8", "\xff\xc3", FFFD FFFD },
    { "nothing", "", "" },
};

static const struct {
    const char *name;
    enum view_answer answer;
    int model_status, status;
    enum word said; /* WORDS: nothing */
} answers[] = {
    { "not asked", VIEW_NOT_ASKED, 0, 200, WORDS },
    { "a prediction", VIEW_PREDICTION, 0, 200, WORD_FOR_CLOSE },
    { "bad input", VIEW_BAD_INPUT, 0, 400, WORD_CLOSE_NO_NUMBER },
    { "down", VIEW_DOWN, 0, 502, WORD_MODEL_DOWN },
    { "slow", VIEW_SLOW, 0, 504, WORD_MODEL_SLOW },
    { "not ready", VIEW_NOT_READY, 503, 503, WORD_MODEL_NOT_READY },
    { "an error", VIEW_ERROR, 500, 502, WORD_MODEL_ERROR },
    { "nonsense", VIEW_NONSENSE, 0, 502, WORD_MODEL_NONSENSE },
};

static const struct {
    const char *name;
    enum close_input input;
    enum word said;
} inputs[] = {
    { "empty", CLOSE_INPUT_EMPTY, WORD_CLOSE_EMPTY },
    { "no number", CLOSE_INPUT_NO_NUMBER, WORD_CLOSE_NO_NUMBER },
    { "not positive", CLOSE_INPUT_NOT_POSITIVE, WORD_CLOSE_NOT_POSITIVE },
    { "too large", CLOSE_INPUT_TOO_LARGE, WORD_CLOSE_TOO_LARGE },
};

static const struct {
    const char *name;
    double score, detected, samples;
    enum word state, verdict;
} drifts[] = {
    { "calm", 0.25, 0, 60, WORD_DRIFT_NONE, WORD_NO },
    { "drifted", 0.95, 1, 60, WORD_DRIFT_DETECTED, WORD_YES },
    { "too few", (double)NAN, (double)NAN, 12, WORD_DRIFT_TOO_FEW, WORD_NOT_YET },
    { "infinite", (double)NAN, 1, 60, WORD_DRIFT_DETECTED, WORD_YES },
};
/* clang-format on */

static struct view simple(enum view_answer answer, enum language language)
{
    struct view v = {.language = language,
                     .typed = "2480",
                     .input = answer == VIEW_BAD_INPUT ? CLOSE_INPUT_NO_NUMBER : CLOSE_INPUT_OK,
                     .answer = answer,
                     .forecast = {.up = 0.634, .down = 0.366, .name = "kospi"},
                     .model_name = "kospi"};
    return v;
}

static void text_from_outside_is_made_harmless(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
        SCOPED(buf_free) struct buf out = BUF_INIT(1024);
        html_add_text(&out, escapes[i].text);
        if (strcmp(buf_text(&out), escapes[i].want) != 0)
            fail_msg("%s: %s", escapes[i].name, buf_text(&out));
    }
}

static void each_answer_has_its_words_and_its_status(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        for (int language = 0; language < LANGUAGES; language++) {
            SCOPED(buf_free) struct buf out = BUF_INIT(65536);
            struct view v = simple(answers[i].answer, (enum language)language);
            v.model_status = answers[i].model_status;
            view_render(&out, &v);
            assert_int_equal(view_status(v.answer), answers[i].status);
            for (size_t j = 0; j < sizeof(answers) / sizeof(answers[0]); j++) {
                bool there = answers[j].said != WORDS &&
                             strstr(buf_text(&out), word(answers[j].said, v.language)) != NULL;
                if (there != (i == j && answers[j].said != WORDS))
                    fail_msg("%s (%d): words of %s", answers[i].name, language, answers[j].name);
            }
        }
    }
}

static void each_fault_of_the_input_has_its_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        SCOPED(buf_free) struct buf out = BUF_INIT(65536);
        struct view v = simple(VIEW_BAD_INPUT, LANGUAGE_KOREAN);
        v.input = inputs[i].input;
        view_render(&out, &v);
        if (strstr(buf_text(&out), word(inputs[i].said, LANGUAGE_KOREAN)) == NULL ||
            strstr(buf_text(&out), "aria-invalid=\"true\"") == NULL)
            fail_msg("%s", inputs[i].name);
    }
}

static void a_prediction_is_numbers_and_bars_of_their_length(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf out = BUF_INIT(65536);
    struct view v = simple(VIEW_PREDICTION, LANGUAGE_ENGLISH);
    view_render(&out, &v);
    const char *up = strstr(buf_text(&out), "63.4 %"), *down = strstr(buf_text(&out), "36.6 %");
    assert_non_null(up);
    assert_non_null(down);
    assert_true(up < strstr(up, "width=\"63.4\"") && strstr(up, "width=\"63.4\"") < down);
    assert_non_null(strstr(down, "width=\"36.6\""));
}

static void the_drift_is_said_in_words_and_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(drifts) / sizeof(drifts[0]); i++) {
        SCOPED(buf_free) struct buf out = BUF_INIT(65536), cell = BUF_INIT(256);
        struct view v = simple(VIEW_NOT_ASKED, LANGUAGE_ENGLISH);
        v.drift.n_features = 1;
        v.drift.features[0] = (struct drift_feature){.name = "ma5",
                                                     .score = drifts[i].score,
                                                     .threshold = 0.8,
                                                     .detected = drifts[i].detected,
                                                     .samples = drifts[i].samples};
        view_render(&out, &v);
        buf_addf(&cell, "<td>0.8</td><td>%.0f</td><td>%s</td>", drifts[i].samples,
                 word(drifts[i].verdict, v.language));
        if (strstr(buf_text(&out), word(drifts[i].state, v.language)) == NULL ||
            strstr(buf_text(&out), buf_text(&cell)) == NULL)
            fail_msg("%s: no %s in %s", drifts[i].name, buf_text(&cell), buf_text(&out));
    }
}

static void without_metrics_the_drift_is_unknown(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf out = BUF_INIT(65536);
    struct view v = simple(VIEW_PREDICTION, LANGUAGE_KOREAN);
    view_render(&out, &v);
    assert_non_null(strstr(buf_text(&out), word(WORD_DRIFT_UNKNOWN, LANGUAGE_KOREAN)));
    assert_null(strstr(buf_text(&out), "<table>"));
}

static void the_version_is_the_servers_or_the_model_files(void **state)
{
    (void)state;
    SCOPED(buf_free)
    struct buf none = BUF_INIT(65536), hash = BUF_INIT(65536), both = BUF_INIT(65536);
    struct view v = simple(VIEW_PREDICTION, LANGUAGE_ENGLISH);
    view_render(&none, &v);
    assert_non_null(strstr(buf_text(&none), word(WORD_NOT_STATED, v.language)));
    memcpy(v.drift.hash, "0123456789abcdef", 17);
    view_render(&hash, &v);
    assert_non_null(strstr(buf_text(&hash), "<bdi>0123456789ab</bdi>"));
    assert_null(strstr(buf_text(&hash), word(WORD_NOT_STATED, v.language)));
    memcpy(v.forecast.version, "7", 2);
    view_render(&both, &v);
    assert_non_null(strstr(buf_text(&both), "<bdi>7</bdi>"));
    assert_null(strstr(buf_text(&both), "0123456789ab"));
}

static void hostile_text_stays_text_wherever_it_comes_from(void **state)
{
    (void)state;
    static const enum view_answer shown[] = {VIEW_PREDICTION, VIEW_ERROR, VIEW_BAD_INPUT};
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        SCOPED(buf_free) struct buf out = BUF_INIT(65536);
        struct view v = simple(shown[i], LANGUAGE_ENGLISH);
        v.typed = v.model_name = HOSTILE;
        memcpy(v.reason, HOSTILE, sizeof(HOSTILE));
        memcpy(v.forecast.name, HOSTILE, sizeof(HOSTILE));
        memcpy(v.forecast.version, HOSTILE, sizeof(HOSTILE));
        memcpy(v.drift.hash, HOSTILE, sizeof(HOSTILE));
        v.drift.n_features = 1;
        memcpy(v.drift.features[0].name, HOSTILE, sizeof(HOSTILE));
        view_render(&out, &v);
        assert_null(strstr(buf_text(&out), "<script"));
        assert_null(strstr(buf_text(&out), "\x1b"));
        assert_null(strstr(buf_text(&out), "\xff"));
        assert_null(strstr(buf_text(&out), "'"));
        assert_non_null(strstr(buf_text(&out), "&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"));
    }
}

static void the_page_needs_neither_script_nor_inline_style(void **state)
{
    (void)state;
    for (int answer = 0; answer < VIEW_ANSWERS; answer++) {
        SCOPED(buf_free) struct buf out = BUF_INIT(65536);
        struct view v = simple((enum view_answer)answer, LANGUAGE_KOREAN);
        view_render(&out, &v);
        assert_null(strstr(buf_text(&out), "<script"));
        assert_null(strstr(buf_text(&out), "style=\""));
        assert_null(strstr(buf_text(&out), "<style"));
        assert_null(strstr(buf_text(&out), " on"));
    }
}

static void every_word_is_there_in_both_languages(void **state)
{
    (void)state;
    for (int which = 0; which < WORDS; which++) {
        for (int language = 0; language < LANGUAGES; language++) {
            const char *text = word((enum word)which, (enum language)language);
            assert_non_null(text);
            assert_true(text[0] != '\0');
            assert_null(strpbrk(text, "<>&\""));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_from_outside_is_made_harmless),
        cmocka_unit_test(each_answer_has_its_words_and_its_status),
        cmocka_unit_test(each_fault_of_the_input_has_its_words),
        cmocka_unit_test(a_prediction_is_numbers_and_bars_of_their_length),
        cmocka_unit_test(the_drift_is_said_in_words_and_numbers),
        cmocka_unit_test(without_metrics_the_drift_is_unknown),
        cmocka_unit_test(the_version_is_the_servers_or_the_model_files),
        cmocka_unit_test(hostile_text_stays_text_wherever_it_comes_from),
        cmocka_unit_test(the_page_needs_neither_script_nor_inline_style),
        cmocka_unit_test(every_word_is_there_in_both_languages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
