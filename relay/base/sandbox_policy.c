#include "relay/base/sandbox_private.h"

#include "relay/base/scope.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int sandbox_policy_new(struct sandbox_policy **out, struct error *err)
{
    *out = calloc(1, sizeof(**out));
    return *out != NULL ? 0 : error_set(err, -ENOMEM, "sandbox: out of memory");
}

void sandbox_policy_free(struct sandbox_policy *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->n_paths; i++)
        free(p->paths[i].path);
    free(p->paths);
    free(p->ports);
    free(p);
}

void sandbox_policy_free_p(struct sandbox_policy **p)
{
    sandbox_policy_free(*p);
}

void sandbox_policy_allow(struct sandbox_policy *p, const char *path, unsigned access)
{
    for (size_t i = 0; i < p->n_paths; i++) {
        if (strcmp(p->paths[i].path, path) == 0) {
            p->paths[i].access |= access;
            return;
        }
    }
    char *copy = strdup(path);
    struct sandbox_path *grown =
        copy == NULL ? NULL : realloc(p->paths, (p->n_paths + 1) * sizeof(*grown));
    if (grown == NULL) {
        free(copy);
        p->failed = true;
        return;
    }
    p->paths = grown;
    p->paths[p->n_paths++] = (struct sandbox_path){copy, access};
}

static void allow_parent(struct sandbox_policy *p, const char *file, unsigned access)
{
    const char *slash = strrchr(file, '/');
    if (slash == NULL) {
        sandbox_policy_allow(p, ".", access);
    } else if (slash == file) {
        sandbox_policy_allow(p, file, access);
    } else {
        SCOPED(free_p) char *folder = strndup(file, (size_t)(slash - file));
        if (folder == NULL)
            p->failed = true;
        else
            sandbox_policy_allow(p, folder, access);
    }
}

void sandbox_policy_allow_folder_of(struct sandbox_policy *p, const char *file, unsigned access)
{
    SCOPED(free_p) char *real = realpath(file, NULL);
    allow_parent(p, file, access);
    if (real != NULL)
        allow_parent(p, real, access);
}

static void allow_port(struct sandbox_policy *p, uint16_t port, bool bind)
{
    struct sandbox_port *grown = realloc(p->ports, (p->n_ports + 1) * sizeof(*grown));
    if (grown == NULL) {
        p->failed = true;
        return;
    }
    p->ports = grown;
    p->ports[p->n_ports++] = (struct sandbox_port){port, bind};
}

void sandbox_policy_allow_bind(struct sandbox_policy *p, uint16_t port)
{
    allow_port(p, port, true);
}

void sandbox_policy_allow_connect(struct sandbox_policy *p, uint16_t port)
{
    allow_port(p, port, false);
}

void sandbox_policy_allow_system(struct sandbox_policy *p)
{
    /* The last ones: malloc's arenas follow the number of processors, SQLite and TLS want seeds,
     * relay time the boot. */
    static const char *const readable[] = {
        /* clang-format off */
        "/etc", "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/ca-certificates",
        "/usr/local/share/ca-certificates", "/usr/share/zoneinfo",
        "/sys/devices/system/cpu", "/dev/urandom", "/dev/random", "/dev/null", "/proc/sys/kernel/random/boot_id",
        /* clang-format on */
    };
    for (size_t i = 0; i < sizeof(readable) / sizeof(readable[0]); i++)
        sandbox_policy_allow(p, readable[i], SANDBOX_READ);
    sandbox_policy_allow_folder_of(p, "/etc/resolv.conf", SANDBOX_READ);
    allow_port(p, 53, false);
}

static bool has_path(const struct sandbox_policy *p, const struct sandbox_path *wanted)
{
    for (size_t i = 0; i < p->n_paths; i++) {
        const struct sandbox_path *own = &p->paths[i];
        size_t len = strlen(own->path);
        bool below = strncmp(own->path, wanted->path, len) == 0 &&
                     (wanted->path[len] == '\0' || wanted->path[len] == '/');
        if (below && (own->access & wanted->access) == wanted->access)
            return true;
    }
    return false;
}

static bool has_port(const struct sandbox_policy *p, struct sandbox_port wanted)
{
    for (size_t i = 0; i < p->n_ports; i++) {
        if (p->ports[i].port == wanted.port && p->ports[i].bind == wanted.bind)
            return true;
    }
    return false;
}

bool sandbox_policy_covers(const struct sandbox_policy *p, const struct sandbox_policy *wanted,
                           bool ports)
{
    if (p->failed || wanted->failed)
        return false;
    for (size_t i = 0; i < wanted->n_paths; i++) {
        if (!has_path(p, &wanted->paths[i]))
            return false;
    }
    for (size_t i = 0; ports && i < wanted->n_ports; i++) {
        if (!has_port(p, wanted->ports[i]))
            return false;
    }
    return true;
}
