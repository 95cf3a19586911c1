#include "relay/github/exchange.h"

#include "relay/base/must.h"
#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"
#include "relay/github/exchange_private.h"
#include "relay/github/inputs.h"
#include "relay/github/url.h"
#include "relay/github/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADERS_MAX 6
#define HEADER_MAX  1024
#define BODY_MAX    (INPUTS_JSON_MAX + 4096)

const char *const exchange_wanted_headers[] = {
    "date",
    "etag",
    "github-authentication-token-expiration",
    "location",
    "retry-after",
    "x-accepted-github-permissions",
    "x-github-request-id",
    "x-oauth-scopes",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    NULL,
};

bool exchange_sends_relay_id(const struct target *target, const struct target_memory *memory)
{
    return target->correlation == CORRELATION_INPUT ||
           (target->correlation == CORRELATION_AUTO && !memory->no_relay_id);
}

int exchange_add_header(struct exchange *x, const char *name, const char *value)
{
    SCOPED(buf_free) struct buf line = BUF_INIT(HEADER_MAX);
    size_t n = 0;

    while (x->headers[n] != NULL)
        n++;
    buf_addf(&line, "%s: %s", name, value);
    x->headers[n] = buf_give(&line);
    return x->headers[n] == NULL ? -ENOMEM : 0;
}

/* What all kinds have in common; the URL comes later. */
int exchange_make(struct exchange **out, enum exchange_kind kind, const struct target *target,
                  const char *relay_id, struct error *err)
{
    if (strlen(relay_id) >= ULID_SIZE)
        return error_set(err, -EINVAL, "relay_id: longer than %d characters", ULID_SIZE - 1);
    SCOPED(exchange_free_p) struct exchange *x = calloc(1, sizeof(*x));
    if (x == NULL || (x->headers = calloc(HEADERS_MAX, sizeof(*x->headers))) == NULL ||
        (x->credential = strdup(target->credential)) == NULL ||
        (x->api_url = strdup(target->api_url)) == NULL ||
        (x->repository = strdup(target->repository)) == NULL ||
        exchange_add_header(x, "User-Agent", "drift-relay/" DRIFT_RELAY_VERSION) < 0 ||
        exchange_add_header(x, "Accept", "application/vnd.github+json") < 0 ||
        exchange_add_header(x, "X-GitHub-Api-Version", GITHUB_API_VERSION) < 0)
        return error_set(err, -ENOMEM, "exchange: out of memory");
    memcpy(x->relay_id, relay_id, strlen(relay_id) + 1);
    x->kind = kind;
    x->method = kind == EXCHANGE_DISPATCH || kind == EXCHANGE_TOKEN || kind == EXCHANGE_CANCEL
                    ? "POST"
                    : "GET";
    x->response_max = kind == EXCHANGE_RUNS ? GITHUB_RUNS_MAX : GITHUB_RESPONSE_MAX;
    *out = GIVE(x);
    return 0;
}

/* ".../repos/OWNER/NAME/actions"; the config made sure that both are of [A-Za-z0-9._-]. */
static void add_actions_url(struct buf *url, const struct target *target)
{
    buf_addf(url, "%s/repos/%s/actions", target->api_url, target->repository);
}

/* … "/workflows/W", or what a 307 led to without "/dispatches". */
static void add_workflow_url(struct buf *url, const struct target *target, const char *redirect)
{
    static const char tail[] = "/dispatches";

    if (redirect != NULL && url_same_origin(redirect, target->api_url)) {
        size_t len = strlen(redirect);
        bool has_tail = len > strlen(tail) && strcmp(redirect + len - strlen(tail), tail) == 0;
        buf_add(url, redirect, has_tail ? len - strlen(tail) : len);
        return;
    }
    add_actions_url(url, target);
    buf_add_text(url, "/workflows/");
    url_add_segment(url, target->workflow);
}

char *exchange_place(const struct target *target, const char *redirect)
{
    SCOPED(buf_free) struct buf place = BUF_INIT(2 * URL_MAX);

    add_workflow_url(&place, target, redirect);
    buf_addf(&place, "@%s", target->ref);
    return buf_give(&place);
}

int exchange_set_url(struct exchange *x, struct buf *url, struct error *err)
{
    if (buf_failed(url) && !url->no_memory)
        return error_set(err, -EINVAL, "%s: its URL is longer than %d bytes", x->credential,
                         URL_MAX);
    x->url = buf_give(url); /* NULL when it failed */
    return x->url == NULL ? error_set(err, -ENOMEM, "exchange: out of memory") : 0;
}

