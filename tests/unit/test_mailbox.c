/* The mailbox: order, bounds, waiting, and senders from many threads. */
#include "relay/core/mailbox.h"

#include "relay/base/clock.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define SENDERS  4
#define MAILS    2000
#define FOR_EVER (-1)

struct letter {
    struct mail mail; /* first */
    int sender, number;
};

static struct mailbox *make(size_t max_bounded, size_t max_bytes)
{
    struct mailbox *m = NULL;
    struct error err = {0};
    assert_int_equal(mailbox_new(&m, max_bounded, max_bytes, &err), 0);
    return m;
}

static void mail_comes_out_in_the_order_it_went_in(void **state)
{
    (void)state;
    struct mailbox *m = make(10, 1000);
    struct mail mails[5] = {0};
    for (size_t i = 0; i < 5; i++) {
        mails[i].bytes = i % 2;
        assert_true(mailbox_put(m, &mails[i]));
    }
    struct mail *first = mailbox_take(m, 2);
    assert_ptr_equal(first, &mails[0]);
    assert_ptr_equal(first->next, &mails[1]);
    assert_null(mails[1].next);
    struct mail again = {.bytes = 1};
    assert_true(mailbox_put(m, &again));
    struct mail *rest = mailbox_take(m, SIZE_MAX);
    assert_ptr_equal(rest, &mails[2]);
    assert_ptr_equal(mails[4].next, &again);
    assert_null(again.next);
    assert_true(mailbox_put(m, &mails[0]));
    assert_ptr_equal(mailbox_take(m, 1), &mails[0]);
    assert_null(mailbox_take(m, 1));
    mailbox_free(m);
}

static void taking_none_leaves_all(void **state)
{
    (void)state;
    struct mailbox *m = make(10, 1000);
    struct mail one = {.bytes = 1};
    assert_true(mailbox_put(m, &one));
    assert_null(mailbox_take(m, 0));
    assert_ptr_equal(mailbox_take(m, 1), &one);
    mailbox_free(m);
}

static void strangers_are_bounded_in_number_and_bytes_and_we_are_not(void **state)
{
    (void)state;
    struct mailbox *m = make(2, 100);
    struct mail a = {.bytes = 60}, b = {.bytes = 41}, c = {.bytes = 40}, d = {.bytes = 1};
    struct mail huge = {.bytes = SIZE_MAX}, own = {0}, own_too = {0};
    assert_true(mailbox_put(m, &a));
    assert_false(mailbox_put(m, &b));    /* a byte too many */
    assert_false(mailbox_put(m, &huge)); /* does not wrap */
    assert_true(mailbox_put(m, &c));     /* to the last byte */
    assert_false(mailbox_put(m, &d));    /* one too many */
    assert_true(mailbox_put(m, &own));
    assert_true(mailbox_put(m, &own_too));
    assert_ptr_equal(mailbox_take(m, 1), &a); /* makes room for one of 60 */
    assert_true(mailbox_put(m, &d));
    assert_false(mailbox_put(m, &b));
    assert_ptr_equal(mailbox_take(m, SIZE_MAX), &c);
    assert_true(mailbox_put(m, &b));
    assert_ptr_equal(mailbox_take(m, SIZE_MAX), &b);
    mailbox_free(m);
}

static void a_closed_mailbox_takes_only_our_own(void **state)
{
    (void)state;
    struct mailbox *m = make(2, 100);
    struct mail before = {.bytes = 1}, stranger = {.bytes = 1}, own = {0};
    assert_true(mailbox_put(m, &before));
    mailbox_close(m);
    assert_false(mailbox_put(m, &stranger));
    assert_true(mailbox_put(m, &own));
    assert_ptr_equal(mailbox_take(m, SIZE_MAX), &before);
    assert_ptr_equal(before.next, &own);
    mailbox_free(m);
}

static void waiting_lasts_until_mail_comes_or_as_long_as_told(void **state)
{
    (void)state;
    struct mailbox *m = make(2, 100);
    int64_t before = clock_mono(clock_system()).ms;
    assert_false(mailbox_wait(m, 30));
    assert_true(clock_mono(clock_system()).ms - before >= 29);
    struct mail one = {0};
    assert_true(mailbox_put(m, &one));
    assert_true(mailbox_wait(m, FOR_EVER));
    assert_ptr_equal(mailbox_take(m, 1), &one);
    assert_false(mailbox_wait(m, 0));
    mailbox_free(m);
}

struct sender {
    struct mailbox *mailbox;
    struct letter *letters;
    int number, refused;
};

static void *send_all(void *argument)
{
    struct sender *s = argument;
    for (int i = 0; i < MAILS; i++) {
        s->letters[i].sender = s->number;
        s->letters[i].number = i;
        s->letters[i].mail.bytes = s->number == 0 ? 0 : 1; /* the first sender is us */
        while (!mailbox_put(s->mailbox, &s->letters[i].mail)) {
            s->refused++;
            sched_yield();
        }
    }
    return NULL;
}

static void every_sender_is_heard_in_its_own_order(void **state)
{
    (void)state;
    struct mailbox *m = make(16, 1000);
    pthread_t threads[SENDERS];
    struct sender senders[SENDERS] = {0};
    int next[SENDERS] = {0};
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){
            .mailbox = m, .letters = calloc(MAILS, sizeof(struct letter)), .number = i};
        assert_non_null(senders[i].letters);
        assert_int_equal(pthread_create(&threads[i], NULL, send_all, &senders[i]), 0);
    }
    for (int got = 0; got < SENDERS * MAILS;) {
        struct mail *mail = mailbox_wait(m, 10000) ? mailbox_take(m, 7) : NULL;
        assert_non_null(mail);
        int strangers = 0;
        for (; mail != NULL; mail = mail->next, got++) {
            const struct letter *letter = (const struct letter *)(const void *)mail;
            assert_int_equal(letter->number, next[letter->sender]++);
            strangers++;
        }
        assert_true(strangers <= 7);
    }
    for (int i = 0; i < SENDERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(next[i], MAILS);
        free(senders[i].letters);
    }
    assert_int_equal(senders[0].refused, 0);
    assert_null(mailbox_take(m, 1));
    mailbox_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mail_comes_out_in_the_order_it_went_in),
        cmocka_unit_test(taking_none_leaves_all),
        cmocka_unit_test(strangers_are_bounded_in_number_and_bytes_and_we_are_not),
        cmocka_unit_test(a_closed_mailbox_takes_only_our_own),
        cmocka_unit_test(waiting_lasts_until_mail_comes_or_as_long_as_told),
        cmocka_unit_test(every_sender_is_heard_in_its_own_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
