/* page.h - the status page: what fires, what it may do next, what was started and what was not.
 *
 *   /            ?state=WORD (of a key) &cursor= (as "More keys" gives it)
 *   /page.css    /page.js
 *
 * The page is whole without its script, which only brings it up to date. */
#ifndef RELAY_EDGE_PAGE_H
#define RELAY_EDGE_PAGE_H

#include "relay/base/http_server.h"
#include "relay/core/core.h"

/* False: the path is none of these, and r is not answered. */
bool page_serve(struct core *core, struct http_request *r);

#endif
