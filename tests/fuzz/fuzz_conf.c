/* The config file. Its secrets are in one that has no name: /proc/self/fd/100. */
#include "relay/conf.h"
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET    "0123456789abcdef0123456789abcdef\n"
#define SECRET_FD 100

int LLVMFuzzerInitialize(int *argc, char ***argv);
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 forgets the beginning of a string that the text ends in. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libconfig.so\n";
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    int fd = memfd_create("secret", MFD_CLOEXEC);
    assert(fd >= 0 && fchmod(fd, 0600) == 0);
    assert(write(fd, SECRET, strlen(SECRET)) == (ssize_t)strlen(SECRET));
    assert(dup3(fd, SECRET_FD, O_CLOEXEC) == SECRET_FD && close(fd) == 0);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(free_p) char *text = fuzz_text(data, size);
    SCOPED(conf_unref_p) struct conf *c = NULL;
    SCOPED(conf_report_clear) struct conf_report report = {0};
    char changed[256];
    if (conf_load_text(&c, "fuzz.conf", text, &report) != 0) {
        assert(c == NULL && report.n_faults > 0);
        return 0;
    }
    assert(report.n_faults == 0);
    assert(conf_needs_restart(c, c, changed, sizeof(changed)) == 0);
    for (size_t i = 0; i < c->n_routes; i++) {
        const struct route *route = &c->routes[i].route;
        assert(conf_route_by_name(c, route->name) == &c->routes[i]);
        assert(conf_target_by_name(c, route->target) != NULL);
    }
    return 0;
}