/* The object "inputs" of the body: the stored ones, after the relay's own. */
static int make_inputs(json_t **out, const char *relay_id, const char *inputs, struct error *err)
{
    SCOPED(json_release_p) json_t *given = NULL;
    SCOPED(json_release_p) json_t *all = json_object();
    const char *name;
    json_t *value;

    int r = strict_json_load(&given, inputs, strlen(inputs), 1, err);
    if (r < 0)
        return error_prefix(err, r, "inputs");
    if (!json_is_object(given))
        return error_set(err, -EINVAL, "inputs: an object is wanted");
    json_object_foreach(given, name, value)
    {
        if (!json_is_string(value) || strcasecmp(name, "relay_id") == 0)
            return error_set(err, -EINVAL, "inputs: %s: a string of another name is wanted", name);
    }
    if (relay_id != NULL && json_object_set_new(all, "relay_id", json_string(relay_id)) < 0)
        return error_set(err, -ENOMEM, "inputs: out of memory");
    if (json_object_update(all, given) < 0)
        return error_set(err, -ENOMEM, "inputs: out of memory");
    if (json_object_size(all) > INPUTS_MAX)
        return error_set(err, -EINVAL, "inputs: more than %d", INPUTS_MAX);
    if (json_dumpb(all, NULL, 0, JSON_COMPACT) > INPUTS_JSON_MAX)
        return error_set(err, -EINVAL, "inputs: more than %d bytes", INPUTS_JSON_MAX);
    *out = GIVE(all);
    return 0;
}

static int set_body(struct exchange *x, const struct target *target, bool run_details,
                    json_t *inputs, struct error *err)
{
    SCOPED(json_release_p) json_t *body = json_object();
    SCOPED(buf_free) struct buf text = BUF_INIT(BODY_MAX);

    if (body == NULL)
        return error_set(err, -ENOMEM, "exchange: out of memory");
    if (!utf8_is_valid(target->ref))
        return error_set(err, -EINVAL, "%s: its ref is no UTF-8 text", target->name);
    if (json_object_set_new(body, "ref", json_string(target->ref)) < 0 ||
        json_object_set(body, "inputs", inputs) < 0 ||
        (run_details && json_object_set_new(body, "return_run_details", json_true()) < 0))
        return error_set(err, -ENOMEM, "exchange: out of memory");
    buf_add_json(&text, body);
    x->body_len = text.len;
    x->body = buf_give(&text);
    return x->body == NULL ? error_set(err, -ENOMEM, "exchange: out of memory") : 0;
}

int exchange_dispatch(struct exchange **out, const struct target *target,
                      const struct target_memory *memory, const char *relay_id, const char *inputs,
                      const char *redirect, struct error *err)
{
    SCOPED(exchange_free_p) struct exchange *x = NULL;
    SCOPED(json_release_p) json_t *all = NULL;
    SCOPED(buf_free) struct buf url = BUF_INIT(URL_MAX);

    int r = exchange_make(&x, EXCHANGE_DISPATCH, target, relay_id, err);
    if (r < 0)
        return r;
    if (exchange_add_header(x, "Content-Type", "application/json") < 0)
        return error_set(err, -ENOMEM, "exchange: out of memory");
    const char *sent = exchange_sends_relay_id(target, memory) ? relay_id : NULL;
    if ((r = make_inputs(&all, sent, inputs, err)) < 0 ||
        (r = set_body(x, target, !memory->no_run_details, all, err)) < 0)
        return r;
    if (redirect != NULL && url_same_origin(redirect, target->api_url)) {
        buf_add_text(&url, redirect);
    } else {
        add_workflow_url(&url, target, NULL);
        buf_add_text(&url, "/dispatches");
    }
    if ((r = exchange_set_url(x, &url, err)) < 0)
        return r;
    x->correlated = sent != NULL;
    if ((x->place = exchange_place(target, redirect)) == NULL)
        return error_set(err, -ENOMEM, "exchange: out of memory");
    *out = GIVE(x);
    return 0;
}

/* An etag comes from outside and goes into a header: visible ASCII only. */
static bool is_etag(const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++) {
        if (text[i] < ' ' || text[i] > '~')
            return false;
    }
    return len > 0 && len < HEADER_MAX / 2;
}

int exchange_run(struct exchange **out, const struct target *target, const char *relay_id,
                 int64_t run_id, const char *etag, struct error *err)
{
    SCOPED(exchange_free_p) struct exchange *x = NULL;
    SCOPED(buf_free) struct buf url = BUF_INIT(URL_MAX);

    int r = exchange_make(&x, EXCHANGE_RUN, target, relay_id, err);
    if (r < 0)
        return r;
    if (etag != NULL && is_etag(etag) && exchange_add_header(x, "If-None-Match", etag) < 0)
        return error_set(err, -ENOMEM, "exchange: out of memory");
    add_actions_url(&url, target);
    buf_addf(&url, "/runs/%" PRId64, run_id);
    if ((r = exchange_set_url(x, &url, err)) < 0)
        return r;
    *out = GIVE(x);
    return 0;
}

