#include "relay/base/log.h"

#include "relay/base/buf.h"
#include "relay/base/parse.h"
#include "relay/base/strict_json.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VALUE_MAX      1024  /* bytes of one value */
#define LINE_MAX_BYTES 65536 /* of one line: more than any event of ours can fill */

/* Set by log_setup(), at a reload while other threads write lines. */
static struct {
    _Atomic enum log_level lowest;
    _Atomic enum log_format format;
    const struct clock *_Atomic clock; /* NULL: the system's */
    _Atomic bool journal;
} sink = {.lowest = LOG_INFO};

static const struct {
    const char *name;
    int priority; /* sd-daemon(3): those of syslog(3) */
} levels[] = {
    [LOG_DEBUG] = {"debug", 7},
    [LOG_INFO] = {"info", 6},
    [LOG_WARN] = {"warn", 4},
    [LOG_ERROR] = {"error", 3},
};

/* systemd.exec(5): JOURNAL_STREAM is "device:inode" of the stream; only when stderr still is that
 * stream, nobody has redirected it since. */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
        return false;
    char ours[64];
    (void)snprintf(ours, sizeof(ours), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return strcmp(stream, ours) == 0;
}

void log_setup(enum log_level lowest, enum log_format format, const struct clock *clock)
{
    sink.lowest = lowest;
    sink.format = format;
    sink.clock = clock;
    sink.journal = stderr_is_journal();
}

static const struct clock *sink_clock(void)
{
    const struct clock *clock = sink.clock;
    return clock != NULL ? clock : clock_system();
}

