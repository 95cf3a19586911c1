#include "relay/base/pattern.h"

#include "relay/base/buf.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INTERVAL_MAX 255 /* RE_DUP_MAX as POSIX guarantees it */
#define DEPTH_MAX    32  /* of parentheses */
#define EXPANDED_MAX                                                                               \
    8192 /* atoms after intervals are written out, as regcomp does: a{9} is nine                   \
          */

struct pattern {
    char *text;
    regex_t regex;
    bool compiled;
};

/* What a scan over a pattern knows at one place. */
struct scan {
    const char *at;
    const char *text;
    size_t depth;                   /* open parentheses */
    size_t expanded[DEPTH_MAX + 1]; /* atoms so far, per open group */
    size_t last;                    /* atoms in the newest one of this group */
    bool repeatable;                /* an atom ends here, so a repetition may follow */
    bool repeated;                  /* a repetition ends here */
    bool empty;                     /* nothing yet in this alternative */
    struct error *err;
};

static const struct {
    char letter;
    const char *instead;
} escapes[] = {
    /* clang-format off */
    { 'd', "write [0-9]" },
    { 'D', "write [^0-9]" },
    { 'w', "write [A-Za-z0-9_]" },
    { 'W', "write [^A-Za-z0-9_]" },
    { 's', "write [[:space:]]" },
    { 'S', "write [^[:space:]]" },
    { 'b', "leave it out: there are no word boundaries, and a pattern is anchored at both ends" },
    { 'B', "leave it out: there are no word boundaries" },
    { '<', "leave it out: there are no word boundaries" },
    { '>', "leave it out: there are no word boundaries" },
    { 'A', "leave it out: a pattern is anchored at both ends" },
    { 'z', "leave it out: a pattern is anchored at both ends" },
    { 'Z', "leave it out: a pattern is anchored at both ends" },
    { '`', "leave it out: a pattern is anchored at both ends" },
    { '\'', "leave it out: a pattern is anchored at both ends" },
    /* clang-format on */
};

static bool is_letter_or_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static int refuse(const struct scan *s, const char *what, const char *instead)
{
    return error_set(s->err, -EINVAL, "pattern \"%s\", byte %zu: %s; %s", s->text,
                     (size_t)(s->at - s->text) + 1, what, instead);
}

static int scan_expanded(struct scan *s, size_t atoms)
{
    s->expanded[s->depth] += atoms;
    if (s->expanded[s->depth] > EXPANDED_MAX)
        return refuse(s, "too large once its intervals are written out", "write a simpler one");
    return 0;
}

/* A character, an escape or a bracket ends here. */
static int scan_atom(struct scan *s)
{
    s->repeatable = true;
    s->last = 1;
    return scan_expanded(s, 1);
}

static int scan_escape(struct scan *s)
{
    char c = s->at[1];
    char what[64];

    if (c == '\0')
        return refuse(s, "a backslash at the end", "write \\\\ for a backslash");
    for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
        if (escapes[i].letter != c)
            continue;
        (void)snprintf(what, sizeof(what), "\\%c is no part of POSIX expressions", c);
        return refuse(s, what, escapes[i].instead);
    }
    if (c >= '0' && c <= '9')
        return refuse(s, "a backreference", "write the alternatives out");
    if (is_letter_or_digit(c) || (unsigned char)c <= ' ' || (unsigned char)c >= 0x7f)
        return refuse(s, "a backslash before what is no punctuation has no meaning",
                      "write the character itself");
    s->at += 2;
    return scan_atom(s);
}

/* at: "[." "[=" or "[:" inside brackets; moves behind its end. */
static int scan_class(struct scan *s)
{
    const char end[3] = {s->at[1], ']', '\0'};
    const char *close = strstr(s->at + 2, end);

    if (close == NULL)
        return refuse(s, "a class that is not closed", "write it as in [[:alpha:]]");
    s->at = close + 2;
    return 0;
}

static int scan_bracket(struct scan *s)
{
    const char *open = s->at++;

    if (*s->at == '^')
        s->at++;
    const char *first = s->at;
    while (*s->at != ']' || s->at == first) {
        if (*s->at == '\0') {
            s->at = open;
            return refuse(s, "[ without ]", "write \\[ for the character itself");
        }
        if (s->at[0] == '\\' && s->at[1] != '\\')
            return refuse(s, "a backslash between brackets stands for itself",
                          "write [.] for [\\.], [0-9] for [\\d], [\\\\] for a backslash");
        if (s->at[0] == '[' && s->at[1] != '\0' && strchr(".=:", s->at[1]) != NULL) {
            int r = scan_class(s);
            if (r < 0)
                return r;
        } else {
            s->at += *s->at == '\\' ? 2 : 1;
        }
    }
    if (*first == ':' && s->at - first > 1 && s->at[-1] == ':') {
        s->at = open;
        return refuse(s, "a class without its outer brackets", "write it as in [[:alpha:]]");
    }
    s->at++;
    return scan_atom(s);
}

