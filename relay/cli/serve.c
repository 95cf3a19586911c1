/* serve: makes every part, hands each what it needs, and takes them down in the right order. */
#include "relay/base/http_client.h"
#include "relay/base/log.h"
#include "relay/base/scope.h"
#include "relay/base/service.h"
#include "relay/base/watch.h"
#include "relay/cli/cli.h"
#include "relay/cli/confine.h"
#include "relay/cli/options.h"
#include "relay/conf.h"
#include "relay/core/core.h"
#include "relay/edge/admin.h"
#include "relay/edge/annotator.h"
#include "relay/edge/dispatcher.h"
#include "relay/edge/webhook.h"
#include "relay/store/sqlite.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FAULT_MAX 512
#define DRAIN_MS  15000 /* for answers that senders still wait for */

struct relay {
    const char *config_path; /* NULL = the default file or the environment */
    struct conf *conf;
    struct conf *started; /* what the listeners and the store were made of */
    struct confinement confinement;
    struct service *service;
    struct metrics *metrics;
    struct metric *reload_ok, *reload_fault, *certificate_end;
    struct dispatcher *dispatcher;
    struct core *core;
    struct webhook *webhook;
    struct admin *admin;
    struct annotator *annotator;
    struct watch *watch;
    _Atomic bool reload_wanted; /* a watched file changed */
    _Atomic bool core_ended;
};

static void report_conf(const struct conf_report *report)
{
    for (size_t i = 0; i < report->n_faults; i++)
        log_error("config", "fault", LOG_STR("at", report->faults[i]));
    for (size_t i = 0; i < report->n_warnings; i++)
        log_warn("config", "warning", LOG_STR("at", report->warnings[i]));
}

static int load_conf(struct conf **out, const char *path, char fault[static FAULT_MAX])
{
    SCOPED(conf_report_clear) struct conf_report report = {0};
    int r = conf_load(out, path, &report);
    report_conf(&report);
    if (r != 0 && report.n_faults == 0)
        log_error("config", "fault", LOG_STR("at", "out of memory"));
    (void)snprintf(fault, FAULT_MAX, "%s",
                   report.n_faults > 0 ? report.faults[0] : "out of memory");
    return r;
}

/* --- callbacks from other threads ---------------------------------------------------------------
 */

static void core_stopped(void *context)
{
    struct relay *relay = context;
    relay->core_ended = true;
    service_wake(relay->service);
}

static void file_changed(void *context, const char *path, bool exists)
{
    struct relay *relay = context;
    if (strcmp(path, relay->conf->stop_file) == 0) {
        core_stop_file(relay->core, exists);
        return;
    }
    relay->reload_wanted = true;
    service_wake(relay->service);
}

/* --- up ------------------------------------------------------------------------------------------
 */

static int watch_files(struct relay *relay, struct error *err)
{
    const struct conf *conf = relay->conf;
    SCOPED(free_p) const char **paths = calloc(conf->n_watched + 1, sizeof(*paths));
    if (paths == NULL)
        return error_set(err, -1, "out of memory");
    for (size_t i = 0; i < conf->n_watched; i++)
        paths[i] = conf->watched[i];
    paths[conf->n_watched] = conf->stop_file;
    return watch_start(&relay->watch, paths, conf->n_watched + 1, file_changed, relay, err);
}

static int open_store(const struct conf *conf, struct store *store, struct error *err)
{
    struct sqlite_report report;
    int r = sqlite_store_open(store, conf->store_path, &report, err);
    if (r == 0)
        log_info("store", "opened", LOG_STR("path", conf->store_path),
                 LOG_BOOL("created", report.created), LOG_BOOL("unclean_stop", report.unclean),
                 LOG_INT("migrated_from", report.migrated_from));
    return r;
}

static int start_core(struct relay *relay, struct error *err)
{
    struct stat s;
    struct core_options options = {
        .ports = {.forge = dispatcher_forge(relay->dispatcher),
                  .clock = clock_system(),
                  .rng = rng_system()},
        .conf = relay->conf,
        .metrics = relay->metrics,
        .stop_file = stat(relay->conf->stop_file, &s) == 0,
        .online = true,
        .stopped = core_stopped,
        .stopped_context = relay,
    };
    int r = open_store(relay->conf, &options.ports.store, err);
    if (r != 0)
        return r;
    r = core_start(&relay->core, &options, err);
    if (r == 0)
        dispatcher_attach(relay->dispatcher, relay->core);
    if (options.stop_file)
        log_warn("serve", "stopped", LOG_STR("file", relay->conf->stop_file),
                 LOG_STR("effect", "no run is started while it exists"));
    return r;
}

