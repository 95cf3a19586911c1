/* story_relay.h - the real core with a store in memory or a file, a clock that a story moves and a
 * GitHub that does what the story says. One thread. Times are ms since the story's 0:00. */
#ifndef TESTS_STORIES_STORY_RELAY_H
#define TESTS_STORIES_STORY_RELAY_H

#include "relay/core/core.h"

struct story_relay;

enum github {
    GITHUB_UP,           /* 200 with a run's id */
    GITHUB_DOWN,         /* nothing can be sent */
    GITHUB_CUTS,         /* the POST may have arrived */
    GITHUB_UNAUTHORIZED, /* 401 */
};

/* policy: more lines of the route, in libconfig; target: of the target. Dies with words for what
 * cannot be. store: a file to keep it all in, NULL: memory. */
struct story_relay *story_relay_new(const char *policy, const char *target, const char *store);
void story_relay_free(struct story_relay *s);

int64_t story_now(const struct story_relay *s);
/* Everything that is due until then happens at its time. `look` (NULL: none) is called whenever
 * something may have changed. */
void story_pass(struct story_relay *s, int64_t until, void (*look)(void *context), void *context);
/* The wall clock jumps. */
void story_wall(struct story_relay *s, int64_t by_ms);

/* The relay dies here (graceful: it says goodbye); it is up again. Messages to one that is down are
 * lost, as their senders would be told. */
void story_down(struct story_relay *s, bool graceful);
void story_up(struct story_relay *s);
void story_reload(struct story_relay *s, const char *policy);
void story_stop_file(struct story_relay *s, bool exists);
/* The verdict; *body (caller frees) is the reply, NULL when the relay is down. */
enum core_verdict story_command(struct story_relay *s, enum core_command command,
                                enum engine_scope scope, const char *id, char **body);
enum core_verdict story_post(struct story_relay *s, const char *body, char **reply);
/* A view as JSON text (caller frees), NULL when there is none. */
char *story_ask(struct story_relay *s, enum core_query query, const char *id);

void story_github(struct story_relay *s, enum github how);
/* Every run that is not over ends with this conclusion; how many there were. */
size_t story_end_runs(struct story_relay *s, const char *conclusion);
size_t story_posts(const struct story_relay *s);
/* The relay_id of the newest POST or request made, "" when none. */
const char *story_last_request(struct story_relay *s);
/* What timers decided since the last call: "verdict/reason" with its time, oldest first; at most
 * max. */
struct story_outcome {
    int64_t at;
    char words[48];
};
size_t story_outcomes(struct story_relay *s, struct story_outcome *out, size_t max);

#endif
