/* Memory that runs out: each allocation of a scenario fails in turn. The engine says -ENOMEM and is
 * thrown away; nothing leaks, nothing is half done. */
#include "tests/unit/engine_fixture.h"
#include "tests/unit/failing_memory.h"

#include <errno.h>

static bool redelivers_first; /* then the first key of all is a redelivery's */
static int inputs(void *self, const struct route *route, const char *key, const char *relay_id,
                  const struct leading *leading, char **json, struct error *err)
{
    (void)self, (void)route, (void)key, (void)relay_id, (void)leading;
    *json = strdup("{}");
    return *json == NULL ? error_set(err, -ENOMEM, "inputs: out of memory") : 0;
}

static int post(struct fixture *f, bool dry, struct error *err)
{
    const struct notification content = {.receiver = "r",
                                         .group_key = "{}:{}",
                                         .external_url = "",
                                         .alerts = f->alerts,
                                         .n_alerts = f->n_alerts};
    const struct engine_event event = {.now = f->now,
                                       .wall = {START},
                                       .source = "grafana",
                                       .notification = "01JD0000000000000000000000",
                                       .content = &content,
                                       .dry = dry};
    effects_clear(&f->effects);
    return engine_notification(f->engine, &event, &f->effects, err);
}

/* Four keys, the last of which has to wait for the budget; three members in one. */
static int fire_all(struct fixture *f, bool dry, struct error *err)
{
    static const char *const models[] = {"m1", "m2", "m3", "m4", "m5", "m6", "m7"};
    body_begin(f);
    for (size_t i = 0; i < 7; i++)
        (void)body_add(f, ALERT_FIRING, "a", models[i], START);
    (void)body_add(f, ALERT_FIRING, "b", "m1", START);
    (void)body_add(f, ALERT_FIRING, "c", "m1", START);
    return post(f, dry, err);
}

static int resolve_all(struct fixture *f, struct error *err)
{
    for (size_t i = 0; i < f->n_alerts; i++) {
        f->alerts[i].kind = ALERT_RESOLVED;
        f->alerts[i].ends_at = START + SECOND;
    }
    return post(f, false, err);
}

static int redeliver(struct fixture *f, struct error *err)
{
    struct decision d;
    const struct redelivery r = {.relay_id = "01JA0000000000000000000000",
                                 .key = "kospi/m9",
                                 .route = "kospi",
                                 .target = "retrain",
                                 .inputs = "{}",
                                 .now = f->now,
                                 .wall = {START}};
    effects_clear(&f->effects);
    int r1 = engine_redeliver(f->engine, &r, &f->effects, &d, err);
    if (r1 != 0)
        return r1;
    char id[ULID_SIZE];
    memcpy(id, d.relay_id, ULID_SIZE);
    effects_clear(&f->effects);
    r1 = engine_posting(f->engine, "kospi/m9", id, f->now, &f->effects, err);
    if (r1 == 0)
        r1 = engine_not_executed(f->engine, "kospi/m9", id, &f->effects, err);
    return r1 != 0 ? r1
                   : engine_ended(f->engine, "kospi/m9", id, END_REFUSED, f->now, &f->effects, err);
}

/* One step after the other until one fails. */
static int step(struct fixture *f, int number, struct error *err)
{
    switch (number) {
    case 0:
        return engine_new(&f->engine, &f->ports, err);
    case 1:
        return engine_configure(f->engine, &f->config, f->now, err);
    case 2:
        if (redelivers_first && redeliver(f, err) != 0)
            return -ENOMEM;
        return engine_restore_slot(f->engine, "other", "elsewhere", START,
                                   "01JD0000000000000000000001", err);
    case 3:
        return engine_set_paused(f->engine, ENGINE_ROUTE, "other", true, f->now, err);
    case 4:
        return fire_all(f, true, err);
    case 5:
        return fire_all(f, false, err);
    case 6:
        return redeliver(f, err);
    case 7:
        f->now += HOUR;
        effects_clear(&f->effects);
        return engine_timers(f->engine, f->now, (struct wall){START}, &f->effects, err);
    case 8:
        effects_clear(&f->effects);
        return engine_rearm(f->engine, "kospi/m9", f->now, &f->effects, err);
    case 9:
        f->now += 24 * HOUR - MINUTE;
        return fire_all(f, false, err);
    case 10:
        f->now += MINUTE;
        effects_clear(&f->effects);
        return engine_timers(f->engine, f->now, (struct wall){START}, &f->effects, err);
    case 11:
        return resolve_all(f, err);
    default:
        return 1;
    }
}

static void each_allocation_that_fails_is_said_and_leaves_nothing(void **state)
{
    (void)state;
    size_t failed = 0;
    bool whole = false;
    redelivers_first = false;
    for (size_t n = 1; !whole || !redelivers_first; n++) {
        if (whole) {
            redelivers_first = true;
            n = 1;
        }
        struct fixture f;
        struct error err = {0};
        fixture_init(&f);
        engine_free(f.engine);
        f.engine = NULL;
        f.ports.inputs = inputs;
        fixture_policy(&f)->hold_ms = MINUTE;
        fixture_policy(&f)->when_blocked = WHEN_BLOCKED_DEFER;
        fixture_policy(&f)->budget.max = 5;
        allocations = 0;
        failing = n;
        int r = 0;
        int at = 0;
        for (; r == 0 && allocations < n; at++)
            r = step(&f, at, &err);
        whole = r == 1;
        failing = 0;
        if (!whole && r != -ENOMEM)
            print_message("allocation %zu, step %d: %d\n", n, at - 1, r);
        if (!whole) {
            assert_int_equal(r, -ENOMEM);
            assert_int_equal(err.code, -ENOMEM);
            assert_string_not_equal(err.text, "");
        }
        failed += !whole;
        fixture_clear(&f);
    }
    print_message("%zu allocations\n", failed);
    assert_true(failed > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_that_fails_is_said_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
