#include "model/model_file/model_file.h"

#include "model/model_file/checksum.h"
#include "model/model_file/file.h"
#include "relay/base/scope.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define N(table) (sizeof(table) / sizeof((table)[0]))

static struct model_file make_model(size_t n_reference)
{
    struct model_file m = {
        .name = "^KS11",
        .through = "2026-11-25",
        .features = FEATURES_RELATIVE,
        .label = LABEL_NEXT_DAY,
        .bias = 0.125,
        .weights = {-1.0 / 3, 2},
        .stattest = "wasserstein",
        .threshold = MODEL_DRIFT_LIMIT,
        .n_reference = n_reference,
        .edges = {{-0.1, 0.1}, {1}},
        .n_edges = {2, 1},
    };
    for (size_t i = 0; i < FEATURES; i++) {
        m.reference[i] = calloc(n_reference, sizeof(double));
        assert_non_null(m.reference[i]);
        for (size_t k = 0; k < n_reference; k++)
            m.reference[i][k] = (double)k / 7 - (double)i;
    }
    for (size_t i = 0; i < MODEL_RECENT_CLOSES; i++)
        m.closes[i] = 2500 + (double)i / 3;
    return m;
}

static void what_was_written_is_read_back_to_the_last_bit(void **state)
{
    (void)state;
    SCOPED(model_file_free) struct model_file m = make_model(1001), back = {0};
    SCOPED(buf_free) struct buf first = BUF_INIT(MODEL_FILE_MAX), second = BUF_INIT(MODEL_FILE_MAX);
    struct error err = {0};
    assert_int_equal(model_file_format(&first, &m, &err), 0);
    if (model_file_parse(&back, first.data, first.len, &err) != 0)
        fail_msg("%s", err.text);
    assert_true(back.bias == m.bias && back.weights[0] == m.weights[0]);
    assert_memory_equal(back.reference[1], m.reference[1], 1001 * sizeof(double));
    assert_memory_equal(back.closes, m.closes, sizeof(m.closes));
    assert_string_equal(back.name, "^KS11");
    assert_int_equal(model_file_format(&second, &back, &err), 0);
    assert_string_equal(buf_text(&second), buf_text(&first));
}

/* Read as JSON, "-0" is an integer, which has no sign. */
static void a_negative_zero_is_written_as_what_it_is_read_as(void **state)
{
    (void)state;
    SCOPED(model_file_free) struct model_file m = make_model(30), back = {0};
    SCOPED(buf_free) struct buf first = BUF_INIT(MODEL_FILE_MAX), second = BUF_INIT(MODEL_FILE_MAX);
    m.bias = m.weights[0] = m.edges[0][0] = m.reference[1][7] = -0.0;
    assert_int_equal(model_file_format(&first, &m, NULL), 0);
    assert_int_equal(model_file_parse(&back, first.data, first.len, NULL), 0);
    assert_int_equal(model_file_format(&second, &back, NULL), 0);
    assert_string_equal(buf_text(&second), buf_text(&first));
}

static void its_checksum_is_the_one_at_the_end_of_its_file(void **state)
{
    (void)state;
    SCOPED(model_file_free) struct model_file m = make_model(30);
    SCOPED(buf_free) struct buf text = BUF_INIT(MODEL_FILE_MAX);
    char checksum[CHECKSUM_MAX], end[CHECKSUM_MAX + 32];
    assert_int_equal(model_file_format(&text, &m, NULL), 0);
    assert_int_equal(model_file_checksum(checksum, &m, NULL), 0);
    (void)snprintf(end, sizeof(end), ",\"checksum\":\"%s\"}\n", checksum);
    assert_string_equal(text.data + text.len - strlen(end), end);
}

static void the_probability_is_the_logistic_of_the_weighted_sum(void **state)
{
    (void)state;
    const struct model_file m = {.bias = 0.5, .weights = {2, -1}};
    const double level[FEATURES] = {0, 0.5}, up[FEATURES] = {1000, 0}, down[FEATURES] = {-1000, 0};
    assert_true(model_file_predict(&m, level) == 0.5);
    assert_true(model_file_predict(&m, up) == 1);
    assert_true(model_file_predict(&m, down) >= 0 && model_file_predict(&m, down) < 1e-300);
}

