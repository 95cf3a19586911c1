/* call.h - one HTTP request to Grafana and its answer, as values.
 *
 * Built here, carried out by edge/grafana_http.h, read by seed.h, review.h and annotation.h. A call
 * holds no credential. There is none that could take something from operators: a folder and a rule
 * can be created, an annotation added and changed, a test sent; no rule is ever replaced or
 * deleted, so what people edit in Grafana stays theirs. Paths are those of Grafana 12's HTTP API
 * (https://grafana.com/docs/grafana/latest/developers/http_api/). Pure; any thread. */
#ifndef RELAY_GRAFANA_CALL_H
#define RELAY_GRAFANA_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct grafana_call {
    const char *method; /* GET, POST or PATCH; static */
    char *path;         /* what follows the base URL: "/api/health" */
    char *body;         /* JSON; NULL for a GET */
    size_t body_len;
    bool editable; /* to be sent with X-Disable-Provenance: what it creates can be edited by people,
                      as if one of them had made it */
};

struct grafana_answer {
    int status;       /* 0: no complete answer came, and error says why */
    const char *body; /* NUL-terminated, "" when none; borrowed, like error */
    size_t body_len;
    const char *error;
    bool unsent; /* no byte of the call left: it cannot have been carried out */
};

/* All of them return NULL only when out of memory; the caller frees. */
struct grafana_call *grafana_call_health(void);
struct grafana_call *grafana_call_folder(const char *uid);
struct grafana_call *grafana_call_make_folder(const char *uid, const char *title);
struct grafana_call *grafana_call_rule(const char *uid);
struct grafana_call *grafana_call_rules(void);
/* json: a whole rule, in the form of the provisioning API. */
struct grafana_call *grafana_call_make_rule(const char *json, size_t len);
struct grafana_call *grafana_call_contact_points(void);
struct grafana_call *grafana_call_policies(void);
/* What the button Test does: a notification from an element of GET contact-points, with the secret
 * that Grafana keeps for it. Gone in Grafana 13. */
struct grafana_call *grafana_call_test_contact_point(const json_t *point);
struct grafana_call *grafana_call_data_source_health(const char *uid);
/* Those that have all of the tags; NULL ends them. At most 100, Grafana's default. */
struct grafana_call *grafana_call_annotations(const char *const *tags);

/* Of the organization: no dashboard's own, so that a tag query of any dashboard finds it. */
struct grafana_note {
    int64_t time_ms, end_ms; /* unix; end 0: a point, or an end that is not known yet */
    const char *text;        /* not empty */
    const char *const *tags; /* NULL ends them; together at most 500 bytes */
};
struct grafana_call *grafana_call_annotate(const struct grafana_note *note);
/* Gives annotation `id` this end, text and tags; its time stays. */
struct grafana_call *grafana_call_patch_annotation(int64_t id, const struct grafana_note *note);

void grafana_call_free(struct grafana_call *call); /* NULL is fine */
void grafana_call_free_p(struct grafana_call **call);

/* The answer's JSON (caller json_decref), or NULL when it is none. */
json_t *grafana_answer_json(const struct grafana_answer *answer);
/* Grafana's own words, or the transport's, in one line: "HTTP 400: folder does not exist". */
void grafana_answer_words(const struct grafana_answer *answer, char *out, size_t size);
/* Worth asking again as it is: no answer, 5xx, 429. */
bool grafana_answer_is_passing(const struct grafana_answer *answer);
/* 200 with a database that works (GET /api/health). */
bool grafana_answer_is_healthy(const struct grafana_answer *answer);
/* The array's annotation with all these tags that is the oldest, or NULL; borrowed. */
const json_t *grafana_find_annotation(const json_t *list, const char *const *tags);

#endif
