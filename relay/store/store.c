#include "relay/store/store.h"

#include <errno.h>
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

bool store_refuses(int fault)
{
    return fault == -EINVAL || fault == -E2BIG || fault == -EPROTO;
}
