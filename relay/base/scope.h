/* scope.h - release at the end of the block: the one clean-up idiom of this project.
 *
 *     SCOPED(buf_free) struct buf text = BUF_INIT(4096);     freed on every way out
 *     SCOPED(free_p) char *copy = strdup(s);                 pointers use a *_p function
 *     *out = GIVE(copy);                                     handed over: not freed here
 */
#ifndef RELAY_BASE_SCOPE_H
#define RELAY_BASE_SCOPE_H

#include <stdlib.h>

#define SCOPED(release) __attribute__((cleanup(release)))

/* The value of pointer variable x, leaving NULL behind. */
#define GIVE(x)                                                                                    \
    __extension__({                                                                                \
        __typeof__(x) give_value_ = (x);                                                           \
        (x) = NULL;                                                                                \
        give_value_;                                                                               \
    })

static inline void free_p(void *pointer_to_pointer)
{
    free(*(void **)pointer_to_pointer);
}

#endif
