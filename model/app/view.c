#include "model/app/view.h"

#include "relay/base/html.h"
#include "model/app/words.h"

#include <math.h>
#include <stdio.h>

#define SCORE_DIGITS 4
#define COUNT_DIGITS 9
#define HASH_DIGITS  12

/* One element of text: <TAG>words</TAG>. */
static void add_words(struct buf *out, const struct view *v, const char *tag, enum word which)
{
    buf_addf(out, "<%s>%s</%s>\n", tag, word(which, v->language), tag);
}

static void add_head(struct buf *out, const struct view *v)
{
    buf_addf(out,
             "<!doctype html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
             "<meta name=\"color-scheme\" content=\"light dark\">\n",
             word(WORD_LANGUAGE, v->language));
    add_words(out, v, "title", WORD_TITLE);
    buf_add_text(out, "<link rel=\"stylesheet\" href=\"style.css\">\n</head>\n<body>\n<main>\n");
    add_words(out, v, "h1", WORD_TITLE);
    add_words(out, v, "p", WORD_INTRODUCTION);
}

static void add_input_fault(struct buf *out, const struct view *v)
{
    static const enum word faults[] = {
        [CLOSE_INPUT_OK] = WORD_CLOSE_NO_NUMBER,
        [CLOSE_INPUT_EMPTY] = WORD_CLOSE_EMPTY,
        [CLOSE_INPUT_NO_NUMBER] = WORD_CLOSE_NO_NUMBER,
        [CLOSE_INPUT_NOT_POSITIVE] = WORD_CLOSE_NOT_POSITIVE,
        [CLOSE_INPUT_TOO_LARGE] = WORD_CLOSE_TOO_LARGE,
    };
    buf_addf(out, "<p id=\"fault\" class=\"fault\" role=\"alert\">%s</p>\n",
             word(faults[v->input], v->language));
}

static void add_form(struct buf *out, const struct view *v)
{
    bool bad = v->answer == VIEW_BAD_INPUT;
    buf_addf(out,
             "<form method=\"get\" action=\"./\">\n<label for=\"close\">%s</label>\n"
             "<div class=\"ask\"><input id=\"close\" name=\"close\" type=\"text\" "
             "inputmode=\"decimal\" autocomplete=\"off\" required pattern=\"%s\" "
             "aria-describedby=\"hint%s\"%s title=\"%s\" value=\"",
             word(WORD_CLOSE, v->language), CLOSE_INPUT_PATTERN, bad ? " fault" : "",
             bad ? " aria-invalid=\"true\"" : "", word(WORD_CLOSE_HINT, v->language));
    html_add_text(out, v->typed);
    buf_addf(out,
             "\">\n<button type=\"submit\">%s</button></div>\n"
             "<p id=\"hint\" class=\"hint\">%s</p>\n",
             word(WORD_ASK, v->language), word(WORD_CLOSE_HINT, v->language));
    if (bad)
        add_input_fault(out, v);
    buf_add_text(out, "</form>\n");
}

static void begin_section(struct buf *out, const struct view *v, const char *id, enum word heading)
{
    buf_addf(out, "<section aria-labelledby=\"%s\">\n<h2 id=\"%s\">%s</h2>\n", id, id,
             word(heading, v->language));
}

static void end_section(struct buf *out)
{
    buf_add_text(out, "</section>\n");
}

/* The number says it all; the bar is for the eye alone. */
static void add_bar(struct buf *out, const struct view *v, const char *kind, enum word which,
                    double p)
{
    buf_addf(out,
             "<div class=\"probability %s\">\n<dt>%s</dt>\n<dd><data value=\"%.4f\">%.1f %%</data>"
             "<svg class=\"bar\" viewBox=\"0 0 100 4\" preserveAspectRatio=\"none\" "
             "aria-hidden=\"true\" focusable=\"false\"><rect class=\"whole\" width=\"100\" "
             "height=\"4\"/><rect class=\"part\" width=\"%.1f\" height=\"4\"/></svg></dd>\n"
             "</div>\n",
             kind, word(which, v->language), p, p * 100, p * 100);
}

static void add_prediction(struct buf *out, const struct view *v)
{
    begin_section(out, v, "answer", WORD_ANSWER);
    buf_addf(out, "<p>%s <bdi>", word(WORD_FOR_CLOSE, v->language));
    html_add_text(out, v->typed);
    buf_add_text(out, "</bdi></p>\n<dl>\n");
    add_bar(out, v, "up", WORD_UP, v->forecast.up);
    add_bar(out, v, "down", WORD_DOWN, v->forecast.down);
    buf_add_text(out, "</dl>\n");
    buf_addf(out, "<p class=\"hint\">%s</p>\n", word(WORD_NO_ORACLE, v->language));
    end_section(out);
}

static void add_failure(struct buf *out, const struct view *v, enum word what)
{
    buf_addf(out,
             "<section class=\"failure\" role=\"alert\" aria-labelledby=\"answer\">\n"
             "<h2 id=\"answer\">%s</h2>\n<p>%s",
             word(WORD_NO_ANSWER, v->language), word(what, v->language));
    if (v->model_status != 0)
        buf_addf(out, " (%s %d)", word(WORD_MODEL_STATUS, v->language), v->model_status);
    buf_add_text(out, "</p>\n");
    if (v->reason[0] != '\0') {
        buf_addf(out, "<p>%s <bdi><q>", word(WORD_MODEL_SAID, v->language));
        html_add_text(out, v->reason);
        buf_add_text(out, "</q></bdi></p>\n");
    }
    add_words(out, v, "p", WORD_TRY_AGAIN);
    end_section(out);
}

