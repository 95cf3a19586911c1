#!/bin/bash
# Lines of the pure rooms that the unit programs and some histories of the simulator run, by gcov:   coverage.sh BUILD
# Exit 1 when one is below FLOOR (95 %). BUILD was made with --coverage.
set -u
cd "$(dirname "$0")/.." || exit 2
build=$1 floor=${FLOOR:-95} status=0
find "$build" -name '*.gcda' -delete
failed() {
    echo "failed: $1"
    tail -n 5 "$build/said"
    status=1
}
while read -r program; do
    "$program" > "$build/said" 2>&1 < /dev/null || failed "$program"
done < <(find "$build/tests/unit" -name 'test_*' -type f -perm -u+x | sort)
"$build/tests/sim/sim" --histories 300 > "$build/said" 2>&1 || failed simulator
for room in engine alert store github; do
    covered=0 lines=0
    for source in relay/"$room"/*.c; do
        read -r percent all < <(gcov -n -o "$build/relay/$room/$(basename "$source" .c).gcda" "$source" 2> /dev/null |
            grep -A1 "^File '$source'" | sed -n 's/^Lines executed:\([0-9.]*\)% of \([0-9]*\)$/\1 \2/p')
        if [ -z "${all-}" ]; then
            echo "  $source: no test runs it, or it has no line that runs"
            continue
        fi
        hit=$(awk -v p="$percent" -v a="$all" 'BEGIN { printf "%d", p * a / 100 + 0.5 }')
        covered=$((covered + hit)) lines=$((lines + all))
        awk -v p="$percent" -v f="$floor" 'BEGIN { exit !(p < f) }' && echo "  $source: $percent % of $all"
        all=
    done
    share=$(awk -v c="$covered" -v l="$lines" 'BEGIN { printf "%.1f", l ? 100 * c / l : 0 }')
    echo "relay/$room: $share % of $lines lines"
    awk -v s="$share" -v f="$floor" 'BEGIN { exit !(s < f) }' && status=1
done
exit $status
