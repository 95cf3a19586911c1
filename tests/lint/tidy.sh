#!/bin/sh
# clang-tidy over one file, with what the analyzer must know of this project:   tidy.sh FILE COMPILER-FLAG…
#
# error_set() and error_prefix() return the code they are given; without that the analyzer follows paths on which a
# failed call looks like a good one. Their own file is read as it is.
set -eu
cd "$(dirname "$0")/../.."
file=$1
shift
[ "$file" = relay/base/error.c ] || set -- "$@" -include tests/lint/analyzer.h
if ! said=$(clang-tidy --quiet "$file" -- "$@" 2> /dev/null); then
    printf '%s\n' "$said" | grep -E '(error|warning): '
    exit 1
fi
