/* The table of keys against a naive model. */
#include "relay/engine/key_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <sodium.h>

#define KEYS 10000

static uint32_t seed = 1;
static uint32_t draw(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % below;
}

static struct key *make(unsigned n, int64_t deadline)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "route/%u", n);
    struct key *k = key_new(text, "route");
    assert_non_null(k);
    k->deadline_ = deadline;
    return k;
}

static struct key_table *table(void)
{
    assert_true(sodium_init() >= 0);
    struct key_table *t = key_table_new(rng_system());
    assert_non_null(t);
    return t;
}

static void an_empty_table_has_nothing(void **state)
{
    (void)state;
    struct key_table *t = table();
    assert_int_equal(key_table_count(t), 0);
    assert_null(key_table_find(t, "route/1"));
    assert_null(key_table_first(t));
    key_table_free(t);
    key_table_free(NULL);
}

static void deadlines_come_in_order(void **state)
{
    (void)state;
    struct key_table *t = table();
    for (unsigned i = 0; i < KEYS; i++)
        assert_true(key_table_add(t, make(i, draw(1000))));
    for (unsigned i = 0; i < KEYS; i++)
        key_table_set_deadline(t, key_table_at(t, draw(KEYS)),
                               i % 3 == 0 ? KEY_NO_DEADLINE : draw(1000));
    int64_t last = -1;
    for (unsigned i = 0; i < KEYS; i++) {
        struct key *k = key_table_first(t);
        assert_true(k->deadline_ >= last);
        last = k->deadline_;
        key_table_remove(t, k);
        assert_null(key_table_find(t, k->text));
        key_free(k);
    }
    assert_null(key_table_first(t));
    key_table_free(t);
}

/* At the same deadline the oldest deferral comes first, then keys without one (0), then the smaller
 * text decides. */
static void ties_are_broken_by_the_deferral_then_by_the_text(void **state)
{
    (void)state;
    static const struct {
        unsigned text;
        int64_t deadline, deferred_at;
    } wanted[] = {{9, 4, 9}, {8, 5, 1}, {4, 5, 2}, {7, 5, 2}, {3, 5, 0}, {5, 5, 0}, {1, 6, 0}};
    enum { N = sizeof(wanted) / sizeof(wanted[0]) };
    for (unsigned turn = 0; turn < N; turn++) { /* however they come in */
        struct key_table *t = table();
        for (unsigned i = 0; i < N; i++) {
            unsigned which = (i * 3 + turn) % N;
            struct key *k = make(wanted[which].text, KEY_NO_DEADLINE);
            assert_true(key_table_add(t, k));
            k->deferred_at = wanted[which].deferred_at;
            key_table_set_deadline(t, k, wanted[which].deadline);
        }
        for (unsigned i = 0; i < N; i++) {
            struct key *k = key_table_first(t);
            char text[32];
            (void)snprintf(text, sizeof(text), "route/%u", wanted[i].text);
            assert_string_equal(k->text, text);
            key_table_remove(t, k);
            key_free(k);
        }
        key_table_free(t);
    }
}

/* Everything that is in the model is in the table, and nothing else. */
static void compare(const struct key_table *t, struct key *const *model, size_t n)
{
    char text[32];
    int64_t first = INT64_MAX;
    for (unsigned i = 0; i < KEYS; i++) {
        (void)snprintf(text, sizeof(text), "route/%u", i);
        assert_ptr_equal(key_table_find(t, text), model[i]);
        if (model[i] != NULL && model[i]->deadline_ < first)
            first = model[i]->deadline_;
    }
    assert_int_equal(key_table_count(t), n);
    if (n > 0)
        assert_int_equal(key_table_first(t)->deadline_, first);
    for (size_t i = 0; i < n; i++)
        assert_ptr_equal(key_table_find(t, key_table_at(t, i)->text), key_table_at(t, i));
}

static void random_changes_agree_with_a_naive_model(void **state)
{
    (void)state;
    static struct key *model[KEYS];
    struct key_table *t = table();
    size_t n = 0;
    for (unsigned round = 0; round < 60000; round++) {
        unsigned i = draw(KEYS);
        /* grows at first, shrinks at the end */
        bool remove = draw(100) < (round < 40000 ? 35U : 80U);
        if (model[i] == NULL && !remove) {
            model[i] = make(i, draw(5000));
            assert_true(key_table_add(t, model[i]));
            n++;
        } else if (model[i] != NULL && remove) {
            key_table_remove(t, model[i]);
            key_free(model[i]);
            model[i] = NULL;
            n--;
        } else if (model[i] != NULL) {
            key_table_set_deadline(t, model[i], draw(5000));
        }
        if (round % 3000 == 0)
            compare(t, model, n);
    }
    compare(t, model, n);
    key_table_free(t);
}

static void count_bytes(void *self, void *out, size_t len)
{
    *(size_t *)self += len;
    memset(out, 7, len);
}

static void the_hash_has_a_key_that_nobody_knows(void **state)
{
    (void)state;
    size_t drawn = 0;
    const struct rng rng = {.self = &drawn, .bytes = count_bytes};
    struct key_table *t = key_table_new(&rng);
    assert_non_null(t);
    assert_int_equal(drawn, 16); /* SipHash's */
    key_table_free(t);
}

/* The last one takes the place of one in another branch, whose parent is later than it. */
static void what_takes_a_removed_place_may_have_to_rise(void **state)
{
    (void)state;
    static const int64_t deadlines[] = {1, 10, 2, 11, 12, 20, 4};
    static const int64_t left[] = {1, 2, 4, 10, 12, 20};
    struct key_table *t = table();
    struct key *eleven = NULL;
    for (unsigned i = 0; i < 7; i++) {
        struct key *k = make(i, KEY_NO_DEADLINE);
        assert_true(key_table_add(t, k));
        key_table_set_deadline(t, k, deadlines[i]);
        eleven = deadlines[i] == 11 ? k : eleven;
    }
    assert_non_null(eleven);
    key_table_remove(t, eleven);
    key_free(eleven);
    for (size_t i = 0; i < 6; i++) {
        struct key *k = key_table_first(t);
        assert_int_equal(k->deadline_, left[i]);
        key_table_remove(t, k);
        key_free(k);
    }
    key_table_free(t);
}

/* Its time is the test: were many places the same, this would take minutes. */
static void a_hundred_thousand_keys_have_places_of_their_own(void **state)
{
    (void)state;
    struct key_table *t = table();
    for (unsigned i = 0; i < 10 * KEYS; i++)
        assert_true(key_table_add(t, make(i, KEY_NO_DEADLINE)));
    char text[32];
    for (unsigned i = 0; i < 10 * KEYS; i++) {
        (void)snprintf(text, sizeof(text), "route/%u", i);
        assert_string_equal(key_table_find(t, text)->text, text);
    }
    key_table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_table_has_nothing),
        cmocka_unit_test(deadlines_come_in_order),
        cmocka_unit_test(random_changes_agree_with_a_naive_model),
        cmocka_unit_test(ties_are_broken_by_the_deferral_then_by_the_text),
        cmocka_unit_test(a_hundred_thousand_keys_have_places_of_their_own),
        cmocka_unit_test(the_hash_has_a_key_that_nobody_knows),
        cmocka_unit_test(what_takes_a_removed_place_may_have_to_rise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
