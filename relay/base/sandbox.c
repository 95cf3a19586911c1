#include "relay/base/sandbox.h"

#include "relay/base/sandbox_private.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/landlock.h>

/* What Linux added after the 6.1 whose headers we build with (linux/landlock.h of 6.12). */
#define ACCESS_FS_TRUNCATE    (1ULL << 14) /* ABI 3 */
#define ACCESS_FS_IOCTL_DEV   (1ULL << 15) /* ABI 5 */
#define ACCESS_NET_BIND       (1ULL << 0)  /* ABI 4 */
#define ACCESS_NET_CONNECT    (1ULL << 1)
#define SCOPE_ABSTRACT_SOCKET (1ULL << 0) /* ABI 6 */
#define SCOPE_SIGNAL          (1ULL << 1)
#define RULE_NET_PORT         2

struct ruleset {
    uint64_t fs, net, scoped;
};

struct net_port {
    uint64_t access, port;
};

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static int landlock_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return abi < 0 ? 0 : (int)abi;
}

static bool systemd_is_abstract(void)
{
    const char *notify = getenv("NOTIFY_SOCKET");
    return notify != NULL && notify[0] == '@';
}

/* All that this ABI can forbid. Signals: to other processes; abstract sockets: unless systemd's is
 * one. */
static struct ruleset everything(int abi)
{
    struct ruleset all = {.fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1};
    if (abi >= 2)
        all.fs |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= 3)
        all.fs |= ACCESS_FS_TRUNCATE;
    if (abi >= 4)
        all.net = ACCESS_NET_BIND | ACCESS_NET_CONNECT;
    if (abi >= 5)
        all.fs |= ACCESS_FS_IOCTL_DEV;
    if (abi >= 6)
        all.scoped = systemd_is_abstract() ? SCOPE_SIGNAL : SCOPE_SIGNAL | SCOPE_ABSTRACT_SOCKET;
    return all;
}

static uint64_t rights(unsigned access, bool is_folder)
{
    uint64_t r = 0;
    if ((access & (SANDBOX_READ | SANDBOX_WRITE)) != 0)
        r |= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
    if ((access & SANDBOX_WRITE) != 0)
        r |= LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |
             LANDLOCK_ACCESS_FS_MAKE_REG | ACCESS_FS_TRUNCATE;
    if ((access & SANDBOX_SOCKET) != 0)
        r |= LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE;
    const uint64_t of_files =
        LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_FS_TRUNCATE;
    return is_folder ? r : r & of_files;
}

static int add_path(int ruleset, const struct sandbox_path *p, uint64_t handled, struct error *err)
{
    SCOPED(close_fd) int fd = open(p->path, O_PATH | O_CLOEXEC);
    struct stat s;
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
        return 0; /* what cannot be reached needs no rule */
    if (fd < 0 || fstat(fd, &s) != 0)
        return error_set(err, -errno, "sandbox: %s: %s", p->path, strerror(errno));
    const struct landlock_path_beneath_attr rule = {
        .allowed_access = rights(p->access, S_ISDIR(s.st_mode)) & handled, .parent_fd = fd};
    if (rule.allowed_access != 0 &&
        syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
        return error_set(err, -errno, "sandbox: %s: %s", p->path, strerror(errno));
    return 0;
}

static int add_port(int ruleset, const struct sandbox_port *p, struct error *err)
{
    const struct net_port rule = {.access = p->bind ? ACCESS_NET_BIND : ACCESS_NET_CONNECT,
                                  .port = p->port};
    if (syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &rule, 0) != 0)
        return error_set(err, -errno, "sandbox: port %u: %s", (unsigned)p->port, strerror(errno));
    return 0;
}

static int restrict_thread(const struct sandbox_policy *p, int abi, bool network, struct error *err)
{
    struct ruleset all = everything(abi);
    if (!network)
        all.net = 0;
    /* Kernels before an ABI refuse a struct that has its fields, even when they are 0. */
    size_t size = abi >= 6 ? sizeof(all) : abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
    SCOPED(close_fd) int fd = (int)syscall(SYS_landlock_create_ruleset, &all, size, 0);
    if (fd < 0)
        return error_set(err, -errno, "sandbox: Landlock: %s", strerror(errno));
    for (size_t i = 0; i < p->n_paths; i++) {
        int r = add_path(fd, &p->paths[i], all.fs, err);
        if (r != 0)
            return r;
    }
    for (size_t i = 0; all.net != 0 && i < p->n_ports; i++) {
        int r = add_port(fd, &p->ports[i], err);
        if (r != 0)
            return r;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        syscall(SYS_landlock_restrict_self, fd, 0) != 0)
        return error_set(err, -errno, "sandbox: Landlock: %s", strerror(errno));
    return 0;
}

int sandbox_enter_files(const struct sandbox_policy *p, enum sandbox_mode mode,
                        struct sandbox_level *level, struct error *err)
{
    level->files = 0;
    level->network = false;
    if (mode == SANDBOX_OFF)
        return 0;
    if (p->failed)
        return error_set(err, -ENOMEM, "sandbox: out of memory");
    int abi = landlock_abi();
    if (abi == 0)
        return mode == SANDBOX_BEST_EFFORT
                   ? 0
                   : error_set(err, -ENOSYS,
                               "sandbox: this kernel has no Landlock: it is needed "
                               "for sandbox = \"require\"");
    /* Ports are a promise that a later config need not keep: only for who asked for it. */
    bool network = abi >= 4 && mode == SANDBOX_REQUIRE;
    int r = restrict_thread(p, abi, network, err);
    if (r != 0)
        return mode == SANDBOX_BEST_EFFORT ? 0 : r;
    level->files = abi;
    level->network = network;
    return 0;
}
