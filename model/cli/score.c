/* drift-model score: the table or the JSON that compares two CSV files. */
#include "model/cli/cli.h"
#include "model/cli/column.h"
#include "relay/base/buf.h"
#include "relay/base/parse.h"
#include "relay/base/scope.h"
#include "relay/base/strict_json.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define TYPES_MAX  256
#define OUTPUT_MAX (64U * 1024 * 1024)

static const char usage_line[] =
    "usage: drift-model score REF.csv CUR.csv [--stattest TEST] [--threshold X] "
    "[--type COL=num|cat]… [--json]";

static const char help_text[] =
    "\n\nScores how far the columns of CUR.csv drifted from those of REF.csv, with the tests, the\n"
    "choice between them and the thresholds of Evidently 0.4.39.\n\n"
    "  --stattest TEST     auto (default), ks, z, chisquare, wasserstein, jensenshannon, psi,\n"
    "                      kl_div or hellinger, for all columns\n"
    "  --threshold X       instead of the test's own: 0.05 for p-values, 0.1 for distances\n"
    "  --type COL=num|cat  numeric or categorical; may be repeated\n"
    "  --json              for programs\n\n"
    "The first row names the columns; an empty cell is a missing value. Of p-values (ks, z,\n"
    "chisquare) a small score means drift, of the others a large one. auto takes another kind of\n"
    "test above 1000 reference rows. Exit code 0 whatever the verdict; 1 when a file cannot be\n"
    "read or no column can be scored.\n";

struct request {
    const char *reference, *current;
    struct score_options options;
    struct column_type types[TYPES_MAX];
    bool json;
};

static int mistake(const char *what, const char *which)
{
    fprintf(stderr, "drift-model score: %s%s\n%s (--help explains)\n", what, which, usage_line);
    return EXIT_USAGE;
}

static int read_type(struct request *q, const char *text)
{
    const char *equals = strrchr(text, '=');
    bool num = equals != NULL && strcmp(equals, "=num") == 0;
    if (equals == NULL || equals == text || (!num && strcmp(equals, "=cat") != 0))
        return mistake("--type wants COL=num or COL=cat, not ", text);
    if (q->options.n_types == TYPES_MAX)
        return mistake("too many --type, from ", text);
    q->types[q->options.n_types++] =
        (struct column_type){text, (size_t)(equals - text), num ? DRIFT_NUM : DRIFT_CAT};
    return -1;
}

static int read_option(struct request *q, int option, const char *value, const char *word)
{
    struct error err = {0};
    switch (option) {
    case 'h':
        printf("%s%s", usage_line, help_text);
        return EXIT_OK;
    case 's':
        return drift_test_parse(&q->options.test, value, &err) == 0 ? -1 : mistake(err.text, "");
    case 'x':
        q->options.has_threshold = true;
        return parse_double(&q->options.threshold, value, &err) == 0
                   ? -1
                   : mistake("--threshold: ", err.text);
    case 't':
        return read_type(q, value);
    case 'j':
        q->json = true;
        return -1;
    case ':':
        return mistake("a value is missing after ", word);
    default:
        return mistake("unknown option, or one that takes no value: ", word);
    }
}

/* -1: go on. Else the exit code. */
static int read_arguments(struct request *q, int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'},
        {"stattest", required_argument, NULL, 's'},
        {"threshold", required_argument, NULL, 'x'},
        {"type", required_argument, NULL, 't'},
        {"json", no_argument, NULL, 'j'},
        {NULL, 0, NULL, 0},
    };
    int option, code = -1;
    opterr = 0;
    while (code < 0 && (option = getopt_long(argc, argv, ":h", options, NULL)) != -1)
        code = read_option(q, option, optarg, argv[optind - 1]);
    if (code >= 0)
        return code;
    if (argc - optind != 2)
        return mistake("two files are wanted, the reference and the current one", "");
    q->reference = argv[optind];
    q->current = argv[optind + 1];
    q->options.types = q->types;
    return -1;
}

static int check_types(const struct score_options *o, const struct csv *reference)
{
    for (size_t i = 0; i < o->n_types; i++) {
        bool found = false;
        for (size_t j = 0; j < csv_columns(reference) && !found; j++) {
            const char *name = csv_name(reference, j);
            found = strlen(name) == o->types[i].len &&
                    memcmp(name, o->types[i].name, o->types[i].len) == 0;
        }
        if (!found)
            return mistake("the reference has no column for --type ", o->types[i].name);
    }
    return -1;
}

static struct drift_verdict judge(const struct column *columns, size_t n)
{
    struct drift_verdict v = {0};
    for (size_t i = 0; i < n; i++) {
        if (columns[i].fault.code == 0) {
            v.columns++;
            v.drifted += columns[i].result.detected ? 1 : 0;
        }
    }
    return v;
}

static const char *type_name(const struct column *c)
{
    return c->type == DRIFT_NUM ? "num" : "cat";
}

