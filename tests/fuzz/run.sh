#!/bin/bash
# Runs the libFuzzer targets, two at once, and says of each in TAP how it went:   run.sh FOLDER SECONDS [TARGET…]
# FOLDER is the build's. What a target found on its way stays in FOLDER/corpus and is where the next run begins; one that
# failed shows what it said and the command that shows it again. SEED=1 is where chance begins.
set -u
cd "$(dirname "$0")/../.." || exit 2
folder=$1 seconds=$2
shift 2
targets=("$@")
[ $# -gt 0 ] || mapfile -t targets < <(cd tests/fuzz && printf '%s\n' fuzz_*.c | sed 's|^fuzz_||; s|[.]c$||')

# fuzz NUMBER TARGET: its output goes to one line, or comes whole
fuzz() {
    local program=$folder/tests/fuzz/fuzz_$2 found=$folder/found/$2- log=$folder/$2.log status summary
    mkdir -p "$folder/corpus/$2" "$folder/found"
    timeout --foreground -k 5 $((seconds + 120)) "$program" -max_total_time="$seconds" -seed="${SEED:-1}" -timeout=30 \
        -rss_limit_mb=1024 -max_len=16384 -print_final_stats=1 -artifact_prefix="$found" \
        "$folder/corpus/$2" "tests/fuzz/corpus/$2" > "$log" 2>&1 < /dev/null
    status=$?
    summary=$(awk '/number_of_executed_units/ { runs = $2 } / cov: / { cov = $4 }
        END { printf "%d inputs, %d branches", runs, cov }' "$log")
    if [ $status -eq 0 ]; then
        echo "ok $1 - $2: $summary"
        return
    fi
    grep -v '^#[0-9]' "$log" | tail -n 60
    printf 'not ok %s - %s: exit status %s after %s\n' "$1" "$2" $status "$summary"
    sed -n "s|^.*Test unit written to \(.*\)|# shown again by: $program \1|p" "$log"
    return 1
}

# lane FIRST TARGET…: every second target from the first one on
lane() {
    local n=$1 status=0
    while [ "$n" -lt $# ]; do
        fuzz "$n" "${@:n+1:1}" || status=1
        n=$((n + 2))
    done
    return $status
}

echo "1..${#targets[@]}"
status=0
lane 1 "${targets[@]}" &
lane 2 "${targets[@]}" || status=1
wait $! || status=1
exit $status
