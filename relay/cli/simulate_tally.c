#include "relay/cli/simulate_tally.h"

#include "relay/base/buf.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

void tally_clear(struct tally *t)
{
    for (size_t i = 0; i < t->n_rows; i++) {
        free(t->rows[i].key);
        json_decref(t->rows[i].then);
        json_decref(t->rows[i].now);
    }
    free(t->rows);
}

static void day_of(char out[static 16], struct wall at, bool utc)
{
    time_t seconds = (time_t)(at.ms / 1000);
    struct tm parts;
    out[0] = '\0';
    if ((utc ? gmtime_r(&seconds, &parts) : localtime_r(&seconds, &parts)) != NULL)
        (void)strftime(out, 16, "%Y-%m-%d", &parts);
}

static struct tally_row *make_row(struct tally *t, const char *day, const char *key)
{
    if (t->n_rows == t->cap_rows) {
        size_t cap = t->cap_rows == 0 ? 64 : t->cap_rows * 2;
        struct tally_row *grown = reallocarray(t->rows, cap, sizeof(*grown));
        if (grown == NULL)
            return NULL;
        t->rows = grown;
        t->cap_rows = cap;
    }
    struct tally_row row = {.key = strdup(key), .then = json_object(), .now = json_object()};
    memcpy(row.day, day, sizeof(row.day));
    t->rows[t->n_rows++] = row;
    return row.key == NULL ? NULL : &t->rows[t->n_rows - 1];
}

static struct tally_row *find_row(struct tally *t, struct wall at, const char *key)
{
    char day[16] = "";
    day_of(day, at, t->utc);
    /* The log is in order: the day is near the end. */
    for (size_t i = t->n_rows; i-- > 0;) {
        if (strcmp(t->rows[i].day, day) == 0 && strcmp(t->rows[i].key, key) == 0)
            return &t->rows[i];
    }
    struct tally_row *row = make_row(t, day, key);
    t->failed = t->failed || row == NULL;
    return row;
}

void tally_dispatch(struct tally *t, struct wall at, const char *key, enum tally_side side)
{
    struct tally_row *row = find_row(t, at, key);
    if (row != NULL)
        row->n[side]++;
}

static const char *get(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "" : text;
}

static void note(json_t *words, const json_t *decision)
{
    SCOPED(buf_free) struct buf word = BUF_INIT(256);
    if (get(decision, "verdict")[0] == '\0')
        buf_add_text(&word, "left out");
    else
        buf_addf(&word, "%s/%s", get(decision, "verdict"), get(decision, "reason"));
    json_int_t n = json_integer_value(json_object_get(words, buf_text(&word)));
    (void)json_object_set_new(words, buf_text(&word), json_integer(n + 1));
}

static bool dispatches(const json_t *decision)
{
    return strcmp(get(decision, "verdict"), "dispatch") == 0;
}

/* The row of the key of a; of b when a has none; NULL when neither has. */
static struct tally_row *row_of(struct tally *t, struct wall at, const json_t *a, const json_t *b)
{
    const char *key = get(a, "key")[0] != '\0' ? get(a, "key") : get(b, "key");
    return key[0] == '\0' ? NULL : find_row(t, at, key);
}

void tally_compare(struct tally *t, struct wall at, const json_t *then, const json_t *now)
{
    bool resolved = strcmp(get(now, "verdict"), "resolved") == 0;
    if (!dispatches(now) && !resolved) {
        struct tally_row *row = row_of(t, at, then, now);
        if (row != NULL)
            note(row->now, now);
    }
    if (!dispatches(then) && !resolved) {
        struct tally_row *row = row_of(t, at, now, then);
        if (row != NULL)
            note(row->then, then);
    }
}

/* --- the result ----------------------------------------------------------------------------------
 */

static int compare(const void *left, const void *right)
{
    const struct tally_row *a = left;
    const struct tally_row *b = right;
    int order = strcmp(a->day, b->day);
    return order != 0 ? order : strcmp(a->key, b->key);
}

/* "now suppressed/cooldown (3 alerts)": the side that did not dispatch says why. */
static json_t *why_of(const struct tally_row *row, int64_t then)
{
    bool fewer = row->n[TALLY_NOW] < then;
    const char *best = NULL, *word;
    json_int_t most = 0;
    json_t *count;
    json_object_foreach(fewer ? row->now : row->then, word, count)
    {
        if (json_integer_value(count) > most) {
            most = json_integer_value(count);
            best = word;
        }
    }
    if (row->n[TALLY_NOW] == then)
        return json_null();
    if (best == NULL)
        return json_string(fewer ? "now no alert of it is sent"
                                 : "then no alert of it was decided");
    return json_sprintf("%s %s (%lld alert%s)", fewer ? "now" : "then", best, (long long)most,
                        most == 1 ? "" : "s");
}

json_t *tally_json(struct tally *t, enum tally_side side)
{
    int64_t total_then = 0, total_now = 0;
    SCOPED(json_release_p) json_t *days = json_array();
    if (t->n_rows > 0)
        qsort(t->rows, t->n_rows, sizeof(*t->rows), compare);
    for (size_t i = 0; i < t->n_rows; i++) {
        const struct tally_row *row = &t->rows[i];
        int64_t then = row->n[side], now = row->n[TALLY_NOW];
        if (then == 0 && now == 0)
            continue;
        total_then += then;
        total_now += now;
        json_t *day = json_pack("{s:s,s:s,s:I,s:I,s:o}", "day", row->day, "key", row->key, "then",
                                (json_int_t)then, "now", (json_int_t)now, "why", why_of(row, then));
        if (day == NULL || json_array_append_new(days, day) != 0)
            return NULL;
    }
    return json_pack("{s:O,s:{s:I,s:I}}", "days", days, "totals", "then", (json_int_t)total_then,
                     "now", (json_int_t)total_now);
}
