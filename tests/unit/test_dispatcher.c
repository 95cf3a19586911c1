/* The dispatcher on a real socket: what it sends with which token, and that each exchange is
 * answered once or, after a stop, not at all. */
#include "tests/unit/dispatcher_fixture.h"

#include <sodium.h>

/* In the place of the core's own. */
void core_answer(struct core *c, enum exchange_kind kind, const char *relay_id,
                 struct exchange_answer *answer)
{
    pthread_mutex_lock(&c->lock);
    if (c->n < ANSWERS) {
        struct kept *kept = &c->answers[c->n];
        kept->kind = kind;
        (void)snprintf(kept->relay_id, sizeof(kept->relay_id), "%s", relay_id);
        kept->answer = *answer;
    }
    c->n++;
    *answer = (struct exchange_answer){0};
    pthread_cond_signal(&c->came);
    pthread_mutex_unlock(&c->lock);
}

/* --- what is sent, what comes back --------------------------------------------------------------
 */

static void an_exchange_goes_out_with_its_token_and_is_answered_once(void **state)
{
    (void)state;
    struct fixture f;
    up(&f, SAY,
       "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-RateLimit-Remaining: 4999\r\n"
       "Set-Cookie: a=b\r\nRetry-After: 7\r\n\r\n{\"a\"}");
    start(&f, EXCHANGE_DISPATCH, RELAY_ID);
    const struct exchange_answer *a = answer(&f, 1);
    assert_int_equal(f.core.answers[0].kind, EXCHANGE_DISPATCH);
    assert_string_equal(f.core.answers[0].relay_id, RELAY_ID);
    assert_int_equal(a->transport, EXCHANGE_ANSWERED);
    assert_int_equal(a->status, 200);
    assert_string_equal(a->body, "{\"a\"}");
    assert_int_equal(a->body_len, 5);
    assert_int_equal(a->n_headers, 2);
    assert_string_equal(exchange_answer_header(a, "x-ratelimit-remaining"), "4999");
    assert_string_equal(exchange_answer_header(a, "retry-after"), "7");
    assert_requested(&f, "POST /repos/acme/ml/actions/workflows/r.yml/dispatches HTTP/1.1\r\n");
    assert_requested(&f, "\r\nAuthorization: Bearer ghp_token\r\n");
    assert_requested(&f, "\"model\":\"m1\"");
    assert_false(came(&f, 2, SILENT_MS));
    down(&f, 1);
    assert_int_equal(raw_server_stop(&f.server), 1);
}

static void many_exchanges_are_each_answered_once(void **state)
{
    (void)state;
    struct fixture f;
    unsigned times[6] = {0};
    up(&f, SAY, OK_HEADER "Content-Length: 0\r\n\r\n");
    for (unsigned i = 0; i < 6; i++) {
        char id[ULID_SIZE];
        (void)snprintf(id, sizeof(id), "01JD000000000000000000000%u", i);
        start(&f, i % 2 == 0 ? EXCHANGE_DISPATCH : EXCHANGE_RUN, id);
    }
    assert_true(came(&f, 6, WAIT_MS));
    assert_false(came(&f, 7, SILENT_MS));
    for (size_t i = 0; i < 6; i++) {
        unsigned number = (unsigned)(f.core.answers[i].relay_id[25] - '0');
        assert_true(number < 6);
        times[number]++;
        assert_int_equal(f.core.answers[i].answer.status, 200);
        assert_int_equal(f.core.answers[i].kind,
                         number % 2 == 0 ? EXCHANGE_DISPATCH : EXCHANGE_RUN);
    }
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(times[i], 1);
    down(&f, 6);
    assert_int_equal(raw_server_stop(&f.server), 6);
}

