/* The open requests against a plain list: any order of adding and removing. */
#include "relay/core/open_requests.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST 300

static struct request *list[MOST]; /* what must be in it, oldest first */
static size_t n_list;
static unsigned made;

static uint32_t draw(uint32_t *state, uint32_t below)
{
    *state = *state * 1664525U + 1013904223U;
    return (*state >> 8) % below;
}

static void add(struct open_requests *o)
{
    struct request *r = calloc(1, sizeof(*r));
    assert_non_null(r);
    (void)snprintf(r->relay_id, sizeof(r->relay_id), "01J%023u", made++ * 7919U);
    assert_true(open_requests_add(o, r));
    list[n_list++] = r;
}

static void take_out(struct open_requests *o, size_t i)
{
    struct request *r = list[i];
    open_requests_remove(o, r);
    memmove(&list[i], &list[i + 1], (n_list - i - 1) * sizeof(list[0]));
    n_list--;
    assert_null(open_requests_find(o, r->relay_id));
    free(r);
}

static void assert_the_same(const struct open_requests *o)
{
    assert_int_equal(o->n, n_list);
    for (size_t i = 0; i < n_list; i++) {
        assert_ptr_equal(o->items[i], list[i]);
        assert_ptr_equal(open_requests_find(o, list[i]->relay_id), list[i]);
    }
}

static void any_order_agrees_with_a_list(void **state)
{
    (void)state;
    struct open_requests o = {0};
    uint32_t seed = 20261128;
    assert_null(open_requests_find(&o, "01J00000000000000000000000"));
    for (unsigned round = 0; round < 4000; round++) {
        bool grows = draw(&seed, 100) < (round / 500 % 2 == 0 ? 70U : 30U);
        if (n_list == 0 || (grows && n_list < MOST))
            add(&o);
        else
            take_out(&o, draw(&seed, (uint32_t)n_list));
        assert_the_same(&o);
    }
    assert_null(open_requests_find(&o, ""));
    open_requests_clear(&o);
    assert_int_equal(o.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_agrees_with_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