static void show_certificates(const struct relay *relay)
{
    const struct conf *conf = relay->conf;
    if (conf->listen_tls != NULL)
        metric_set(relay->certificate_end, (double)tls_expiry_ms(conf->listen_tls) / 1000,
                   "webhook", NULL);
    if (conf->admin_tls != NULL)
        metric_set(relay->certificate_end, (double)tls_expiry_ms(conf->admin_tls) / 1000, "admin",
                   NULL);
}

static int up(struct relay *relay, struct error *err)
{
    relay->metrics = metrics_new("drift_relay_");
    metric_set(metrics_gauge(relay->metrics, "build_info", "Always 1; what this is.", "version"), 1,
               DRIFT_RELAY_VERSION, NULL);
    relay->reload_ok =
        metrics_gauge(relay->metrics, "config_last_reload_successful",
                      "Whether the file that was read last is the config in force.", "");
    metric_set(relay->reload_ok, 1, NULL);
    relay->reload_fault =
        metrics_gauge(relay->metrics, "config_refused_info",
                      "Always 1; the first fault of the config that was refused.", "fault");
    relay->certificate_end =
        metrics_gauge(relay->metrics, "tls_certificate_expiry_timestamp_seconds",
                      "When the certificate of a listener ends.", "listener");
    show_certificates(relay);
    int r = dispatcher_start(&relay->dispatcher, relay->conf, err);
    if (r == 0)
        r = start_core(relay, err);
    if (r == 0)
        r = annotator_start(&relay->annotator, relay->conf, relay->core, relay->metrics, err);
    if (r == 0)
        r = watch_files(relay, err);
    /* The doors open last: whoever is let in is served. */
    if (r == 0)
        r = admin_start(&relay->admin, relay->conf, relay->core, clock_system(), err);
    struct webhook_options webhook = {.conf = relay->conf,
                                      .core = relay->core,
                                      .metrics = relay->metrics,
                                      .clock = clock_system()};
    if (r == 0)
        r = webhook_start(&relay->webhook, &webhook, err);
    return r;
}

/* --- running -------------------------------------------------------------------------------------
 */

static void reload(struct relay *relay)
{
    service_notify("RELOADING=1");
    struct conf *next;
    char fault[FAULT_MAX];
    if (load_conf(&next, relay->config_path, fault) != 0) {
        core_trouble(relay->core, CORE_CONFIG, fault);
        metric_set(relay->reload_ok, 0, NULL);
        metric_clear(relay->reload_fault);
        metric_set(relay->reload_fault, 1, fault, NULL);
        log_error("serve", "reload_failed", LOG_STR("effect", "the old config stays in force"),
                  LOG_STR("hint", relay->confinement.level.files == 0
                                      ? NULL
                                      : "files in folders that the first config did not name are "
                                        "outside the sandbox: they need a restart"));
        service_notify("READY=1\nSTATUS=reload failed, the old config stays in force");
        return;
    }
    char restart[256];
    if (conf_needs_restart(relay->started, next, restart, sizeof(restart)) > 0)
        log_warn("serve", "restart_needed", LOG_STR("keys", restart));
    (void)confine_covers(&relay->confinement, next);
    metric_set(relay->reload_ok, 1, NULL);
    metric_clear(relay->reload_fault);
    watch_stop(relay->watch); /* its callback reads relay->conf */
    relay->watch = NULL;
    conf_unref(relay->conf);
    relay->conf = next;
    log_setup(next->log_level, next->log_format, clock_system());
    webhook_reload(relay->webhook, next);
    admin_reload(relay->admin, next);
    show_certificates(relay);
    dispatcher_reload(relay->dispatcher, next);
    core_reload(relay->core, next);
    annotator_reload(relay->annotator, next);
    struct error err = {0};
    if (watch_files(relay, &err) != 0)
        log_error("serve", "watch_failed", LOG_STR("error", err.text));
    struct stat s;
    core_stop_file(relay->core, stat(next->stop_file, &s) == 0);
    log_info("serve", "reloaded", LOG_STR("origin", next->origin));
    service_notify("READY=1\nSTATUS=running");
}

