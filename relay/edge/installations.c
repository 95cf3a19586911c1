#include "relay/edge/installations.h"

#include "relay/base/log.h"
#include "relay/base/must.h"
#include "relay/base/parse.h"
#include "relay/base/rs256.h"
#include "relay/base/scope.h"
#include "relay/edge/exchange_http.h"
#include "relay/github/app.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define KEPT_AT_MOST_MS    (59 * 60 * 1000)
#define KEPT_BEFORE_END_MS (60 * 1000)
#define NEW_MS             (10 * 1000) /* GitHub's copies know a token after some 5 s */

struct waiter {
    struct waiter *next;
    struct token_wanted wanted;
};

/* One installation, API and repository. */
struct installation {
    struct installation *next;
    struct installations *all;
    char *credential, *api_url, *repository;
    struct app app;
    char *key_file;
    struct secret *token; /* NULL: none */
    int64_t expiry_s;
    struct mono from, until; /* of the token */
    int64_t skew_ms;         /* GitHub's clock less ours */
    struct exchange *asking; /* NULL: nothing under way */
    struct secret *jwt;      /* … with this */
    bool again;              /* it is the second try, with another clock */
    struct waiter *first, **end;
};

struct installations {
    struct http_client *client;
    const struct clock *clock;
    struct installation *first;
};

int installations_new(struct installations **out, struct http_client *client,
                      const struct clock *clock, struct error *err)
{
    struct installations *all = calloc(1, sizeof(*all));
    if (all == NULL)
        return error_set(err, -ENOMEM, "installations: out of memory");
    *all = (struct installations){.client = client, .clock = clock};
    *out = all;
    return 0;
}

static void drop_token(struct installation *i)
{
    secret_free(i->token);
    i->token = NULL;
}

static void free_one(struct installation *i)
{
    while (i->first != NULL) {
        struct waiter *w = i->first;
        i->first = w->next;
        free(w);
    }
    drop_token(i);
    exchange_free(i->asking);
    secret_free(i->jwt);
    free(i->credential);
    free(i->api_url);
    free(i->repository);
    free(i->app.id);
    free(i->key_file);
    free(i);
}

void installations_free(struct installations *all)
{
    if (all == NULL)
        return;
    while (all->first != NULL) {
        struct installation *i = all->first;
        all->first = i->next;
        free_one(i);
    }
    free(all);
}

/* --- finding
 * -------------------------------------------------------------------------------------- */

static void set_text(char **slot, const char *text)
{
    free(*slot);
    *slot = must_copy(text);
}

static struct installation *find(const struct installations *all, const struct exchange *x)
{
    struct installation *i = all->first;
    while (i != NULL &&
           (strcmp(i->credential, x->credential) != 0 || strcmp(i->api_url, x->api_url) != 0 ||
            strcmp(i->repository, x->repository) != 0))
        i = i->next;
    return i;
}

static struct installation *find_or_add(struct installations *all, const struct exchange *x)
{
    struct installation *i = find(all, x);
    if (i != NULL)
        return i;
    i = must_alloc(1, sizeof(*i));
    *i = (struct installation){.next = all->first,
                               .all = all,
                               .credential = must_copy(x->credential),
                               .api_url = must_copy(x->api_url),
                               .repository = must_copy(x->repository)};
    i->end = &i->first;
    all->first = i;
    return i;
}

/* Tokens that ended are wiped, those of installations that left the config too, within the hour. */
static void forget_ended(struct installations *all, struct mono now)
{
    for (struct installation *i = all->first; i != NULL; i = i->next) {
        if (i->token != NULL && now.ms >= i->until.ms)
            drop_token(i);
    }
}

/* --- asking
 * --------------------------------------------------------------------------------------- */

/* answer NULL: the token is there. */
static void tell(struct installation *i, const struct exchange_answer *answer)
{
    struct waiter *w = i->first;
    i->first = NULL;
    i->end = &i->first;
    while (w != NULL) {
        struct waiter *next = w->next;
        if (answer == NULL)
            w->wanted.ready(w->wanted.context, i->token, i->expiry_s);
        else
            w->wanted.failed(w->wanted.context, answer);
        free(w);
        w = next;
    }
}

static void tell_not_sent(struct installation *i, const char *why)
{
    struct exchange_answer answer = {.transport = EXCHANGE_NOT_SENT};
    (void)snprintf(answer.error, sizeof(answer.error), "%.*s", (int)sizeof(answer.error) - 1, why);
    log_error("dispatcher", "no_token", LOG_STR("credential", i->credential),
              LOG_STR("error", why));
    tell(i, &answer);
}

