/* key.h - the unit that is debounced: a route and the values of its key labels, with its members.
 *
 * Times are relay time: milliseconds that never run back; 0 = never. State keeps when a window
 * began; where it ends follows from the policy in force, so a reload acts at once.
 *
 * What a key does (one at a time, except that a deferral may wait for the open request's end):
 *
 *            fires, hold > 0            its end             fires again
 *     ┌──────────────────────> held ───────────┐     ┌───────────────────┐
 *     │                         │ blocked      v     v                   │
 *   idle ──── fires, hold = 0 ──┼──────────> open ── nothing ran ──────> idle (after a refusal or
 *     ^  └─── blocked, defer ─> deferred ──────┘│                         expiry: retry_after
 * first) │                      block ended        └─ ran or may have ────> idle, disarmed and
 * cooling └── key stopped firing: hold, deferral and unexecuted request end
 *
 * and what forbids it the next request (both count from the last POST):
 *
 *   armed ── its request ran or may have ──> disarmed ── quiet for settle, rearm_after, or the run
 *     ^                                          │       failed, or `rearm`
 *     └──────────────────────────────────────────┘       (the cooldown stays, but after `rearm`)
 */
#ifndef RELAY_ENGINE_KEY_H
#define RELAY_ENGINE_KEY_H

#include "relay/base/rng.h"
#include "relay/engine/decision.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One alert instance that fires under a key. Identity: (source, fingerprint). */
struct member {
    char *source, *fingerprint;
    int64_t starts_at; /* unix ms: the newest startsAt heard; INT64_MIN when none */
    int64_t heard_at;  /* relay */
    bool blind; /* only no_data or error was heard of it: it keeps the key from being quiet but does
                   not fire */
    bool in_request;              /* it belongs to the key's open request */
    bool waits;                   /* it belongs to the key's hold or deferral */
    char notification[ULID_SIZE]; /* where its newest firing was heard: the notification … */
    uint32_t position;            /* … and the alert's index in it (inputs are made of that) */
};

struct key {
    char *text;             /* ROUTE/value[/value…], percent-encoded: the identity */
    char *route;            /* the route's name */
    struct member *members; /* sorted by (source, fingerprint) */
    size_t n_members, cap_members;
    int64_t quiet_since;      /* since when it has no member; 0 while it has one, or never had */
    int64_t disarmed_at;      /* the last POST of the request that ran; 0 = armed */
    int64_t cooldown_from;    /* the same POST; 0 = none */
    int64_t retry_from;       /* end of a refused or expired request; 0 = none */
    char relay_id[ULID_SIZE]; /* the open request, "" when none */
    int64_t posted_at;        /* its last POST; 0 = none */
    bool executed;            /* that POST may have started a run */
    bool by_operator;         /* it was redelivered: no resolve cancels it, no pause stops it */
    int64_t hold_began;       /* the hold that is on: its first alert; 0 = none … */
    int64_t hold_from;        /* … and where it counts from (extend_hold moves it) */
    int64_t deferred_at;      /* the deferral that is on; 0 = none, never with a hold … */
    enum reason deferred_for; /* … and the block whose end it waits for */
    bool settled; /* the key was quiet for settle after posted_at: the request's end disarms nothing
                   */
    /* The engine's own, not stored. */
    int64_t deadline_, rank_; /* the heap's order: deadline, then the oldest deferral, then text */
    bool waits_for_budget_;   /* counted by the engine */
    bool over_at_start_;      /* the deferral's block had ended when the relay started */
    size_t heap_index_;
};

struct key *key_new(const char *text, const char *route); /* NULL when out of memory */
struct key *key_clone(const struct key *k);
void key_free(struct key *k);

struct member *key_member(const struct key *k, const char *source, const char *fingerprint);
/* NULL when out of memory; the new member is zeroed but for its identity. */
struct member *key_add_member(struct key *k, const char *source, const char *fingerprint);
void key_remove_member(struct key *k, struct member *m);
/* Every member that is not blind belongs to the hold or deferral that was made. */
void key_all_wait(struct key *k);
/* No hold and no deferral any more. */
void key_end_waiting(struct key *k);
bool key_is_waiting(const struct key *k);
/* Members that are not blind. */
size_t key_firing(const struct key *k);
/* The member that speaks for the key: newest starts_at of those that fire, then smallest
 * fingerprint (then smallest source); NULL when none fires. */
struct member *key_leading(const struct key *k);

#endif
