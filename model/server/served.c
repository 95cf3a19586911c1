#include "model/server/served.h"

#include "model/monitor/reference.h"
#include "model/oip/fault.h"
#include "relay/base/log.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct served {
    char *name, *path, *output;
    pthread_rwlock_t lock;
    /* The lock is over these. */
    bool ready;
    struct model_file file;
    struct monitor *monitor;
    /* Of the loading thread. */
    char checksum[CHECKSUM_MAX];
};

/* --- life ----------------------------------------------------------------------------------------
 */

static bool is_name(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "._-";
    size_t len = strlen(name);
    return len > 0 && len <= MONITOR_NAME_MAX && strspn(name, allowed) == len;
}

static char *output_of(const char *name)
{
    static const char suffix[] = "-model", output[] = "-response";
    size_t len = strlen(name), end = sizeof(suffix) - 1;
    if (len > end && strcmp(name + len - end, suffix) == 0)
        len -= end;
    size_t size = len + sizeof(output);
    char *text = malloc(size);
    if (text != NULL)
        (void)snprintf(text, size, "%.*s%s", (int)len, name, output);
    return text;
}

/* A load must not wait for ever behind requests that keep coming. */
static int init_lock(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attributes;
    int r = pthread_rwlockattr_init(&attributes);
    if (r != 0)
        return r;
    (void)pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    r = pthread_rwlock_init(lock, &attributes);
    (void)pthread_rwlockattr_destroy(&attributes);
    return r;
}

int served_new(struct served **out, const char *name, const char *path, struct error *err)
{
    if (!is_name(name))
        return error_set(err, -EINVAL,
                         "a model's name is 1 to %d letters, digits, '.', '_' and '-', not \"%s\"",
                         MONITOR_NAME_MAX, name);
    struct served *m = calloc(1, sizeof(*m));
    if (m == NULL || init_lock(&m->lock) != 0) {
        free(m);
        return error_set(err, -ENOMEM, "%s: out of memory", name);
    }
    m->name = strdup(name);
    m->path = strdup(path);
    m->output = output_of(name);
    if (m->name == NULL || m->path == NULL || m->output == NULL) {
        served_free(m);
        return error_set(err, -ENOMEM, "%s: out of memory", name);
    }
    *out = m;
    return 0;
}

void served_free(struct served *m)
{
    if (m == NULL)
        return;
    monitor_stop(m->monitor);
    model_file_free(&m->file);
    (void)pthread_rwlock_destroy(&m->lock);
    free(m->name);
    free(m->path);
    free(m->output);
    free(m);
}

const char *served_name(const struct served *m)
{
    return m->name;
}

const char *served_path(const struct served *m)
{
    return m->path;
}

const char *served_output(const struct served *m)
{
    return m->output;
}

/* --- loading -------------------------------------------------------------------------------------
 */

/* The lock is held alone for an exchange of pointers, so that no row of the old file comes into the
 * new window. On 0 file is the old one. */
static int put_in_place(struct served *m, struct model_file *file,
                        const struct monitor_options *options, struct error *err)
{
    SCOPED(reference_free_p) struct reference *reference = NULL;
    struct monitor *first = NULL;
    int r = m->ready ? reference_make(&reference, file, err)
                     : monitor_start(&first, options, m->name, file, err);
    if (r != 0)
        return r;
    (void)pthread_rwlock_wrlock(&m->lock);
    if (m->ready)
        monitor_swap(m->monitor, GIVE(reference));
    else
        m->monitor = first;
    m->ready = true;
    struct model_file old = m->file;
    m->file = *file;
    *file = old;
    (void)pthread_rwlock_unlock(&m->lock);
    return 0;
}

int served_load(struct served *m, const struct monitor_options *monitor, struct error *err)
{
    SCOPED(model_file_free) struct model_file file = {0};
    char checksum[CHECKSUM_MAX];
    int r = model_file_read(&file, m->path, err);
    if (r == 0)
        r = model_file_checksum(checksum, &file, err);
    if (r != 0)
        return r;
    if (m->ready && strcmp(m->checksum, checksum) == 0)
        return SERVED_SAME;
    char through[MODEL_TEXT_MAX];
    memcpy(through, file.through, sizeof(through));
    r = put_in_place(m, &file, monitor, err);
    if (r != 0)
        return r;
    memcpy(m->checksum, checksum, sizeof(checksum));
    log_info("model", "loaded", LOG_STR("model", m->name), LOG_STR("file", m->path),
             LOG_STR("through", through), LOG_STR("checksum", checksum));
    return 0;
}

/* --- answering -----------------------------------------------------------------------------------
 */

bool served_ready(struct served *m)
{
    (void)pthread_rwlock_rdlock(&m->lock);
    bool ready = m->ready;
    (void)pthread_rwlock_unlock(&m->lock);
    return ready;
}

struct monitor *served_monitor(struct served *m)
{
    (void)pthread_rwlock_rdlock(&m->lock);
    struct monitor *monitor = m->monitor;
    (void)pthread_rwlock_unlock(&m->lock);
    return monitor;
}

static int predict_locked(struct served *m, struct infer *out, const struct oip_request *q,
                          struct error *err)
{
    if (!m->ready)
        return error_set(err, OIP_NOT_READY, "Model with name %s is not ready.", m->name);
    int r = infer_predict(out, &m->file, q, err);
    for (size_t i = 0; r == 0 && i < out->n; i++)
        monitor_observe(m->monitor, out->rows[i].features, FEATURES, out->rows[i].up);
    return r;
}

int served_predict(struct served *m, struct infer *out, const struct oip_request *q,
                   struct error *err)
{
    *out = (struct infer){0};
    (void)pthread_rwlock_rdlock(&m->lock);
    int r = predict_locked(m, out, q, err);
    (void)pthread_rwlock_unlock(&m->lock);
    return r;
}
