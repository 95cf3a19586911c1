/* The exchanges under way. A few at a time (one POST and a few reads for each credential), so a
 * plain array is searched. */
#include "relay/core/core_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct flight *find(const struct core *c, const char *relay_id)
{
    for (size_t i = 0; i < c->n_flights; i++) {
        if (strcmp(c->flights[i].relay_id, relay_id) == 0)
            return &c->flights[i];
    }
    return NULL;
}

bool core_in_flight(const struct core *c, const char *relay_id)
{
    return find(c, relay_id) != NULL;
}

bool core_add_flight(struct core *c, const char *relay_id, enum exchange_kind kind,
                     const char *credential)
{
    if (core_in_flight(c, relay_id))
        return true; /* it is this one */
    if (c->n_flights == c->cap_flights) {
        size_t cap = c->cap_flights == 0 ? 8 : c->cap_flights * 2;
        struct flight *grown = realloc(c->flights, cap * sizeof(*grown));
        if (grown == NULL)
            return false;
        c->flights = grown;
        c->cap_flights = cap;
    }
    struct flight *f = &c->flights[c->n_flights];
    *f = (struct flight){.kind = kind, .credential = strdup(credential)};
    if (f->credential == NULL)
        return false;
    (void)snprintf(f->relay_id, sizeof(f->relay_id), "%s", relay_id);
    c->n_flights++;
    return true;
}

void core_remove_flight(struct core *c, const char *relay_id)
{
    struct flight *f = find(c, relay_id);
    if (f == NULL)
        return;
    free(f->credential);
    *f = c->flights[--c->n_flights];
}

size_t core_count_flights(const struct core *c, enum exchange_kind kind, const char *credential)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_flights; i++)
        n += c->flights[i].kind == kind &&
             (credential == NULL || strcmp(c->flights[i].credential, credential) == 0);
    return n;
}

void core_free_flights(struct core *c)
{
    for (size_t i = 0; i < c->n_flights; i++)
        free(c->flights[i].credential);
    free(c->flights);
}
