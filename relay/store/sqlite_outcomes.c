#include "relay/store/sqlite_private.h"

#include "relay/base/scope.h"
#include "relay/store/sqlite_columns.h"

/* clang-format off */
static const struct column columns[] = {
#define X(kind, name) COLUMN_OF(struct store_outcome_row, kind, name)
    OUTCOME_COLUMNS(X)
#undef X
};
/* clang-format on */

static void outcome_clear(struct store_outcome_row *o)
{
    free(o->key);
    free(o->route);
    free(o->verdict);
    free(o->reason);
}

int sqlite_add_outcome(void *self, const struct store_outcome_row *o, struct error *err)
{
    SCOPED(query_end)
    struct query q = query_start(self, STATEMENT_ADD_OUTCOME, "writing an outcome");
    query_bind_row(&q, columns, COLUMNS(columns), o);
    return query_change(&q, err);
}

int sqlite_list_outcomes(void *self, const char *key,
                         void (*each)(void *context, const struct store_outcome_row *o),
                         void *context, struct error *err)
{
    SCOPED(query_end)
    struct query q =
        query_start(self, key == NULL ? STATEMENT_LIST_ALL_OUTCOMES : STATEMENT_LIST_OUTCOMES,
                    "listing outcomes");
    if (key != NULL)
        query_bind_text(&q, key);
    query_bind_int(&q, STORE_LIST_MAX);
    int rc = 0;
    while ((rc = query_next(&q, err)) == 0) {
        SCOPED(outcome_clear) struct store_outcome_row o = {.at_wall = 0};
        (void)query_int(&q);
        rc = query_read_row(&q, columns, COLUMNS(columns), &o, err);
        if (rc < 0)
            return rc;
        each(context, &o);
    }
    return rc < 0 ? rc : 0;
}
