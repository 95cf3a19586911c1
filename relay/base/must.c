#include "relay/base/must.h"

#include "relay/base/log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Noreturn void must_end(void)
{
    log_error(
        "must", "out_of_memory",
        LOG_STR("effect", "the process ends; the store keeps all, and the next start goes on"));
    _exit(EXIT_FAILURE);
}

void *must_alloc(size_t n, size_t size)
{
    void *memory = n == 0 ? calloc(1, size) : calloc(n, size);
    if (memory == NULL)
        must_end();
    return memory;
}

void *must_grow(void *old, size_t n, size_t size)
{
    void *memory = reallocarray(old, n, size);
    if (memory == NULL)
        must_end();
    return memory;
}

char *must_copy(const char *text)
{
    char *copy = strdup(text);
    if (copy == NULL)
        must_end();
    return copy;
}
