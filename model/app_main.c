/* drift-app: the web page that asks the model. */
#include "model/app/site.h"
#include "relay/base/http_client.h"
#include "relay/base/http_health.h"
#include "relay/base/log.h"
#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/base/service.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#define LISTEN_DEFAULT "0.0.0.0:7860"
#define DRAIN_MS       5000 /* every question to the model ends before that */
#define LOOK_MS        20

enum {
    STOPPED = 0,
    FAILED = 1,
    USAGE = 2,
};

static const char usage_line[] = "usage: drift-app [--listen ADDRESS:PORT] [--health]\n";

static void help(void)
{
    printf(
        "%s\n"
        "Serves a web page that asks the model for a prediction and shows the state of drift.\n\n"
        "  --listen ADDRESS:PORT  numeric address; port 0 takes a free one (" LISTEN_DEFAULT ")\n"
        "  --health               exit 0 when the page that listens there is alive\n"
        "  --help, --version\n\n"
        "Environment: MODEL_API_URL, where a model is asked for an inference\n"
        "(" MODEL_URL_DEFAULT ").\n"
        "Its origin + /metrics is read for the state of drift.\n\n"
        "/ is the page, /healthz says that the server is alive. SIGTERM drains and stops, a\n"
        "second one stops at once. Exit codes: 0 stopped, 1 cannot start, 2 usage.\n",
        usage_line);
}

static int mistake(const char *what)
{
    fprintf(stderr, "drift-app: %s\n%s", what, usage_line);
    return USAGE;
}

static int ask_health(const struct address *listen)
{
    struct error err = {0};
    if (http_health(listen, "/healthz", &err) == 0)
        return STOPPED;
    fprintf(stderr, "drift-app --health: %s\n", err.text);
    return FAILED;
}

/* -1: go on. */
static int parse(struct address *out, int argc, char **argv)
{
    static const struct option options[] = {
        {"listen", required_argument, NULL, 'l'},
        {"health", no_argument, NULL, 'a'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    struct error err = {0};
    const char *listen = LISTEN_DEFAULT;
    bool health = false;
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        switch (option) {
        case 'l':
            listen = optarg;
            break;
        case 'a':
            health = true;
            break;
        case 'h':
            help();
            return STOPPED;
        case 'v':
            printf("drift-app %s\n", DRIFT_RELAY_VERSION);
            return STOPPED;
        default:
            (void)fputs(usage_line, stderr); /* getopt has said what is wrong */
            return USAGE;
        }
    }
    if (optind < argc)
        return mistake("too many arguments");
    if (parse_address(out, listen, &err) != 0)
        return mistake(err.text);
    return health ? ask_health(out) : -1;
}

/* Visitors that are inside are answered, unless a second signal asks to hurry. */
static void drain(struct service *service, struct site *site)
{
    const struct clock *clock = clock_system();
    int64_t end = clock_mono(clock).ms + DRAIN_MS;
    service_notify("STOPPING=1");
    log_info("app", "draining", LOG_INT("in_flight", site_in_flight(site)));
    site_drain(site);
    while (site_in_flight(site) > 0 && clock_mono(clock).ms < end) {
        int event = service_wait(service, LOOK_MS);
        if (event < 0 || event == SERVICE_TERMINATE)
            return;
    }
}

static int serve(struct service *service, const struct address *listen, const char *model,
                 struct error *err)
{
    struct model_url url;
    struct site *site;
    int r = model_url_parse(&url, model, err);
    if (r != 0)
        return error_prefix(err, r, "MODEL_API_URL");
    if ((r = http_client_setup(err)) != 0 || (r = site_start(&site, listen, &url, err)) != 0)
        return r;
    log_info("app", "ready", LOG_STR("version", DRIFT_RELAY_VERSION), LOG_STR("model", url.infer));
    service_notify("READY=1\nSTATUS=running");
    int event;
    do {
        event = service_wait(service, -1);
    } while (event >= 0 && event != SERVICE_TERMINATE);
    drain(service, site);
    site_stop(site);
    log_info("app", "stopped", LOG_NONE);
    return 0;
}

int main(int argc, char **argv)
{
    struct address listen;
    int code = parse(&listen, argc, argv);
    if (code >= 0)
        return code;
    struct error err = {0};
    SCOPED(service_free_p) struct service *service = NULL;
    const char *model = getenv("MODEL_API_URL");
    json_object_seed(0); /* at random, before any thread */
    log_setup(LOG_INFO, LOG_LOGFMT, clock_system());
    int r = service_prepare(&service, &err);
    if (r == 0)
        r = serve(service, &listen, model == NULL ? MODEL_URL_DEFAULT : model, &err);
    if (r == 0)
        return STOPPED;
    log_error("app", "start_failed", LOG_STR("error", err.text));
    return FAILED;
}