static void add_answer(struct buf *out, const struct view *v)
{
    switch (v->answer) {
    case VIEW_PREDICTION:
        add_prediction(out, v);
        return;
    case VIEW_DOWN:
        add_failure(out, v, WORD_MODEL_DOWN);
        return;
    case VIEW_SLOW:
        add_failure(out, v, WORD_MODEL_SLOW);
        return;
    case VIEW_NOT_READY:
        add_failure(out, v, WORD_MODEL_NOT_READY);
        return;
    case VIEW_ERROR:
        add_failure(out, v, WORD_MODEL_ERROR);
        return;
    case VIEW_NONSENSE:
        add_failure(out, v, WORD_MODEL_NONSENSE);
        return;
    case VIEW_NOT_ASKED:
    case VIEW_BAD_INPUT:
    case VIEW_ANSWERS:
        return;
    }
}

static void add_number(struct buf *out, const struct view *v, int digits, double value)
{
    if (isnan(value))
        buf_addf(out, "<td>%s</td>", word(WORD_NOT_YET, v->language));
    else
        buf_addf(out, "<td>%.*g</td>", digits, value);
}

static enum word verdict_of(const struct drift_feature *f)
{
    if (f->detected > 0)
        return WORD_YES;
    return isnan(f->detected) || isnan(f->score) ? WORD_NOT_YET : WORD_NO;
}

static void add_feature(struct buf *out, const struct view *v, const struct drift_feature *f)
{
    buf_add_text(out, "<tr><th scope=\"row\"><bdi>");
    html_add_text(out, f->name);
    buf_add_text(out, "</bdi></th>");
    add_number(out, v, SCORE_DIGITS, f->score);
    add_number(out, v, SCORE_DIGITS, f->threshold);
    add_number(out, v, COUNT_DIGITS, f->samples);
    buf_addf(out, "<td>%s</td></tr>\n", word(verdict_of(f), v->language));
}

static void add_features(struct buf *out, const struct view *v)
{
    static const enum word columns[] = {WORD_FEATURE, WORD_SCORE, WORD_THRESHOLD, WORD_SAMPLES,
                                        WORD_VERDICT};
    buf_addf(out, "<div class=\"wide\">\n<table>\n<caption>%s</caption>\n<thead><tr>",
             word(WORD_DRIFT_TABLE, v->language));
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
        buf_addf(out, "<th scope=\"col\">%s</th>", word(columns[i], v->language));
    buf_add_text(out, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < v->drift.n_features; i++)
        add_feature(out, v, &v->drift.features[i]);
    buf_add_text(out, "</tbody>\n</table>\n</div>\n");
}

static void add_drift(struct buf *out, const struct view *v)
{
    static const struct {
        const char *kind;
        enum word said;
    } states[] = {
        [DRIFT_UNKNOWN] = {"unknown", WORD_DRIFT_UNKNOWN},
        [DRIFT_TOO_FEW] = {"unknown", WORD_DRIFT_TOO_FEW},
        [DRIFT_NONE] = {"calm", WORD_DRIFT_NONE},
        [DRIFT_DETECTED] = {"drifted", WORD_DRIFT_DETECTED},
    };
    enum drift_state state = drift_status_state(&v->drift);
    begin_section(out, v, "drift", WORD_DRIFT);
    buf_addf(out, "<p class=\"state %s\">%s</p>\n", states[state].kind,
             word(states[state].said, v->language));
    if (v->drift.n_features > 0)
        add_features(out, v);
    end_section(out);
}

static void add_fact(struct buf *out, const struct view *v, enum word what, const char *text)
{
    buf_addf(out, "<div><dt>%s</dt><dd><bdi>", word(what, v->language));
    if (text[0] != '\0')
        html_add_text(out, text);
    else
        buf_add_text(out, word(WORD_NOT_STATED, v->language));
    buf_add_text(out, "</bdi></dd></div>\n");
}

/* So much of a checksum is enough to tell two models apart. */
static const char *short_hash(char out[static HASH_DIGITS + 1], const char *hash)
{
    (void)snprintf(out, HASH_DIGITS + 1, "%.*s", HASH_DIGITS, hash);
    return out;
}

static void add_model(struct buf *out, const struct view *v)
{
    char hash[HASH_DIGITS + 1];
    bool answered = v->answer == VIEW_PREDICTION;
    begin_section(out, v, "model", WORD_MODEL);
    buf_add_text(out, "<dl class=\"facts\">\n");
    add_fact(out, v, WORD_NAME,
             answered && v->forecast.name[0] != '\0' ? v->forecast.name : v->model_name);
    /* A server without versions still says which file the model is from. */
    if (answered && v->forecast.version[0] != '\0')
        add_fact(out, v, WORD_VERSION, v->forecast.version);
    else
        add_fact(out, v, WORD_VERSION, short_hash(hash, v->drift.hash));
    buf_add_text(out, "</dl>\n");
    end_section(out);
}

void view_render(struct buf *out, const struct view *v)
{
    add_head(out, v);
    add_form(out, v);
    add_answer(out, v);
    add_drift(out, v);
    add_model(out, v);
    buf_add_text(out, "</main>\n</body>\n</html>\n");
}

int view_status(enum view_answer answer)
{
    static const int statuses[VIEW_ANSWERS] = {
        [VIEW_NOT_ASKED] = 200, [VIEW_PREDICTION] = 200, [VIEW_BAD_INPUT] = 400,
        [VIEW_DOWN] = 502,      [VIEW_SLOW] = 504,       [VIEW_NOT_READY] = 503,
        [VIEW_ERROR] = 502,     [VIEW_NONSENSE] = 502,
    };
    return statuses[answer];
}
