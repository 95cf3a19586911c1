/* Looking for the run of a POST whose answer did not name it, in the list of the workflow's runs.
 */
#include "relay/github/request.h"

#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/github/reply.h"
#include "relay/github/request_private.h"
#include "relay/github/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SINCE_SLACK_MS                                                                             \
    60000 /* of REQUEST_SINCE_MS: a list that began so much too late still counts */

/* Where a list must begin, by GitHub's clock: its time of the POST as it was known then, or as it
 * is known now, whichever is earlier. The first is wrong when no answer had told that clock yet,
 * the second when our own stood still over a reboot. */
static int64_t list_since(const struct request *r, int64_t github_ms, int64_t now)
{
    int64_t by_now = github_ms - (now - r->look_from);

    return (by_now < r->look_wall ? by_now : r->look_wall) - REQUEST_SINCE_MS;
}

void request_looking(struct request *r, int64_t github_ms, int64_t now)
{
    struct run_search *s = &r->search;

    if (s->page != 0)
        return;
    *s = (struct run_search){
        .page = 1, .pages = 1, .began = now, .since = list_since(r, github_ms, now)};
}

static void say(struct request *r, const char *words)
{
    (void)snprintf(r->detail, sizeof(r->detail), "%s", words);
}

static void look_again(struct request *r, int64_t doublings, int64_t longest, int64_t now)
{
    int64_t delay = REQUEST_POLL_MS;

    for (int64_t i = 0; i < doublings && delay < longest; i++)
        delay *= 2;
    r->next_at = now + (delay < longest ? delay : longest);
    if (now < r->grace_until && r->next_at > r->grace_until)
        r->next_at = r->grace_until;
    r->search.page = 0;
}

static void adopt(struct request *r, int64_t now)
{
    const struct run_search *s = &r->search;
    size_t len = 0;

    r->run_id = s->found[0].id;
    for (size_t i = 1; i < s->n_found && len < sizeof(r->duplicates); i++)
        len += (size_t)snprintf(r->duplicates + len, sizeof(r->duplicates) - len, "%s%" PRId64,
                                i == 1 ? "" : ", ", s->found[i].id);
    r->state = REQUEST_ADOPTED;
    r->reason[0] = '\0';
    r->detail[0] = '\0';
    r->adopted = true;
    request_stay(r);
    r->accepted_at = now;
    r->next_at = now;
    r->failures = 0;
    r->polls = 0;
    r->search.page = 0;
}

static void failed(struct request *r, const char *why, int64_t now)
{
    if (r->search.n_found > 0) {
        adopt(r, now);
        return;
    }
    (void)snprintf(r->detail, sizeof(r->detail), "looking for its run: %.200s", why);
    look_again(r, r->failures, REQUEST_POLL_MAX_MS, now);
    r->failures++;
    (void)request_lost_track(r, now);
}

/* A complete reading that began after the grace does not show it. */
static void not_there(struct request *r, bool marked, int64_t now)
{
    r->search.page = 0;
    if (r->state == REQUEST_ACCEPTED_NO_ID) {
        say(r, "no run shows its relay_id");
        r->state = REQUEST_DONE;
        (void)snprintf(r->reason, sizeof(r->reason), "untracked");
    } else if (marked && !r->lost) {
        say(r, "no run shows its relay_id, as those of this workflow do: nothing was started");
        r->lost = true;
        r->state = REQUEST_QUEUED;
        (void)snprintf(r->reason, sizeof(r->reason), "lost");
        r->next_at = now;
        r->failures = 0;
    } else {
        say(r, r->lost ? "no run shows its relay_id after two POSTs"
                       : "no run shows its relay_id, but it is not known that this workflow's do");
        r->state = REQUEST_PARKED;
        (void)snprintf(r->reason, sizeof(r->reason), "may_have_run");
    }
}

static void read_whole(struct request *r, bool marked, int64_t github_ms, int64_t now)
{
    struct run_search *s = &r->search;
    bool began_late = s->since > list_since(r, github_ms, now) + SINCE_SLACK_MS;

    r->failures = 0;
    if (s->n_found > 0) {
        adopt(r, now);
        return;
    }
    if (!began_late && s->began >= r->grace_until) {
        not_there(r, marked, now);
        return;
    }
    say(r, "looking for its run: not listed yet");
    r->polls++;
    look_again(r, r->polls, REQUEST_LOOK_MS, now);
}

/* --- a page ------------------------------------------------------------------------------------
 */

static bool is_time(const char *text)
{
    int64_t ms;

    return text != NULL && strlen(text) == 20 && text[19] == 'Z' &&
           parse_rfc3339_ms(&ms, text, NULL) == 0;
}

/* Oldest first; of more than there is room for, the oldest. */
static void add_found(struct run_search *s, int64_t id, const char *created)
{
    size_t at = s->n_found;

    for (size_t i = 0; i < s->n_found; i++) {
        if (s->found[i].id == id)
            return;
    }
    while (at > 0) {
        int order = strcmp(created, s->found[at - 1].created);
        if (order > 0 || (order == 0 && id > s->found[at - 1].id))
            break;
        at--;
    }
    if (at == REQUEST_FOUND_MAX)
        return;
    if (s->n_found < REQUEST_FOUND_MAX)
        s->n_found++;
    memmove(&s->found[at + 1], &s->found[at], (s->n_found - 1 - at) * sizeof(s->found[0]));
    s->found[at].id = id;
    (void)snprintf(s->found[at].created, sizeof(s->found[at].created), "%s", created);
}

