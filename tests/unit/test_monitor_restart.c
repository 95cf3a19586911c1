#include "tests/unit/monitor_fixture.h"

#include <sys/stat.h>

#define N(table) (sizeof(table) / sizeof((table)[0]))

struct place {
    char folder[64], file[96];
};

static int make_place(void **state)
{
    struct place *p = calloc(1, sizeof(*p));
    assert_non_null(p);
    (void)snprintf(p->folder, sizeof(p->folder), "/tmp/monitor-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    (void)snprintf(p->file, sizeof(p->file), "%s/state.json", p->folder);
    *state = p;
    return 0;
}

/* That the folder can go also shows that nothing lies beside the file. */
static int remove_place(void **state)
{
    struct place *p = *state;
    (void)unlink(p->file);
    int r = rmdir(p->folder);
    free(p);
    return r;
}

static struct monitor_options options_at(const struct place *p)
{
    struct monitor_options o = options(60, 0);
    o.state_path = p->file;
    return o;
}

static void put(const char *path, const char *bytes, size_t len)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static size_t get(const char *path, char *bytes, size_t max)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t len = fread(bytes, 1, max, f);
    assert_int_equal(fclose(f), 0);
    return len;
}

/* One life: as many rows are there as were kept, then some come. */
static void live(const struct place *p, const struct model_file *model, const char *kept,
                 size_t come, const char *then)
{
    SCOPED(buf_free) struct buf text = BUF_INIT(MONITOR_METRICS_MAX);
    const struct monitor_options o = options_at(p);
    SCOPED(monitor_stop_p) struct monitor *m = start(&o, "kospi", model);
    until(&text, m, CURRENT, kept);
    for (size_t i = 0; i < come; i++)
        observe(m, 0.5, -0.5);
    until(&text, m, CURRENT, then);
}

static void a_restart_does_not_forget_the_window(void **state)
{
    const struct place *p = *state;
    SCOPED(model_file_free) struct model_file model = make_model(1001, "wasserstein", 0);
    SCOPED(buf_free) struct buf before = BUF_INIT(MONITOR_METRICS_MAX);
    SCOPED(buf_free) struct buf after = BUF_INIT(MONITOR_METRICS_MAX);
    live(p, &model, "0", 20, "20");
    live(p, &model, "20", 20, "40");
    struct stat st;
    assert_int_equal(stat(p->file, &st), 0);
    const struct monitor_options o = options_at(p);
    struct monitor *m = start(&o, "kospi", &model);
    until(&before, m, CURRENT, "40");
    assert_non_null(find(&before, SCORE("ma5", "wasserstein"))); /* without a single prediction */
    monitor_stop(m);
    m = start(&o, "kospi", &model);
    until(&after, m, CURRENT, "40");
    monitor_stop(m);
    assert_string_equal(buf_text(&after), buf_text(&before));
}

static void rows_that_were_never_scored_are_kept_too(void **state)
{
    const struct place *p = *state;
    SCOPED(model_file_free) struct model_file model = make_model(1001, "wasserstein", 0);
    const struct monitor_options o = options_at(p);
    struct monitor *m = start(&o, "kospi", &model);
    for (size_t i = 0; i < 7; i++)
        observe(m, 0.5, -0.5);
    monitor_stop(m);
    live(p, &model, "7", 0, "7");
}

static void rows_of_one_model_are_not_held_against_another(void **state)
{
    const struct place *p = *state;
    SCOPED(model_file_free) struct model_file one = make_model(1001, "wasserstein", 0);
    SCOPED(model_file_free) struct model_file other = make_model(1001, "wasserstein", 0.25);
    live(p, &one, "0", 20, "20");
    live(p, &other, "0", 10, "10");
    live(p, &other, "10", 0, "10");
    live(p, &one, "0", 0, "0");
}

static void a_swap_binds_the_file_to_the_new_model(void **state)
{
    const struct place *p = *state;
    SCOPED(model_file_free) struct model_file one = make_model(1001, "wasserstein", 0);
    SCOPED(model_file_free) struct model_file other = make_model(1001, "wasserstein", 0.25);
    const struct monitor_options o = options_at(p);
    struct monitor *m = start(&o, "kospi", &one);
    observe(m, 0.5, -0.5);
    swap(m, &other);
    observe(m, 0.5, -0.5);
    observe(m, 0.5, -0.5);
    monitor_stop(m);
    live(p, &other, "2", 0, "2");
}

static void a_torn_file_is_an_empty_window_and_is_replaced(void **state)
{
    const struct place *p = *state;
    SCOPED(model_file_free) struct model_file model = make_model(1001, "wasserstein", 0);
    char bytes[8192];
    live(p, &model, "0", 5, "5");
    size_t len = get(p->file, bytes, sizeof(bytes));
    const size_t cuts[] = {0, 1, 20, len / 2, len - 1};
    for (size_t i = 0; i < N(cuts); i++) {
        put(p->file, bytes, cuts[i]);
        live(p, &model, "0", 1, "1");
        live(p, &model, "1", 0, "1");
    }
}

static void a_file_that_is_none_of_ours_is_left_alone(void **state)
{
    const struct place *p = *state;
    SCOPED(model_file_free) struct model_file model = make_model(1001, "wasserstein", 0);
    static const char text[] = "dear diary";
    char bytes[64];
    put(p->file, text, sizeof(text));
    live(p, &model, "0", 5, "5");
    assert_int_equal(get(p->file, bytes, sizeof(bytes)), sizeof(text));
    assert_memory_equal(bytes, text, sizeof(text));
}

static void a_state_that_cannot_be_written_stops_nothing(void **state)
{
    struct place p = *(const struct place *)*state;
    SCOPED(model_file_free) struct model_file model = make_model(1001, "wasserstein", 0);
    (void)snprintf(p.file, sizeof(p.file), "%s/no/where", p.folder);
    live(&p, &model, "0", 40, "40");
    live(&p, &model, "0", 0, "0");
}

int main(void)
{
#define IN_A_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)
    const struct CMUnitTest tests[] = {
        IN_A_PLACE(a_restart_does_not_forget_the_window),
        IN_A_PLACE(rows_that_were_never_scored_are_kept_too),
        IN_A_PLACE(rows_of_one_model_are_not_held_against_another),
        IN_A_PLACE(a_swap_binds_the_file_to_the_new_model),
        IN_A_PLACE(a_torn_file_is_an_empty_window_and_is_replaced),
        IN_A_PLACE(a_file_that_is_none_of_ours_is_left_alone),
        IN_A_PLACE(a_state_that_cannot_be_written_stops_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
