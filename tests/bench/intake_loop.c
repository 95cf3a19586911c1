/* What an accepted notification cannot cost less than: its HMAC, the parser, and the relay's own
 * rows, 64 notifications a commit. No HTTP, no engine, one thread. `intake_loop NUMBER MODELS FILE`
 * prints notifications per second. */
#include "relay/alert/alert.h"
#include "relay/base/log.h"
#include "relay/base/scope.h"
#include "relay/store/sqlite.h"
#include "tests/bench/body.h"

#include <sodium.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH  64
#define SECRET "a-secret-of-32-bytes-or-a-bit-more"
#define START  INT64_C(1764000000000)

static const char decisions[] =
    "[{\"fingerprint\":\"0000000000000000\",\"route\":\"kospi\",\"key\":\"kospi/m0\",\"verdict\":"
    "\"suppressed\",\"reason\":\"duplicate\",\"relay_id\":\"01JD0000000000000000000000\"}]";

struct post {
    char body[BODY_MAX], hex[65];
    size_t len;
};

static double seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(int r, const struct error *err)
{
    if (r == 0)
        return;
    fprintf(stderr, "intake_loop: %s\n", err->text);
    exit(1);
}

static void must_have(const void *p)
{
    struct error err = {.text = "out of memory"};
    must(p == NULL, &err);
}

/* The key of its alert, as it is when the alert was heard. */
static void put_key(const struct store *store, const struct alert *alert, const char *id)
{
    char text[128];
    struct error err = {0};
    (void)snprintf(text, sizeof(text), "kospi/%s",
                   label_value(alert->labels, alert->n_labels, "model"));
    struct key *key = key_new(text, "kospi");
    must_have(key);
    struct member *member = key_add_member(key, "grafana", alert->fingerprint);
    must_have(member);
    member->starts_at = alert->starts_at;
    member->heard_at = START;
    memcpy(member->notification, id, ULID_SIZE);
    key->cooldown_from = key->disarmed_at = START;
    must(store->ops->put_key(store->self, key, &err), &err);
    key_free(key);
}

static void take(const struct store *store, struct post *p)
{
    static const struct alert_limits limits = {.alerts = 1000, .labels = 64, .depth = 16};
    struct error err = {0};
    char hex[65];
    char format[] = "grafana";
    char source[] = "grafana";
    char answer[sizeof(decisions)];
    body_sign(hex, SECRET, "1764000000", p->body, p->len);
    err = (struct error){.text = "the MAC is another"};
    must(sodium_memcmp(hex, p->hex, 64), &err);
    struct notification *content;
    must(notification_parse(&content, ALERT_FORMAT_GRAFANA, p->body, p->len, &limits, &err), &err);
    struct store_notification row = {.source = source,
                                     .format = format,
                                     .received_wall = START,
                                     .received_at = START,
                                     .body = p->body,
                                     .body_len = p->len,
                                     .alerts = memcpy(answer, decisions, sizeof(decisions))};
    ulid_make(row.id, (struct wall){START}, rng_system());
    must(store->ops->put_notification(store->self, &row, &err), &err);
    struct store_mac mac = {.signed_wall = START, .received_at = START};
    (void)sodium_hex2bin(mac.mac, sizeof(mac.mac), hex, 64, NULL, NULL, NULL);
    memcpy(mac.notification, row.id, ULID_SIZE);
    must(store->ops->put_mac(store->self, &mac, &err), &err);
    put_key(store, content->alerts, row.id);
    notification_free(content);
}

int main(int argc, char **argv)
{
    if (argc != 4 || sodium_init() < 0) {
        fprintf(stderr, "usage: intake_loop NUMBER MODELS FILE\n");
        return 2;
    }
    size_t n = strtoull(argv[1], NULL, 10);
    struct body_kind kind = {.models = strtoull(argv[2], NULL, 10)};
    struct post *posts = calloc(n, sizeof(*posts));
    must_have(posts);
    for (size_t i = 0; i < n; i++) {
        posts[i].len = body_write(posts[i].body, &kind, i);
        body_sign(posts[i].hex, SECRET, "1764000000", posts[i].body, posts[i].len);
    }
    struct store store;
    struct error err = {0};
    must(sqlite_store_open(&store, argv[3], NULL, &err), &err);
    const struct store_time now = {.relay_ms = START, .boot_id = "bench"};
    double began = seconds();
    for (size_t i = 0; i < n; i++) {
        if (i % BATCH == 0)
            must(store.ops->begin(store.self, &err), &err);
        take(&store, &posts[i]);
        if (i % BATCH == BATCH - 1 || i == n - 1)
            must(store.ops->commit(store.self, &now, &err), &err);
        if (i % BATCH == BATCH - 1)
            must(store.ops->checkpoint(store.self, 250, &err), &err);
    }
    printf("%.0f\n", (double)n / (seconds() - began));
    store.ops->close(store.self);
    free(posts);
    return 0;
}
