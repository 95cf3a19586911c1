/* forge.h - GitHub as the simulator plays it: a table of answers, and what the design says of each.
 */
#ifndef TESTS_SIM_FORGE_H
#define TESTS_SIM_FORGE_H

#include "relay/github/exchange.h"

enum forge_class {
    FORGE_ACCEPTED,     /* a run, and its id */
    FORGE_UNTRACKED,    /* a run, but no id */
    FORGE_NOT_EXECUTED, /* POSTed again later */
    FORGE_REDIRECTED,   /* POSTed again at once, two in a row at most */
    FORGE_NO_RELAY_ID,  /* … without it, unless the config insists */
    FORGE_NO_DETAILS,   /* … at once, the first time */
    FORGE_REFUSED,
    FORGE_AMBIGUOUS,
};
struct forge_dispatch {
    const char *name;
    enum forge_class class;
    int64_t blocks_ms, refuses_ms; /* the credential, at least so long: by a limit, by a refusal */
};
enum forge_run_class { RUN_GOES_ON, RUN_GONE, RUN_ENDS, RUN_FAILED };
struct forge_run {
    const char *name; /* its conclusion when it ends */
    enum forge_run_class class;
    int64_t blocks_ms, refuses_ms;
    bool shows; /* its title, with the relay_id */
};

enum forge_list_class { LIST_SHOWS, LIST_EMPTY, LIST_FAILS };
struct forge_list {
    const char *name;
    enum forge_list_class class;
    int64_t blocks_ms, refuses_ms;
};

/* The n-th row of a table, round and round; bad: or one after it that an incident may answer. */
size_t forge_choose_dispatch(unsigned n, bool bad);
size_t forge_choose_run(unsigned n, bool bad);
size_t forge_choose_list(unsigned n, bool bad);
const struct forge_dispatch *forge_dispatch(size_t i);
const struct forge_run *forge_run(size_t i);
const struct forge_list *forge_list(size_t i);
/* The answer in full. repository: of the target. */
void forge_answer_dispatch(struct exchange_answer *out, size_t i, const char *repository,
                           int64_t run_id);
void forge_answer_run(struct exchange_answer *out, size_t i, const char *repository, int64_t run_id,
                      const char *relay_id);
void forge_answer_list(struct exchange_answer *out, size_t i, int64_t run_id, const char *relay_id);

#endif
