#include "relay/base/secret.h"

#include "relay/base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#define SECRET_MAX ((size_t)64 * 1024)

struct secret {
    unsigned char *bytes; /* sodium_malloc, read-only */
    size_t len;
};

int secret_new(struct secret **out, const void *bytes, size_t len, struct error *err)
{
    if (len == 0)
        return error_set(err, -EINVAL, "an empty secret is no secret");
    if (len > SECRET_MAX)
        return error_set(err, -EINVAL, "a secret has at most 64 KiB");
    if (sodium_init() < 0) /* again is free, and makes the guard pages' canary */
        return error_set(err, -EIO, "libsodium cannot start");

    SCOPED(secret_free_p) struct secret *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    s->bytes = sodium_malloc(len);
    if (s->bytes == NULL)
        return error_set(err, -ENOMEM, "out of memory for a secret");
    memcpy(s->bytes, bytes, len);
    s->len = len;
    if (sodium_mprotect_readonly(s->bytes) != 0)
        return error_set(err, -EIO, "cannot make a secret read-only");
    *out = GIVE(s);
    return 0;
}

static void close_p(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static void sodium_free_p(unsigned char **memory)
{
    sodium_free(*memory); /* wipes */
}

static int check_file(int fd, const char *path, int strict, struct error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        int code = -errno;
        return error_set(err, code, "%s: %s", path, strerror(-code));
    }
    if (!S_ISREG(st.st_mode))
        return error_set(err, -EINVAL, "%s: not a regular file", path);
    if (strict && (st.st_mode & S_IROTH) != 0)
        return error_set(err, -EACCES, "%s: everyone may read this secret: chmod o-r it", path);
    return 0;
}

/* As much as fits; *len == size means that there may be more. */
static int read_all(int fd, const char *path, unsigned char *into, size_t size, size_t *len,
                    struct error *err)
{
    *len = 0;
    while (*len < size) {
        ssize_t n = read(fd, into + *len, size - *len);
        if (n == 0)
            return 0;
        if (n > 0) {
            *len += (size_t)n;
        } else if (errno != EINTR) {
            int code = -errno;
            return error_set(err, code, "%s: %s", path, strerror(-code));
        }
    }
    return 0;
}

int secret_read_file(struct secret **out, const char *path, int strict, struct error *err)
{
    /* Without O_NONBLOCK a FIFO would hold up the start for ever. */
    SCOPED(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        int code = -errno;
        return error_set(err, code, "%s: %s", path, strerror(-code));
    }
    int rc = check_file(fd, path, strict, err);
    if (rc != 0)
        return rc;
    if (sodium_init() < 0)
        return error_set(err, -EIO, "libsodium cannot start");

    const size_t size = SECRET_MAX + 3; /* a line end, and a byte that shows it is too long */
    SCOPED(sodium_free_p) unsigned char *bytes = sodium_malloc(size);
    if (bytes == NULL)
        return error_set(err, -ENOMEM, "%s: out of memory", path);
    size_t len;
    rc = read_all(fd, path, bytes, size, &len, err);
    if (rc != 0)
        return rc;
    if (len > 0 && bytes[len - 1] == '\n') {
        len--;
        if (len > 0 && bytes[len - 1] == '\r')
            len--;
    }
    if (len == 0)
        return error_set(err, -EINVAL, "%s: the secret file is empty", path);
    if (len > SECRET_MAX)
        return error_set(err, -EINVAL, "%s: longer than 64 KiB", path);
    if (memchr(bytes, '\0', len) != NULL)
        return error_set(err, -EINVAL, "%s: holds a NUL byte", path);
    rc = secret_new(out, bytes, len, err);
    return rc == 0 ? 0 : error_prefix(err, rc, "%s", path);
}

int secret_from_env(struct secret **out, const char *name, struct error *err)
{
    const char *value = getenv(name);
    if (value == NULL || value[0] == '\0')
        return error_set(err, -EINVAL, "environment variable %s is %s", name,
                         value == NULL ? "not set" : "empty");
    int rc = secret_new(out, value, strlen(value), err);
    return rc == 0 ? 0 : error_prefix(err, rc, "environment variable %s", name);
}

const unsigned char *secret_bytes(const struct secret *s)
{
    return s->bytes;
}

size_t secret_len(const struct secret *s)
{
    return s->len;
}

int secret_equals(const struct secret *s, const void *bytes, size_t len)
{
    return len == s->len && sodium_memcmp(s->bytes, bytes, len) == 0;
}

size_t secret_hide(char *text, size_t len, const struct secret *s)
{
    static const char stars[] = "***";
    char *at = text;
    if (s->len < sizeof(stars) - 1)
        return len;
    while ((at = memmem(at, len - (size_t)(at - text), s->bytes, s->len)) != NULL) {
        memcpy(at, stars, sizeof(stars) - 1);
        at += sizeof(stars) - 1;
        char *rest = at + s->len - (sizeof(stars) - 1);
        memmove(at, rest, len - (size_t)(rest - text) + 1);
        len -= s->len - (sizeof(stars) - 1);
    }
    return len;
}

void secret_wipe_buf(struct buf *b)
{
    if (b->data != NULL)
        sodium_memzero(b->data, b->cap);
    buf_free(b);
}

void secret_free(struct secret *s)
{
    if (s == NULL)
        return;
    sodium_free(s->bytes);
    free(s);
}

void secret_free_p(struct secret **s)
{
    secret_free(*s);
}
