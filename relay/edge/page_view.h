/* page_view.h - the status page as HTML, from the core's overview. Pure. */
#ifndef RELAY_EDGE_PAGE_VIEW_H
#define RELAY_EDGE_PAGE_VIEW_H

#include "relay/base/buf.h"
#include "relay/base/error.h"

/* overview: the core's answer to QUERY_OVERVIEW; state: which keys were asked for, "" for all.
 * -EINVAL: it is none, -ENOMEM. */
__attribute__((warn_unused_result)) int page_render(struct buf *out, const char *overview,
                                                    size_t len, const char *state,
                                                    struct error *err);
/* Instead of it, when the core gives none. */
void page_render_unavailable(struct buf *out, const char *why);

#endif