static bool shows(const struct request *r, const json_t *run)
{
    char mark[ULID_SIZE + 2];
    const char *title = json_string_value(json_object_get(run, "display_title"));
    const char *event = json_string_value(json_object_get(run, "event"));

    (void)snprintf(mark, sizeof(mark), "[%s]", r->relay_id);
    return title != NULL && strstr(title, mark) != NULL &&
           (event == NULL || strcmp(event, "workflow_dispatch") == 0);
}

/* False: what stands there is no run. */
static bool take_run(struct request *r, const json_t *run)
{
    struct run_search *s = &r->search;
    const char *created = json_string_value(json_object_get(run, "created_at"));
    int64_t id = json_integer_value(json_object_get(run, "id"));

    if (id < 1 || id > OUTCOME_RUN_ID_MAX)
        return false;
    created = is_time(created) ? created : NULL;
    if (created == NULL || (s->oldest[0] != '\0' && strcmp(created, s->oldest) > 0))
        s->unsorted = true;
    if (created != NULL)
        (void)snprintf(s->oldest, sizeof(s->oldest), "%s", created);
    if (shows(r, run))
        add_found(s, id, created == NULL ? "9" : created);
    return true;
}

/* The list has more than it shows: the rest is what was created until the oldest that it showed. */
static const char *go_past_the_cap(struct run_search *s)
{
    if (s->unsorted || s->oldest[0] == '\0' || strcmp(s->oldest, s->until) == 0)
        return "more runs than GitHub lists";
    memcpy(s->until, s->oldest, sizeof(s->until));
    s->oldest[0] = '\0';
    s->page = 1;
    s->seen = 0;
    return NULL;
}

/* After a page of n runs. NULL: *whole, or r->search asks for the next one; else why it failed. */
static const char *go_on(struct run_search *s, int64_t total, int64_t n, bool *whole)
{
    int64_t shown = total < GITHUB_RUNS_LISTED ? total : GITHUB_RUNS_LISTED;
    bool shrank = s->page > 1 && total < s->total; /* then runs moved to pages already read */
    const char *fault = NULL;

    *whole = false;
    s->total = total;
    s->seen += n;
    bool over = n == 0 || (int64_t)s->page * GITHUB_RUNS_PER_PAGE >= shown;
    if (shrank || (over && s->seen < shown))
        return "the list changed while it was read";
    if (over && total < GITHUB_RUNS_LISTED) {
        *whole = true;
        return NULL;
    }
    if (s->pages == REQUEST_PAGES_MAX)
        return "too many runs to read them all";
    s->pages++;
    if (over)
        fault = go_past_the_cap(s);
    else
        s->page++;
    return fault;
}

static void read_page(struct request *r, const struct exchange_answer *answer, bool marked,
                      int64_t github_ms, int64_t now)
{
    SCOPED(json_release_p) json_t *body = NULL;
    size_t i;
    const json_t *run;
    bool whole;

    if (answer->body == NULL ||
        strict_json_load(&body, answer->body, answer->body_len, REPLY_DEPTH_MAX, NULL) < 0) {
        failed(r, "GitHub's answer is no JSON", now);
        return;
    }
    const json_t *runs = json_object_get(body, "workflow_runs");
    const json_t *total = json_object_get(body, "total_count");
    bool valid = json_is_array(runs) && json_is_integer(total) && json_integer_value(total) >= 0;
    json_array_foreach(runs, i, run)
    {
        valid = take_run(r, run) && valid;
    }
    if (!valid) {
        failed(r, "GitHub's answer is no list of runs", now);
        return;
    }
    const char *fault =
        go_on(&r->search, json_integer_value(total), (int64_t)json_array_size(runs), &whole);
    if (fault != NULL)
        failed(r, fault, now);
    else if (whole)
        read_whole(r, marked, github_ms, now);
    else
        r->next_at = now;
}

void request_listed(struct request *r, const struct exchange_answer *answer, bool marked,
                    int64_t github_ms, int64_t now)
{
    char words[OUTCOME_TEXT];
    struct reply reply;

    if (r->state == REQUEST_RUNNING && r->conclusion[0] != '\0' && r->search.page != 0) {
        request_place_listed(r, answer, now);
        return;
    }
    if ((r->state != REQUEST_AMBIGUOUS && r->state != REQUEST_ACCEPTED_NO_ID) ||
        r->search.page == 0)
        return;
    if (answer->transport != EXCHANGE_ANSWERED) {
        utf8_clean(words, sizeof(words), answer->error);
        failed(r, words, now);
    } else if (answer->status == 200) {
        read_page(r, answer, marked, github_ms, now);
    } else {
        bool moved = request_is_redirect(answer->status);
        reply_read(&reply, answer);
        outcome_words(words, answer->status, &reply,
                      moved ? "the repository was renamed or moved" : NULL);
        reply_clear(&reply);
        failed(r, words, now);
    }
}
