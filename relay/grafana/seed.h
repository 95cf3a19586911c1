/* seed.h - alert rules put into a Grafana once, and left to its people from then on.
 *
 * A rule is created only where it neither is nor ever was. That it was is a ledger's to say: an
 * annotation of the organization for each rule, tagged "seed-ledger" and "rule:UID", written after
 * the rule was seen there. It lives in Grafana's database, as the rules do. So
 *
 *     rule     ledger
 *     is there  has it    kept      whatever people made of it
 *     is there  lacks it  adopted   somebody else created it, or the last run was cut: noted
 *     is gone   has it    deleted   by people, on purpose: it stays away (reset brings it back)
 *     is gone   lacks it  created   then noted; 409 = another seeder was faster: adopted
 *
 * Its folder is made only when a rule is about to be created in it. Nothing is ever replaced or
 * deleted, and everything can be asked again: an answer that did not come, 5xx or 429 leads back to
 * waiting for health and to the beginning of that rule, so a Grafana that starts slowly or restarts
 * half-way, and two seeders at once, end alike. Pure: times are handed in. */
#ifndef RELAY_GRAFANA_SEED_H
#define RELAY_GRAFANA_SEED_H

#include "relay/base/clock.h"
#include "relay/base/error.h"
#include "relay/grafana/call.h"
#include "relay/grafana/rule.h"

#define GRAFANA_LEDGER_TAG "seed-ledger"

enum seed_outcome {
    SEED_PENDING, /* not yet, or Grafana could not be reached for it */
    SEED_CREATED,
    SEED_ADOPTED,
    SEED_KEPT,
    SEED_DELETED,
    SEED_FAILED,
    SEED_OUTCOMES,
};
const char *seed_outcome_text(enum seed_outcome outcome); /* "created" … */

struct seed_result {
    enum seed_outcome outcome;
    char text[512]; /* why, for people */
};

struct seed_options {
    bool dry_run;            /* asks, writes nothing: outcomes are what would be */
    const char *reset;       /* uid of a rule whose ledger entry counts for nothing; NULL = none */
    const char *folder_name; /* title of a folder that has to be made; NULL: its uid */
    int64_t patience_ms;     /* so long without getting on, and it ends */
};

struct seed;

/* Borrows rules (with different uids) and options' texts. */
__attribute__((warn_unused_result)) int seed_new(struct seed **out,
                                                 const struct grafana_rule *rules, size_t n,
                                                 const struct seed_options *options,
                                                 struct mono now, struct error *err);
void seed_free(struct seed *s); /* NULL is fine */
void seed_free_p(struct seed **s);

enum seed_step {
    SEED_ASK = 1, /* carry *call out (caller frees), then seed_answer() */
    SEED_WAIT,    /* come back in *wait_ms */
};
/* 0: that was all. wall: now, for the ledger. */
__attribute__((warn_unused_result)) int seed_next(struct seed *s, struct mono now, struct wall wall,
                                                  struct grafana_call **call, int64_t *wait_ms,
                                                  struct error *err);
void seed_answer(struct seed *s, const struct grafana_answer *answer, struct mono now);

/* Of rule i, in the order given. */
const struct seed_result *seed_result(const struct seed *s, size_t i);
/* What it waits for, for people; "" when it does not. */
const char *seed_waits_for(const struct seed *s);
/* It ended without an answer from Grafana that says it works. */
bool seed_is_unreachable(const struct seed *s);

#endif
