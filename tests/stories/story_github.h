/* story_github.h - a GitHub that answers at once, as the story says. */
#ifndef TESTS_STORIES_STORY_GITHUB_H
#define TESTS_STORIES_STORY_GITHUB_H

#include "tests/stories/story_relay.h"

#define STORY_RUNS_MAX 64

struct story_github {
    enum github how;
    struct {
        int64_t id;
        char conclusion[32]; /* "" while it is in progress */
    } runs[STORY_RUNS_MAX];
    size_t n_runs, n_posts;
};

void story_github_answer(struct story_github *g, const struct exchange *x,
                         struct exchange_answer *a);
size_t story_github_end_runs(struct story_github *g, const char *conclusion);

#endif
