#!/bin/sh
# Prints make variables: the warning and hardening flags that this compiler takes, and how to link the libraries.
# Each flag is tried on its own, because gcc 12 and clang 14 differ (clang 14 refuses -ftrivial-auto-var-init=zero).
set -eu
libraries=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/t.c" <<'C'
#include <string.h>
int main(int argc, char **argv) { char b[64]; strncpy(b, argv[0], sizeof(b) - 1); return argc + b[0] == 0; }
C
takes() { ${CC:-cc} -Werror -O2 "$@" -o "$work/t" "$work/t.c" > "$work/log" 2>&1; }
keep() {
    kept=
    for flag in "$@"; do
        if takes "$flag"; then kept="$kept $flag"; fi
    done
    echo "$kept"
}
stop() {
    echo "probe-flags.sh: $*" >&2
    exit 1
}

takes || { cat "$work/log" >&2; stop "the compiler '${CC:-cc}' does not work"; }
for library in $libraries; do
    pkg-config --exists "$library" || stop "pkg-config does not find $library: see 'make deps'"
done

echo "PROBED_WARNINGS :=$(keep -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes \
    -Wmissing-prototypes -Wcast-qual -Wcast-align -Wpointer-arith -Wwrite-strings -Wundef -Wvla -Wformat=2 \
    -Wnull-dereference -Wdouble-promotion -Wimplicit-fallthrough -Wswitch-enum -Wlogical-op -Wduplicated-cond \
    -Wduplicated-branches)"
echo "PROBED_HARDENING :=$(keep -U_FORTIFY_SOURCE) $(keep -D_FORTIFY_SOURCE=3 -fstack-protector-strong \
    -fstack-clash-protection -fcf-protection=full -ftrivial-auto-var-init=zero)"
# shellcheck disable=SC2086 # a list of libraries
echo "PROBED_CFLAGS := $(pkg-config --cflags $libraries)"
# shellcheck disable=SC2086
echo "PROBED_LIBS := $(pkg-config --libs $libraries) -lm"
