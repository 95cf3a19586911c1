/* sandbox-selftest: enters the sandbox that serve would enter, and tries what must and must not go.
 * For tests and for operators who ask what their kernel gives them. */
#include "relay/base/http_client.h"
#include "relay/base/scope.h"
#include "relay/base/service.h"
#include "relay/cli/cli.h"
#include "relay/cli/client.h"
#include "relay/cli/confine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct attempt {
    const char *config; /* a file that is only read */
    bool dumps;
    char beside[4096]; /* a new name in the store's folder */
};

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* Each returns 0 when it went through, else an errno. */
static int opened(const char *path, int flags)
{
    SCOPED(close_fd) int fd = open(path, flags | O_CLOEXEC, 0600);
    return fd < 0 ? errno : 0;
}

static int connected(uint16_t port)
{
    SCOPED(close_fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0 ? errno : 0;
}

static int list_root(const struct attempt *a)
{
    (void)a;
    return opened("/", O_RDONLY | O_DIRECTORY);
}

static int read_processes(const struct attempt *a)
{
    (void)a;
    return opened("/proc/self/environ", O_RDONLY);
}

static int write_config(const struct attempt *a)
{
    return opened(a->config, O_WRONLY);
}

static int write_tmp(const struct attempt *a)
{
    char path[64];
    (void)a;
    (void)snprintf(path, sizeof(path), "/tmp/drift-relay-selftest-%d", (int)getpid());
    int r = opened(path, O_WRONLY | O_CREAT | O_EXCL);
    if (r == 0)
        unlink(path);
    return r;
}

static int link_away(const struct attempt *a)
{
    return symlink("/etc/passwd", a->beside) != 0 ? errno : 0;
}

static int connect_elsewhere(const struct attempt *a)
{
    (void)a;
    return connected(1);
}

static int listen_elsewhere(const struct attempt *a)
{
    (void)a;
    SCOPED(close_fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(2)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof(at)) != 0 ? errno : 0;
}

static int run_program(const struct attempt *a)
{
    char *const argv[] = {(char[]){"true"}, NULL};
    (void)a;
    execv("/bin/true", argv); /* returns only when refused */
    return errno;
}

static int make_process(const struct attempt *a)
{
    (void)a;
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    return child < 0 ? errno : 0;
}

static int trace(const struct attempt *a)
{
    (void)a;
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 ? errno : 0;
}

static int signal_other(const struct attempt *a)
{
    (void)a;
    return kill(getppid(), 0) != 0 ? errno : 0;
}

static int raw_packets(const struct attempt *a)
{
    (void)a;
    SCOPED(close_fd) int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    return fd < 0 ? errno : 0;
}

static int mount_something(const struct attempt *a)
{
    (void)a;
    return mount("none", "/mnt", "tmpfs", MS_RDONLY, NULL) != 0 ? errno : 0;
}

static int new_namespace(const struct attempt *a)
{
    (void)a;
    return unshare(CLONE_NEWUSER) != 0 ? errno : 0;
}

static int dump_core(const struct attempt *a)
{
    return a->dumps ? 0 : EPERM;
}

static int read_config(const struct attempt *a)
{
    return opened(a->config, O_RDONLY);
}

static int write_store(const struct attempt *a)
{
    int r = opened(a->beside, O_RDWR | O_CREAT | O_EXCL);
    return r != 0 ? r : unlink(a->beside) != 0 ? errno : 0;
}

static int resolve_name(const struct attempt *a)
{
    struct addrinfo *found = NULL;
    (void)a;
    if (getaddrinfo("localhost", NULL, NULL, &found) != 0)
        return ENOENT;
    freeaddrinfo(found);
    return 0;
}

static void *nothing(void *argument)
{
    return argument;
}

static int start_thread(const struct attempt *a)
{
    pthread_t thread;
    struct error err;
    (void)a;
    int r = thread_start(&thread, "selftest", nothing, NULL, &err);
    if (r == 0)
        pthread_join(thread, NULL);
    return -r;
}

/* Which layer refuses it; 0 = it must go through. */
enum { NEEDS_FILES = 1, NEEDS_NETWORK = 2, NEEDS_SYSCALLS = 4, NEEDS_NOTHING = 8 };

static const struct {
    const char *what;
    unsigned refused_by;
    int (*try)(const struct attempt *a);
} attempts[] = {
    /* clang-format off */
    {"list /", NEEDS_FILES, list_root},
    {"read /proc/self/environ", NEEDS_FILES, read_processes},
    {"write the config", NEEDS_FILES, write_config},
    {"make a file in /tmp", NEEDS_FILES, write_tmp},
    {"make a symbolic link in the state folder", NEEDS_FILES | NEEDS_SYSCALLS, link_away},
    {"connect to port 1", NEEDS_NETWORK, connect_elsewhere},
    {"listen on port 2", NEEDS_NETWORK, listen_elsewhere},
    {"run /bin/true", NEEDS_FILES | NEEDS_SYSCALLS, run_program},
    {"make a process", NEEDS_SYSCALLS, make_process},
    {"be traced", NEEDS_SYSCALLS, trace},
    {"signal the parent", NEEDS_SYSCALLS, signal_other},
    {"open a packet socket", NEEDS_SYSCALLS, raw_packets},
    {"mount", NEEDS_SYSCALLS, mount_something},
    {"make a user namespace", NEEDS_SYSCALLS, new_namespace},
    {"leave a core", NEEDS_NOTHING, dump_core},
    {"read the config", 0, read_config},
    {"write in the state folder", 0, write_store},
    {"resolve localhost", 0, resolve_name},
    {"start a thread", 0, start_thread},
    /* clang-format on */
};

/* Counts what is not as it should be. */
static unsigned try_all(const struct attempt *a, const struct sandbox_level *level)
{
    unsigned in_force = (level->files > 0 ? NEEDS_FILES : 0) |
                        (level->network ? NEEDS_NETWORK : 0) |
                        (level->syscalls ? NEEDS_SYSCALLS : 0) | NEEDS_NOTHING;
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
        bool refuse = attempts[i].refused_by != 0;
        if (refuse && (attempts[i].refused_by & in_force) == 0) {
            printf("skipped  %s: the layer is not in force\n", attempts[i].what);
            continue;
        }
        int r = attempts[i].try(a);
        /* A port that is merely closed was asked. */
        bool right = refuse ? r == EPERM || r == EACCES : r == 0;
        wrong += !right;
        printf("%-8s %s: %s\n", right ? "ok" : "WRONG", attempts[i].what,
               r == 0 ? "done" : strerror(r));
    }
    return wrong;
}

