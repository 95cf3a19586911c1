/* sim.c - runs histories from seeds; the first that fails is made small and printed.
 *
 *     sim [--histories N] [--seed S] [--length EVENTS] [--events LIST] [--store sqlite] [--verbose]
 *
 * Exit status: 0 all hold, 1 one does not, 2 usage. */
#include "tests/sim/world.h"

#include "relay/base/log.h"
#include "relay/base/parse.h"

#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LENGTH 120

struct options {
    int64_t histories, seed, length;
    const char *events;
    bool sqlite, verbose;
};

struct run {
    const char *folder;
    const struct options *options;
    struct totals totals;
    struct world *world;
    char failure[1024];
};

static void write_secret(const char *folder, const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    static const char text[] = "0123456789abcdef0123456789abcdef\n";
    if (fd < 0 || write(fd, text, sizeof(text) - 1) != sizeof(text) - 1)
        abort();
    (void)close(fd);
}

static void remove_file(const char *folder, const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    (void)unlink(path);
}

static void remove_store(const char *folder)
{
    remove_file(folder, "relay.db");
    remove_file(folder, "relay.db-wal");
    remove_file(folder, "relay.db-shm");
    remove_file(folder, "relay.db-journal");
}

/* True when it holds. */
static bool run_history(struct run *run, const struct history *h, const bool *kept, bool verbose)
{
    struct totals ignored = {0};
    struct world *w = run->world;
    memset(w, 0, sizeof(*w));
    w->folder = run->folder;
    w->totals = kept == NULL ? &run->totals : &ignored;
    w->verbose = verbose;
    w->sqlite = run->options->sqlite;
    if (w->sqlite)
        remove_store(run->folder);
    (void)world_run(w, h, kept);
    memcpy(run->failure, w->failure, sizeof(run->failure));
    world_free(w);
    return run->failure[0] == '\0';
}

/* Leaves out what is not needed for it to fail: halves, quarters, … single events. */
static void shrink(struct run *run, const struct history *h, bool *kept)
{
    for (size_t size = h->n_events / 2; size > 0; size = size == 1 ? 0 : size / 2) {
        bool again = true;
        while (again) {
            again = false;
            for (size_t at = 0; at < h->n_events; at += size) {
                bool before[SIM_EVENTS], any = false;
                memcpy(before, kept, sizeof(before));
                for (size_t i = at; i < at + size && i < h->n_events; i++) {
                    any |= kept[i];
                    kept[i] = false;
                }
                if (!any)
                    continue;
                if (run_history(run, h, kept, false))
                    memcpy(kept, before, sizeof(before));
                else
                    again = size == 1;
            }
        }
    }
}

static void keep_named(const char *list, bool *kept)
{
    memset(kept, 0, SIM_EVENTS * sizeof(*kept));
    while (*list != '\0') {
        size_t n = 0;
        for (; *list >= '0' && *list <= '9' && n < SIM_EVENTS; list++)
            n = n * 10 + (size_t)(*list - '0');
        if (n < SIM_EVENTS)
            kept[n] = true;
        if (*list == ',')
            list++;
        else if (*list != '\0')
            return;
    }
}

static void report(struct run *run, const struct history *h)
{
    bool kept[SIM_EVENTS];
    if (run->options->events != NULL) {
        keep_named(run->options->events, kept);
    } else {
        memset(kept, 1, sizeof(kept));
        printf("seed %" PRIu64 " fails: %s\n", h->seed, run->failure);
        shrink(run, h, kept);
    }
    (void)run_history(run, h, kept, true);
    printf("seed %" PRIu64 ": %s\nmake sim%s SEED=%" PRIu64 " LENGTH=%zu EVENTS=", h->seed,
           run->failure[0] == '\0' ? "holds" : run->failure,
           run->options->sqlite ? " STORE=sqlite" : "", h->seed, h->n_events);
    const char *comma = "";
    for (size_t i = 0; i < h->n_events; i++) {
        if (kept[i]) {
            printf("%s%zu", comma, i);
            comma = ",";
        }
    }
    printf("\n");
}

