#include "model/server/server_metrics.h"

#include "relay/base/parse.h"
#include "relay/base/scope.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Those of Python's client library. */
static const double bounds[] = {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
                                0.5,   0.75, 1,     2.5,  5,     7.5, 10};

static struct metric *histogram(struct metrics *m, const char *name, const char *help)
{
    return metrics_histogram(m, name, help, "model_name", bounds,
                             sizeof(bounds) / sizeof(bounds[0]));
}

void server_metrics_make(struct server_metrics *m, const struct clock *clock)
{
    struct metrics *r = metrics_new("");
    *m = (struct server_metrics){
        .registry = r,
        .preprocess =
            histogram(r, "request_preprocess_seconds", "Time to read a request, by model."),
        .predict = histogram(r, "request_predict_seconds", "Time of the model itself."),
        .postprocess = histogram(r, "request_postprocess_seconds", "Time to write an answer."),
        .explain = histogram(r, "request_explain_seconds",
                             "Time to refuse an explanation: there are none."),
        .requests = metrics_counter(r, "model_requests_total",
                                    "Requests for inferences by status code; no model: unknown.",
                                    "model,code"),
        .ready = metrics_gauge(r, "model_ready", "1 once the model can answer.", "model"),
        .loads =
            metrics_counter(r, "model_loads_total",
                            "Model files that were put in place, or could not be.", "model,result"),
        .loaded_at = metrics_gauge(r, "model_last_load_timestamp_seconds",
                                   "When the model that answers was put in place.", "model"),
        .memory_virtual =
            metrics_gauge(r, "process_virtual_memory_bytes", "Virtual memory size.", ""),
        .memory_resident =
            metrics_gauge(r, "process_resident_memory_bytes", "Resident memory size.", ""),
        .cpu = metrics_counter(r, "process_cpu_seconds_total",
                               "User and system time that was spent.", ""),
        .open_fds = metrics_gauge(r, "process_open_fds", "Open file descriptors.", ""),
        .max_fds = metrics_gauge(r, "process_max_fds", "How many there may be.", ""),
    };
    metric_set(
        metrics_gauge(r, "process_start_time_seconds", "When the process began, unix time.", ""),
        (double)clock_wall(clock).ms / 1000, NULL);
    metric_set(metrics_gauge(r, "drift_model_build_info", "Always 1; what this is.", "version"), 1,
               DRIFT_RELAY_VERSION, NULL);
}

void server_metrics_free(struct server_metrics *m)
{
    metrics_free(m->registry);
    *m = (struct server_metrics){0};
}

static void close_p(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

/* The first two numbers of /proc/self/statm, proc(5): pages in all, and those in memory. */
static void look_at_memory(struct server_metrics *m)
{
    SCOPED(close_p) int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    char text[256];
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (n <= 0)
        return;
    text[n] = '\0';
    char *second = strchr(text, ' ');
    char *third = second == NULL ? NULL : strchr(second + 1, ' ');
    if (third == NULL)
        return;
    *second = *third = '\0';
    int64_t all = 0, resident = 0;
    double page = (double)sysconf(_SC_PAGESIZE);
    if (parse_int64(&all, text, 0, INT64_MAX, NULL) != 0 ||
        parse_int64(&resident, second + 1, 0, INT64_MAX, NULL) != 0)
        return;
    metric_set(m->memory_virtual, (double)all * page, NULL);
    metric_set(m->memory_resident, (double)resident * page, NULL);
}

static void closedir_p(DIR **folder)
{
    if (*folder != NULL)
        (void)closedir(*folder);
}

static void look_at_files(struct server_metrics *m)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        metric_set(m->max_fds, (double)limit.rlim_cur, NULL);
    SCOPED(closedir_p) DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL)
        return;
    double open_fds = -3; /* ".", ".." and the folder itself */
    while (readdir(folder) != NULL)
        open_fds++;
    metric_set(m->open_fds, open_fds, NULL);
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

void server_metrics_write(struct server_metrics *m, struct buf *out)
{
    struct rusage used;
    if (getrusage(RUSAGE_SELF, &used) == 0)
        metric_set(m->cpu, seconds(used.ru_utime) + seconds(used.ru_stime), NULL);
    look_at_memory(m);
    look_at_files(m);
    metrics_write(m->registry, out);
}

void server_metrics_phase(struct metric *phase, const char *model, int64_t start_us)
{
    metric_observe(phase, (double)(clock_stopwatch_us() - start_us) / 1e6, model, NULL);
}
