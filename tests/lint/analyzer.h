/* analyzer.h - what clang-tidy is told before it reads a file (tidy.sh); no build includes it. */
#ifndef TESTS_LINT_ANALYZER_H
#define TESTS_LINT_ANALYZER_H

#include "relay/base/error.h"

#define error_set(err, code, ...)    ((void)error_set(err, code, __VA_ARGS__), (code))
#define error_prefix(err, code, ...) ((void)error_prefix(err, code, __VA_ARGS__), (code))

#endif
