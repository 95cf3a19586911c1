#include "relay/store/sqlite_private.h"

#include "relay/base/scope.h"

#include <string.h>

static const char *const scopes[] = {[ENGINE_ROUTE] = "route", [ENGINE_TARGET] = "target"};

int sqlite_put_pause(void *self, const struct store_pause *p, struct error *err)
{
    SCOPED(query_end) struct query q = query_start(self, STATEMENT_PUT_PAUSE, "writing a pause");
    query_bind_text(&q, scopes[p->scope]);
    query_bind_text(&q, p->name);
    query_bind_int(&q, p->since_wall);
    query_bind_int(&q, p->until);
    query_bind_text(&q, p->who);
    query_bind_text(&q, p->why);
    return query_change(&q, err);
}

int sqlite_delete_pause(void *self, enum engine_scope scope, const char *name, struct error *err)
{
    SCOPED(query_end) struct query q = query_start(self, STATEMENT_DELETE_PAUSE, "ending a pause");
    query_bind_text(&q, scopes[scope]);
    query_bind_text(&q, name);
    return query_change(&q, err);
}

int sqlite_load_pauses(void *self, int (*each)(void *context, const struct store_pause *p),
                       void *context, struct error *err)
{
    struct sqlite *s = self;
    SCOPED(query_end) struct query q = query_start(s, STATEMENT_LOAD_PAUSES, "reading the pauses");
    int rc = 0;
    while ((rc = query_next(&q, err)) == 0) {
        char scope[16] = "";
        query_text(&q, scope, sizeof(scope));
        SCOPED(free_p) char *name = query_text_copy(&q);
        struct store_pause p = {.name = name};
        p.since_wall = query_int(&q);
        p.until = query_int(&q);
        SCOPED(free_p) char *who = query_text_copy(&q);
        SCOPED(free_p) char *why = query_text_copy(&q);
        rc = query_columns(&q, err);
        if (rc < 0)
            return rc;
        bool of_target = strcmp(scope, scopes[ENGINE_TARGET]) == 0;
        if (name == NULL || who == NULL || why == NULL ||
            (!of_target && strcmp(scope, scopes[ENGINE_ROUTE]) != 0))
            return sqlite_fail_row(s, q.doing, err);
        p.scope = of_target ? ENGINE_TARGET : ENGINE_ROUTE;
        p.who = who;
        p.why = why;
        rc = each(context, &p);
        if (rc < 0)
            return error_set(err, rc, "store %s: a pause was read and could not be taken in: %s",
                             s->path, strerror(-rc));
    }
    return rc < 0 ? rc : 0;
}
