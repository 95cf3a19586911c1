#include "relay/store/store.h"

#include <stdlib.h>
#include <string.h>

void store_notification_clear(struct store_notification *n)
{
    free(n->source);
    free(n->format);
    free(n->body);
    free(n->alerts);
    memset(n, 0, sizeof(*n));
}
