#include "relay/grafana/seed.h"

#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DELAY_FIRST_MS 500
#define DELAY_MAX_MS   8000
#define TRIES          6 /* of a rule that Grafana, healthy otherwise, does not manage */

enum ask {
    ASK_HEALTH,
    ASK_RULE,
    ASK_LEDGER,
    ASK_FOLDER,
    ASK_MAKE_FOLDER,
    ASK_FOLDER_AGAIN, /* another was faster */
    ASK_MAKE_RULE,
    ASK_NOTE,
    ASK_NOTHING,
};

struct seed {
    const struct grafana_rule *rules;
    struct seed_result *results;
    size_t n, at; /* at: the rule in hand */
    struct seed_options options;
    enum ask ask;
    bool is_there, conflict, created; /* the rule in hand; created: by us, in any try */
    bool *folder_ready;               /* rule i: its folder was seen or made */
    int64_t moved_ms;                 /* mono: when it last got on */
    int64_t due_ms, delay_ms;         /* mono: not before; 0 = at once */
    int tries;
    bool unreachable;
    char waits_for[512];
};

const char *seed_outcome_text(enum seed_outcome outcome)
{
    static const char *const texts[SEED_OUTCOMES] = {"pending", "created", "adopted",
                                                     "kept",    "deleted", "failed"};
    return texts[outcome];
}

