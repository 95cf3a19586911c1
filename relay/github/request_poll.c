#include "relay/github/request.h"

#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/github/reply.h"
#include "relay/github/request_private.h"
#include "relay/github/url.h"
#include "relay/github/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool request_is_redirect(int status)
{
    return status == 301 || status == 302 || status == 307 || status == 308;
}

void request_stay(struct request *r)
{
    free(r->moved);
    r->moved = NULL;
}

bool request_read_moved(struct request *r, const struct exchange_answer *answer,
                        const char *api_url, int64_t now)
{
    enum request_step step;
    const char *location = exchange_answer_header(answer, "location");
    int64_t at;

    if (answer->transport != EXCHANGE_ANSWERED || !request_is_redirect(answer->status)) {
        r->read_hops = 0;
        if (answer->transport == EXCHANGE_ANSWERED && answer->status == 404)
            request_stay(r);
        return false;
    }
    step = request_next_step(r, &at);
    if ((step == STEP_POLL || step == STEP_LOOK) && r->read_hops < REQUEST_HOPS_MAX &&
        location != NULL) {
        SCOPED(free_p) char *url = url_resolve(api_url, location);
        if (url != NULL && url_same_origin(url, api_url)) {
            request_stay(r);
            r->moved = GIVE(url);
            r->read_hops++;
            r->next_at = now;
            return true;
        }
    }
    r->read_hops = 0;
    request_stay(r);
    return false;
}

static void finish(struct request *r, const char *reason)
{
    r->state = REQUEST_DONE;
    utf8_clean(r->reason, sizeof(r->reason), reason);
}

static int64_t next_delay(const struct request *r)
{
    if (r->polls <= 2)
        return REQUEST_POLL_MS << r->polls;
    return strcmp(r->run_status, "in_progress") == 0 ? REQUEST_POLL_RUNNING_MS
                                                     : REQUEST_POLL_WAITING_MS;
}

static void poll_failed(struct request *r, const char *why, int64_t now)
{
    int64_t delay = REQUEST_POLL_MS;

    for (int64_t i = 0; i < r->failures && delay < REQUEST_POLL_MAX_MS; i++)
        delay *= 2;
    r->failures++;
    r->next_at = now + (delay < REQUEST_POLL_MAX_MS ? delay : REQUEST_POLL_MAX_MS);
    if (why != NULL)
        (void)snprintf(r->detail, sizeof(r->detail), "%s", why);
}

static void poll_done(struct request *r, int64_t now)
{
    r->failures = 0;
    r->detail[0] = '\0';
    if (r->duplicates[0] != '\0')
        (void)snprintf(r->detail, sizeof(r->detail), "more runs of this relay_id: %s",
                       r->duplicates);
    r->next_at = now + next_delay(r);
}

static void keep_etag(struct request *r, const struct exchange_answer *answer)
{
    const char *etag = exchange_answer_header(answer, "etag");

    free(r->etag);
    r->etag =
        etag == NULL ? NULL : strdup(etag); /* out of memory: the next answer is a whole one */
}

/* Only a run whose id a 200 gave proves anything of titles; an adopted one was found by its. The
 * newest proof counts: a workflow's run-name may have been edited. */
static bool note_mark(const struct request *r, const json_t *run, struct target_memory *memory)
{
    char mark[ULID_SIZE + 2];
    const char *title = json_string_value(json_object_get(run, "display_title"));

    if (r->adopted || title == NULL || r->relay_id[0] == '\0')
        return false;
    (void)snprintf(mark, sizeof(mark), "[%s]", r->relay_id);
    bool shown = strstr(title, mark) != NULL;
    if (shown == memory->marked || (!shown && !r->correlated))
        return false;
    memory->marked = shown;
    return true;
}

static void note_run(struct request *r, const json_t *run)
{
    const json_t *attempt = json_object_get(run, "run_attempt");
    const char *html_url = json_string_value(json_object_get(run, "html_url"));

    utf8_clean(r->run_status, sizeof(r->run_status),
               json_string_value(json_object_get(run, "status")));
    bool completed = strcmp(r->run_status, "completed") == 0;
    utf8_clean(r->conclusion, sizeof(r->conclusion),
               completed ? json_string_value(json_object_get(run, "conclusion")) : NULL);
    if (json_is_integer(attempt) && json_integer_value(attempt) > 0)
        r->run_attempt = json_integer_value(attempt);
    if (r->run_url == NULL && url_names_run(html_url, NULL, r->run_id))
        r->run_url = strdup(html_url);
}

/* Was its place in its concurrency group taken? The list of those created just before its end will
 * tell. False: its times cannot be read. */
