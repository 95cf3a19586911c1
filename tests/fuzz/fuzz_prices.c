/* A CSV file of prices; its column is the one that is found. */
#include "tests/fuzz/prices.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(series_free) struct series s = {0};
    struct error err = {0};
    if (series_read_csv(&s, (const char *)data, size, NULL, &err) == 0)
        fuzz_check_series(&s);
    else
        assert(err.text[0] != '\0');
    return 0;
}
