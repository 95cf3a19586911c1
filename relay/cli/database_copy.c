/* A private copy of a database: looking into it must not change the original. */
#include "relay/cli/offline.h"

#include "relay/base/buf.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES_MAX 4096

static void close_p(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

static int copy_bytes(int from, int to)
{
    char piece[65536];
    for (;;) {
        ssize_t n = read(from, piece, sizeof(piece));
        if (n <= 0)
            return n == 0 ? 0 : -errno;
        for (ssize_t done = 0; done < n;) {
            ssize_t put = write(to, piece + done, (size_t)(n - done));
            if (put < 0)
                return -errno;
            done += put;
        }
    }
}

/* A journal that is not there is no fault. */
static int copy_file(const char *path, const char *folder, const char *suffix, struct error *err)
{
    SCOPED(buf_free) struct buf from = BUF_INIT(PATH_BYTES_MAX);
    SCOPED(buf_free) struct buf to = BUF_INIT(PATH_BYTES_MAX);
    buf_addf(&from, "%s%s", path, suffix);
    buf_addf(&to, "%s/relay.db%s", folder, suffix);
    if (buf_failed(&from) || buf_failed(&to))
        return error_set(err, -ENAMETOOLONG, "%.200s: the path is too long", path);
    SCOPED(close_p) int in = open(buf_text(&from), O_RDONLY | O_CLOEXEC);
    if (in < 0 && errno == ENOENT && suffix[0] != '\0')
        return 0;
    if (in < 0)
        return error_set(err, -errno, "%s: %s: name a copy of relay.db", buf_text(&from),
                         strerror(errno));
    SCOPED(close_p) int out = open(buf_text(&to), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int r = out < 0 ? -errno : copy_bytes(in, out);
    return r == 0 ? 0
                  : error_set(err, r, "%s cannot be copied to %s: %s", buf_text(&from), folder,
                              strerror(-r));
}

int database_copy(char **folder, const char *path, struct error *err)
{
    const char *place = getenv("TMPDIR");
    SCOPED(buf_free) struct buf name = BUF_INIT(PATH_BYTES_MAX);
    buf_addf(&name, "%s/drift-relay-XXXXXX", place == NULL || place[0] == '\0' ? "/tmp" : place);
    char *made = buf_give(&name);
    if (made == NULL || mkdtemp(made) == NULL) {
        int r = error_set(err, -errno, "no folder for the copy: %s: %s", made == NULL ? "" : made,
                          strerror(errno));
        free(made);
        return r;
    }
    int r = copy_file(path, made, "", err);
    if (r == 0)
        r = copy_file(path, made, "-wal", err);
    if (r != 0) {
        database_copy_remove(made);
        free(made);
        return r;
    }
    *folder = made;
    return 0;
}

void database_copy_remove(const char *folder)
{
    static const char *const names[] = {"relay.db", "relay.db-wal", "relay.db-shm"};
    char path[PATH_BYTES_MAX + 32];
    if (folder == NULL)
        return;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(folder);
}

int database_copy_file(const char *path, const char *file, struct error *err)
{
    SCOPED(close_p) int in = open(path, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return error_set(err, -errno, "%s: %s: is the relay on this machine?", path,
                         strerror(errno));
    SCOPED(close_p) int out = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (out < 0)
        return error_set(err, -errno, "%s: %s", file, strerror(errno));
    int r = copy_bytes(in, out);
    if (r == 0 && fsync(out) != 0)
        r = -errno;
    if (r != 0)
        (void)unlink(file);
    return r == 0 ? 0 : error_set(err, r, "%s: %s", file, strerror(-r));
}
