/* fuzz.h - what the libFuzzer targets have in common. Each is given any bytes, and stops the
 * process where a property does not hold: assert() stays on in every build. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include "relay/base/scope.h"
#include "relay/base/strict_json.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A text of exactly these bytes, so that reading past its NUL is seen. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    assert(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

/* The first line of the bytes, without its end; the bytes go on after it. */
static inline char *fuzz_take_line(const uint8_t **data, size_t *size)
{
    const uint8_t *end = *size == 0 ? NULL : memchr(*data, '\n', *size);
    size_t len = end == NULL ? *size : (size_t)(end - *data);
    char *line = fuzz_text(*data, len);
    len += end != NULL;
    *data += len;
    *size -= len;
    return line;
}

static inline void fuzz_must_be_json(const char *bytes, size_t len)
{
    SCOPED(json_release_p) json_t *tree = NULL;
    assert(strict_json_load(&tree, bytes, len, 32, NULL) == 0);
}

#endif
