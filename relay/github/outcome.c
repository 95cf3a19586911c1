#include "relay/github/outcome.h"

#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/github/limits.h"
#include "relay/github/reply.h"
#include "relay/github/url.h"
#include "relay/github/utf8.h"

#include <stdio.h>
#include <string.h>

const char *outcome_text(enum outcome o)
{
    static const char *const texts[] = {
        [OUTCOME_ACCEPTED] = "accepted",
        [OUTCOME_ACCEPTED_NO_ID] = "accepted_no_id",
        [OUTCOME_NOT_SENT] = "not_sent",
        [OUTCOME_LIMITED] = "limited",
        [OUTCOME_CREDENTIAL] = "credential",
        [OUTCOME_REDIRECTED] = "redirected",
        [OUTCOME_NO_RUN_DETAILS] = "no_run_details",
        [OUTCOME_NO_RELAY_ID] = "no_relay_id",
        [OUTCOME_REFUSED] = "refused",
        [OUTCOME_AMBIGUOUS] = "ambiguous",
    };
    return texts[o];
}

void outcome_words(char out[static OUTCOME_TEXT], int status, const struct reply *reply,
                   const char *remedy)
{
    size_t tail = remedy == NULL ? 0 : strlen(remedy) + 2;

    /* The remedy is kept whole; a long message gives way. */
    utf8_clean(out, tail < OUTCOME_TEXT ? OUTCOME_TEXT - tail : 1, buf_text(&reply->message));
    if (out[0] == '\0')
        (void)snprintf(out, OUTCOME_TEXT, "HTTP %d", status);
    size_t len = strlen(out);
    if (remedy != NULL)
        (void)snprintf(out + len, OUTCOME_TEXT - len, ": %s", remedy);
}

/* Why the body of a 200 cannot be trusted; NULL when it can. */
static const char *read_accepted(struct outcome_detail *out, const struct exchange_answer *answer,
                                 const char *repository)
{
    SCOPED(json_release_p) json_t *body = NULL;

    if (answer->body == NULL ||
        strict_json_load(&body, answer->body, answer->body_len, REPLY_DEPTH_MAX, NULL) < 0)
        return "HTTP 200 without a JSON body: a run may have started";
    const json_t *id = json_object_get(body, "workflow_run_id");
    if (!json_is_integer(id) || json_integer_value(id) < 1 ||
        json_integer_value(id) > OUTCOME_RUN_ID_MAX)
        return "HTTP 200 without a valid workflow_run_id: a run may have started";
    const char *run_url = json_string_value(json_object_get(body, "run_url"));
    const char *html_url = json_string_value(json_object_get(body, "html_url"));
    if (!url_names_run(run_url, repository, json_integer_value(id)) ||
        !url_names_run(html_url, repository, json_integer_value(id)))
        return "HTTP 200 that does not name the run in this repository: a run may have started";
    out->run_id = json_integer_value(id);
    out->run_url = strdup(html_url);
    return NULL;
}

static void read_200(struct outcome_detail *out, const struct exchange_answer *answer,
                     const char *repository)
{
    const char *fault = read_accepted(out, answer, repository);

    out->outcome = fault == NULL ? OUTCOME_ACCEPTED : OUTCOME_AMBIGUOUS;
    (void)snprintf(out->text, sizeof(out->text), "%s", fault == NULL ? "" : fault);
}

static void read_307(struct outcome_detail *out, const struct exchange_answer *answer,
                     const struct target *target)
{
    const char *location = exchange_answer_header(answer, "location");
    SCOPED(free_p) char *url = url_resolve(target->api_url, location);

    if (url == NULL || !url_same_origin(url, target->api_url)) {
        out->outcome = OUTCOME_REFUSED;
        (void)snprintf(out->text, sizeof(out->text),
                       "HTTP 307 to another server or to nowhere: not followed");
        return;
    }
    out->outcome = OUTCOME_REDIRECTED;
    out->redirect = GIVE(url);
    (void)snprintf(out->text, sizeof(out->text),
                   "HTTP 307: the repository was renamed or moved: update the config");
}

#define REMEDY_MAX 128

