/* A backup of the store, a slice between two batches: whoever sends something waits for no more
 * than that. */
#include "relay/base/log.h"
#include "relay/core/core_views.h"

#include <errno.h>
#include <string.h>

static void fail(struct core *c, const struct error *err)
{
    log_error("core", "backup_failed", LOG_STR("error", err->text));
    c->backup.state = "failed";
    c->backup.ended_wall = clock_wall(c->ports.clock).ms;
    c->backup.error = *err;
}

int core_backup(struct core *c, const struct core_order *order, struct message *m,
                struct error *err)
{
    struct error why = {0};
    if (core_backup_is_on(c))
        return 0; /* m says that one is under way */
    int r = c->ports.store.ops->backup_start(c->ports.store.self, &why);
    if (r != 0) {
        c->backup = (struct core_backup){.began_wall = clock_wall(c->ports.clock).ms};
        fail(c, &why);
        m->verdict = CORE_UNAVAILABLE;
        buf_add_text(&m->reply, why.text);
        return 0;
    }
    c->backup =
        (struct core_backup){.state = "running", .began_wall = clock_wall(c->ports.clock).ms};
    log_info("core", "backup", LOG_STR("who", order->who), LOG_STR("why", order->why));
    m->verdict = CORE_CHANGED;
    view_backup(c, &m->reply);
    return core_note_change(c, order, "", err);
}

bool core_backup_is_on(const struct core *c)
{
    return c->backup.state != NULL && strcmp(c->backup.state, "running") == 0;
}

void core_backup_step(struct core *c)
{
    struct error err = {0};
    if (!core_backup_is_on(c) || c->in_transaction)
        return;
    int r = c->ports.store.ops->backup_step(c->ports.store.self, &c->backup.progress, &err);
    if (r != 0) {
        fail(c, &err);
    } else if (c->backup.progress.done) {
        c->backup.state = "done";
        c->backup.ended_wall = clock_wall(c->ports.clock).ms;
        log_info("core", "backup_done", LOG_STR("path", c->backup.progress.path),
                 LOG_INT("pages", c->backup.progress.pages),
                 LOG_INT("ms", c->backup.ended_wall - c->backup.began_wall));
    }
}

void view_backup(const struct core *c, struct buf *out)
{
    const struct core_backup *b = &c->backup;
    view_open(out, NULL, '{');
    view_text(out, "state", b->state == NULL ? "none" : b->state);
    view_word(out, "path", b->progress.path);
    view_time(out, "began_at", b->began_wall);
    view_time(out, "ended_at", b->ended_wall);
    view_int(out, "pages", b->progress.pages);
    view_int(out, "left", b->progress.left);
    view_word(out, "error", b->error.text);
    buf_add_text(out, "}\n");
}