/* Replaces the first `from` of a model's text, and makes its checksum right. */
static void change(struct buf *out, const char *from, const char *to)
{
    SCOPED(model_file_free) struct model_file m = make_model(30);
    SCOPED(buf_free) struct buf whole = BUF_INIT(MODEL_FILE_MAX);
    struct error err = {0};
    assert_int_equal(model_file_format(&whole, &m, &err), 0);
    const char *at = strstr(buf_text(&whole), from);
    const char *end = strstr(buf_text(&whole), ",\"checksum\"");
    if (at == NULL || end == NULL || at > end)
        fail_msg("no %s in %s", from, buf_text(&whole));
    buf_add(out, whole.data, (size_t)(at - whole.data));
    buf_add_text(out, to);
    buf_add(out, at + strlen(from), (size_t)(end - at) - strlen(from));
    checksum_add(out, 0);
}

static void every_fault_of_a_file_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *words;
    } cases[] = {
        /* clang-format off */
        { "drift-model/1", "drift-model/2", "format: drift-model/1 is wanted" },
        { "\"format\"", "\"formal\"", "format: a text" },
        { "\"^KS11\"", "\"\"", "name: a text" },
        { "\"^KS11\"", "7", "name: a text" },
        { "\"2026-11-25\"", "\"0123456789012345678901234567890123456789012345678901234567890123\"", "through: a text" },
        { "\"relative\"", "\"absolute\"", "relative or levels" },
        { "\"next-day\"", "\"\"", "label: a text" },
        { "\"next-day\"", "\"last-day\"", "next-day or same-day" },
        { "\"wasserstein\"", "null", "stattest: a text" },
        { "0.8", "\"0.8\"", "threshold: a number" },
        { "0.125", "null", "bias: a number" },
        { "\"weights\":{", "\"weights\":{\"ma60\":1,", "ma5 and ma20" },
        { "\"weights\":{\"ma5\":", "\"weights\":{\"ma6\":", "weights: a number" },
        { "\"reference\":{\"ma5\":", "\"reference\":{\"ma6\":", "reference: 30 to" },
        { "\"reference\":{\"ma5\":[", "\"reference\":{\"ma5\":[1,", "reference: 30 to 10000 values are wanted, as many" },
        { "\"reference\":{\"ma5\":[0,", "\"reference\":{\"ma5\":[", "reference: 30 to" },
        { "\"reference\":{\"ma5\":[0,", "\"reference\":{\"ma5\":[true,", "reference: a number" },
        { "[-0.1,0.1]", "[]", "bin_edges: 1 to 9" },
        { "[-0.1,0.1]", "[1,2,3,4,5,6,7,8,9,10]", "bin_edges: 1 to 9" },
        { "[-0.1,0.1]", "[0.1,0.1]", "do not ascend" },
        { "[-0.1,0.1]", "[0.1,{}]", "bin_edges: a number" },
        { "\"closes\":[2500", "\"closes\":[0", "above zero" },
        { "\"closes\":[2500,", "\"closes\":[", "closes: 19 are wanted" },
        { "\"closes\":[2500", "\"closes\":[\"2500\"", "closes: a number" },
        { "\"threshold\":", "\"extra\":1,\"threshold\":", "14 members" },
        { "\"threshold\":", "\"bias\":1,\"threshold\":", "bias" },
        { "{", "[", "line 1" },
        /* clang-format on */
    };
    for (size_t i = 0; i < N(cases); i++) {
        SCOPED(buf_free) struct buf text = BUF_INIT(MODEL_FILE_MAX);
        SCOPED(model_file_free) struct model_file m = {0};
        struct error err = {0};
        change(&text, cases[i].from, cases[i].to);
        if (model_file_parse(&m, text.data, text.len, &err) >= 0)
            fail_msg("%s was taken", cases[i].to);
        if (strstr(err.text, cases[i].words) == NULL)
            fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].to, err.text, cases[i].words);
        assert_null(m.reference[0]);
    }
}

static void a_cut_or_changed_file_fails_its_checksum(void **state)
{
    (void)state;
    SCOPED(buf_free) struct buf text = BUF_INIT(MODEL_FILE_MAX);
    struct model_file m;
    struct error err = {0};
    change(&text, "0.125", "0.125");
    assert_int_equal(model_file_parse(&m, text.data, text.len, &err), 0);
    model_file_free(&m);
    for (size_t len = 0; len < text.len; len++)
        assert_int_equal(model_file_parse(&m, text.data, len, &err), -EINVAL);
    for (size_t i = 0; i < text.len; i++) {
        text.data[i] ^= 1;
        assert_int_equal(model_file_parse(&m, text.data, text.len, &err), -EINVAL);
        text.data[i] ^= 1;
    }
    assert_non_null(strstr(err.text, "checksum"));
}

struct place {
    char folder[64], file[96];
};