static const char *remedy_of_403(const struct exchange_answer *answer, const struct reply *reply,
                                 char room[static REMEDY_MAX])
{
    static const char needs[] = "the token needs on this repository: ";
    const char *wanted = exchange_answer_header(answer, "x-accepted-github-permissions");

    if (reply_says(reply, "resource not accessible by")) {
        memcpy(room, needs, sizeof(needs));
        utf8_clean(room + sizeof(needs) - 1, REMEDY_MAX - sizeof(needs) + 1,
                   wanted == NULL || wanted[0] == '\0' ? "actions=write" : wanted);
        return room;
    }
    if (reply_says(reply, "saml"))
        return "authorize the token for the organization's single sign-on";
    if (reply_says(reply, "admin rights") || reply_says(reply, "write access"))
        return "the token's owner needs write access to the repository";
    return NULL;
}

static const char *remedy_of(const struct exchange_answer *answer, const struct reply *reply,
                             char room[static REMEDY_MAX])
{
    switch (answer->status) {
    case 301:
    case 302:
    case 308:
        return "the repository was renamed or moved: update the config";
    case 401:
        return "the token is wrong, expired or revoked";
    case 403:
        return remedy_of_403(answer, reply, room);
    case 404:
        return "the repository or workflow does not exist (on the default branch), or the token "
               "cannot see it: GitHub answers both alike";
    case 410:
        return "this version of GitHub's API was retired: update drift-relay";
    default:
        return NULL;
    }
}

/* 400 and 422: GitHub looked at the request and started nothing. */
static enum outcome of_validation(int status, const struct reply *reply, struct outcome_sent sent)
{
    /* An unexpected *input* of that name is the route's own fault. */
    if (sent.run_details && reply_says(reply, "return_run_details") &&
        !reply_says(reply, "unexpected inputs"))
        return OUTCOME_NO_RUN_DETAILS;
    if (status == 422 && sent.relay_id && reply_only_unexpected(reply, "relay_id"))
        return OUTCOME_NO_RELAY_ID;
    return OUTCOME_REFUSED;
}

static enum outcome of_status(const struct exchange_answer *answer, const struct reply *reply,
                              struct outcome_sent sent)
{
    switch (answer->status) {
    case 204:
        return OUTCOME_ACCEPTED_NO_ID;
    case 400:
    case 422:
        return of_validation(answer->status, reply, sent);
    case 401:
    case 403:
    case 429:
        return limits_class(answer);
    case 301:
    case 302:
    case 308:
    case 404:
    case 410:
    case 451:
        return OUTCOME_REFUSED;
    default:
        return OUTCOME_AMBIGUOUS;
    }
}

void outcome_of_dispatch(struct outcome_detail *out, const struct exchange_answer *answer,
                         const struct target *target, struct outcome_sent sent)
{
    char room[REMEDY_MAX];
    struct reply reply;

    *out = (struct outcome_detail){.outcome = OUTCOME_AMBIGUOUS};
    if (answer->transport != EXCHANGE_ANSWERED) {
        if (answer->transport == EXCHANGE_NOT_SENT)
            out->outcome = OUTCOME_NOT_SENT;
        if (answer->transport == EXCHANGE_NO_TOKEN)
            out->outcome = limits_class(answer);
        utf8_clean(out->text, sizeof(out->text), answer->error);
        return;
    }
    if (answer->status == 200) {
        read_200(out, answer, sent.redirected ? NULL : target->repository);
        return;
    }
    if (answer->status == 307) {
        read_307(out, answer, target);
        return;
    }
    reply_read(&reply, answer);
    out->outcome = of_status(answer, &reply, sent);
    if (out->outcome == OUTCOME_AMBIGUOUS)
        outcome_words(out->text, answer->status, &reply, "a run may have started");
    else if (out->outcome != OUTCOME_ACCEPTED_NO_ID)
        outcome_words(out->text, answer->status, &reply, remedy_of(answer, &reply, room));
    reply_clear(&reply);
}

void outcome_detail_clear(struct outcome_detail *d)
{
    free(d->run_url);
    free(d->redirect);
    d->run_url = NULL;
    d->redirect = NULL;
}