bool log_level_parse(enum log_level *out, const char *text)
{
    for (int i = LOG_DEBUG; i <= LOG_ERROR; i++) {
        if (strcmp(text, levels[i].name) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* Copies text, cut before the character that would pass VALUE_MAX. */
static void cut_value(char out[static VALUE_MAX + sizeof("…")], const char *text)
{
    size_t len = strnlen(text, VALUE_MAX + 1);
    if (len <= VALUE_MAX) {
        memcpy(out, text, len + 1);
        return;
    }
    len = VALUE_MAX;
    for (int back = 0; back < 3 && ((unsigned char)text[len] & 0xC0) == 0x80; back++)
        len--;
    memcpy(out, text, len);
    memcpy(out + len, "…", sizeof("…"));
}

/* A bare logfmt value is not empty and has only printable characters, neither '=' nor '"'; a
 * backslash could be taken for an escape. */
static bool needs_quotes(const char *value)
{
    size_t left = strlen(value);
    if (left == 0)
        return true;
    while (left > 0) {
        unsigned char c = (unsigned char)*value;
        size_t n = utf8_char_len(value, left);
        if (n == 0 || c <= ' ' || c == '=' || c == '"' || c == '\\' || c == 0x7f)
            return true;
        if (c == 0xC2 && (unsigned char)value[1] <= 0xA0)
            return true; /* C1 controls and the no-break space */
        value += n;
        left -= n;
    }
    return false;
}

static void add_text(struct buf *line, enum log_format format, const char *text)
{
    char value[VALUE_MAX + sizeof("…")];
    cut_value(value, text);
    /* logfmt quotes as JSON does. */
    if (format == LOG_JSON || needs_quotes(value))
        buf_add_json_string(line, value);
    else
        buf_add_text(line, value);
}

static void add_key(struct buf *line, enum log_format format, const char *key)
{
    if (format == LOG_JSON) {
        buf_add_char(line, ',');
        buf_add_json_string(line, key);
        buf_add_char(line, ':');
    } else {
        buf_add_char(line, ' ');
        buf_add_text(line, key);
        buf_add_char(line, '=');
    }
}

static void add_field(struct buf *line, enum log_format format, const struct log_field *field)
{
    switch (field->type) {
    case LOG_FIELD_END:
        break;
    case LOG_FIELD_STR:
        if (field->text != NULL) {
            add_key(line, format, field->key);
            add_text(line, format, field->text);
        }
        break;
    case LOG_FIELD_INT:
        add_key(line, format, field->key);
        buf_addf(line, "%lld", (long long)field->number);
        break;
    case LOG_FIELD_DOUBLE:
        add_key(line, format, field->key);
        if (format == LOG_JSON && !isfinite(field->real))
            buf_add_text(line, "null"); /* JSON has no word for it */
        else
            buf_add_double(line, field->real);
        break;
    case LOG_FIELD_BOOL:
        add_key(line, format, field->key);
        buf_add_text(line, field->number != 0 ? "true" : "false");
        break;
    }
}

/* Always with milliseconds, so that lines sort. */
static void format_now(char out[static RFC3339_MAX])
{
    int64_t ms = clock_wall(sink_clock()).ms;
    format_rfc3339_ms(out, ms);
    size_t len = strlen(out);
    if (ms % 1000 == 0 && len > 0 && len + sizeof(".000") <= RFC3339_MAX)
        memcpy(out + len - 1, ".000Z", sizeof(".000Z"));
}

static void add_line(struct buf *line, enum log_level level, const char *module, const char *event,
                     const struct log_field *fields)
{
    enum log_format format = sink.format; /* of a whole line */
    char now[RFC3339_MAX];
    format_now(now);
    if (sink.journal)
        buf_addf(line, "<%d>", levels[level].priority);
    buf_addf(line, format == LOG_JSON ? "{\"ts\":\"%s\",\"level\":\"%s\"" : "ts=%s level=%s", now,
             levels[level].name);
    add_field(line, format, &LOG_STR("module", module));
    add_field(line, format, &LOG_STR("event", event));
    for (; fields->type != LOG_FIELD_END; fields++)
        add_field(line, format, fields);
    buf_add_text(line, format == LOG_JSON ? "}\n" : "\n");
}

/* A reader that is gone or full must not stop the daemon: what stderr does not take is lost. */
static void write_line(const char *line, size_t len)
{
    while (len > 0) {
        ssize_t n = write(STDERR_FILENO, line, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        line += n;
        len -= (size_t)n;
    }
}

static _Thread_local struct log_room *gathered; /* NULL: lines leave at once */
static struct log_room *_Atomic last_room;      /* for a fault in whatever thread */

void log_gather(struct log_room *room)
{
    gathered = room;
    last_room = room;
}

/* Whole lines, as many as a pipe takes in one piece: those of other threads come between them, and
 * not into them. */
static void flush(struct log_room *room)
{
    for (size_t at = 0, piece; at < room->len; at += piece) {
        size_t left = room->len - at;
        const char *end = left <= PIPE_BUF ? NULL : memrchr(room->text + at, '\n', PIPE_BUF);
        if (left > PIPE_BUF && end == NULL)
            end = memchr(room->text + at, '\n', left); /* one long line */
        piece = end == NULL ? left : (size_t)(end - (room->text + at)) + 1;
        write_line(room->text + at, piece);
    }
    room->len = 0;
}

void log_release(void)
{
    int saved_errno = errno;
    if (gathered != NULL)
        flush(gathered);
    if (last_room == gathered)
        last_room = NULL; /* its owner may free it now */
    gathered = NULL;
    errno = saved_errno;
}

/* By now the signal does what it does without us (SA_RESETHAND), as soon as this returns: also one
 * that somebody sent, such as a watchdog's SIGABRT. */
static void on_fault(int signal)
{
    struct log_room *room = last_room;
    if (room != NULL)
        flush(room);
    (void)raise(signal);
}

void log_keep_at_faults(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    const struct sigaction keep = {.sa_handler = on_fault, .sa_flags = (int)SA_RESETHAND};
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        struct sigaction before; /* a sanitizer's, say */
        if (sigaction(faults[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
            (void)sigaction(faults[i], &keep, NULL);
    }
}

static void hand_over(enum log_level level, const char *line, size_t len)
{
    if (gathered == NULL) {
        write_line(line, len);
        return;
    }
    if (len > sizeof(gathered->text) - gathered->len)
        flush(gathered);
    memcpy(gathered->text + gathered->len, line, len);
    gathered->len += len;
    if (level >= LOG_WARN)
        flush(gathered);
}

void log_write(enum log_level level, const char *module, const char *event,
               const struct log_field *fields)
{
    if (level < sink.lowest)
        return;
    int saved_errno = errno; /* callers log, then return -errno */
    /* That memory is short has to be said without any. Left as it is: a line fills what it needs.
     */
    __attribute__((uninitialized)) char room[LINE_MAX_BYTES];
    struct buf line = BUF_OVER(room);
    add_line(&line, level, module, event, fields);
    if (buf_failed(&line)) {
        /* Too long: the event is worth more than its fields. */
        const struct log_field lost[] = {LOG_BOOL("fields_lost", true), LOG_NONE};
        buf_clear(&line);
        add_line(&line, level, module, event, lost);
    }
    if (!buf_failed(&line))
        hand_over(level, line.data, line.len);
    errno = saved_errno;
}

bool log_brake_take(struct log_brake *brake, uint32_t *left_out)
{
    int64_t now_ms = clock_mono(sink_clock()).ms;
    int64_t start_ms = atomic_load(&brake->window_start_ms);
    /* One thread opens the new window; a line of another that slips in between goes free. */
    if (now_ms - start_ms >= brake->window_ms &&
        atomic_compare_exchange_strong(&brake->window_start_ms, &start_ms, now_ms))
        atomic_store(&brake->used, 0);
    /* The load first keeps the count from running over in a long flood. */
    if (atomic_load(&brake->used) < brake->burst &&
        atomic_fetch_add(&brake->used, 1) < brake->burst) {
        *left_out = atomic_exchange(&brake->left_out, 0);
        return true;
    }
    *left_out = 0;
    atomic_fetch_add(&brake->left_out, 1);
    return false;
}
