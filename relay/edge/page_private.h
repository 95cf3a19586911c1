/* page_private.h - the parts of the status page, shared by its own files. */
#ifndef RELAY_EDGE_PAGE_PRIVATE_H
#define RELAY_EDGE_PAGE_PRIVATE_H

#include "relay/base/buf.h"

#include <stdint.h>

#include <jansson.h>

/* --- page_parts.c: values of the overview, and small pieces of HTML --------------------------- */

/* NULL where there is none. */
const char *page_text(const json_t *object, const char *name);
int64_t page_number(const json_t *object, const char *name);
bool page_is(const json_t *object, const char *name);

/* <time>, with how far it is from now; unix ms. */
void page_add_time(struct buf *out, int64_t at, int64_t now);
/* "3 min", "2 h 5 min", "4 d". */
void page_add_length(struct buf *out, int64_t ms);
void page_add_number(struct buf *out, int64_t value);
/* 1 key, 2 keys */
void page_add_count(struct buf *out, int64_t n, const char *one, const char *many);
/* <a> to the API's answer about it. id is percent-encoded for a path. */
void page_add_link(struct buf *out, const char *collection, const char *id);
void page_add_encoded(struct buf *out, const char *text);

/* --- page_words.c: what a word of ours means, as a sentence ----------------------------------- */

/* Why an alert started nothing; NULL: it did, or there is nothing to tell. */
const char *page_decision_words(const char *verdict, const char *reason);
/* What is waited for, after "it is asked again when". */
const char *page_block_words(const char *reason);
/* What became of a request. */
const char *page_request_words(const char *state, const char *reason);

/* --- page_keys.c, page_history.c: sections -----------------------------------------------------
 */
void page_add_keys(struct buf *out, const json_t *overview, const char *state);
/* Its link, and its conclusion or status. */
void page_add_run(struct buf *out, const json_t *request);
void page_add_requests(struct buf *out, const json_t *overview);
/* Who did it and why, where that is known. */
void page_add_said(struct buf *out, const json_t *deed);
void page_add_changes(struct buf *out, const json_t *overview);
void page_add_not_started(struct buf *out, const json_t *overview);

#endif
