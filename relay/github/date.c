#include "relay/github/date.h"

#include "relay/base/parse.h"

#include <stdio.h>
#include <string.h>

#define DAY_MS 86400000

/* Does text have this shape? '0' stands for a digit, 'a' for any letter, all else for itself. */
static bool has_shape(const char *text, const char *shape)
{
    for (; *shape != '\0'; text++, shape++) {
        bool digit = *text >= '0' && *text <= '9';
        bool letter = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z');
        if (*shape == '0' ? !digit : *shape == 'a' ? !letter : *text != *shape)
            return false;
    }
    return *text == '\0';
}

/* Index of the three letters at `at` in a list of such names, -1 when they are not there. */
static int name_index(const char *at, const char *names)
{
    for (int i = 0; names[3 * i] != '\0'; i++) {
        if (memcmp(names + 3 * i, at, 3) == 0)
            return i;
    }
    return -1;
}

bool date_parse_http(int64_t *ms, const char *text)
{
    char rfc3339[RFC3339_MAX];
    int64_t value;

    if (!has_shape(text, "aaa, 00 aaa 0000 00:00:00 GMT"))
        return false;
    int weekday = name_index(text, "ThuFriSatSunMonTueWed"); /* 1970-01-01 was a Thursday */
    int month = name_index(text + 8, "JanFebMarAprMayJunJulAugSepOctNovDec");
    if (weekday < 0 || month < 0)
        return false;
    (void)snprintf(rfc3339, sizeof(rfc3339), "%.4s-%02d-%.2sT%.8sZ", text + 12, month + 1, text + 5,
                   text + 17);
    if (parse_rfc3339_ms(&value, rfc3339, NULL) < 0)
        return false;
    int64_t day = value / DAY_MS - (value % DAY_MS < 0);
    if (((day % 7) + 7) % 7 != weekday)
        return false;
    *ms = value;
    return true;
}

bool date_parse_expiry(int64_t *ms, const char *text)
{
    char rfc3339[RFC3339_MAX];

    if (has_shape(text, "0000-00-00 00:00:00 UTC") || has_shape(text, "0000-00-00 00:00:00 GMT"))
        (void)snprintf(rfc3339, sizeof(rfc3339), "%.10sT%.8sZ", text, text + 11);
    else if (has_shape(text, "0000-00-00 00:00:00 +0000") ||
             has_shape(text, "0000-00-00 00:00:00 -0000"))
        (void)snprintf(rfc3339, sizeof(rfc3339), "%.10sT%.8s%.3s:%.2s", text, text + 11, text + 20,
                       text + 23);
    else
        return false;
    return parse_rfc3339_ms(ms, rfc3339, NULL) == 0;
}
