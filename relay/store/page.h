/* page.h - one page of a listing by seq, newest first; its cursor is the seq of the last row given,
 * as text. */
#ifndef RELAY_STORE_PAGE_H
#define RELAY_STORE_PAGE_H

#include "relay/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct page {
    size_t limit, taken, looked;
    int64_t before, last; /* rows with a seq below `before` belong to it */
    bool more;
};

/* store: its name in errors. */
__attribute__((warn_unused_result)) int
page_start(struct page *p, const char *store, const char *cursor, size_t limit, struct error *err);
/* The next row has this seq; false: the page is full, or STORE_SCAN_MAX rows were looked at, and
 * the row is the next page's. */
bool page_looks(struct page *p, int64_t seq);
/* Was that row wanted? */
void page_took(struct page *p, bool wanted);
void page_end(const struct page *p, char next[static 64]);

#endif
