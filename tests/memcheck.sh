#!/bin/bash
# The unit tests under valgrind:   memcheck.sh BUILD
#
# It sees what the sanitizers do not: what libraries that are not instrumented do with our memory. It looks for no leaks,
# as AddressSanitizer does: processes that a test forks and ends half-way have them. Left out: what replaces the
# allocator, as valgrind does; and what enters the sandbox, which allows the relay's system calls only.
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/support/tally.sh
build=$1
mkdir -p build/test
export TALLY=$PWD/build/test/memcheck.tally
: > "$TALLY"
# shellcheck disable=SC2034 # of tally.sh
under=(valgrind --quiet --error-exitcode=99)
mapfile -t programs < <(find tests/unit -name 'test_*.c' | grep -vE '_memory|sandbox' | sort)
unit "$build" "${programs[@]}"
awk '{ p += $1; f += $2; s += $3 } END { printf "valgrind: %d passed, %d failed, %d skipped\n", p, f, s; exit f > 0 || p == 0 }' "$TALLY"