static void make_place(struct place *p)
{
    (void)snprintf(p->folder, sizeof(p->folder), "/tmp/model-file-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    (void)snprintf(p->file, sizeof(p->file), "%s/model.json", p->folder);
}

/* Removes all and says how many there were. */
static size_t remove_place(const struct place *p)
{
    size_t n = 0;
    DIR *folder = opendir(p->folder);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        if (entry->d_name[0] != '.') {
            assert_int_equal(unlinkat(dirfd(folder), entry->d_name, 0), 0);
            n++;
        }
    (void)closedir(folder);
    assert_int_equal(rmdir(p->folder), 0);
    return n;
}

static void a_file_is_replaced_whole_and_others_may_read_it(void **state)
{
    (void)state;
    struct place place;
    make_place(&place);
    SCOPED(model_file_free) struct model_file m = make_model(30), back = {0};
    struct error err = {0};
    struct stat st;
    assert_int_equal(model_file_write(&m, place.file, &err), 0);
    m.bias = 7;
    assert_int_equal(model_file_write(&m, place.file, &err), 0);
    assert_int_equal(model_file_read(&back, place.file, &err), 0);
    assert_true(back.bias == 7);
    assert_int_equal(stat(place.file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
    assert_int_equal(remove_place(&place), 1);
}

static void what_cannot_be_read_or_written_is_said(void **state)
{
    (void)state;
    SCOPED(model_file_free) struct model_file m = make_model(30);
    struct model_file back;
    struct error err = {0};
    assert_int_equal(model_file_read(&back, "/nowhere/model.json", &err), -ENOENT);
    assert_non_null(strstr(err.text, "/nowhere/model.json"));
    assert_int_equal(model_file_read(&back, "/dev/zero", &err), -EFBIG);
    assert_int_equal(model_file_read(&back, "/", &err), -EISDIR);
    assert_int_equal(model_file_write(&m, "/nowhere/model.json", &err), -ENOENT);
    struct place place;
    make_place(&place);
    assert_int_equal(model_file_write(&m, place.folder, &err), -EISDIR);
    assert_int_equal(remove_place(&place), 0);
}

/* The kernel kills a process at the byte that passes its limit of file sizes. */
static void a_kill_in_the_middle_of_writing_leaves_the_old_file(void **state)
{
    (void)state;
    struct place place;
    make_place(&place);
    SCOPED(model_file_free) struct model_file m = make_model(1001), back = {0};
    struct error err = {0};
    assert_int_equal(model_file_write(&m, place.file, &err), 0);
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit limit = {1000, 1000};
        m.bias = 7;
        (void)setrlimit(RLIMIT_FSIZE, &limit);
        (void)signal(SIGXFSZ, SIG_DFL);
        _exit(model_file_write(&m, place.file, &err) == 0 ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    /* A write is short at the limit; the next one kills. */
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ);
    assert_int_equal(model_file_read(&back, place.file, &err), 0);
    assert_true(back.bias == 0.125);
    assert_int_equal(remove_place(&place), 2); /* the piece is left beside it */
}

static void a_full_disk_leaves_the_old_file_and_no_piece(void **state)
{
    (void)state;
    struct place place;
    make_place(&place);
    SCOPED(model_file_free) struct model_file m = make_model(1001), back = {0};
    struct error err = {0};
    struct rlimit before;
    assert_int_equal(model_file_write(&m, place.file, &err), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit limit = {1000, before.rlim_max};
    (void)signal(SIGXFSZ, SIG_IGN);
    m.bias = 7;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    int r = model_file_write(&m, place.file, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(r, -EFBIG);
    assert_int_equal(model_file_read(&back, place.file, &err), 0);
    assert_true(back.bias == 0.125);
    assert_int_equal(remove_place(&place), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read_back_to_the_last_bit),
        cmocka_unit_test(a_negative_zero_is_written_as_what_it_is_read_as),
        cmocka_unit_test(its_checksum_is_the_one_at_the_end_of_its_file),
        cmocka_unit_test(the_probability_is_the_logistic_of_the_weighted_sum),
        cmocka_unit_test(every_fault_of_a_file_is_named),
        cmocka_unit_test(a_cut_or_changed_file_fails_its_checksum),
        cmocka_unit_test(a_file_is_replaced_whole_and_others_may_read_it),
        cmocka_unit_test(what_cannot_be_read_or_written_is_said),
        cmocka_unit_test(a_kill_in_the_middle_of_writing_leaves_the_old_file),
        cmocka_unit_test(a_full_disk_leaves_the_old_file_and_no_piece),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