/* One to three digits at *at, at most INTERVAL_MAX; -1 when there are none such. */
static int scan_count(const char **at)
{
    int n = 0, digits = 0;

    for (; **at >= '0' && **at <= '9'; (*at)++, digits++) {
        if (digits == 3)
            return -1;
        n = n * 10 + (**at - '0');
    }
    return digits > 0 && n <= INTERVAL_MAX ? n : -1;
}

static int scan_interval(struct scan *s)
{
    const char *at = s->at + 1;
    int low = scan_count(&at), high = low;

    if (*at == ',') {
        at++;
        high = *at == '}' ? low + 1 : scan_count(&at);
    }
    if (low < 0 || high < low || *at != '}')
        return refuse(s, "{ that begins no interval",
                      "write {2}, {2,} or {2,5} with numbers up to 255, or \\{ for the character");
    s->at = at;
    return high > 1 ? scan_expanded(s, s->last * (size_t)(high - 1)) : 0;
}

static int scan_repetition(struct scan *s)
{
    if (s->repeated)
        return refuse(s, "a repetition of a repetition (lazy and possessive forms are Perl's)",
                      "leave it out, or put parentheses around the first one");
    if (!s->repeatable)
        return refuse(s, "a repetition of nothing",
                      "write a backslash before it for the character");
    if (*s->at == '{') {
        int r = scan_interval(s);
        if (r < 0)
            return r;
    }
    s->at++;
    s->repeatable = false;
    s->repeated = true;
    return 0;
}

/* '(', '|', ')' and the end: where an alternative begins or ends. */
static int scan_structure(struct scan *s)
{
    char c = *s->at;

    if (c == '(' && s->at[1] == '?')
        return refuse(s, "(? is Perl's", "write a plain group");
    if (c == ')' && s->depth == 0)
        return refuse(s, ") without (", "write \\) for the character itself");
    if (c != '(' && s->empty)
        return refuse(s, "an empty pattern, group or alternative",
                      "write (a)? for what may be missing");
    if (c == '\0' && s->depth > 0)
        return refuse(s, "( without )", "write \\( for the character itself");
    s->repeatable = c == ')';
    s->repeated = false;
    s->empty = c != ')';
    if (c == '(') {
        if (s->depth == DEPTH_MAX)
            return refuse(s, "too many groups in one another", "write a simpler one");
        s->expanded[++s->depth] = 0;
    } else if (c == ')') {
        s->last = s->expanded[s->depth--];
    }
    s->at += c != '\0';
    return c == ')' ? scan_expanded(s, s->last) : 0;
}

static int scan_step(struct scan *s)
{
    char c = *s->at;

    if (c == '(' || c == '|' || c == ')')
        return scan_structure(s);
    s->empty = false;
    if (c == '*' || c == '+' || c == '?' || c == '{')
        return scan_repetition(s);
    s->repeated = false;
    if (c == '\\')
        return scan_escape(s);
    if (c == '[')
        return scan_bracket(s);
    s->at++;
    if (c != '^' && c != '$')
        return scan_atom(s);
    s->repeatable = false;
    return 0;
}

static int scan_pattern(const char *text, struct error *err)
{
    struct scan s = {.at = text, .text = text, .empty = true, .err = err};

    if (strlen(text) > PATTERN_MAX)
        return error_set(err, -EINVAL, "pattern: longer than %d bytes", PATTERN_MAX);
    while (*s.at != '\0') {
        int r = scan_step(&s);
        if (r < 0)
            return r;
    }
    return scan_structure(&s);
}

int pattern_compile(struct pattern **out, const char *text, struct error *err)
{
    int r = scan_pattern(text, err);
    if (r < 0)
        return r;
    SCOPED(pattern_free_p) struct pattern *p = calloc(1, sizeof(*p));
    SCOPED(buf_free) struct buf anchored = BUF_INIT(PATTERN_MAX + 8);
    buf_addf(&anchored, "^(%s)$", text);
    if (p == NULL || buf_failed(&anchored) || (p->text = strdup(text)) == NULL)
        return error_set(err, -ENOMEM, "pattern: out of memory");
    r = regcomp(&p->regex, buf_text(&anchored), REG_EXTENDED | REG_NOSUB);
    if (r != 0) {
        char why[128];
        regerror(r, &p->regex, why, sizeof(why));
        return error_set(err, r == REG_ESPACE ? -ENOMEM : -EINVAL, "pattern \"%s\": %s", text, why);
    }
    p->compiled = true;
    *out = GIVE(p);
    return 0;
}

bool pattern_matches(const struct pattern *p, const char *text)
{
    return regexec(&p->regex, text, 0, NULL, 0) == 0;
}

const char *pattern_text(const struct pattern *p)
{
    return p->text;
}

void pattern_free(struct pattern *p)
{
    if (p == NULL)
        return;
    if (p->compiled)
        regfree(&p->regex);
    free(p->text);
    free(p);
}

void pattern_free_p(struct pattern **p)
{
    pattern_free(*p);
}
