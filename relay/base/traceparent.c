#include "relay/base/traceparent.h"

#include <stddef.h>
#include <string.h>

#define TRACE_AT  3
#define PARENT_AT 36
#define LENGTH    (TRACEPARENT_SIZE - 1)

/* "h" stands for a lower-case hexadecimal digit. */
static const char form[] = "hh-hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh-hhhhhhhhhhhhhhhh-hh";

static bool fits(const char *text)
{
    for (size_t i = 0; i < LENGTH; i++) {
        bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
        if (form[i] == 'h' ? !hex : text[i] != form[i])
            return false; /* also where text ends */
    }
    return true;
}

static bool is_zero(const char *text)
{
    return text[strspn(text, "0")] == '-';
}

bool traceparent_parse(char out[static TRACEPARENT_SIZE], const char *header)
{
    out[0] = '\0';
    if (header == NULL || !fits(header) || strncmp(header, "ff", 2) == 0 ||
        is_zero(header + TRACE_AT) || is_zero(header + PARENT_AT))
        return false;
    char end = header[LENGTH];
    if (end != '\0' && (strncmp(header, "00", 2) == 0 || end != '-'))
        return false;
    memcpy(out, header, LENGTH);
    out[LENGTH] = '\0';
    return true;
}