static const struct cli_option options[] = {
    {"config", "FILE", "read this file (default: " CONF_DEFAULT_FILE ", else the environment)"},
    {0},
};
static const struct cli_usage usage = {
    .command = "sandbox-selftest",
    .arguments = "[--config FILE]",
    .purpose = "Enters the sandbox of serve and tries what must and must not go.",
    .options = options,
};

static bool leaves_cores(void)
{
    struct rlimit core;
    return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0 || getrlimit(RLIMIT_CORE, &core) != 0 ||
           core.rlim_max != 0;
}

int cli_sandbox_selftest(int argc, char **argv)
{
    struct cli_args args;
    int code = cli_parse(&args, &usage, argc, argv);
    if (code >= 0)
        return code;
    SCOPED(conf_unref_p) struct conf *conf = NULL;
    code = client_load_conf(&args, &conf);
    if (code != EXIT_OK)
        return code;
    SCOPED(service_free_p) struct service *service = NULL;
    SCOPED(confine_release) struct confinement c = {.mode = conf->sandbox};
    struct attempt a = {.config = conf->n_watched > 0 ? conf->watched[0] : "/etc/hosts"};
    struct error err = {0};
    (void)snprintf(a.beside, sizeof(a.beside), "%s.selftest", conf->store_path);
    struct metrics *metrics = metrics_new("drift_relay_");
    log_setup(LOG_INFO, LOG_LOGFMT, clock_system());
    int r = service_prepare(&service, &err);
    a.dumps = leaves_cores();
    if (r == 0)
        r = http_client_setup(&err);
    if (r == 0)
        r = confine_files(&c, conf, &err);
    if (r == 0)
        r = confine_syscalls(&c, metrics, &err);
    metrics_free(metrics);
    if (r != 0) {
        fprintf(stderr, "drift-relay sandbox-selftest: %s\n", err.text);
        return EXIT_FAILED;
    }
    return try_all(&a, &c.level) == 0 ? EXIT_OK : EXIT_FAILED;
}