static void keep(struct installation *i, struct app_token *token)
{
    struct mono now = clock_mono(i->all->clock);
    int64_t life = token->life_ms - KEPT_BEFORE_END_MS;
    char until[RFC3339_MAX];
    drop_token(i);
    i->token = GIVE(token->token);
    i->expiry_s = token->expiry_s;
    i->from = now;
    i->until.ms = now.ms + (life < KEPT_AT_MOST_MS ? life : KEPT_AT_MOST_MS);
    format_rfc3339_ms(until, token->expiry_s * 1000);
    log_info("dispatcher", "token", LOG_STR("credential", i->credential),
             LOG_STR("repository", i->repository), LOG_STR("expires", until));
}

static int start(struct installation *i, struct error *err);

static void done(void *context, const struct http_result *result)
{
    struct installation *i = context;
    struct exchange_answer answer;
    struct exchange_answer waiting;
    struct app_token token;
    struct error err = {0};
    exchange_http_answer(&answer, result, i->jwt);
    int r = app_read_answer(&token, &waiting, &answer, &i->app, i->repository,
                            clock_wall(i->all->clock), &i->skew_ms);
    exchange_free(GIVE(i->asking));
    secret_free(GIVE(i->jwt));
    if (r == APP_SKEWED && !i->again) {
        log_warn("dispatcher", "clock_differs", LOG_STR("credential", i->credential),
                 LOG_INT("github_ahead_ms", i->skew_ms));
        i->again = true;
        if (start(i, &err) != 0)
            tell_not_sent(i, err.text);
    } else if (r == 0) {
        keep(i, &token);
        tell(i, NULL);
    } else {
        log_error("dispatcher", "no_token", LOG_STR("credential", i->credential),
                  LOG_INT("http_status", answer.status), LOG_STR("error", waiting.error));
        tell(i, &waiting);
    }
    sodium_memzero(answer.body, answer.body_len); /* the token, if it was one */
    exchange_answer_clear(&answer);
}

static void wipe(struct buf *b)
{
    if (b->data != NULL)
        sodium_memzero(b->data, b->cap);
    buf_free(b);
}

static int make_jwt(struct installation *i, struct error *err)
{
    SCOPED(wipe) struct buf jwt = BUF_INIT(APP_JWT_MAX);
    SCOPED(rs256_key_free_p) struct rs256_key *key = NULL;
    unsigned char signature[RS256_SIGNATURE_MAX];
    size_t len = 0;
    int r = rs256_key_read_file(&key, i->key_file, err);
    if (r != 0)
        return r;
    app_jwt_begin(&jwt, &i->app, clock_wall(i->all->clock), i->skew_ms);
    r = rs256_sign(key, buf_text(&jwt), jwt.len, signature, &len, err);
    if (r != 0)
        return r;
    app_jwt_end(&jwt, signature, len);
    if (buf_failed(&jwt))
        return error_set(err, -ENOMEM, "out of memory");
    return secret_new(&i->jwt, buf_text(&jwt), jwt.len, err);
}

static int start(struct installation *i, struct error *err)
{
    SCOPED(exchange_free_p) struct exchange *x = NULL;
    const struct exchange waiting = {
        .credential = i->credential, .api_url = i->api_url, .repository = i->repository};
    int r = make_jwt(i, err);
    if (r == 0)
        r = app_token_exchange(&x, &i->app, &waiting, err);
    if (r == 0)
        r = exchange_http_start(i->all->client, x, i->jwt, done, i, err);
    if (r == 0)
        i->asking = GIVE(x);
    else
        secret_free(GIVE(i->jwt));
    return r;
}

void installations_ask(struct installations *all, const struct conf_credential *credential,
                       const struct exchange *waiting, struct token_wanted wanted)
{
    struct error err = {0};
    forget_ended(all, clock_mono(all->clock));
    struct installation *i = find_or_add(all, waiting);
    if (i->token != NULL) {
        wanted.ready(wanted.context, i->token, i->expiry_s);
        return;
    }
    struct waiter *w = must_alloc(1, sizeof(*w));
    w->wanted = wanted;
    *i->end = w;
    i->end = &w->next;
    if (i->asking != NULL)
        return;
    set_text(&i->app.id, credential->app.id);
    set_text(&i->key_file, credential->key_file);
    i->app.installation = credential->app.installation;
    i->again = false;
    if (start(i, &err) != 0)
        tell_not_sent(i, err.text);
}

void installations_refused(struct installations *all, const struct exchange *refused)
{
    struct installation *i = find(all, refused);
    if (i != NULL && i->token != NULL && clock_mono(all->clock).ms - i->from.ms >= NEW_MS)
        drop_token(i);
}
