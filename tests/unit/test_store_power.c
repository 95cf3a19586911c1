/* A power cut at any moment: each image that the disk may hold then opens, has every transaction
 * that was acknowledged, and none by halves. POWER_IMAGES and POWER_SEED ask for more, or others.
 */
#include "tests/unit/store_transaction.h"

#include "tests/unit/store_power_cut.h"

#include <sys/stat.h>

#include "relay/base/parse.h"

#define TRANSACTIONS 48
#define SESSION      12 /* transactions between two starts */
#define IMAGES       400

/* Operations after which transaction n was acknowledged. */
static size_t acknowledged[TRANSACTIONS + 2];

/* Small ones; some that grow the journal past a checkpoint (1000 pages here) in sum; clean ends. */
static size_t body_of(unsigned n)
{
    return n % 16 == 9 ? 1500UL * 1024 : 200 + n * 911 % 30000;
}

static void record_history(void)
{
    struct fixture f;
    fixture_folder(&f);
    recorder.on = true;
    for (unsigned n = 1; n <= TRANSACTIONS; n++) {
        if (n % SESSION == 1)
            fixture_reopen(&f);
        assert_int_equal(put_all(&f, n, body_of(n)), 0);
        acknowledged[n] = recorder.n_ops;
        assert_int_equal(OPS(&f)->checkpoint(SELF(&f), 1000, &f.err), 0);
    }
    fixture_close(&f);
    recorder.on = false;
    fixture_remove(&f);
}

/* In memory where there is some: what is written here need not be kept. */
static void image_folder(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    bool memory = access("/dev/shm", W_OK) == 0;
    (void)snprintf(f->folder, sizeof(f->folder), "%s/drift-power-XXXXXX",
                   memory ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(f->folder));
    (void)snprintf(f->path, sizeof(f->path), "%s/relay.db", f->folder);
}

static void write_image(const struct fixture *f, const struct disk *d, enum cut_way way,
                        uint64_t seed)
{
    static struct disk_content content;
    for (size_t i = 0; i < DISK_FILES; i++) {
        char name[192];
        (void)snprintf(name, sizeof(name), "%s%s", f->path, disk_ends[i]);
        (void)unlink(name);
        if (!disk_cut(d, i, way, cut_mix(seed ^ i), &content))
            continue;
        FILE *file = fopen(name, "we");
        assert_non_null(file);
        assert_int_equal(fchmod(fileno(file), 0600), 0);
        if (content.size > 0)
            assert_int_equal(fwrite(content.bytes, content.size, 1, file), 1);
        assert_int_equal(fclose(file), 0);
    }
}

struct tally {
    size_t images, ways[CUT_WAYS], in_flight_kept, in_flight_lost;
};

static void judge_image(struct fixture *f, size_t op, enum cut_way way, uint64_t seed,
                        struct tally *tally)
{
    unsigned last = 0;
    while (last < TRANSACTIONS && acknowledged[last + 1] <= op)
        last++;
    int rc = sqlite_store_open(&f->store, f->path, &f->report, &f->err);
    if (rc != 0)
        fail_msg("after operation %zu, way %d, seed %llu: it does not open: %s", op, (int)way,
                 (unsigned long long)seed, f->err.text);
    for (unsigned n = 1; n <= TRANSACTIONS; n++) {
        int rows = rows_of(f, n);
        bool right = n <= last ? rows == 5 : n == last + 1 ? rows == 0 || rows == 5 : rows == 0;
        if (!right)
            fail_msg("after operation %zu, way %d, seed %llu: %d rows of transaction %u, %u were "
                     "acknowledged",
                     op, (int)way, (unsigned long long)seed, rows, n, last);
        if (n == last + 1 && rows == 5)
            tally->in_flight_kept++;
        else if (n == last + 1)
            tally->in_flight_lost++;
    }
    fixture_close(f);
    assert_sound(f);
    tally->images++;
    tally->ways[way]++;
}

/* Most of what can go wrong goes wrong beside a sync; most operations are far from one. */
static uint64_t weight_of(size_t op)
{
    for (size_t i = op < 2 ? 0 : op - 2; i <= op + 2 && i < recorder.n_ops; i++)
        if (recorder.ops[i].kind != DISK_WRITE)
            return 12;
    return 1;
}

static uint64_t sum_of_weights(void)
{
    uint64_t sum = 0;
    for (size_t op = 0; op < recorder.n_ops; op++)
        sum += weight_of(op);
    return sum;
}

static int64_t number(const char *name, int64_t otherwise)
{
    const char *text = getenv(name);
    int64_t value = otherwise;
    if (text != NULL)
        assert_int_equal(parse_int64(&value, text, 1, 100000000, NULL), 0);
    return value;
}

static void
what_was_acknowledged_survives_a_power_cut_whatever_the_disk_made_of_the_rest(void **state)
{
    (void)state;
    uint64_t images = (uint64_t)number("POWER_IMAGES", IMAGES);
    uint64_t seed = (uint64_t)number("POWER_SEED", 1);
    struct tally tally = {.images = 0};
    struct fixture f;
    struct disk disk;
    record_history();
    uint64_t weights = sum_of_weights();
    image_folder(&f);
    disk_init(&disk);
    print_message("%zu operations of %d transactions, seed %llu\n", recorder.n_ops, TRANSACTIONS,
                  (unsigned long long)seed);
    for (size_t op = 0; op < recorder.n_ops; op++) {
        disk_do(&disk, &recorder.ops[op]);
        /* By chance where a share is not whole. */
        uint64_t draw = cut_mix(seed ^ cut_mix(op));
        uint64_t share = images * weight_of(op);
        uint64_t here = share / weights + (draw % weights < share % weights);
        for (uint64_t i = 0; i < here; i++) {
            uint64_t own = cut_mix(draw + i);
            enum cut_way way = (enum cut_way)(own % CUT_WAYS);
            write_image(&f, &disk, way, own);
            judge_image(&f, op + 1, way, own, &tally);
        }
    }
    disk_clear(&disk);
    fixture_remove(&f);
    print_message("%zu images (nothing %zu, all %zu, some %zu, prefix %zu, sectors %zu and %zu): "
                  "the transaction under way kept %zu, lost %zu times\n",
                  tally.images, tally.ways[0], tally.ways[1], tally.ways[2], tally.ways[3],
                  tally.ways[4], tally.ways[5], tally.in_flight_kept, tally.in_flight_lost);
    assert_true(tally.images > images * 8 / 10);
    assert_true(tally.in_flight_lost > 0 && tally.in_flight_kept > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            what_was_acknowledged_survives_a_power_cut_whatever_the_disk_made_of_the_rest),
    };
    recording_vfs_register();
    return cmocka_run_group_tests_name("store_power", tests, NULL, NULL);
}