/* Returns when the relay is to stop. */
static void run(struct relay *relay)
{
    while (!relay->core_ended) {
        int event = service_wait(relay->service, -1);
        if (event < 0 || event == SERVICE_TERMINATE)
            return;
        if (event == SERVICE_RELOAD || relay->reload_wanted) {
            relay->reload_wanted = false;
            reload(relay);
        }
    }
}

/* Waits for wait_ms in all, or until done() says so; false when a second signal asks to hurry. */
static bool wait_until(struct relay *relay, bool (*done)(const struct relay *), int64_t wait_ms)
{
    const struct clock *clock = clock_system();
    int64_t end = clock_mono(clock).ms + wait_ms;
    while (!done(relay)) {
        int64_t left = end - clock_mono(clock).ms;
        if (left <= 0)
            return true;
        if (service_wait(relay->service, left < 50 ? left : 50) == SERVICE_TERMINATE)
            return false;
    }
    return true;
}

static bool answered(const struct relay *relay)
{
    return webhook_in_flight(relay->webhook) == 0;
}

static bool ended(const struct relay *relay)
{
    return relay->core_ended;
}

/* No new senders; those inside are answered; POSTs under way are recorded. A second signal skips
 * the waiting. */
static void drain(struct relay *relay)
{
    log_info("serve", "draining", LOG_INT("in_flight", webhook_in_flight(relay->webhook)));
    service_notify("STOPPING=1");
    webhook_drain(relay->webhook);
    bool patient = wait_until(relay, answered, DRAIN_MS);
    core_quit(relay->core, !patient);
    if (patient && !wait_until(relay, ended, 60000))
        core_quit(relay->core, true);
}

static void down(struct relay *relay)
{
    watch_stop(relay->watch);
    if (relay->core != NULL) {
        core_quit(relay->core, true); /* no effect when it has ended */
        core_join(relay->core);
    }
    webhook_stop(relay->webhook);
    admin_stop(relay->admin);
    dispatcher_stop(relay->dispatcher);
    annotator_stop(relay->annotator);
    core_free(relay->core);
    metrics_free(relay->metrics);
    conf_unref(relay->conf);
    conf_unref(relay->started);
    service_free(relay->service);
    confine_release(&relay->confinement);
}

static const struct cli_option options[] = {
    {"config", "FILE", "read this file (default: " CONF_DEFAULT_FILE ", else the environment)"},
    {0},
};
static const struct cli_usage usage = {
    .command = "serve",
    .arguments = "[--config FILE]",
    .purpose = "Runs the relay: takes signed notifications, starts workflow runs, follows them.",
    .options = options,
    .notes =
        "SIGTERM drains and stops, a second one stops at once; SIGHUP or a changed file reloads.",
};

int cli_serve(int argc, char **argv)
{
    struct cli_args args;
    int code = cli_parse(&args, &usage, argc, argv);
    if (code >= 0)
        return code;
    struct error err = {0};
    struct relay relay = {.config_path = cli_value(&args, "config")};
    log_setup(LOG_INFO, LOG_LOGFMT, clock_system());
    log_keep_at_faults();
    if (service_prepare(&relay.service, &err) != 0 || http_client_setup(&err) != 0) {
        log_error("serve", "start_failed", LOG_STR("error", err.text));
        service_free(relay.service);
        return EXIT_FAILED;
    }
    char fault[FAULT_MAX];
    if (load_conf(&relay.conf, relay.config_path, fault) != 0) {
        service_free(relay.service);
        return EXIT_FAILED;
    }
    relay.started = conf_ref(relay.conf);
    log_setup(relay.conf->log_level, relay.conf->log_format, clock_system());
    int r = confine_files(&relay.confinement, relay.conf, &err);
    if (r == 0)
        r = up(&relay, &err);
    if (r == 0)
        r = confine_syscalls(&relay.confinement, relay.metrics, &err);
    if (r == 0) {
        service_notify("READY=1\nSTATUS=running");
        log_info("serve", "ready", LOG_STR("version", DRIFT_RELAY_VERSION),
                 LOG_STR("origin", relay.conf->origin));
        run(&relay);
        drain(&relay);
    } else {
        log_error("serve", "start_failed", LOG_STR("error", err.text));
    }
    down(&relay);
    if (r == 0)
        log_info("serve", "stopped", LOG_NONE);
    return r == 0 ? EXIT_OK : EXIT_FAILED;
}
