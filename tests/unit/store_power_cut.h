/* store_power_cut.h - what a power cut leaves of the recorded operations of three files.
 *
 * What was synced is there, and so is a name whose folder was synced. Of everything since, the disk
 * may hold any part: each write whole, torn or not at all, in any order, sector by sector; the size
 * of before or after; a removed file may be back, a new one may be missing. */
#ifndef TESTS_UNIT_STORE_POWER_CUT_H
#define TESTS_UNIT_STORE_POWER_CUT_H

#include "tests/unit/store_recording_vfs.h"

/* How much of what was not synced is there. */
enum cut_way {
    CUT_NOTHING,
    CUT_ALL,
    CUT_SOME,         /* each operation or not */
    CUT_PREFIX,       /* the first ones, the last of them torn at any byte */
    CUT_SECTORS_512,  /* each sector as it was at some moment since */
    CUT_SECTORS_4096, /* the same, on a disk with large ones */
    CUT_WAYS,
};

struct disk_content {
    unsigned char *bytes;
    size_t size, room;
};

/* One file from its making to its removal. */
struct disk_life {
    struct disk_content synced;
    const struct disk_op **since; /* writes and truncations after the last sync */
    size_t n_since;
};

#define NAME_STATES 16
struct disk_name {
    struct disk_life lives[NAME_STATES];
    int states[NAME_STATES]; /* the first is on disk, the others came since: a life, -1 = none */
    size_t n_states, n_lives;
};

struct disk {
    struct disk_name names[DISK_FILES];
};

