/* What became of a key after its run succeeded, by the real core. */
#include "tests/unit/core_fixture.h"

#define WITHIN "effective_within = \"2h\"; min_alerts = 1;"

static void assert_counted(struct core_fixture *f, const char *result, int n)
{
    char line[256];
    SCOPED(buf_free) struct buf text = BUF_INIT(1024 * 1024);
    metrics_write(f->metrics, &text);
    (void)snprintf(line, sizeof(line),
                   "drift_relay_action_effective_total{route=\"kospi\",result=\"%s\"} %d\n", result,
                   n);
    if (strstr(buf_text(&text), line) == NULL)
        fail_msg("%s is not in the metrics", line);
}

static void end_run(struct core_fixture *f, const char *conclusion)
{
    char body[256];
    core_pass(f, 5000);
    (void)snprintf(body, sizeof(body),
                   "{\"id\":43000000001,\"status\":\"completed\",\"conclusion\":\"%s\"}",
                   conclusion);
    core_answer_flight(f, 200, body, EXCHANGE_ANSWERED);
    core_settle(f);
}

static void run(struct core_fixture *f, const char *conclusion)
{
    core_accept(f);
    end_run(f, conclusion);
}

static void resolve(struct core_fixture *f, const char *fingerprint, const char *reason)
{
    f->state_reason = reason;
    core_post(f, "resolved", fingerprint, CORE_STORED, "\"verdict\":\"resolved\"");
    f->state_reason = NULL;
}

/* clang-format off */
/* What happens to the alerts a and b of a key, a letter each; then the effect. Before R the run is on its way.
 * A B: it fires; a b: it resolves; x y: the same by an edit; P: posted and accepted; R: success; F: failure;
 * h: an hour passes; k: a restart; d: one after three hours without the relay. */
static const struct {
    const char *name, *deeds, *effect; /* NULL: not judged */
} rows[] = {
    {"resolved after the run", "APRa", "effective"},
    {"resolved while it ran", "APaR", "effective"},
    {"it still fires", "APRhh", "not_effective"},
    {"not yet", "APRh", "watched"},
    {"one of two", "ABPRahh", "not_effective"},
    {"both", "ABPRahb", "effective"},
    {"edited", "APRx", "unknown"},
    {"edited while it ran", "APxR", "unknown"},
    {"one edited, one resolved", "ABPRxb", "unknown"},
    {"one resolved, one edited", "ABPRay", "unknown"},
    {"resolved early in a long run", "APahR", "effective"},
    {"resolved too late", "APRhha", "not_effective"},
    {"resolved, then again", "APRaA", "effective"},
    {"resolved while it ran, then again", "APaAR", "watched"},
    {"a failure", "APFa", NULL},
    {"a restart, then resolved", "APRka", "effective"},
    {"a restart after the edit of one", "ABPRxkb", "unknown"},
    {"a restart while it ran, after the edit", "ABPxkRb", "unknown"},
    {"a restart, then its time is over", "APRkhkh", "not_effective"},
    {"its time was over while the relay was down", "APRd", "watched"},
    {"... and it resolved meanwhile", "APRda", "effective"},
    {"... and it still fires", "APRdh", "not_effective"},
    {"... and it still fires after another start", "APRdkh", "not_effective"},
    {"its time is not over after that", "APRkha", "effective"},
    {"resolved before a restart", "APRak", "effective"},
};
/* clang-format on */

static void do_one(struct core_fixture *f, struct conf *conf, char deed)
{
    char fingerprint[2] = {deed <= 'B' ? (char)(deed - 'A' + 'a') : deed, '\0'};
    switch (deed) {
    case 'A':
    case 'B':
        core_post(f, "firing", fingerprint, CORE_STORED, "");
        break;
    case 'a':
    case 'b':
        resolve(f, fingerprint, NULL);
        break;
    case 'x':
        resolve(f, "a", "Updated");
        break;
    case 'y':
        resolve(f, "b", "Paused");
        break;
    case 'P':
        core_accept(f);
        break;
    case 'R':
    case 'F':
        end_run(f, deed == 'R' ? "success" : "failure");
        break;
    case 'h':
        core_pass(f, HOUR_MS);
        break;
    default:
        core_crash(f);
        f->boot_ms += deed == 'd' ? 3 * HOUR_MS : 0;
        f->wall_ms += deed == 'd' ? 3 * HOUR_MS : 0;
        core_up(f, conf);
        core_settle(f);
    }
}

