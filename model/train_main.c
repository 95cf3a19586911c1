/* drift-train: prices in, a model file out, or the reason why not. */
#include "model/model_file/model_file.h"
#include "model/train/report.h"
#include "model/train/source.h"
#include "model/train/train.h"
#include "relay/base/parse.h"
#include "relay/base/scope.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define REPORT_MAX 65536
/* Ten years, as 1001 reference rows need four. */
#define TRAIN_ONLINE_PRICES                                                                        \
    "https://query1.finance.yahoo.com/v8/finance/chart/%%5EKS11?range=10y&interval=1d"

enum {
    PUBLISHED = 0,
    FAILED = 1,
    USAGE = 2,
};

struct arguments {
    const char *prices, *column, *output;
    struct train_options train;
    bool lesson, json, kind_given;
};

static const char usage_line[] =
    "usage: drift-train --prices FILE|URL [--column COL] [--features relative|levels] [--lesson] "
    "[--reference-days N] [--stattest T] [--threshold X] [--json] --output FILE\n";

static void help(void)
{
    printf(
        "%s\n"
        "Learns from daily closing prices whether the next one is higher, and writes the model\n"
        "for drift-model, unless it is worse than none or than the one in FILE.\n\n"
        "  --prices FILE|URL     CSV with a header, or chart-JSON: of the KOSPI (^KS11) there is\n"
        "      " TRAIN_ONLINE_PRICES "\n"
        "  --column COL          the CSV's column of prices (close)\n"
        "  --features KIND       relative (to MA5 and MA20; the default) or levels (the averages)\n"
        "  --lesson              levels, and the label of the same day\n"
        "  --reference-days N    rows that drift is measured against (%d)\n"
        "  --stattest TEST       of drift: wasserstein (the default), ks, psi, jensenshannon,\n"
        "                        kl_div, hellinger, or auto, as Evidently chooses\n"
        "  --threshold X         where drift begins (%g; of another test its own)\n"
        "  --json                the report as JSON\n"
        "  --output FILE         the model file, replaced whole\n\n"
        "Exit codes: 0 published, 1 refused or failed (FILE is as it was), 2 usage.\n",
        usage_line, TRAIN_REFERENCE_DAYS, MODEL_DRIFT_LIMIT);
}

static int mistake(const char *what)
{
    fprintf(stderr, "drift-train: %s\n%s", what, usage_line);
    return USAGE;
}

/* -1 when the option was fine. */
static int take(struct arguments *a, int option, const char *value)
{
    struct error err = {0};
    int64_t days;
    int r = 0;
    switch (option) {
    case 'p':
        a->prices = value;
        break;
    case 'c':
        a->column = value;
        break;
    case 'o':
        a->output = value;
        break;
    case 'f':
        a->kind_given = true;
        r = features_kind_parse(&a->train.features, value, &err);
        break;
    case 'l':
        a->lesson = true;
        break;
    case 'j':
        a->json = true;
        break;
    case 's':
        r = drift_test_parse(&a->train.stattest, value, &err);
        if (r == 0 && !drift_test_is_for(a->train.stattest, DRIFT_NUM))
            r = error_set(&err, -EINVAL, "--stattest %s is for categories", value);
        break;
    case 't':
        r = parse_double(&a->train.threshold, value, &err);
        if (r == 0 && !(a->train.threshold > 0 && isfinite(a->train.threshold)))
            r = error_set(&err, -EINVAL, "--threshold %s: a number above 0 is wanted", value);
        break;
    case 'r':
        r = parse_int64(&days, value, MODEL_REFERENCE_MIN, MODEL_REFERENCE_MAX, &err);
        if (r == 0)
            a->train.reference_days = (size_t)days;
        break;
    default:
        (void)fputs(usage_line, stderr); /* getopt has said what is wrong */
        return USAGE;
    }
    return r == 0 ? -1 : mistake(err.text);
}

static int parse(struct arguments *a, int argc, char **argv)
{
    static const struct option options[] = {
        {"prices", required_argument, NULL, 'p'},
        {"column", required_argument, NULL, 'c'},
        {"features", required_argument, NULL, 'f'},
        {"lesson", no_argument, NULL, 'l'},
        {"output", required_argument, NULL, 'o'},
        {"reference-days", required_argument, NULL, 'r'},
        {"stattest", required_argument, NULL, 's'},
        {"threshold", required_argument, NULL, 't'},
        {"json", no_argument, NULL, 'j'},
        {NULL, 0, NULL, 0},
    };
    *a = (struct arguments){
        .train = {.reference_days = TRAIN_REFERENCE_DAYS, .stattest = DRIFT_WASSERSTEIN}};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        int code = take(a, option, optarg);
        if (code >= 0)
            return code;
    }
    if (optind < argc)
        return mistake("too many arguments");
    if (a->prices == NULL || a->output == NULL)
        return mistake("--prices and --output are needed");
    if (a->lesson && a->kind_given && a->train.features != FEATURES_LEVELS)
        return mistake("--lesson is about levels");
    if (a->lesson) {
        a->train.features = FEATURES_LEVELS;
        a->train.label = LABEL_SAME_DAY;
    }
    return -1;
}

static int print_report(const struct arguments *a, const struct train_report *report,
                        const struct series *s, const char *refused)
{
    SCOPED(buf_free) struct buf out = BUF_INIT(REPORT_MAX);
    (a->json ? report_json : report_text)(&out, report, s, &a->train, refused);
    /* The status speaks of FILE, which is written by now or never will be. */
    if (buf_failed(&out) || fputs(buf_text(&out), stdout) < 0 || fflush(stdout) != 0)
        (void)fputs("drift-train: the report could not be written\n", stderr);
    return refused == NULL ? PUBLISHED : FAILED;
}

static int failed(const struct error *err)
{
    fprintf(stderr, "drift-train: %s\n", err->text);
    return FAILED;
}

static int run(const struct arguments *a)
{
    struct error err = {0};
    SCOPED(series_free) struct series s = {0};
    SCOPED(model_file_free) struct model_file in_place = {0}, m = {0};
    struct train_report report;
    if (source_read(&s, a->prices, a->column, &err) != 0)
        return failed(&err);
    int there = model_file_read(&in_place, a->output, &err);
    if (there != 0 && there != -ENOENT)
        fprintf(stderr, "drift-train: no model to compare with: %s\n", err.text);
    int r = train_model(&m, &report, &s, &a->train, there == 0 ? &in_place : NULL, &err);
    if (r == TRAIN_REFUSED)
        return print_report(a, &report, &s, err.text);
    if (r != 0 || model_file_write(&m, a->output, &err) != 0)
        return failed(&err);
    return print_report(a, &report, &s, NULL);
}

int main(int argc, char **argv)
{
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        help();
        return PUBLISHED;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("drift-train %s\n", DRIFT_RELAY_VERSION);
        return PUBLISHED;
    }
    (void)signal(SIGPIPE, SIG_IGN); /* a source that hangs up is an error, not an end */
    struct arguments a;
    int code = parse(&a, argc, argv);
    return code >= 0 ? code : run(&a);
}
