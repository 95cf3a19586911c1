/* log.h - one line per event on stderr, as logfmt or JSON.
 *
 *     log_info("dispatcher", "posted", LOG_STR("relay_id", id), LOG_INT("http_status", 200));
 *     ts=2026-11-25T14:30:00.123Z level=info module=dispatcher event=posted relay_id=01J…
 * http_status=200
 *
 * The sink is the one global of this project. Any thread; a line is one write(2), or part of one.
 * Values are quoted where logfmt needs it, control characters are escaped, a value longer than 1024
 * bytes is cut with "…". Secrets and whole alert bodies never go here. Under systemd
 * (JOURNAL_STREAM set and stderr is it) a line starts with its sd-daemon priority, <3> to <7>. */
#ifndef RELAY_BASE_LOG_H
#define RELAY_BASE_LOG_H

#include "relay/base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };

enum log_field_type {
    LOG_FIELD_END,
    LOG_FIELD_STR,
    LOG_FIELD_INT,
    LOG_FIELD_DOUBLE,
    LOG_FIELD_BOOL
};
struct log_field {
    const char *key;
    enum log_field_type type;
    const char *text; /* NULL leaves the field out */
    int64_t number;
    double real;
};
#define LOG_STR(k, v) ((struct log_field){.key = (k), .type = LOG_FIELD_STR, .text = (v)})
#define LOG_INT(k, v)                                                                              \
    ((struct log_field){.key = (k), .type = LOG_FIELD_INT, .number = (int64_t)(v)})
#define LOG_DOUBLE(k, v) ((struct log_field){.key = (k), .type = LOG_FIELD_DOUBLE, .real = (v)})
#define LOG_BOOL(k, v)   ((struct log_field){.key = (k), .type = LOG_FIELD_BOOL, .number = (v)})
#define LOG_NONE         ((struct log_field){.key = 0, .type = LOG_FIELD_END})

/* Any time: lines of other threads follow the old or the new. clock must outlive them. */
void log_setup(enum log_level lowest, enum log_format format, const struct clock *clock);
bool log_level_parse(enum log_level *out, const char *text); /* debug info warn error */
void log_write(enum log_level level, const char *module, const char *event,
               const struct log_field *fields);

/* From here to log_release() this thread's lines are gathered in *room, and leave in order in few
 * writes: all of them with the release, with a line of at least LOG_WARN, and when the room is
 * full. The room is the caller's until then, len = 0, and one thread's. SIGKILL loses what is in
 * it; so do faults, of any thread, unless log_keep_at_faults() was called, which takes the signals
 * of faults that nobody else has taken. */
struct log_room {
    size_t len;
    char text[65536];
};
void log_gather(struct log_room *room);
void log_release(void); /* fine without log_gather() */
void log_keep_at_faults(void);

/* At least one field; LOG_NONE where there is none to give. */
#define log_at(level, module, event, ...)                                                          \
    log_write((level), (module), (event), (const struct log_field[]){__VA_ARGS__, LOG_NONE})
#define log_debug(module, event, ...) log_at(LOG_DEBUG, module, event, __VA_ARGS__)
#define log_info(module, event, ...)  log_at(LOG_INFO, module, event, __VA_ARGS__)
#define log_warn(module, event, ...)  log_at(LOG_WARN, module, event, __VA_ARGS__)
#define log_error(module, event, ...) log_at(LOG_ERROR, module, event, __VA_ARGS__)

/* A brake for lines that strangers can cause: at most `burst` lines per `window_ms`, then silence;
 * the first line after it carries how many were left out. Static storage, any thread. */
struct log_brake {
    int64_t window_ms;
    uint32_t burst;
    _Atomic int64_t window_start_ms;
    _Atomic uint32_t used;
    _Atomic uint32_t left_out;
};
#define LOG_BRAKE_INIT(burst_, window_ms_)                                                         \
    {                                                                                              \
        .window_ms = (window_ms_), .burst = (burst_)                                               \
    }
/* True when the line may be written; *left_out = lines suppressed since the last one that was. */
bool log_brake_take(struct log_brake *brake, uint32_t *left_out);

#endif
