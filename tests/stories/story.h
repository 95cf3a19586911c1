/* story.h - one story on its way; what the files of the runner share. */
#ifndef TESTS_STORIES_STORY_H
#define TESTS_STORIES_STORY_H

#include "relay/base/buf.h"
#include "tests/stories/story_relay.h"

#define ALERTS_MAX 16
#define WORDS_MAX  64
#define START_WALL INT64_C(1767571200000) /* 0:00 is 2026-01-05T00:00:00Z */

struct firing {
    char name[32];
    bool fires;
    int64_t since;
};

struct story {
    const char *file;
    const char *store; /* file that the relay keeps it all in; NULL: none */
    int line;
    struct story_relay *relay;
    char title[256], policy[2048], target[512];
    struct firing alerts[ALERTS_MAX];
    size_t n_alerts;
    unsigned posts; /* notifications, so that each differs */
    bool trace;
    char sample[512]; /* as last traced */
};

/* Says where and what, and ends the program. */
_Noreturn void story_fail(const struct story *s, const char *what, const char *got);
int64_t story_parse_time(const struct story *s, const char *text);

/* story_deeds.c: does what a line says. *got gets what came of it ("" when nothing is said). */
void story_deed(struct story *s, char **words, size_t n, const char *rest, struct buf *got);
/* What timers decided since the last line; fails when it is not wanted. */
void story_timers(struct story *s, bool wanted, struct buf *got);

#endif
