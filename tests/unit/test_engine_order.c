/* Who is asked first when an event ends the block of one deferral while another is due already: the
 * one that was due before. */
#include "tests/unit/engine_fixture.h"

static char second_target[] = "second";

static const struct decision *fire_other(struct fixture *f, const char *model)
{
    body_begin(f);
    (void)body_add(f, ALERT_FIRING, "z", model, START);
    body_post(f, false);
    return &f->effects.decisions[0];
}

/* How KEY comes to be deferred, and what ends its block. */
static void retry(struct fixture *f)
{
    run_once(f, "a", END_REFUSED);
    assert_says(fire(f, "a"), DEFERRED, COOLDOWN);
}

static void rearm(struct fixture *f)
{
    struct error err = {0};
    assert_int_equal(engine_rearm(f->engine, KEY, f->now, &f->effects, &err), 0);
}

static void run(struct fixture *f)
{
    assert_says(fire(f, "b"), DISPATCH, FIRST);
    assert_says(fire(f, "a"), DEFERRED, RUNNING);
}

static void nothing_ran(struct fixture *f)
{
    ended(f, END_NOTHING_RAN);
}

static void spend(struct fixture *f)
{
    assert_says(fire_other(f, "m9"), DISPATCH, FIRST);
    assert_says(fire(f, "a"), DEFERRED, BUDGET);
}

static void resolve_other(struct fixture *f)
{
    body_begin(f);
    (void)body_add(f, ALERT_RESOLVED, "z", "m9", START);
    body_post(f, false);
    assert_says(&f->effects.decisions[0], RESOLVED, CANCELLED);
}

/* Its member is stale by then: the request that holds the slot dies, the new one goes elsewhere. */
static void redeliver_other(struct fixture *f)
{
    struct error err = {0};
    struct decision d;
    const struct redelivery r = {.relay_id = "01JA0000000000000000000000",
                                 .key = "kospi/m9",
                                 .route = "kospi",
                                 .target = "second",
                                 .inputs = "{}",
                                 .now = f->now,
                                 .wall = {START}};
    assert_int_equal(engine_redeliver(f->engine, &r, &f->effects, &d, &err), 0);
    assert_says(&d, DISPATCH, FIRST);
}

static void time_passes(struct fixture *f)
{
    (void)f;
}

static void who_was_due_before_is_asked_first(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        void (*defer)(struct fixture *f);
        void (*end)(struct fixture *f);
    } cases[] = {
        {"rearm", retry, rearm},
        {"a request ended", run, nothing_ran},
        {"a resolve gave a slot back", spend, resolve_other},
        {"a redelivery gave a slot back", spend, redeliver_other},
        {"a stale member gave a slot back", spend, time_passes},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;
        struct error err = {0};
        fixture_init(&f);
        print_message("%s\n", cases[i].name);
        const struct engine_target targets[] = {{.name = fixture_target, .budget = {1, 24 * HOUR}},
                                                {.name = second_target}};
        f.config.targets = targets;
        f.config.n_targets = i < 2 ? 0 : 2; /* no budget at all, or one for its slots */
        assert_int_equal(engine_configure(f.engine, &f.config, f.now, &err), 0);
        struct policy *p = fixture_policy(&f);
        p->when_blocked = WHEN_BLOCKED_DEFER;
        p->retry_after_ms = HOUR;
        p->stale_after_ms = 58 * MINUTE; /* m9: a minute before m2 is due */
        p->budget.max = 0;
        assert_says(fire_other(&f, "m2"), DISPATCH, FIRST);
        char id[ULID_SIZE];
        memcpy(id, f.effects.created[0].relay_id, ULID_SIZE);
        effects_clear(&f.effects);
        assert_int_equal(
            engine_ended(f.engine, "kospi/m2", id, END_REFUSED, f.now, &f.effects, &err), 0);
        assert_says(fire_other(&f, "m2"), DEFERRED, COOLDOWN); /* until START + HOUR */
        f.now += MINUTE;
        cases[i].defer(&f);
        f.now += 20 * MINUTE;
        assert_says(fire_other(&f, "m2"), SUPPRESSED, DUPLICATE);
        assert_says(fire(&f, "a"), SUPPRESSED, DUPLICATE);
        if (cases[i].end == resolve_other) /* the other two find it stale */
            assert_says(fire_other(&f, "m9"), SUPPRESSED, DUPLICATE);
        f.now = START + HOUR + 30 * SECOND;
        effects_clear(&f.effects);
        cases[i].end(&f);
        timers(&f);
        const struct decision *first = &f.effects.outcomes[0];
        for (; first->verdict == VERDICT_RESOLVED; first++)
            assert_string_equal(first->key, "kospi/m9");
        assert_string_equal(first->key, "kospi/m2");
        assert_says(first, DISPATCH, FIRST);
        fixture_clear(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_was_due_before_is_asked_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
