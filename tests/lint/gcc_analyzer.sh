#!/bin/bash
# gcc -fanalyzer over every source:   gcc_analyzer.sh COMPILER-FLAG…
#
# gcc 12 knows neither the cleanup attribute (scope.h) nor who else holds a pointer, and warns where nothing is wrong.
# gcc_analyzer.known lists those, each looked at, as  FILE KIND HOW-MANY  and why; any other fails, as does one that is no more.
set -eu -o pipefail
cd "$(dirname "$0")/../.."
said=$(mktemp)
trap 'rm -f "$said"' EXIT
# shellcheck disable=SC2317 # xargs' shell runs it
one() {
    local file=$1
    shift
    [ "$file" = relay/base/error.c ] || set -- "$@" -include tests/lint/analyzer.h
    gcc "$@" -O1 -fanalyzer -Wno-unused-value -c -o /dev/null "$file" 2>&1 || echo "$file: warning: no build [-Wno-build]"
}
export -f one
# shellcheck disable=SC2016 # for the shell that xargs starts
find relay model -name '*.c' -print0 | sort -z |
    xargs -0 -P "$(nproc)" -I {} bash -c 'out=$(one "$@"); [ -z "$out" ] || printf "%s\n" "$out"' one {} "$@" > "$said"
found=$(sed -nE 's/^(\.\/)?([^: ]+):[0-9]+.*warning: .*\[-W(analyzer-)?([a-z-]+)\]$/\2 \4/p' "$said" | sort | uniq -c | awk '{ print $2, $3, $1 }')
known=$(sed -E 's/ *#.*//; /^$/d' tests/lint/gcc_analyzer.known)
delta=$(diff <(printf '%s\n' "$known" | sort) <(printf '%s\n' "$found" | sort) | grep '^[<>]' || true)
if [ -z "$delta" ]; then
    echo "gcc -fanalyzer: $(printf '%s\n' "$found" | awk '{ n += $3 } END { print n + 0 }') warnings, each known to be none"
    exit 0
fi
echo "gcc -fanalyzer: < is in tests/lint/gcc_analyzer.known and was not found, > was found and is not there:
$delta" >&2
grep -E 'warning: ' "$said" >&2
exit 1
