/* draw.h - chance from a seed: splitmix64 (Steele, Lea, Flood 2014), the same everywhere. */
#ifndef TESTS_SIM_DRAW_H
#define TESTS_SIM_DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct draw {
    uint64_t state;
};

static inline uint64_t draw_next(struct draw *d)
{
    uint64_t z = d->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* 0 to n - 1 */
static inline unsigned draw_below(struct draw *d, unsigned n)
{
    return (unsigned)(draw_next(d) % n);
}

/* `of` times in a hundred */
static inline bool draw_percent(struct draw *d, unsigned of)
{
    return draw_below(d, 100) < of;
}

static inline int64_t draw_between(struct draw *d, int64_t low, int64_t high)
{
    return low + (int64_t)(draw_next(d) % (uint64_t)(high - low + 1));
}

#endif