static int run_all(struct run *run)
{
    const struct options *o = run->options;
    struct history *h = calloc(1, sizeof(*h));
    if (h == NULL)
        return 1;
    int status = 0;
    for (int64_t i = 0; i < o->histories && status == 0; i++) {
        history_make(h, (uint64_t)(o->seed + i), (size_t)o->length);
        if (o->events != NULL || !run_history(run, h, NULL, false)) {
            report(run, h);
            status = run->failure[0] != '\0';
        }
    }
    free(h);
    return status;
}

static void print_totals(const struct totals *t, int64_t ms)
{
    printf("%" PRIu64 " histories, %" PRIu64 " events, %" PRIu64 " steps; decisions:", t->histories,
           t->events, t->steps);
    for (int v = 0; v <= VERDICT_RESOLVED; v++)
        printf(" %s %" PRIu64, verdict_text((enum verdict)v), t->verdicts[v]);
    printf("; outcomes %" PRIu64 ", requests %" PRIu64 ", POSTs %" PRIu64 ", starts after a crash "
           "or stop %" PRIu64 " (%" PRIu64 " with a goodbye), failed commits %" PRIu64
           ", runs found in a list %" PRIu64 ", lost %" PRIu64 ", incidents at GitHub %" PRIu64
           " (%" PRIu64 " of 24 h, %" PRIu64 " answers); %" PRId64 ".%03d s\n",
           t->outcomes, t->requests, t->posts, t->crashes, t->restarts, t->failed_commits,
           t->adopted, t->lost, t->incidents, t->days, t->bad_answers, ms / 1000, (int)(ms % 1000));
}

static bool parse_options(struct options *o, int argc, char **argv)
{
    static const struct option known[] = {
        {"histories", required_argument, NULL, 'n'},
        {"seed", required_argument, NULL, 's'},
        {"length", required_argument, NULL, 'l'},
        {"events", required_argument, NULL, 'e'},
        {"store", required_argument, NULL, 'd'},
        {"verbose", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    int c, r = 0;
    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1 && r == 0) {
        if (c == 'n')
            r = parse_int64(&o->histories, optarg, 1, INT64_C(1000000000), NULL);
        else if (c == 's')
            r = parse_int64(&o->seed, optarg, 0, INT64_MAX / 2, NULL);
        else if (c == 'l')
            r = parse_int64(&o->length, optarg, 1, SIM_EVENTS, NULL);
        else if (c == 'e')
            o->events = optarg;
        else if (c == 'd')
            o->sqlite = strcmp(optarg, "sqlite") == 0;
        else if (c == 'v')
            o->verbose = true;
        else
            return false;
    }
    return r == 0 && optind == argc;
}

int main(int argc, char **argv)
{
    struct options o = {.histories = 1000, .seed = 1, .length = LENGTH};
    const char *tmp = getenv("TMPDIR");
    char folder[256];
    if (!parse_options(&o, argc, argv)) {
        fprintf(stderr, "usage: sim [--histories N] [--seed S] [--length EVENTS] [--events LIST] "
                        "[--store sqlite] [--verbose]\n");
        return 2;
    }
    (void)snprintf(folder, sizeof(folder), "%s/sim.XXXXXX", tmp == NULL ? "/tmp" : tmp);
    struct run run = {.folder = mkdtemp(folder), .options = &o};
    run.world = calloc(1, sizeof(*run.world));
    if (run.folder == NULL || run.world == NULL)
        return 1;
    write_secret(folder, "secret");
    write_secret(folder, "token0");
    write_secret(folder, "token1");
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (!o.verbose && null >= 0)
        (void)dup2(null, STDERR_FILENO); /* faults of the store are logged as errors */
    log_setup(o.verbose ? LOG_DEBUG : LOG_ERROR, LOG_LOGFMT, clock_system());
    struct mono began = clock_mono(clock_system());
    int status = run_all(&run);
    print_totals(&run.totals, clock_mono(clock_system()).ms - began.ms);
    remove_store(folder);
    remove_file(folder, "secret");
    remove_file(folder, "token0");
    remove_file(folder, "token1");
    (void)rmdir(folder);
    free(run.world);
    return status;
}