static void what_became_of_a_post_is_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *name, *say;
        enum raw_behaviour behaviour;
        enum exchange_transport want;
        int status;
    } rows[] = {
        {"an error is an answer", "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", SAY,
         EXCHANGE_ANSWERED, 502},
        {"a redirect is not followed",
         "HTTP/1.1 307 Temporary Redirect\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", SAY,
         EXCHANGE_ANSWERED, 307},
        {"cut after the request", "", RESET_READ, EXCHANGE_UNKNOWN, 0},
        {"cut in the middle of the answer", OK_HEADER "Content-Length: 9\r\n\r\nhalf", SAY,
         EXCHANGE_UNKNOWN, 200},
        {"too long", "", FLOOD, EXCHANGE_UNKNOWN, 200},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        print_message("%s\n", rows[i].name);
        up(&f, rows[i].behaviour, rows[i].say);
        start(&f, EXCHANGE_DISPATCH, RELAY_ID);
        const struct exchange_answer *a = answer(&f, 1);
        assert_int_equal(a->transport, rows[i].want);
        assert_int_equal(a->status, rows[i].status);
        assert_int_equal(a->error[0] == '\0', rows[i].want == EXCHANGE_ANSWERED);
        down(&f, 1);
        assert_int_equal(raw_server_stop(&f.server), 1); /* and nothing was sent again */
    }
}

static void nobody_who_listens_means_not_sent(void **state)
{
    (void)state;
    struct fixture f;
    up(&f, SAY, NULL);
    assert_int_equal(close(f.server.listen_fd), 0);
    start(&f, EXCHANGE_DISPATCH, RELAY_ID);
    const struct exchange_answer *a = answer(&f, 1);
    assert_int_equal(a->transport, EXCHANGE_NOT_SENT);
    assert_true(a->error[0] != '\0');
    assert_string_equal(a->body, "");
    down(&f, 1);
}

/* --- tokens -------------------------------------------------------------------------------------
 */

static void a_token_that_was_rotated_works_at_once(void **state)
{
    (void)state;
    struct fixture f;
    up(&f, SAY, OK_HEADER "Content-Length: 0\r\n\r\n");
    start(&f, EXCHANGE_DISPATCH, RELAY_ID);
    (void)answer(&f, 1);
    assert_requested(&f, "\r\nAuthorization: Bearer ghp_token\r\n");
    write_file("token", "ghp_rotated\n", 0600);
    start(&f, EXCHANGE_RUN, RELAY_ID);
    (void)answer(&f, 2);
    assert_requested(&f, "\r\nAuthorization: Bearer ghp_rotated\r\n");
    down(&f, 2);
    (void)raw_server_stop(&f.server);
}

static void without_a_good_token_nothing_is_sent_and_the_words_hold_no_token(void **state)
{
    (void)state;
    static const struct {
        const char *name, *token; /* NULL: no file */
        const char *words;
    } rows[] = {
        {"missing", NULL, "token"},
        {"empty", "", "token"},
        {"with a blank inside", "ghp hunter2", "blank"},
        {"two lines", "ghp\nhunter2\n", "control character"},
    };
    struct fixture f;
    up(&f, SAY, OK_HEADER "Content-Length: 0\r\n\r\n");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char path[256];
        print_message("%s\n", rows[i].name);
        if (rows[i].token == NULL)
            assert_int_equal(unlink(in_folder(path, "token")), 0);
        else
            write_file("token", rows[i].token, 0600);
        start(&f, EXCHANGE_DISPATCH, RELAY_ID);
        const struct exchange_answer *a = answer(&f, i + 1);
        assert_int_equal(a->transport, EXCHANGE_NOT_SENT);
        assert_non_null(strstr(a->error, rows[i].words));
        assert_null(strstr(a->error, "hunter2"));
    }
    write_file("token", "ghp_token\n", 0600);
    start(&f, EXCHANGE_DISPATCH, RELAY_ID);
    assert_int_equal(answer(&f, 5)->status, 200);
    down(&f, 5);
    assert_int_equal(raw_server_stop(&f.server), 1);
}

/* --- reload and stop ----------------------------------------------------------------------------
 */

