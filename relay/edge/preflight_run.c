#include "relay/edge/preflight_run.h"

#include "relay/base/http_client.h"
#include "relay/base/scope.h"
#include "relay/edge/exchange_http.h"
#include "relay/edge/installations.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct preflight_runner {
    const struct clock *clock;
    struct http_client *client;
    struct installations *installations;
    struct preflight_route *routes; /* of the target that was asked about last */
};

/* The one exchange that is under way. */
struct carried {
    struct preflight_runner *runner;
    const struct exchange *exchange;
    struct secret *token;
    int64_t token_expiry_s; /* 0: no installation's token */
    struct exchange_answer *answer;
    bool over;
};

int preflight_runner_new(struct preflight_runner **out, const struct clock *clock,
                         struct error *err)
{
    SCOPED(preflight_runner_free_p) struct preflight_runner *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return error_set(err, -ENOMEM, "preflight: out of memory");
    r->clock = clock;
    int failed = http_client_new(&r->client, err);
    if (failed == 0)
        failed = installations_new(&r->installations, r->client, clock, err);
    if (failed == 0)
        *out = GIVE(r);
    return failed;
}

void preflight_runner_free(struct preflight_runner *r)
{
    if (r == NULL)
        return;
    http_client_free(r->client);
    installations_free(r->installations);
    free(r->routes);
    free(r);
}

void preflight_runner_free_p(struct preflight_runner **r)
{
    preflight_runner_free(*r);
}

static void not_sent(struct carried *c, const char *why)
{
    *c->answer = (struct exchange_answer){.transport = EXCHANGE_NOT_SENT};
    (void)snprintf(c->answer->error, sizeof(c->answer->error), "%.*s",
                   (int)sizeof(c->answer->error) - 1, why);
    c->over = true;
}

static void done(void *context, const struct http_result *result)
{
    struct carried *c = context;
    exchange_http_answer(c->answer, result, c->token);
    c->answer->token_expiry_s = c->token_expiry_s;
    c->over = true;
}

/* With c->token. */
static void send_off(struct carried *c)
{
    struct error err = {0};
    if (!app_token_is_valid(secret_bytes(c->token), secret_len(c->token)))
        not_sent(c, "the token holds a blank or a control character");
    else if (exchange_http_start(c->runner->client, c->exchange, c->token, done, c, &err) != 0)
        not_sent(c, err.text);
}

static void send_with(struct carried *c, const struct secret *token)
{
    struct error err = {0};
    if (secret_new(&c->token, secret_bytes(token), secret_len(token), &err) != 0)
        not_sent(c, err.text);
    else
        send_off(c);
}

static void token_ready(void *context, const struct secret *token, int64_t expiry_s)
{
    struct carried *c = context;
    c->token_expiry_s = expiry_s;
    send_with(c, token);
}

static void token_failed(void *context, const struct exchange_answer *why)
{
    struct carried *c = context;
    exchange_answer_copy(c->answer, why);
    c->over = true;
}

/* *answer is the caller's to clear. */
static void carry(struct preflight_runner *r, const struct exchange *x,
                  const struct conf_credential *credential, struct exchange_answer *answer)
{
    struct carried c = {.runner = r, .exchange = x, .answer = answer};
    struct error err = {0};
    if (credential->app.id != NULL)
        installations_ask(r->installations, credential, x,
                          (struct token_wanted){token_ready, token_failed, &c});
    else if (credential->token != NULL)
        send_with(&c, credential->token);
    else if (secret_read_file(&c.token, credential->token_file, 1, &err) != 0)
        not_sent(&c, err.text);
    else
        send_off(&c);
    while (!c.over)
        http_client_run(r->client, -1); /* every call has its own end */
    secret_free(c.token);
}

static size_t collect_routes(struct preflight_runner *r, const struct conf *conf,
                             const struct target *target)
{
    size_t n = 0;
    free(r->routes);
    r->routes = calloc(conf->n_routes + 1, sizeof(*r->routes));
    if (r->routes == NULL)
        abort();
    for (size_t i = 0; i < conf->n_routes; i++) {
        const struct conf_route *route = &conf->routes[i];
        if (strcmp(route->route.target, target->name) == 0)
            r->routes[n++] = (struct preflight_route){route->route.name, route->inputs};
    }
    return n;
}

int preflight_runner_ask(struct preflight_runner *r, struct preflight **out,
                         const struct conf *conf, const struct target *target, struct error *err)
{
    const struct conf_credential *credential = conf_credential_by_name(conf, target->credential);
    SCOPED(preflight_free_p) struct preflight *p = NULL;
    size_t n_routes = collect_routes(r, conf, target);
    int failed = preflight_new(&p, target, r->routes, n_routes, err);
    while (failed == 0) {
        SCOPED(exchange_free_p) struct exchange *x = NULL;
        struct exchange_answer answer = {0};
        failed = preflight_next(p, &x, err);
        if (failed != PREFLIGHT_ASK)
            break;
        carry(r, x, credential, &answer);
        preflight_answer(p, &answer, clock_wall(r->clock));
        exchange_answer_clear(&answer);
        failed = 0;
    }
    if (failed == 0)
        *out = GIVE(p);
    return failed;
}
