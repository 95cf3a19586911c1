/* core_views.h - JSON as the core's views write it: members with their commas, relay times as wall
 * times. The core's own files only. */
#ifndef RELAY_CORE_CORE_VIEWS_H
#define RELAY_CORE_CORE_VIEWS_H

#include "relay/core/core_private.h"

/* Each adds a comma first, unless it is the first of its object or array. */
void view_open(struct buf *out, const char *name, char bracket);      /* name NULL: an element */
void view_text(struct buf *out, const char *name, const char *value); /* NULL: null */
void view_word(struct buf *out, const char *name, const char *value); /* "": null */
void view_int(struct buf *out, const char *name, int64_t value);
void view_bool(struct buf *out, const char *name, bool value);
void view_json(struct buf *out, const char *name, const char *json);
void view_time(struct buf *out, const char *name, int64_t wall_ms); /* 0: null */

/* A relay time as wall time, by how far it is from now; 0 stays 0. */
int64_t view_wall(const struct core *c, int64_t relay_ms, int64_t now);

void view_key(struct core *c, const struct key *k, struct buf *out);
/* An object without its end: what only the single view has may follow. */
__attribute__((warn_unused_result)) int view_request(struct core *c, const struct request *r,
                                                     struct buf *out, struct error *err);
void view_backup(const struct core *c, struct buf *out);
void view_notification(const struct store_notification *n, struct buf *out);

/* core_timeline.c: what happened to r, in order */
__attribute__((warn_unused_result)) int view_timeline(struct core *c, const struct request *r,
                                                      struct buf *out, struct error *err);
/* core_overview.c, core_overview_keys.c: times are unix ms there */
void overview_at(struct core *c, struct buf *out, const char *name, int64_t relay_ms);
void overview_request(struct core *c, const struct request *r, const char *name, struct buf *out);
void overview_keys(struct core *c, const struct message *m, struct buf *out);
/* core_lists.c: a page of one of the listings */
__attribute__((warn_unused_result)) int view_list(struct core *c, struct message *m,
                                                  struct error *err);

#endif