static void add_json_column(struct buf *out, const struct column *c)
{
    const struct drift_result *r = &c->result;
    buf_add_json_string(out, c->name);
    buf_addf(out, ":{\"type\":\"%s\",", type_name(c));
    if (c->fault.code != 0) {
        buf_add_text(out, "\"stattest\":null,\"score\":null,\"threshold\":null,\"detected\":null,"
                          "\"error\":");
        buf_add_json_string(out, c->fault.text);
    } else {
        buf_addf(out, "\"stattest\":\"%s\",\"score\":", drift_test_name(r->test));
        if (isfinite(r->score))
            buf_add_double(out, r->score);
        else
            buf_add_text(out, "null");
        buf_add_text(out, ",\"threshold\":");
        buf_add_double(out, r->threshold);
        buf_addf(out, ",\"detected\":%s", r->detected ? "true" : "false");
    }
    buf_add_char(out, '}');
}

static void add_json(struct buf *out, const struct column *columns, size_t n,
                     const struct drift_verdict *v)
{
    buf_add_text(out, "{\"columns\":{");
    for (size_t i = 0; i < n; i++) {
        buf_add_text(out, i == 0 ? "" : ",");
        add_json_column(out, &columns[i]);
    }
    buf_addf(out, "},\"dataset\":{\"drifted\":%zu,\"share\":", v->drifted);
    buf_add_double(out, drift_share(v));
    buf_addf(out, ",\"drift\":%s}}\n", drift_dataset(v) ? "true" : "false");
}

/* As JSON would spell it, without the quotes: nothing in it moves a terminal's cursor. */
static size_t add_name(struct buf *out, const char *name)
{
    SCOPED(buf_free) struct buf quoted = BUF_INIT(OUTPUT_MAX);
    buf_add_json_string(&quoted, name);
    if (buf_failed(&quoted)) {
        out->failed = true;
        return 0;
    }
    size_t characters = 0;
    for (size_t i = 1; i + 1 < quoted.len; i++)
        characters += ((unsigned char)quoted.data[i] & 0xc0U) != 0x80 ? 1 : 0;
    buf_add(out, quoted.data + 1, quoted.len - 2);
    return characters;
}

static size_t widest_name(const struct column *columns, size_t n)
{
    SCOPED(buf_free) struct buf scratch = BUF_INIT(OUTPUT_MAX);
    size_t widest = strlen("column");
    for (size_t i = 0; i < n; i++) {
        buf_clear(&scratch);
        size_t width = add_name(&scratch, columns[i].name);
        widest = width > widest && width <= 40 ? width : widest;
    }
    return widest;
}

static void add_table_row(struct buf *out, const struct column *c, size_t width)
{
    const struct drift_result *r = &c->result;
    size_t used = add_name(out, c->name);
    buf_addf(out, "%*s  %-4s  ", used < width ? (int)(width - used) : 0, "", type_name(c));
    if (c->fault.code != 0) {
        buf_addf(out, "error: %s\n", c->fault.text);
        return;
    }
    char score[32] = "undefined", limit[32] = "";
    if (isfinite(r->score))
        (void)snprintf(score, sizeof(score), "%.6g", r->score);
    (void)snprintf(limit, sizeof(limit), "%s %.6g", drift_test_sign(r->test), r->threshold);
    buf_addf(out, "%-29s  %-12s  %-11s  %s\n", drift_test_title(r->test), score, limit,
             r->detected ? "yes" : "no");
}

static void add_table(struct buf *out, const struct column *columns, size_t n,
                      const struct drift_verdict *v)
{
    size_t width = widest_name(columns, n);
    buf_addf(out, "%-*s  type  %-29s  %-12s  %-11s  drift\n", (int)width, "column", "test", "score",
             "drift when");
    for (size_t i = 0; i < n; i++)
        add_table_row(out, &columns[i], width);
    buf_addf(out, "\n%zu of %zu columns drifted: the dataset %s\n", v->drifted, v->columns,
             drift_dataset(v) ? "drifted" : "did not drift");
}

static int print_scores(const struct request *q, const struct column *columns, size_t n)
{
    SCOPED(buf_free) struct buf out = BUF_INIT(OUTPUT_MAX);
    struct drift_verdict v = judge(columns, n);
    if (q->json)
        add_json(&out, columns, n, &v);
    else
        add_table(&out, columns, n, &v);
    if (buf_failed(&out) || fwrite(out.data, 1, out.len, stdout) != out.len ||
        fflush(stdout) != 0) {
        fprintf(stderr, "drift-model score: the scores cannot be written\n");
        return EXIT_FAILED;
    }
    if (v.columns > 0)
        return EXIT_OK;
    fprintf(stderr, "drift-model score: no column could be scored\n");
    return EXIT_FAILED;
}

int cli_score(int argc, char **argv)
{
    struct request q = {.options = {.test = DRIFT_AUTO}};
    struct error err = {0};
    int code = read_arguments(&q, argc, argv);
    if (code >= 0)
        return code;
    SCOPED(csv_free_p) struct csv *reference = NULL;
    SCOPED(csv_free_p) struct csv *current = NULL;
    SCOPED(free_p) struct column *columns = NULL;
    size_t n = 0;
    int rc = csv_load(&reference, q.reference, &err);
    if (rc == 0)
        rc = csv_load(&current, q.current, &err);
    if (rc == 0)
        code = check_types(&q.options, reference);
    if (rc == 0 && code < 0)
        rc = column_score_all(&columns, &n, reference, current, &q.options, &err);
    if (rc != 0) {
        fprintf(stderr, "drift-model score: %s\n", err.text);
        return EXIT_FAILED;
    }
    return code >= 0 ? code : print_scores(&q, columns, n);
}
