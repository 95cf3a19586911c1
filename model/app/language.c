#include "model/app/language.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define WEIGHT_MAX 1000 /* q=1; q has at most three decimals */

static const char *const tags[LANGUAGES] = {[LANGUAGE_ENGLISH] = "en", [LANGUAGE_KOREAN] = "ko"};

static size_t skip_blanks(const char *text, size_t at, size_t len)
{
    while (at < len && (text[at] == ' ' || text[at] == '\t'))
        at++;
    return at;
}

/* "0.8" in thousandths; -1 when it is no weight. */
static int read_weight(const char *text, size_t len)
{
    if (len == 0 || len > 5 || (text[0] != '0' && text[0] != '1') || (len > 1 && text[1] != '.'))
        return -1;
    int weight = (text[0] - '0') * WEIGHT_MAX, unit = WEIGHT_MAX / 10;
    for (size_t i = 2; i < len; i++, unit /= 10) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        weight += (text[i] - '0') * unit;
    }
    return weight > WEIGHT_MAX ? -1 : weight;
}

/* Of what follows the range: nothing, or ";q=WEIGHT" with blanks around. */
static int read_parameters(const char *text, size_t len)
{
    size_t at = skip_blanks(text, 0, len);
    if (at == len)
        return WEIGHT_MAX;
    if (text[at] != ';')
        return -1;
    at = skip_blanks(text, at + 1, len);
    if (len - at < 2 || (text[at] != 'q' && text[at] != 'Q') || text[at + 1] != '=')
        return -1;
    at += 2;
    while (len > at && (text[len - 1] == ' ' || text[len - 1] == '\t'))
        len--;
    return read_weight(text + at, len - at);
}

/* "ko" is meant by the ranges ko and ko-KR, not by kok. */
static bool means(const char *range, size_t len, const char *tag)
{
    size_t n = strlen(tag);
    return len >= n && strncasecmp(range, tag, n) == 0 && (len == n || range[n] == '-');
}

/* -1: not named. */
struct weights {
    int of[LANGUAGES], any; /* any: "*", for those that are not named */
    enum language first;    /* of those that are wanted */
    bool wanted;
};

static void weigh(struct weights *w, const char *range, size_t len, int weight)
{
    if (len == 1 && *range == '*' && weight > w->any)
        w->any = weight;
    for (size_t i = 0; i < LANGUAGES; i++) {
        if (!means(range, len, tags[i]) || weight <= w->of[i])
            continue;
        w->of[i] = weight;
        if (!w->wanted && weight > 0) {
            w->wanted = true;
            w->first = (enum language)i;
        }
    }
}

enum language language_choose(const char *accept_language)
{
    struct weights w = {.of = {-1, -1}, .any = -1, .first = LANGUAGE_ENGLISH};
    for (const char *text = accept_language; text != NULL;) {
        const char *comma = strchr(text, ',');
        size_t len = comma == NULL ? strlen(text) : (size_t)(comma - text);
        size_t start = skip_blanks(text, 0, len), end = start + strcspn(text + start, " \t;,");
        weigh(&w, text + start, end - start, read_parameters(text + end, len - end));
        text = comma == NULL ? NULL : comma + 1;
    }
    for (size_t i = 0; i < LANGUAGES; i++) {
        if (w.of[i] < 0)
            w.of[i] = w.any < 0 ? 0 : w.any;
    }
    if (w.of[LANGUAGE_ENGLISH] == w.of[LANGUAGE_KOREAN])
        return w.first;
    return w.of[LANGUAGE_KOREAN] > w.of[LANGUAGE_ENGLISH] ? LANGUAGE_KOREAN : LANGUAGE_ENGLISH;
}
