/* offline.h - the real core without its thread, over a clock that only moves when it is told to.
 *
 * For explain and simulate: no socket, no GitHub, nothing durable. One thread. */
#ifndef RELAY_CLI_OFFLINE_H
#define RELAY_CLI_OFFLINE_H

#include "relay/conf.h"
#include "relay/core/core.h"

#include <jansson.h>

struct offline;

struct offline_options {
    struct conf *conf;
    /* A database to look into: it is copied and the copy is opened, where its last commit stood.
     * NULL: an empty relay, which begins at `start`. */
    const char *database;
    struct wall start;
    bool stop_file;
    /* GitHub accepts every POST and its run succeeds after run_ms; 0: GitHub never answers. */
    int64_t run_ms;
};
/* -EINVAL, -ENOENT, … with words for people. */
__attribute__((warn_unused_result)) int
offline_open(struct offline **out, const struct offline_options *options, struct error *err);
void offline_free(struct offline *o); /* NULL is fine */
void offline_free_p(struct offline **o);

struct wall offline_now(const struct offline *o);
/* Lets everything happen that is due until then; a time before now changes nothing. */
void offline_advance(struct offline *o, struct wall until);
/* Now; *answer is JSON (caller json_decref) when the verdict is neither CORE_BAD_QUERY nor
 * CORE_UNAVAILABLE, else err says why. */
enum core_verdict offline_explain(struct offline *o, const struct core_explanation *question,
                                  json_t **answer, struct error *err);
/* Takes in; its reply function is not used. */
enum core_verdict offline_submit(struct offline *o, struct intake *in, json_t **answer,
                                 struct error *err);
enum core_verdict offline_ask(struct offline *o, enum core_query query, const char *cursor,
                              json_t **answer, struct error *err);

/* A private copy of a database and its journal. *folder (caller frees) holds it as relay.db. */
__attribute__((warn_unused_result)) int database_copy(char **folder, const char *path,
                                                      struct error *err);
void database_copy_remove(const char *folder); /* NULL is fine */
/* One file, synced, to where there is none yet. */
__attribute__((warn_unused_result)) int database_copy_file(const char *path, const char *file,
                                                           struct error *err);

#endif