static inline uint64_t cut_mix(uint64_t x) /* splitmix64 */
{
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

static inline void content_resize(struct disk_content *c, size_t size)
{
    if (size > c->room) {
        size_t room = size * 2;
        unsigned char *grown = realloc(c->bytes, room);
        if (grown == NULL)
            abort();
        c->bytes = grown;
        c->room = room;
    }
    if (size > c->size)
        memset(c->bytes + c->size, 0, size - c->size);
    c->size = size;
}

static inline void content_write(struct disk_content *c, size_t at, const unsigned char *bytes,
                                 size_t n)
{
    if (at + n > c->size)
        content_resize(c, at + n);
    if (n > 0)
        memcpy(c->bytes + at, bytes, n);
}

static inline void content_apply(struct disk_content *c, const struct disk_op *op)
{
    if (op->kind == DISK_TRUNCATE)
        content_resize(c, op->at);
    else
        content_write(c, op->at, op->bytes, op->n);
}

static inline void disk_init(struct disk *d)
{
    memset(d, 0, sizeof(*d));
    for (size_t i = 0; i < DISK_FILES; i++) {
        d->names[i].n_states = 1;
        d->names[i].states[0] = -1;
    }
    /* The store makes its file itself, and syncs the folder. */
    d->names[0].states[0] = 0;
    d->names[0].n_lives = 1;
}

static inline void disk_clear(struct disk *d)
{
    for (size_t i = 0; i < DISK_FILES; i++) {
        for (size_t k = 0; k < d->names[i].n_lives; k++) {
            free(d->names[i].lives[k].synced.bytes);
            free(d->names[i].lives[k].since);
        }
    }
}

static inline void disk_sync_folder(struct disk *d)
{
    for (size_t i = 0; i < DISK_FILES; i++) {
        struct disk_name *n = &d->names[i];
        n->states[0] = n->states[n->n_states - 1];
        n->n_states = 1;
        if (n->states[0] > 0) { /* the lives before it are over */
            struct disk_life last = n->lives[n->states[0]];
            for (int k = 0; k < n->states[0]; k++) {
                free(n->lives[k].synced.bytes);
                free(n->lives[k].since);
            }
            n->lives[0] = last;
            n->states[0] = 0;
            n->n_lives = 1;
        }
    }
}

static inline void name_push(struct disk_name *n, int state)
{
    if (n->n_states == NAME_STATES)
        abort();
    n->states[n->n_states++] = state;
}

static inline struct disk_life *name_life(struct disk_name *n)
{
    int state = n->states[n->n_states - 1];
    return state < 0 ? NULL : &n->lives[state];
}

static inline void disk_sync_file(struct disk_life *life)
{
    for (size_t i = 0; i < life->n_since; i++)
        content_apply(&life->synced, life->since[i]);
    life->n_since = 0;
}

static inline void disk_note(struct disk_life *life, const struct disk_op *op)
{
    life->since = realloc(life->since, (life->n_since + 1) * sizeof(op));
    if (life->since == NULL)
        abort();
    life->since[life->n_since++] = op;
}

static inline void disk_do(struct disk *d, const struct disk_op *op)
{
    struct disk_name *n = &d->names[op->file];
    struct disk_life *life = name_life(n);
    if (op->kind == DISK_REMOVE) {
        name_push(n, -1);
    } else if (life == NULL) {
        if (op->kind != DISK_OPEN || n->n_lives == NAME_STATES)
            abort(); /* what was removed is not written to */
        n->lives[n->n_lives] = (struct disk_life){.n_since = 0};
        name_push(n, (int)n->n_lives++);
    } else if (op->kind == DISK_SYNC) {
        disk_sync_file(life);
    } else if (op->kind != DISK_OPEN) {
        disk_note(life, op);
    }
    if (op->folder)
        disk_sync_folder(d);
}

/* Each sector, and the size, as they were after some number of the operations. */
static inline void cut_sectors(struct disk_content *c, const struct disk_life *life, size_t sector,
                               uint64_t seed)
{
    size_t size_after = cut_mix(seed) % (life->n_since + 1);
    size_t size = c->size;
    for (size_t i = 0; i < life->n_since; i++) {
        const struct disk_op *op = life->since[i];
        if (op->kind == DISK_TRUNCATE) {
            if (i < size_after)
                content_resize(c, size = op->at);
            continue;
        }
        for (size_t at = op->at; at < op->at + op->n;) {
            size_t end = (at / sector + 1) * sector;
            end = end < op->at + op->n ? end : op->at + op->n;
            if (i < cut_mix(seed ^ cut_mix(at / sector + 1)) % (life->n_since + 1))
                content_write(c, at, op->bytes + (at - op->at), end - at);
            at = end;
        }
        if (i < size_after && op->at + op->n > size)
            size = op->at + op->n;
    }
    content_resize(c, size);
}

static inline void cut_prefix(struct disk_content *c, const struct disk_life *life, uint64_t seed)
{
    size_t whole = life->n_since == 0 ? 0 : cut_mix(seed) % life->n_since;
    for (size_t i = 0; i < whole; i++)
        content_apply(c, life->since[i]);
    if (whole < life->n_since && life->since[whole]->kind == DISK_WRITE)
        content_write(c, life->since[whole]->at, life->since[whole]->bytes,
                      cut_mix(seed + 1) % (life->since[whole]->n + 1));
}

/* The file's content; false when it is not there. c is overwritten and keeps its memory. */
static inline bool disk_cut(const struct disk *d, size_t file, enum cut_way way, uint64_t seed,
                            struct disk_content *c)
{
    const struct disk_name *n = &d->names[file];
    size_t pick = way == CUT_NOTHING ? 0
                  : way == CUT_ALL   ? n->n_states - 1
                                     : cut_mix(seed ^ 0x5151) % n->n_states;
    if (n->states[pick] < 0)
        return false;
    const struct disk_life *life = &n->lives[n->states[pick]];
    content_resize(c, 0);
    content_write(c, 0, life->synced.bytes, life->synced.size);
    switch (way) {
    case CUT_NOTHING:
        break;
    case CUT_ALL:
    case CUT_SOME:
        for (size_t i = 0; i < life->n_since; i++)
            if (way == CUT_ALL || (cut_mix(seed + i) & 1) != 0)
                content_apply(c, life->since[i]);
        break;
    case CUT_PREFIX:
        cut_prefix(c, life, seed);
        break;
    case CUT_SECTORS_512:
        cut_sectors(c, life, 512, seed);
        break;
    case CUT_SECTORS_4096:
    case CUT_WAYS:
        cut_sectors(c, life, 4096, seed);
        break;
    }
    return true;
}

#endif