int exchange_cancel(struct exchange **out, const struct target *target, const char *relay_id,
                    int64_t run_id, struct error *err)
{
    SCOPED(exchange_free_p) struct exchange *x = NULL;
    SCOPED(buf_free) struct buf url = BUF_INIT(URL_MAX);

    int r = exchange_make(&x, EXCHANGE_CANCEL, target, relay_id, err);
    if (r < 0)
        return r;
    add_actions_url(&url, target);
    buf_addf(&url, "/runs/%" PRId64 "/cancel", run_id);
    if ((r = exchange_set_url(x, &url, err)) < 0)
        return r;
    *out = GIVE(x);
    return 0;
}

/* Whole seconds, as in GitHub's search syntax. */
static void add_time(struct buf *url, int64_t unix_ms)
{
    char text[RFC3339_MAX];

    format_rfc3339_ms(text, unix_ms);
    buf_addf(url, "%.19sZ", text);
}

int exchange_runs(struct exchange **out, const struct target *target, const char *relay_id,
                  const char *place, const struct exchange_list *list, struct error *err)
{
    SCOPED(exchange_free_p) struct exchange *x = NULL;
    SCOPED(buf_free) struct buf url = BUF_INIT(URL_MAX);

    int r = exchange_make(&x, EXCHANGE_RUNS, target, relay_id, err);
    if (r < 0)
        return r;
    buf_add(&url, place, strcspn(place, "@")); /* a URL of ours holds none; a ref may */
    if (!url_same_origin(buf_text(&url), target->api_url))
        return error_set(err, -EINVAL, "%s: its api_url is another server's now", target->name);
    buf_addf(&url, "/runs?%screated=", list->any_event ? "" : "event=workflow_dispatch&");
    buf_add_text(&url, list->until[0] == '\0' ? "%3E%3D" : "");
    add_time(&url, list->since);
    if (list->until[0] != '\0')
        buf_addf(&url, "..%s", list->until);
    buf_addf(&url, "&exclude_pull_requests=true&per_page=%d&page=%d", GITHUB_RUNS_PER_PAGE,
             list->page);
    if ((r = exchange_set_url(x, &url, err)) < 0)
        return r;
    *out = GIVE(x);
    return 0;
}

int exchange_move(struct exchange *x, const char *where, struct error *err)
{
    SCOPED(buf_free) struct buf url = BUF_INIT(URL_MAX);

    if (!url_same_origin(where, x->api_url))
        return 0;
    buf_add(&url, where, strcspn(where, "?#"));
    buf_add_text(&url, x->url + strcspn(x->url, "?"));
    free(x->url);
    x->url = NULL;
    return exchange_set_url(x, &url, err);
}

void exchange_free(struct exchange *x)
{
    if (x == NULL)
        return;
    for (char **header = x->headers; header != NULL && *header != NULL; header++)
        free(*header);
    free(x->headers);
    free(x->url);
    free(x->body);
    free(x->credential);
    free(x->place);
    free(x->api_url);
    free(x->repository);
    free(x);
}

void exchange_free_p(struct exchange **x)
{
    exchange_free(*x);
}

const char *exchange_answer_header(const struct exchange_answer *a, const char *name)
{
    for (size_t i = 0; i < a->n_headers; i++) {
        if (strcasecmp(a->headers[i].name, name) == 0)
            return a->headers[i].value;
    }
    return NULL;
}

void exchange_answer_copy(struct exchange_answer *out, const struct exchange_answer *a)
{
    *out = *a;
    out->body = must_copy(a->body == NULL ? "" : a->body);
    out->body_len = strlen(out->body);
    out->headers = must_alloc(a->n_headers + 1, sizeof(*out->headers));
    for (size_t i = 0; i < a->n_headers; i++)
        out->headers[i] =
            (struct exchange_header){must_copy(a->headers[i].name), must_copy(a->headers[i].value)};
}

void exchange_answer_clear(struct exchange_answer *a)
{
    for (size_t i = 0; i < a->n_headers; i++) {
        free(a->headers[i].name);
        free(a->headers[i].value);
    }
    free(a->headers);
    free(a->body);
    a->headers = NULL;
    a->n_headers = 0;
    a->body = NULL;
    a->body_len = 0;
}
