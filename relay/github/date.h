/* date.h - the two forms of a time in GitHub's headers, read strictly. Pure.
 *
 * Both set *ms to unix milliseconds and return true, or leave it alone. Blanks around are refused.
 */
#ifndef RELAY_GITHUB_DATE_H
#define RELAY_GITHUB_DATE_H

#include <stdbool.h>
#include <stdint.h>

/* IMF-fixdate of RFC 9110 section 5.6.7, "Sun, 06 Nov 1994 08:49:37 GMT": case counts, and the
 * weekday must be the date's. The two obsolete forms are not read: GitHub sends neither. */
bool date_parse_http(int64_t *ms, const char *text);
/* github-authentication-token-expiration: "2006-01-02 15:04:05 UTC" or "2006-01-02 15:04:05 -0700"
 * (the two layouts that google/go-github reads; of zone names only UTC and GMT, since others are
 * ambiguous). */
bool date_parse_expiry(int64_t *ms, const char *text);

#endif
