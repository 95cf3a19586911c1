#include "relay/store/sqlite_private.h"

#include "relay/base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The folder's links are resolved, because under systemd's DynamicUser= the state folder is one,
 * and SQLITE_OPEN_NOFOLLOW refuses a link anywhere in the path. The file itself must not be one:
 * whoever could plant it would choose what we overwrite. */
static int resolve(const char *given, char **folder, const char **file, struct error *err)
{
    const char *slash = strrchr(given, '/');
    *file = slash == NULL ? given : slash + 1;
    if (**file == '\0' || strcmp(*file, ".") == 0 || strcmp(*file, "..") == 0)
        return error_set(err, -EISDIR,
                         "store %s: names a folder: add the file's name, such as relay.db", given);
    SCOPED(free_p)
    char *prefix = slash == NULL ? strdup(".") : strndup(given, (size_t)(slash - given) + 1);
    if (prefix == NULL)
        return error_set(err, -ENOMEM, "store %s: out of memory", given);
    *folder = realpath(prefix, NULL);
    if (*folder != NULL)
        return 0;
    int code = -errno;
    if (code == -ENOENT)
        return error_set(err, code,
                         "store %s: the folder %s does not exist: create it, owned by the user "
                         "that runs drift-relay",
                         given, prefix);
    return error_set(err, code,
                     "store %s: the folder %s cannot be reached (%s): make it accessible to the "
                     "user that runs drift-relay",
                     given, prefix, strerror(-code));
}

/* A crash must not take away the name of a file whose content is safe. */
static int sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int code = fsync(fd) == 0 ? 0 : -errno;
    close(fd);
    return code;
}

/* SQLite would make it by umask; its journal takes over the mode found here. */
static int make(const char *path, const char *folder, struct error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        int code = -errno;
        return error_set(
            err, code,
            "store %s: cannot be created (%s): let the user that runs drift-relay write to %s",
            path, strerror(-code), folder);
    }
    int code = fchmod(fd, 0600) == 0 ? 0 : -errno;
    close(fd);
    if (code == 0)
        code = sync_folder(folder);
    if (code < 0)
        return error_set(err, code, "store %s: cannot be created (%s): check the file system", path,
                         strerror(-code));
    return 0;
}

/* No descriptor of an existing file is opened here: closing one drops every lock the process has on
 * it. */
static int check(const char *path, const char *folder, struct error *err)
{
    struct stat st;
    if (lstat(path, &st) != 0) {
        int code = -errno;
        return code == -ENOENT
                   ? make(path, folder, err)
                   : error_set(err, code, "store %s: cannot be looked at (%s): check its folder",
                               path, strerror(-code));
    }
    if (S_ISLNK(st.st_mode))
        return error_set(err, -ELOOP,
                         "store %s: is a symbolic link: set store.path to the file itself", path);
    if (!S_ISREG(st.st_mode))
        return error_set(err, S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL,
                         "store %s: is not a file: set store.path to a file's name", path);
    if (faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) != 0) {
        int code = -errno;
        return error_set(
            err, code,
            "store %s: cannot be written (%s): give the file to the user that runs drift-relay",
            path, strerror(-code));
    }
    return 0;
}

int sqlite_file_prepare(const char *given, char **path, struct error *err)
{
    const char *file = NULL;
    SCOPED(free_p) char *folder = NULL;
    int rc = resolve(given, &folder, &file, err);
    if (rc < 0)
        return rc;
    if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0) {
        rc = -errno;
        return error_set(err, rc,
                         "store %s: its folder is not writable (%s): the journal is kept beside "
                         "it; let the user that runs drift-relay write to %s",
                         given, strerror(-rc), folder);
    }
    SCOPED(free_p) char *full = NULL;
    if (asprintf(&full, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, file) < 0) {
        full = NULL;
        return error_set(err, -ENOMEM, "store %s: out of memory", given);
    }
    rc = check(full, folder, err);
    if (rc < 0)
        return rc;
    *path = GIVE(full);
    return 0;
}
