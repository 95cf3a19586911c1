/* drift-model serve: the command line, and the signals of a service. */
#include "model/cli/cli.h"
#include "model/server/server.h"
#include "relay/base/log.h"
#include "relay/base/scope.h"
#include "relay/base/service.h"

#include <getopt.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <sodium.h>

#define WINDOW_DEFAULT "60"
#define DRAIN_MS       15000

static const char usage_line[] =
    "usage: drift-model serve --model NAME=FILE… [--listen ADDRESS:PORT] [--window 60|all|2h] "
    "[--min-samples N] [--state FILE]";

static const char help_text[] =
    "\n\nServes models that drift-train made, by the Open Inference Protocol (v2), and measures\n"
    "how far what they are asked has drifted from what they learnt from.\n\n"
    "  --model NAME=FILE    a model and the name in its URL; may be repeated\n"
    "  --listen A:P         where to listen (" CLI_LISTEN_DEFAULT "; port 0 takes a free one)\n"
    "  --window W           which requests are scored: the last 60, 2h of them, or all, of which\n"
    "                       there are at most 10000 (" WINDOW_DEFAULT ")\n"
    "  --min-samples N      no score of fewer requests (30)\n"
    "  --state FILE         keep the window here over a restart; with several models FILE.NAME\n\n"
    "  POST /v2/models/NAME/infer   {\"inputs\":[{\"name\":\"today_close\",\"shape\":[1],\n"
    "                               \"datatype\":\"FP64\",\"data\":[2480.5]}]}\n"
    "  GET  /v2/health/ready        503 until every model is there\n"
    "  GET  /metrics                for Prometheus\n\n"
    "A changed file, or SIGHUP, puts the new model in place; a bad file changes nothing. SIGTERM\n"
    "answers what is inside and stops, a second one stops at once. Exit code 1 when it cannot\n"
    "start, 2 for a wrong command line.\n";

struct serve {
    const char *models[MODEL_SERVER_MODELS_MAX];
    struct model_server_options options;
    struct service *service;
    struct model_server *server;
};

/* --- command line --------------------------------------------------------------------------------
 */

static int mistake(const char *what, const char *which)
{
    fprintf(stderr, "drift-model serve: %s%s\n%s (--help explains)\n", what, which, usage_line);
    return EXIT_USAGE;
}

static int read_samples(size_t *out, const char *value)
{
    struct error err = {0};
    int64_t samples;
    if (parse_int64(&samples, value, 1, DRIFT_WINDOW_MAX, &err) != 0)
        return mistake("--min-samples: ", err.text);
    *out = (size_t)samples;
    return -1;
}

static int read_option(struct serve *v, int option, const char *value, const char *word)
{
    struct model_server_options *o = &v->options;
    struct error err = {0};
    switch (option) {
    case 'h':
        printf("%s%s", usage_line, help_text);
        return EXIT_OK;
    case 'm':
        if (strchr(value, '=') == NULL)
            return mistake("--model wants NAME=FILE, not ", value);
        if (o->n_models == MODEL_SERVER_MODELS_MAX)
            return mistake("too many --model, from ", value);
        v->models[o->n_models++] = value;
        return -1;
    case 'l':
        return parse_address(&o->listen, value, &err) == 0 ? -1 : mistake("--listen: ", err.text);
    case 'w':
        return drift_window_parse(&o->span, value, &err) == 0 ? -1
                                                              : mistake("--window: ", err.text);
    case 'n':
        return read_samples(&o->min_samples, value);
    case 's':
        o->state_path = value;
        return -1;
    case ':':
        return mistake("a value is missing after ", word);
    default:
        return mistake("unknown option: ", word);
    }
}

/* -1: go on. Else the exit code. */
static int read_arguments(struct serve *v, int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {"model", required_argument, NULL, 'm'},
        {"listen", required_argument, NULL, 'l'},
        {"window", required_argument, NULL, 'w'},
        {"min-samples", required_argument, NULL, 'n'},
        {"state", required_argument, NULL, 's'},
        {NULL, 0, NULL, 0},
    };
    int option, code = -1;
    opterr = 0;
    while (code < 0 && (option = getopt_long(argc, argv, ":h", options, NULL)) != -1)
        code = read_option(v, option, optarg, argv[optind - 1]);
    if (code >= 0)
        return code;
    if (optind < argc)
        return mistake("no such argument: ", argv[optind]);
    if (v->options.n_models == 0)
        return mistake("--model NAME=FILE is needed", "");
    return -1;
}

/* --- running -------------------------------------------------------------------------------------
 */

static void wake(void *context)
{
    struct serve *v = context;
    service_wake(v->service);
}

static void run(struct serve *v)
{
    for (;;) {
        int event = service_wait(v->service, -1);
        if (event < 0 || event == SERVICE_TERMINATE)
            return;
        model_server_reload(v->server, event == SERVICE_RELOAD);
    }
}

static void drain(struct serve *v)
{
    const struct clock *clock = clock_system();
    int64_t end_ms = clock_mono(clock).ms + DRAIN_MS;
    log_info("serve", "draining", LOG_INT("in_flight", model_server_in_flight(v->server)));
    service_notify("STOPPING=1");
    model_server_drain(v->server);
    while (model_server_in_flight(v->server) > 0 && clock_mono(clock).ms < end_ms)
        if (service_wait(v->service, 50) == SERVICE_TERMINATE)
            return;
}

static int start(struct serve *v, struct error *err)
{
    if (sodium_init() < 0)
        return error_set(err, -1, "libsodium cannot start: no source of randomness");
    unsigned seed = 0;
    rng_system()->bytes(NULL, &seed, sizeof(seed));
    json_object_seed(seed == 0 ? 1 : seed); /* before any thread */
    int r = service_prepare(&v->service, err);
    return r == 0 ? model_server_start(&v->server, &v->options, err) : r;
}

int cli_serve(int argc, char **argv)
{
    struct error err = {0};
    struct serve v = {.options = {.min_samples = MONITOR_MIN_SAMPLES,
                                  .clock = clock_system(),
                                  .rng = rng_system(),
                                  .changed = wake}};
    v.options.models = v.models;
    v.options.context = &v;
    if (parse_address(&v.options.listen, CLI_LISTEN_DEFAULT, &err) != 0 ||
        drift_window_parse(&v.options.span, WINDOW_DEFAULT, &err) != 0)
        return mistake(err.text, "");
    int code = read_arguments(&v, argc, argv);
    if (code >= 0)
        return code;
    log_setup(LOG_INFO, LOG_LOGFMT, clock_system());
    int r = start(&v, &err);
    if (r == 0) {
        service_notify("READY=1\nSTATUS=running");
        log_info("serve", "ready", LOG_STR("version", DRIFT_RELAY_VERSION));
        run(&v);
        drain(&v);
    } else {
        log_error("serve", "start_failed", LOG_STR("error", err.text));
    }
    model_server_stop(v.server);
    service_free(v.service);
    if (r == 0)
        log_info("serve", "stopped", LOG_NONE);
    return r == 0 ? EXIT_OK : EXIT_FAILED;
}