static void a_reload_leaves_what_is_under_way_and_serves_what_comes_next(void **state)
{
    (void)state;
    struct fixture f;
    char text[4096];
    up(&f, SAY, NULL);
    start(&f, EXCHANGE_DISPATCH, RELAY_ID);
    int fd = take_request(&f, text, sizeof(text));
    assert_non_null(strstr(text, "Bearer ghp_token\r\n"));
    write_file("second", "ghp_second\n", 0600);
    struct conf *next = conf_for(f.server.port, "retrain", "second");
    dispatcher_reload(f.dispatcher, next);
    conf_unref(f.conf); /* the last reference to the old one, or nearly */
    f.conf = next;
    raw_send_text(fd, OK_HEADER "Content-Length: 0\r\n\r\n");
    assert_int_equal(answer(&f, 1)->status, 200);
    close(fd);
    start(&f, EXCHANGE_DISPATCH, RELAY_ID);
    fd = take_request(&f, text, sizeof(text));
    assert_non_null(strstr(text, "Bearer ghp_second\r\n"));
    raw_send_text(fd, OK_HEADER "Content-Length: 0\r\n\r\n");
    assert_int_equal(answer(&f, 2)->status, 200);
    close(fd);
    down(&f, 2);
    assert_int_equal(close(f.server.listen_fd), 0);
}

static void an_exchange_whose_credential_left_the_config_is_not_sent(void **state)
{
    (void)state;
    struct fixture f;
    up(&f, SAY, OK_HEADER "Content-Length: 0\r\n\r\n");
    write_file("second", "ghp_second\n", 0600);
    struct conf *next = conf_for(f.server.port, "retrain", "second");
    dispatcher_reload(f.dispatcher, next);
    conf_unref(next);
    start(&f, EXCHANGE_DISPATCH, RELAY_ID); /* still of the old one */
    const struct exchange_answer *a = answer(&f, 1);
    assert_int_equal(a->transport, EXCHANGE_NOT_SENT);
    assert_non_null(strstr(a->error, "token is no longer in the config"));
    down(&f, 1);
    assert_int_equal(raw_server_stop(&f.server), 0);
}

static void a_stop_cuts_what_is_under_way_without_an_answer(void **state)
{
    (void)state;
    struct fixture f;
    char text[4096];
    up(&f, SAY, NULL);
    start(&f, EXCHANGE_DISPATCH, RELAY_ID);
    int fd = take_request(&f, text, sizeof(text)); /* it left, and has no answer */
    start(&f, EXCHANGE_RUN, RELAY_ID);
    down(&f, 0);
    while (recv(fd, text, sizeof(text), 0) > 0)
        continue;
    close(fd);
    assert_int_equal(close(f.server.listen_fd), 0);
}

static void what_comes_before_the_core_is_there_waits_for_it(void **state)
{
    (void)state;
    struct error err = {0};
    for (unsigned attached = 0; attached < 2; attached++) {
        struct fixture f;
        up(&f, SAY, OK_HEADER "Content-Length: 0\r\n\r\n");
        dispatcher_stop(f.dispatcher);
        assert_int_equal(dispatcher_start(&f.dispatcher, f.conf, &err), 0);
        f.forge = dispatcher_forge(f.dispatcher);
        start(&f, EXCHANGE_DISPATCH, RELAY_ID);
        assert_false(came(&f, 1, SILENT_MS));
        if (attached == 1) {
            dispatcher_attach(f.dispatcher, &f.core);
            (void)answer(&f, 1);
        }
        down(&f, attached); /* one that is stopped first ends, too */
        assert_int_equal(raw_server_stop(&f.server), attached);
    }
}

static int setup(void **state)
{
    return sodium_init() < 0 || make_folder(state) != 0 ? -1 : raw_setup(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exchange_goes_out_with_its_token_and_is_answered_once),
        cmocka_unit_test(many_exchanges_are_each_answered_once),
        cmocka_unit_test(what_became_of_a_post_is_told_apart),
        cmocka_unit_test(nobody_who_listens_means_not_sent),
        cmocka_unit_test(a_token_that_was_rotated_works_at_once),
        cmocka_unit_test(without_a_good_token_nothing_is_sent_and_the_words_hold_no_token),
        cmocka_unit_test(a_reload_leaves_what_is_under_way_and_serves_what_comes_next),
        cmocka_unit_test(an_exchange_whose_credential_left_the_config_is_not_sent),
        cmocka_unit_test(a_stop_cuts_what_is_under_way_without_an_answer),
        cmocka_unit_test(what_comes_before_the_core_is_there_waits_for_it),
    };
    return cmocka_run_group_tests(tests, setup, remove_folder);
}
