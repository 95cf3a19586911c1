#include "model/model_file/model_file.h"

#include "model/model_file/file.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void close_p(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

static int fault(struct error *err, const char *what, const char *path)
{
    int code = errno;
    return error_set(err, -code, "%s: cannot %s: %s", path, what, strerror(code));
}

int file_read(struct buf *out, const char *path, struct error *err)
{
    SCOPED(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return fault(err, "open", path);
    char piece[16384];
    for (;;) {
        ssize_t n = read(fd, piece, sizeof(piece));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fault(err, "read", path);
        if (n == 0)
            return 0;
        buf_add(out, piece, (size_t)n);
        if (buf_failed(out))
            return error_set(err, -EFBIG, "%s: longer than %zu bytes", path, out->max);
    }
}

int model_file_read(struct model_file *out, const char *path, struct error *err)
{
    *out = (struct model_file){0};
    SCOPED(buf_free) struct buf bytes = BUF_INIT(MODEL_FILE_MAX);
    int r = file_read(&bytes, path, err);
    if (r != 0)
        return r;
    r = model_file_parse(out, buf_text(&bytes), bytes.len, err);
    return r == 0 ? 0 : error_prefix(err, r, "%s", path);
}

static int write_all(int fd, const struct buf *b, const char *path, struct error *err)
{
    for (size_t done = 0; done < b->len;) {
        ssize_t n = write(fd, b->data + done, b->len - done);
        if (n < 0 && errno != EINTR)
            return fault(err, "write", path);
        done += n < 0 ? 0 : (size_t)n;
    }
    return fsync(fd) == 0 ? 0 : fault(err, "fsync", path);
}

/* Without this the rename may be lost with the power, though not the file's bytes. */
static int sync_folder(const char *path, struct error *err)
{
    SCOPED(free_p) char *copy = strdup(path);
    if (copy == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    const char *folder = dirname(copy);
    SCOPED(close_p) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fault(err, "open", folder);
    return fsync(fd) == 0 ? 0 : fault(err, "fsync", folder);
}

/* mkostemp() gives 0600; the server that reads the model runs as another user. */
static int write_beside(char *beside, const struct buf *bytes, const char *path, struct error *err)
{
    SCOPED(close_p) int fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0)
        return fault(err, "make", beside);
    int r = fchmod(fd, 0644) == 0 ? 0 : fault(err, "chmod", beside);
    if (r == 0)
        r = write_all(fd, bytes, beside, err);
    if (r == 0 && rename(beside, path) != 0)
        r = fault(err, "replace", path);
    if (r != 0)
        (void)unlink(beside);
    return r;
}

int file_replace(const char *path, const struct buf *bytes, struct error *err)
{
    SCOPED(buf_free) struct buf beside = BUF_INIT(4096);
    buf_addf(&beside, "%s.XXXXXX", path);
    if (buf_failed(&beside))
        return error_set(err, -ENAMETOOLONG, "%s: the name is too long", path);
    int r = write_beside(beside.data, bytes, path, err);
    return r == 0 ? sync_folder(path, err) : r;
}

int model_file_write(const struct model_file *m, const char *path, struct error *err)
{
    SCOPED(buf_free) struct buf bytes = BUF_INIT(MODEL_FILE_MAX);
    int r = model_file_format(&bytes, m, err);
    return r == 0 ? file_replace(path, &bytes, err) : r;
}