int seed_new(struct seed **out, const struct grafana_rule *rules, size_t n,
             const struct seed_options *options, struct mono now, struct error *err)
{
    SCOPED(seed_free_p) struct seed *s = calloc(1, sizeof(*s));
    if (s != NULL) {
        s->results = calloc(n + 1, sizeof(*s->results));
        s->folder_ready = calloc(n + 1, sizeof(*s->folder_ready));
    }
    if (s == NULL || s->results == NULL || s->folder_ready == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    s->rules = rules;
    s->n = n;
    s->options = *options;
    s->moved_ms = now.ms;
    s->delay_ms = DELAY_FIRST_MS;
    *out = GIVE(s);
    return 0;
}

void seed_free(struct seed *s)
{
    if (s == NULL)
        return;
    free(s->results);
    free(s->folder_ready);
    free(s);
}

void seed_free_p(struct seed **s)
{
    seed_free(*s);
}

const struct seed_result *seed_result(const struct seed *s, size_t i)
{
    return &s->results[i];
}

const char *seed_waits_for(const struct seed *s)
{
    return s->waits_for;
}

bool seed_is_unreachable(const struct seed *s)
{
    return s->unreachable;
}

/* --- asking
 * -------------------------------------------------------------------------------------- */

static struct grafana_call *note_call(const struct grafana_rule *rule, struct wall wall)
{
    char tag[GRAFANA_UID_MAX + 8];
    char text[512];
    (void)snprintf(tag, sizeof(tag), "rule:%s", rule->uid);
    (void)snprintf(text, sizeof(text),
                   "Alert rule %.200s was seeded. While this annotation is there, the rule is not "
                   "created again.",
                   rule->title);
    const char *const tags[] = {GRAFANA_LEDGER_TAG, tag, NULL};
    struct grafana_note note = {.time_ms = wall.ms, .text = text, .tags = tags};
    return grafana_call_annotate(&note);
}

static struct grafana_call *build(const struct seed *s, struct wall wall)
{
    const struct grafana_rule *rule = &s->rules[s->at];
    char tag[GRAFANA_UID_MAX + 8];
    (void)snprintf(tag, sizeof(tag), "rule:%s", rule->uid);
    const char *const tags[] = {GRAFANA_LEDGER_TAG, tag, NULL};
    switch (s->ask) {
    case ASK_RULE:
        return grafana_call_rule(rule->uid);
    case ASK_LEDGER:
        return grafana_call_annotations(tags);
    case ASK_FOLDER:
    case ASK_FOLDER_AGAIN:
        return grafana_call_folder(rule->folder);
    case ASK_MAKE_FOLDER:
        return grafana_call_make_folder(
            rule->folder, s->options.folder_name == NULL ? rule->folder : s->options.folder_name);
    case ASK_MAKE_RULE:
        return grafana_call_make_rule(rule->text, rule->len);
    case ASK_NOTE:
        return note_call(rule, wall);
    case ASK_HEALTH:
    case ASK_NOTHING:
        break;
    }
    return grafana_call_health();
}

int seed_next(struct seed *s, struct mono now, struct wall wall, struct grafana_call **call,
              int64_t *wait_ms, struct error *err)
{
    if (s->ask == ASK_NOTHING || s->at >= s->n)
        return 0;
    if (now.ms < s->due_ms) {
        *wait_ms = s->due_ms - now.ms;
        return SEED_WAIT;
    }
    *call = build(s, wall);
    return *call == NULL ? error_set(err, -ENOMEM, "out of memory") : SEED_ASK;
}

/* --- outcomes
 * -------------------------------------------------------------------------------------- */

/* The rule in hand is done with; the next one begins. */
static void end_rule(struct seed *s, enum seed_outcome outcome, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void end_rule(struct seed *s, enum seed_outcome outcome, const char *format, ...)
{
    struct seed_result *r = &s->results[s->at++];
    va_list arguments;
    r->outcome = outcome;
    va_start(arguments, format);
    (void)vsnprintf(r->text, sizeof(r->text), format, arguments);
    va_end(arguments);
    s->ask = ASK_RULE;
    s->is_there = s->conflict = s->created = false;
    s->tries = 0;
}

static void end_refused(struct seed *s, const char *what, const struct grafana_answer *answer)
{
    char words[400];
    grafana_answer_words(answer, words, sizeof(words));
    end_rule(s, SEED_FAILED, "%s: %s%s", what, words,
             answer->status == 403 ? ": the account needs the role Editor" : "");
}

/* Nobody gets in with this credential: the rest need not be asked. */
static void end_all(struct seed *s, const struct grafana_answer *answer)
{
    char words[400];
    grafana_answer_words(answer, words, sizeof(words));
    while (s->at < s->n)
        end_rule(s, SEED_FAILED,
                 "Grafana refuses the credential: %s: give a service account's token "
                 "(--token-file), or a user and a password",
                 words);
    s->ask = ASK_NOTHING;
}

static void end_noted(struct seed *s)
{
    if (s->created)
        end_rule(s, SEED_CREATED, "was not there, and never seeded before");
    else if (s->conflict)
        end_rule(s, SEED_ADOPTED, "another was faster: left as it is, and noted");
    else
        end_rule(s, SEED_ADOPTED, "is there, but was not noted: left as it is, and noted");
}

static const char *seeded_at(const json_t *entry, char out[static RFC3339_MAX])
{
    int64_t ms = json_integer_value(json_object_get(entry, "time"));
    format_rfc3339_ms(out, ms - ms % 1000);
    return out;
}

/* --- answers
 * -------------------------------------------------------------------------------------- */

/* Back to waiting for health, then to the beginning of this rule. */
static void retry(struct seed *s, const struct grafana_answer *answer, struct mono now)
{
    grafana_answer_words(answer, s->waits_for, sizeof(s->waits_for));
    if (now.ms - s->moved_ms >= s->options.patience_ms) {
        s->unreachable = true;
        s->ask = ASK_NOTHING;
        return;
    }
    if (s->ask != ASK_HEALTH && answer->status != 0 && ++s->tries >= TRIES) {
        end_refused(s, "Grafana does not manage it", answer);
        return;
    }
    s->ask = ASK_HEALTH;
    s->due_ms = now.ms + s->delay_ms;
    s->delay_ms = s->delay_ms >= DELAY_MAX_MS / 2 ? DELAY_MAX_MS : s->delay_ms * 2;
}

static void judge_rule(struct seed *s, const struct grafana_answer *answer)
{
    s->is_there = answer->status == 200;
    if (s->is_there || answer->status == 404)
        s->ask = ASK_LEDGER;
    else
        end_refused(s, "the rule cannot be read", answer);
}

static bool folder_is_ready(const struct seed *s)
{
    for (size_t i = 0; i <= s->at; i++) {
        if (s->folder_ready[i] && strcmp(s->rules[i].folder, s->rules[s->at].folder) == 0)
            return true;
    }
    return false;
}

static void judge_absent(struct seed *s, const json_t *entry, bool is_reset)
{
    char when[RFC3339_MAX];
    if (entry != NULL && !is_reset)
        end_rule(s, SEED_DELETED, "seeded at %s and gone since: it stays away (--reset %s)",
                 seeded_at(entry, when), s->rules[s->at].uid);
    else if (s->options.dry_run)
        end_rule(s, SEED_CREATED, "would be created: it is not there%s",
                 entry == NULL ? ", and was never seeded" : ", and its deletion is reset");
    else
        s->ask = folder_is_ready(s) ? ASK_MAKE_RULE : ASK_FOLDER;
}

static void judge_ledger(struct seed *s, const struct grafana_answer *answer)
{
    const char *uid = s->rules[s->at].uid;
    char tag[GRAFANA_UID_MAX + 8];
    char when[RFC3339_MAX];
    (void)snprintf(tag, sizeof(tag), "rule:%s", uid);
    const char *const tags[] = {GRAFANA_LEDGER_TAG, tag, NULL};
    SCOPED(json_release_p) json_t *list = grafana_answer_json(answer);
    if (answer->status != 200 || !json_is_array(list)) {
        end_refused(s, "the ledger cannot be read", answer);
        return;
    }
    const json_t *entry = grafana_find_annotation(list, tags);
    bool is_reset = s->options.reset != NULL && strcmp(s->options.reset, uid) == 0;
    if (!s->is_there)
        judge_absent(s, entry, is_reset);
    else if (s->created && entry != NULL)
        end_noted(s); /* an earlier try made both, and an answer was lost */
    else if (is_reset && !s->created)
        end_rule(s, SEED_FAILED,
                 "is there, and nothing is replaced: delete it in Grafana first, "
                 "then reset it");
    else if (entry != NULL)
        end_rule(s, SEED_KEPT, "is there, seeded or noted at %s: left as it is",
                 seeded_at(entry, when));
    else if (s->options.dry_run)
        end_rule(s, SEED_ADOPTED, "would be noted: it is there");
    else
        s->ask = ASK_NOTE;
}

static void judge_folder(struct seed *s, const struct grafana_answer *answer)
{
    s->folder_ready[s->at] = answer->status == 200;
    if (answer->status == 200)
        s->ask = ASK_MAKE_RULE;
    else if (s->ask == ASK_FOLDER && (answer->status == 404 || answer->status == 403))
        s->ask = ASK_MAKE_FOLDER; /* an Editor gets 403 for a folder that is not there */
    else
        end_refused(s, "its folder cannot be read", answer);
}

static void judge_made_folder(struct seed *s, const struct grafana_answer *answer)
{
    s->folder_ready[s->at] = answer->status == 200;
    if (answer->status == 200)
        s->ask = ASK_MAKE_RULE;
    else if (answer->status == 412 || answer->status == 409)
        s->ask = ASK_FOLDER_AGAIN;
    else
        end_refused(s, "its folder cannot be made", answer);
}

static void judge_made_rule(struct seed *s, const struct grafana_answer *answer)
{
    s->created = s->created || answer->status == 201;
    s->conflict = answer->status == 409;
    if (answer->status == 201 || answer->status == 409)
        s->ask = ASK_NOTE;
    else
        end_refused(s, "Grafana does not take it", answer);
}

static void judge_note(struct seed *s, const struct grafana_answer *answer)
{
    if (answer->status == 200)
        end_noted(s);
    else
        end_refused(s, "it is there, but cannot be noted in the ledger", answer);
}

void seed_answer(struct seed *s, const struct grafana_answer *answer, struct mono now)
{
    bool healthy = s->ask != ASK_HEALTH || grafana_answer_is_healthy(answer);
    if (!healthy || grafana_answer_is_passing(answer)) {
        retry(s, answer, now);
        return;
    }
    s->waits_for[0] = '\0';
    if (s->ask == ASK_HEALTH) {
        s->ask = ASK_RULE;
        return;
    }
    if (answer->status == 401) {
        end_all(s, answer);
        return;
    }
    static void (*const judges[])(struct seed *, const struct grafana_answer *) = {
        [ASK_RULE] = judge_rule,           [ASK_LEDGER] = judge_ledger,
        [ASK_FOLDER] = judge_folder,       [ASK_MAKE_FOLDER] = judge_made_folder,
        [ASK_FOLDER_AGAIN] = judge_folder, [ASK_MAKE_RULE] = judge_made_rule,
        [ASK_NOTE] = judge_note,
    };
    size_t at = s->at;
    if (judges[s->ask] != NULL)
        judges[s->ask](s, answer);
    if (s->at != at) { /* a question answered is no rule seeded */
        s->moved_ms = now.ms;
        s->delay_ms = DELAY_FIRST_MS;
    }
}
