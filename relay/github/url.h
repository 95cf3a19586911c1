/* url.h - the little that GitHub's URLs ask for: building, and telling whose a redirect is. Pure.
 */
#ifndef RELAY_GITHUB_URL_H
#define RELAY_GITHUB_URL_H

#include "relay/base/buf.h"

#include <stdbool.h>
#include <stdint.h>

#define URL_MAX 2048 /* bytes */

/* One segment of a path, percent-encoded (RFC 3986: all but unreserved characters, "/" is %2F). */
void url_add_segment(struct buf *b, const char *text);
/* Same scheme, host (without case) and port (the scheme's own when none is written); http and https
 * only. False for what is no plain URL: user names, blanks, control characters, backslashes, bytes
 * past ASCII, an empty host, a port that is no number. */
bool url_same_origin(const char *a, const char *b);
/* The absolute URL that a Location means for a request to `base`: absolute URLs, "//host/path" and
 * "/path". NULL (also when out of memory) for anything else; caller frees. */
char *url_resolve(const char *base, const char *location);
/* Is it an http or https URL whose path ends with "/REPOSITORY/actions/runs/RUN_ID"? The repository
 * is compared without case; NULL: any. */
bool url_names_run(const char *url, const char *repository, int64_t run_id);

#endif