static void a_key_is_judged_by_how_its_alerts_left(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct core_fixture f;
        struct conf *conf = core_conf("retrain", WITHIN);
        char want[64];
        core_fixture_init_conf(&f, conf_ref(conf));
        for (const char *deed = rows[i].deeds; *deed != '\0'; deed++)
            do_one(&f, conf, *deed);
        (void)snprintf(want, sizeof(want), "\"effect\":%s%s%s", rows[i].effect == NULL ? "" : "\"",
                       rows[i].effect == NULL ? "null" : rows[i].effect,
                       rows[i].effect == NULL ? "" : "\"");
        print_message("%s\n", rows[i].name);
        core_shows(&f, QUERY_REQUESTS, "", want);
        bool counted = rows[i].effect != NULL && strcmp(rows[i].effect, "watched") != 0;
        if (counted && strpbrk(rows[i].deeds, "kd") == NULL)
            assert_counted(&f, rows[i].effect, 1);
        conf_unref(conf);
        core_fixture_clear(&f);
    }
}

static void unheard_alerts_prove_nothing(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, "effective_within = \"12h\"; stale_after = \"3h\";");
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    core_post(&f, "firing", "b", CORE_STORED, "");
    run(&f, "success");
    core_pass(&f, 2 * HOUR_MS);
    core_post(&f, "firing", "a", CORE_STORED, "");
    core_pass(&f, 2 * HOUR_MS); /* b is gone */
    core_shows(&f, QUERY_REQUESTS, "", "\"effect\":\"watched\"");
    resolve(&f, "a", NULL);
    core_shows(&f, QUERY_REQUESTS, "", "\"effect\":\"unknown\"");
    assert_counted(&f, "unknown", 1);
    core_fixture_clear(&f);
}

/* Also while it runs, and of a request that a restart has read back. */
static void unheard_while_it_ran_proves_nothing(void **state)
{
    (void)state;
    for (int restart = 0; restart < 2; restart++) {
        struct core_fixture f;
        struct conf *conf =
            core_conf("retrain", "effective_within = \"12h\"; stale_after = \"3h\";");
        core_fixture_init_conf(&f, conf_ref(conf));
        core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
        core_accept(&f);
        if (restart == 1)
            do_one(&f, conf, 'k');
        core_pass(&f, 4 * HOUR_MS); /* a is gone */
        end_run(&f, "success");
        core_shows(&f, QUERY_REQUESTS, "", "\"effect\":\"unknown\"");
        conf_unref(conf);
        core_fixture_clear(&f);
    }
}

static void the_next_run_of_the_key_ends_the_watch(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, "effective_within = \"12h\"; rearm = \"cooldown\"; cooldown = \"1h\";");
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    run(&f, "success");
    core_pass(&f, HOUR_MS);
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    assert_int_equal(f.n_posts, 2);
    assert_counted(&f, "not_effective", 1);
    run(&f, "success");
    resolve(&f, "a", NULL);
    assert_counted(&f, "effective", 1);
    assert_counted(&f, "not_effective", 1);
    core_fixture_clear(&f);
}

static void a_route_may_not_want_to_know(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, "effective_within = \"0s\";");
    core_post(&f, "firing", "a", CORE_STORED, "\"reason\":\"first\"");
    run(&f, "success");
    resolve(&f, "a", NULL);
    core_shows(&f, QUERY_REQUESTS, "", "\"effect\":null");
    core_fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_judged_by_how_its_alerts_left),
        cmocka_unit_test(unheard_alerts_prove_nothing),
        cmocka_unit_test(unheard_while_it_ran_proves_nothing),
        cmocka_unit_test(the_next_run_of_the_key_ends_the_watch),
        cmocka_unit_test(a_route_may_not_want_to_know),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
