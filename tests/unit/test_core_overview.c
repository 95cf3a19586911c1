/* One look at it all: which keys come first, page by page, and what is told while the store fails.
 */
#include "tests/unit/core_fixture.h"

#include <errno.h>

#define MODELS 230

static char *look_at(struct core_fixture *f, const char *state, const char *cursor, size_t limit)
{
    struct core_reply_kept kept = {0};
    assert_true(core_ask(f->core, QUERY_OVERVIEW, state, cursor, limit, keep_reply, &kept));
    (void)core_step(f->core);
    assert_true(kept.there);
    assert_int_equal(kept.verdict, CORE_FOUND);
    return kept.body;
}

static void shows(struct core_fixture *f, const char *words, bool there)
{
    SCOPED(free_p) char *text = look_at(f, "", "", 50);
    if ((strstr(text, words) != NULL) != there)
        fail_msg("%s is %sin %s", words, there ? "not " : "", text);
}

static void begin(struct core_fixture *f, const char *model, const char *status)
{
    f->model = model;
    core_post(f, status, model, CORE_STORED, "");
}

/* The value of a text field at its first place in a text; "" when it is null. */
static void field(char *out, size_t size, const char *text, const char *name)
{
    char wanted[64];
    (void)snprintf(wanted, sizeof(wanted), "\"%s\":\"", name);
    const char *at = strstr(text, wanted);
    out[0] = '\0';
    if (at == NULL)
        return;
    at += strlen(wanted);
    (void)snprintf(out, size, "%.*s", (int)strcspn(at, "\""), at);
}

static size_t count(const char *text, const char *words)
{
    size_t n = 0;
    for (; (text = strstr(text, words)) != NULL; text++)
        n++;
    return n;
}

/* Each page begins after the last key of the one before, and none is left out or told twice. By
 * ones, since the keys come in another order each time: whichever is last, somebody meets it. */
static void walk(struct core_fixture *f, size_t limit)
{
    char cursor[64] = "";
    size_t seen = 0;
    for (size_t page = 0; page < (MODELS + limit - 1) / limit; page++) {
        SCOPED(free_p) char *text = look_at(f, "", cursor, limit);
        char first[64];
        char wanted[64];
        field(first, sizeof(first), text, "key");
        (void)snprintf(wanted, sizeof(wanted), "kospi/m%03zu", seen);
        assert_string_equal(first, wanted);
        seen += count(text, "\"held_until\"");
        field(cursor, sizeof(cursor), text, "next");
        assert_non_null(
            strstr(text, "\"keys_firing\":230,\"key_states\":{\"open\":0,\"held\":230,"));
    }
    assert_int_equal(seen, MODELS);
    assert_string_equal(cursor, "");
}

static void keys_come_page_by_page_each_once(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, "hold = \"1h\"; budget = { max = 100; per = \"1h\"; };");
    for (int i = 0; i < MODELS; i++) {
        char model[16];
        (void)snprintf(model, sizeof(model), "m%03d", i * 7 % MODELS);
        begin(&f, model, "firing");
    }
    walk(&f, 50);
    walk(&f, 1);
    core_fixture_clear(&f);
}

static void what_acts_comes_before_what_waits_and_what_is_over(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, "hold = \"0s\";");
    begin(&f, "z-open", "firing");
    SCOPED(free_p) char *one = look_at(&f, "", "", 50);
    assert_non_null(strstr(one, "\"state\":\"open\""));
    core_accept(&f);
    core_pass(&f, 5000);
    core_answer_flight(&f, 200,
                       "{\"id\":43000000001,\"status\":\"completed\",\"conclusion\":\"success\"}",
                       EXCHANGE_ANSWERED);
    core_settle(&f);
    begin(&f, "y-open", "firing");
    SCOPED(free_p) char *two = look_at(&f, "", "", 50);
    const char *open = strstr(two, "\"key\":\"kospi/y-open\",\"state\":\"open\"");
    const char *disarmed = strstr(two, "\"key\":\"kospi/z-open\",\"state\":\"disarmed\"");
    assert_non_null(open);
    assert_non_null(disarmed);
    assert_true(open < disarmed);
    SCOPED(free_p) char *only = look_at(&f, "disarmed", "", 50);
    assert_null(strstr(only, "\"cooldown_from\":0"));
    assert_null(strstr(only, "\"disarmed_from\":0"));
    assert_non_null(strstr(only, "\"key\":\"kospi/z-open\",\"state\":\"disarmed\""));
    assert_null(strstr(only, "\"key\":\"kospi/y-open\",\"state\""));
    SCOPED(free_p) char *none = look_at(&f, "no such state", "", 50);
    assert_non_null(strstr(none, "\"key\":\"kospi/y-open\""));
    core_fixture_clear(&f);
}

static void a_refused_config_is_told_until_one_is_taken(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, "");
    shows(&f, "\"config\":{\"since\":0,\"fault\":null", true);
    core_trouble(f.core, CORE_CONFIG, "a.conf:1: \"x\"");
    core_trouble(f.core, CORE_CONFIG, "a.conf:2: y");
    core_settle(&f);
    shows(&f, "\"since\":1764000000000,\"fault\":\"a.conf:2: y\"", true);
    struct conf *conf = core_conf("retrain", "");
    core_reload(f.core, conf);
    conf_unref(conf);
    core_settle(&f);
    shows(&f, "\"config\":{\"since\":0,\"fault\":null", true);
    core_fixture_clear(&f);
}

static int full(void *self, const struct store_notification *n, struct error *err)
{
    (void)self;
    (void)n;
    return error_set(err, -ENOSPC, "the disk is full");
}

static int still_full(void *self, const struct store_time *now, struct error *err)
{
    (void)self;
    (void)now;
    return error_set(err, -ENOSPC, "the disk is full");
}

static void a_store_that_fails_says_why_and_nothing_that_may_be_wrong(void **state)
{
    (void)state;
    struct core_fixture f;
    core_fixture_init(&f, "");
    struct store_ops ops = *f.store.ops;
    ops.put_notification = full;
    ops.probe = still_full;
    core_crash(&f);
    f.ops = &ops;
    struct conf *conf = core_conf("retrain", "");
    core_up(&f, conf);
    conf_unref(conf);
    shows(&f, "\"store\":{\"ok\":true,\"since\":0,\"error\":null}", true);
    struct core_reply_kept kept;
    core_send(&f, "firing", "a", &kept);
    (void)core_step(f.core);
    assert_int_equal(kept.verdict, CORE_UNAVAILABLE);
    free(kept.body);
    shows(&f, "\"store\":{\"ok\":false,\"since\":1764000000000,\"error\":\"the disk is full\"}",
          true);
    shows(&f, "\"keys\"", false);
    core_fixture_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_come_page_by_page_each_once),
        cmocka_unit_test(what_acts_comes_before_what_waits_and_what_is_over),
        cmocka_unit_test(a_refused_config_is_told_until_one_is_taken),
        cmocka_unit_test(a_store_that_fails_says_why_and_nothing_that_may_be_wrong),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
