#include "relay/store/page.h"

#include "relay/base/parse.h"
#include "relay/store/store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

int page_start(struct page *p, const char *store, const char *cursor, size_t limit,
               struct error *err)
{
    *p = (struct page){.limit = limit, .before = INT64_MAX};
    if (limit < 1 || limit > STORE_LIST_MAX)
        return error_set(err, -EINVAL, "store %s: a page has 1 to %d rows, not %zu", store,
                         STORE_LIST_MAX, limit);
    if (cursor[0] != '\0' && parse_int64(&p->before, cursor, 1, INT64_MAX, NULL) < 0)
        return error_set(err, -EINVAL, "cursor \"%.64s\": take it from \"next\" of the page before",
                         cursor);
    return 0;
}

bool page_looks(struct page *p, int64_t seq)
{
    if (p->taken == p->limit || p->looked == STORE_SCAN_MAX) {
        p->more = true;
        return false;
    }
    p->looked++;
    p->last = seq;
    return true;
}

void page_took(struct page *p, bool wanted)
{
    p->taken += wanted ? 1 : 0;
}

void page_end(const struct page *p, char next[static 64])
{
    next[0] = '\0';
    if (p->more)
        (void)snprintf(next, 64, "%" PRId64, p->last);
}
