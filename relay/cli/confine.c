#include "relay/cli/confine.h"

#include "relay/base/log.h"
#include "relay/base/scope.h"
#include "relay/conf_sandbox.h"

int confine_files(struct confinement *c, const struct conf *conf, struct error *err)
{
    c->mode = conf->sandbox;
    int r = conf_sandbox(&c->policy, conf, err);
    return r != 0 ? r : sandbox_enter_files(c->policy, c->mode, &c->level, err);
}

int confine_syscalls(struct confinement *c, struct metrics *metrics, struct error *err)
{
    int r = sandbox_enter_syscalls(c->mode, &c->level, err);
    struct metric *gauge =
        metrics_gauge(metrics, "sandbox", "Whether a layer of the sandbox is in force.", "layer");
    metric_set(gauge, c->level.files > 0, "files", NULL);
    metric_set(gauge, c->level.network, "network", NULL);
    metric_set(gauge, c->level.syscalls, "syscalls", NULL);
    if (r != 0)
        return r;
    bool whole = c->level.files > 0 && c->level.syscalls;
    if (!whole && c->mode == SANDBOX_BEST_EFFORT)
        log_warn("serve", "sandbox_incomplete", LOG_STR("kernel", "has not every layer"));
    log_info("serve", "sandbox", LOG_BOOL("files", c->level.files > 0),
             LOG_BOOL("network", c->level.network), LOG_BOOL("syscalls", c->level.syscalls),
             LOG_INT("landlock_abi", c->level.files));
    return 0;
}

bool confine_covers(const struct confinement *c, const struct conf *next)
{
    SCOPED(sandbox_policy_free_p) struct sandbox_policy *wanted = NULL;
    struct error err = {0};
    if (c->level.files == 0 || (conf_sandbox(&wanted, next, &err) == 0 &&
                                sandbox_policy_covers(c->policy, wanted, c->level.network)))
        return true;
    log_warn("serve", "outside_sandbox",
             LOG_STR("effect", "its new folders or ports are refused until a restart"));
    return false;
}

void confine_release(struct confinement *c)
{
    sandbox_policy_free(c->policy);
    c->policy = NULL;
}
