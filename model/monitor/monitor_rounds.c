#include "model/monitor/monitor_private.h"

#include "model/model_file/file.h"
#include "model/monitor/state.h"
#include "relay/base/log.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_MS 100   /* between the starts of two rounds, so that scoring never fills a core */
#define SAVE_MS  60000 /* between two writes of the state file */

/* Takes over what came; true when that is anything. */
static bool take(struct monitor *m, bool *stopping)
{
    monitor_lock(m);
    struct inbox empty = m->taken;
    m->taken = m->inbox;
    m->inbox = (struct inbox){.rows = empty.rows};
    struct reference *old = m->used;
    m->used = m->newest;
    *stopping = m->stopping;
    monitor_unlock(m);
    if (old == m->used)
        return m->taken.n > 0;
    reference_free(old);
    drift_window_clear(m->window);
    return true;
}

static void advance(struct monitor *m, int64_t now_ms)
{
    const struct inbox *box = &m->taken;
    size_t to_end = m->span.rows - box->first;
    size_t n = box->n < to_end ? box->n : to_end;
    drift_window_advance(m->window, box->rows + box->first, n, now_ms);
    drift_window_advance(m->window, box->rows, box->n - n, now_ms);
}

/* A fault that lasts is logged once. */
static void log_fault(struct monitor *m, size_t feature, int code, const struct error *err)
{
    if (code != 0 && code != m->faults[feature])
        log_error("monitor", "no_score", LOG_STR("model", m->name),
                  LOG_STR("feature", features_names[feature]), LOG_STR("error", err->text));
    m->faults[feature] = code;
}

static void score(struct monitor *m)
{
    struct monitor_score scores[FEATURES] = {{0}};
    bool failed[FEATURES] = {false};
    size_t rows = drift_window_rows(m->window);
    for (size_t i = 0; rows >= m->min_samples && i < FEATURES; i++) {
        struct error err = {0};
        int r = reference_score(&scores[i].result, m->used, i, m->window, &err);
        if (r == 0 && !isfinite(scores[i].result.score))
            r = error_set(&err, -ERANGE, "the score is no finite number: values are too large");
        scores[i].scored = r == 0;
        failed[i] = r != 0;
        log_fault(m, i, r, &err);
    }
    monitor_lock(m);
    for (size_t i = 0; i < FEATURES; i++)
        m->counts.errors[i] += failed[i] ? 1 : 0;
    if (m->used == m->newest) { /* else another model answers by now */
        m->rows = rows;
        memcpy(m->scores, scores, sizeof(scores));
    }
    monitor_unlock(m);
}

static int64_t wall_offset_ms(const struct monitor *m)
{
    return clock_wall(m->clock).ms - clock_mono(m->clock).ms;
}

static void save(struct monitor *m)
{
    SCOPED(buf_free) struct buf bytes = BUF_INIT(STATE_MAX);
    struct error err = {0};
    int r = state_format(&bytes, m->used->hash, m->window, wall_offset_ms(m), &err);
    if (r == 0)
        r = file_replace(m->state_path, &bytes, &err);
    m->unsaved = r != 0;
    if (r != 0)
        log_error("monitor", "state_not_written", LOG_STR("model", m->name),
                  LOG_STR("error", err.text));
}

static bool is_leaving(const struct monitor *m, int64_t now_ms)
{
    int64_t at_ms;
    return drift_window_next_leave(m->window, &at_ms) && at_ms <= now_ms;
}

/* False when it was the last one. */
static bool do_round(struct monitor *m)
{
    bool stopping = false;
    bool news = take(m, &stopping);
    int64_t now_ms = clock_mono(m->clock).ms;
    if (news || is_leaving(m, now_ms)) {
        advance(m, now_ms);
        m->unscored = m->unsaved = true;
    }
    if (m->unscored && !stopping) {
        score(m);
        m->unscored = false;
    }
    if (m->state_path != NULL && m->unsaved && (stopping || now_ms - m->saved_ms >= SAVE_MS)) {
        save(m);
        m->saved_ms = now_ms;
    }
    return !stopping;
}

/* Until the time is over or the monitor stops, or something came; wait_ms < 0 = no time. */
static void wait_for(struct monitor *m, int64_t wait_ms, bool for_news)
{
    struct timespec end;
    clock_mono_deadline(&end, wait_ms < 0 ? 0 : wait_ms);
    monitor_lock(m);
    while (!m->stopping && !(for_news && (m->inbox.n > 0 || m->newest != m->used)))
        if (wait_ms < 0)
            (void)pthread_cond_wait(&m->wake, &m->mutex);
        else if (pthread_cond_timedwait(&m->wake, &m->mutex, &end) == ETIMEDOUT)
            break;
    monitor_unlock(m);
}

/* Until there is something to do though nothing comes; -1 = for ever. */
static int64_t quiet_ms(const struct monitor *m)
{
    int64_t now_ms = clock_mono(m->clock).ms, due_ms = INT64_MAX;
    if (drift_window_next_leave(m->window, &due_ms) && due_ms < now_ms)
        due_ms = now_ms;
    if (m->state_path != NULL && m->unsaved && m->saved_ms + SAVE_MS < due_ms)
        due_ms = m->saved_ms + SAVE_MS;
    return due_ms == INT64_MAX ? -1 : due_ms > now_ms ? due_ms - now_ms : 0;
}

void *monitor_run(void *argument)
{
    struct monitor *m = argument;
    while (do_round(m)) {
        wait_for(m, PAUSE_MS, false);
        wait_for(m, quiet_ms(m), true);
    }
    return NULL;
}

/* A file that is not ours is left alone, so the window is not kept; one of ours that was torn is
 * replaced. */
void monitor_load(struct monitor *m)
{
    SCOPED(buf_free) struct buf bytes = BUF_INIT(STATE_MAX);
    struct error err = {0};
    int64_t now_ms = clock_mono(m->clock).ms;
    int r = file_read(&bytes, m->state_path, &err);
    if (r == -ENOENT)
        return;
    bool ours = r == 0 && state_is_ours(buf_text(&bytes), bytes.len);
    if (r == 0)
        r = state_parse(m->window, buf_text(&bytes), bytes.len, m->used->hash, wall_offset_ms(m),
                        now_ms, &err);
    if (r == 0) {
        log_info("monitor", "window_restored", LOG_STR("model", m->name),
                 LOG_INT("rows", drift_window_rows(m->window)));
        return;
    }
    if (r == STATE_OTHER_MODEL) {
        log_info("monitor", "window_of_another_model", LOG_STR("model", m->name),
                 LOG_STR("path", m->state_path));
        return;
    }
    log_error("monitor", ours ? "window_torn" : "state_refused", LOG_STR("model", m->name),
              LOG_STR("path", m->state_path), LOG_STR("error", err.text));
    if (!ours)
        free(GIVE(m->state_path));
}
