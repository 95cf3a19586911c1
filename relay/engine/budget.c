#include "relay/engine/budget.h"

#include <stdlib.h>
#include <string.h>

static void drop_expired(struct budget *b, int64_t now)
{
    size_t gone = 0;
    while (gone < b->n && b->slots[gone].at <= now - BUDGET_WINDOW_MAX_MS)
        gone++;
    if (gone == 0)
        return;
    memmove(b->slots, b->slots + gone, (b->n - gone) * sizeof(b->slots[0]));
    b->n -= gone;
}

bool budget_take(struct budget *b, int64_t at, const char *relay_id)
{
    drop_expired(b, at);
    if (b->n == b->cap) {
        size_t cap = b->cap == 0 ? 8 : b->cap * 2;
        struct slot *grown = realloc(b->slots, cap * sizeof(*grown));
        if (grown == NULL)
            return false;
        b->slots = grown;
        b->cap = cap;
    }
    size_t i = b->n; /* slots restored from a store may come in any order */
    while (i > 0 && b->slots[i - 1].at > at)
        i--;
    memmove(&b->slots[i + 1], &b->slots[i], (b->n - i) * sizeof(b->slots[0]));
    b->slots[i].at = at;
    memcpy(b->slots[i].relay_id, relay_id, ULID_SIZE);
    b->n++;
    return true;
}

void budget_give_back(struct budget *b, const char *relay_id)
{
    for (size_t i = 0; i < b->n; i++) {
        if (strcmp(b->slots[i].relay_id, relay_id) == 0) {
            memmove(&b->slots[i], &b->slots[i + 1], (b->n - i - 1) * sizeof(b->slots[0]));
            b->n--;
            return;
        }
    }
}

int64_t budget_full_until(const struct budget *b, const struct budget_policy *policy)
{
    if (policy->max == 0 || b->n < (size_t)policy->max)
        return 0;
    /* The newest `max` slots block until the oldest of them leaves the window. */
    return b->slots[b->n - (size_t)policy->max].at + policy->per_ms;
}

int64_t budget_spent_until(const struct budget *b, const struct budget_policy *policy, int64_t now)
{
    int64_t until = budget_full_until(b, policy);
    return until > now ? until : 0;
}

void budget_clear(struct budget *b)
{
    free(b->name);
    free(b->slots);
    *b = (struct budget){0};
}