static bool ask_who_took_its_place(struct request *r, const json_t *run, int64_t now)
{
    const char *updated = json_string_value(json_object_get(run, "updated_at"));
    char until[RFC3339_MAX];
    int64_t ended;

    if (updated == NULL || parse_rfc3339_ms(&ended, updated, NULL) < 0 ||
        ended < REQUEST_PLACE_TAKEN_MS)
        return false;
    format_rfc3339_ms(until, ended);
    r->search = (struct run_search){.page = 1,
                                    .pages = 1,
                                    .began = now,
                                    .since = ended - REQUEST_PLACE_TAKEN_MS,
                                    .any_event = true};
    (void)snprintf(r->search.until, sizeof(r->search.until), "%.19sZ", until);
    free(r->etag); /* it may have to be read once more */
    r->etag = NULL;
    request_stay(r);
    r->next_at = now;
    return true;
}

static bool read_run(struct request *r, const struct exchange_answer *answer,
                     struct target_memory *memory, int64_t now)
{
    SCOPED(json_release_p) json_t *run = NULL;

    if (answer->body != NULL)
        r->gone_since = 0;
    if (answer->body == NULL ||
        strict_json_load(&run, answer->body, answer->body_len, REPLY_DEPTH_MAX, NULL) < 0 ||
        json_integer_value(json_object_get(run, "id")) != r->run_id ||
        !json_is_string(json_object_get(run, "status"))) {
        poll_failed(r, "GitHub's answer does not describe this run", now);
        return false;
    }
    bool waited = strcmp(r->run_status, "pending") == 0 || r->conclusion[0] != '\0';
    bool changed = note_mark(r, run, memory);
    note_run(r, run);
    keep_etag(r, answer);
    r->state = REQUEST_RUNNING;
    r->reason[0] = '\0';
    poll_done(r, now);
    bool may_be_superseded = waited && strcmp(r->conclusion, "cancelled") == 0;
    if (r->conclusion[0] != '\0' && (!may_be_superseded || !ask_who_took_its_place(r, run, now)))
        finish(r, r->conclusion);
    return changed;
}

static bool has_newer(const struct request *r, const json_t *runs)
{
    size_t i;
    const json_t *run;

    json_array_foreach(runs, i, run)
    {
        if (json_integer_value(json_object_get(run, "id")) > r->run_id)
            return true;
    }
    return false;
}

void request_place_listed(struct request *r, const struct exchange_answer *answer, int64_t now)
{
    SCOPED(json_release_p) json_t *body = NULL;
    const json_t *runs = NULL;

    if (answer->transport == EXCHANGE_ANSWERED && answer->status == 200 && answer->body != NULL &&
        strict_json_load(&body, answer->body, answer->body_len, REPLY_DEPTH_MAX, NULL) == 0)
        runs = json_object_get(body, "workflow_runs");
    if (json_is_array(runs)) {
        bool superseded = has_newer(r, runs);
        r->failures = 0;
        (void)snprintf(r->detail, sizeof(r->detail), "cancelled while it waited for its group: %s",
                       superseded ? "a newer run took its place" : "no newer run took its place");
        finish(r, superseded ? "superseded" : r->conclusion);
    } else {
        poll_failed(r, "the list of newer runs could not be read", now);
        if (r->failures >= REQUEST_PLACE_ASKS_MAX)
            finish(r, r->conclusion);
    }
}

static void read_404(struct request *r, int64_t now)
{
    if (now - r->accepted_at < REQUEST_FRESH_MS) {
        poll_failed(r, NULL, now);
        return;
    }
    if (r->gone_since == 0)
        r->gone_since = now;
    poll_failed(r, "the run is not found: deleted, or the token cannot see it any more", now);
    if (now - r->gone_since >= REQUEST_GONE_MS)
        finish(r, "unknown");
}

static void read_other(struct request *r, const struct exchange_answer *answer, int64_t now)
{
    char words[OUTCOME_TEXT];
    struct reply reply;
    int status = answer->status;
    bool moved = request_is_redirect(status);

    r->gone_since = 0;
    reply_read(&reply, answer);
    outcome_words(words, status, &reply,
                  moved ? "the repository was renamed or moved: update the config" : NULL);
    poll_failed(r, words, now);
    reply_clear(&reply);
}

static bool take_answer(struct request *r, const struct exchange_answer *answer,
                        struct target_memory *memory, int64_t now)
{
    if (answer->transport != EXCHANGE_ANSWERED) {
        char words[OUTCOME_TEXT];
        utf8_clean(words, sizeof(words), answer->error);
        poll_failed(r, words, now);
        return false;
    }
    switch (answer->status) {
    case 200:
        return read_run(r, answer, memory, now);
    case 304:
        r->gone_since = 0;
        poll_done(r, now);
        return false;
    case 404:
        read_404(r, now);
        return false;
    default:
        read_other(r, answer, now);
        return false;
    }
}

bool request_polled(struct request *r, const struct exchange_answer *answer,
                    struct target_memory *memory, int64_t now)
{
    if (r->state != REQUEST_ACCEPTED && r->state != REQUEST_ADOPTED && r->state != REQUEST_RUNNING)
        return false;
    r->polls++;
    bool changed = take_answer(r, answer, memory, now);
    (void)request_lost_track(r, now);
    return changed;
}
