#include "model/app/language.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* clang-format off */
static const struct {
    const char *name, *header;
    enum language want;
} cases[] = {
    { "no header", NULL, LANGUAGE_ENGLISH },
    { "an empty header", "", LANGUAGE_ENGLISH },
    { "Korean", "ko", LANGUAGE_KOREAN },
    { "English", "en", LANGUAGE_ENGLISH },
    { "a region", "ko-KR", LANGUAGE_KOREAN },
    { "in capitals", "KO-kr", LANGUAGE_KOREAN },
    { "as a browser sends it", "ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", LANGUAGE_KOREAN },
    { "as another browser sends it", "en-US,en;q=0.9,ko;q=0.8", LANGUAGE_ENGLISH },
    { "the weight counts, not the order", "en;q=0.3, ko;q=0.8", LANGUAGE_KOREAN },
    { "three decimals", "en;q=0.899, ko;q=0.9", LANGUAGE_KOREAN },
    { "of equal weights the first", "ko;q=0.5,en;q=0.5", LANGUAGE_KOREAN },
    { "of equal weights the first, the other way round", "en,ko", LANGUAGE_ENGLISH },
    { "the best of several ranges of one language", "ko;q=0.1,en;q=0.5,ko-KR;q=0.9", LANGUAGE_KOREAN },
    { "neither", "de-DE,de;q=0.9", LANGUAGE_ENGLISH },
    { "another language first", "ja,ko;q=0.4,en;q=0.2", LANGUAGE_KOREAN },
    { "anything", "*", LANGUAGE_ENGLISH },
    { "anything but English", "en;q=0,*", LANGUAGE_KOREAN },
    { "a little English, better anything else", "en;q=0.2,*;q=0.5", LANGUAGE_KOREAN },
    { "Korean excluded", "ko;q=0", LANGUAGE_ENGLISH },
    { "Korean excluded, with decimals", "ko;q=0.000,en;q=0.001", LANGUAGE_ENGLISH },
    { "a language that only begins alike", "kok,en;q=0.1", LANGUAGE_ENGLISH },
    { "blanks around everything", " ko \t;\t q=1.0 , en ; q=0.9", LANGUAGE_KOREAN },
    { "empty elements", ",,ko,,", LANGUAGE_KOREAN },
    { "a weight above 1 counts for nothing", "ko;q=1.1,en;q=0.1", LANGUAGE_ENGLISH },
    { "a weight below 0 counts for nothing", "ko;q=-1,en;q=0.1", LANGUAGE_ENGLISH },
    { "too many decimals count for nothing", "ko;q=0.9999,en;q=0.1", LANGUAGE_ENGLISH },
    { "a word as weight counts for nothing", "ko;q=high,en;q=0.1", LANGUAGE_ENGLISH },
    { "another parameter counts for nothing", "ko;level=1,en;q=0.1", LANGUAGE_ENGLISH },
    { "an empty weight counts for nothing", "ko;q=,en;q=0.1", LANGUAGE_ENGLISH },
    { "markup", "<script>,ko;q=0.1", LANGUAGE_KOREAN },
};
/* clang-format on */

static void the_language_follows_the_header(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum language got = language_choose(cases[i].header);
        if (got != cases[i].want)
            fail_msg("%s: %d", cases[i].name, (int)got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_language_follows_the_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
