#include "relay/edge/carrier.h"

#include "relay/base/http_client.h"
#include "relay/base/must.h"
#include "relay/base/scope.h"
#include "relay/edge/exchange_http.h"
#include "relay/edge/installations.h"
#include "relay/github/app.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* An exchange with the client, or one that waits for a token. */
struct load {
    struct load *next, **link; /* link: what points here */
    struct carrier *carrier;
    struct exchange *exchange;
    struct secret *token;   /* that it was sent with */
    int64_t token_expiry_s; /* 0: no installation's token */
    void (*done)(void *context, const struct exchange *x, struct exchange_answer *answer);
    void *context;
};

struct carrier {
    struct http_client *client;
    struct installations *installations;
    struct load *loads;
};

static void load_free(struct load *l)
{
    *l->link = l->next;
    if (l->next != NULL)
        l->next->link = l->link;
    exchange_free(l->exchange);
    secret_free(l->token);
    free(l);
}

/* Hands the answer over; l is done. */
static void tell(struct load *l, struct exchange_answer *answer)
{
    if (answer->body == NULL)
        answer->body = must_alloc(1, 1);
    l->done(l->context, l->exchange, answer);
    load_free(l);
}

static void tell_not_sent(struct load *l, const char *why)
{
    struct exchange_answer answer = {.transport = EXCHANGE_NOT_SENT};
    (void)snprintf(answer.error, sizeof(answer.error), "%.*s", (int)sizeof(answer.error) - 1, why);
    tell(l, &answer);
}

static void ended(void *context, const struct http_result *result)
{
    struct load *l = context;
    struct exchange_answer answer;
    exchange_http_answer(&answer, result, l->token);
    answer.token_expiry_s = l->token_expiry_s;
    if (answer.status == 401 && l->token_expiry_s != 0)
        installations_refused(l->carrier->installations, l->exchange);
    tell(l, &answer);
}

/* With l->token. */
static void send_off(struct load *l)
{
    struct error err = {0};
    if (!app_token_is_valid(secret_bytes(l->token), secret_len(l->token)))
        tell_not_sent(l, "the token holds a blank or a control character: put the token alone "
                         "into its file");
    else if (exchange_http_start(l->carrier->client, l->exchange, l->token, ended, l, &err) != 0)
        tell_not_sent(l, err.text);
}

static void send_with(struct load *l, const struct secret *token)
{
    struct error err = {0};
    if (secret_new(&l->token, secret_bytes(token), secret_len(token), &err) != 0)
        tell_not_sent(l, err.text);
    else
        send_off(l);
}

static void token_ready(void *context, const struct secret *token, int64_t expiry_s)
{
    struct load *l = context;
    l->token_expiry_s = expiry_s;
    send_with(l, token);
}

static void token_failed(void *context, const struct exchange_answer *why)
{
    struct exchange_answer answer;
    exchange_answer_copy(&answer, why);
    tell(context, &answer);
}

void carrier_send(struct carrier *c, struct exchange *x, const struct conf_credential *credential,
                  void (*done)(void *context, const struct exchange *x,
                               struct exchange_answer *answer),
                  void *context)
{
    struct error err = {0};
    struct load *l = must_alloc(1, sizeof(*l));
    *l = (struct load){.next = c->loads,
                       .link = &c->loads,
                       .carrier = c,
                       .exchange = x,
                       .done = done,
                       .context = context};
    if (l->next != NULL)
        l->next->link = &l->next;
    c->loads = l;
    if (credential == NULL) {
        (void)error_set(&err, -ENOENT, "credential %s is no longer in the config", x->credential);
        tell_not_sent(l, err.text);
    } else if (credential->app.id != NULL) {
        struct token_wanted wanted = {.ready = token_ready, .failed = token_failed, .context = l};
        installations_ask(c->installations, credential, x, wanted);
    } else if (credential->token != NULL) {
        send_with(l, credential->token);
    } else if (secret_read_file(&l->token, credential->token_file, 1, &err) != 0) {
        tell_not_sent(l, err.text);
    } else {
        send_off(l);
    }
}

static void carrier_free_p(struct carrier **c)
{
    carrier_free(*c);
}

int carrier_new(struct carrier **out, const struct clock *clock, struct error *err)
{
    SCOPED(carrier_free_p) struct carrier *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return error_set(err, -ENOMEM, "carrier: out of memory");
    int r = http_client_new(&c->client, err);
    if (r == 0)
        r = installations_new(&c->installations, c->client, clock, err);
    if (r == 0)
        *out = GIVE(c);
    return r;
}

void carrier_free(struct carrier *c)
{
    if (c == NULL)
        return;
    http_client_free(c->client);
    installations_free(c->installations);
    while (c->loads != NULL)
        load_free(c->loads);
    free(c);
}

void carrier_run(struct carrier *c, int64_t timeout_ms)
{
    http_client_run(c->client, timeout_ms);
}

void carrier_wakeup(struct carrier *c)
{
    http_client_wakeup(c->client);
}
