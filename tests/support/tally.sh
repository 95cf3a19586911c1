# shellcheck shell=bash
# How the tiers run and count their checks. Sourced; every function below appends "passed failed skipped" to $TALLY and
# prints what a failing check said.

jobs=$(nproc)
case ${MAKEFLAGS-} in *jobserver*) jobs= ;; esac # the make above us shares its own
python=$(command -v /usr/bin/python3 || command -v python3)
under=() # a command that the test programs are run by

count() { echo "$1 $2 $3" >> "$TALLY"; }

# build FOLDER [VARIABLE=value…] [target…]: with SAN and CC as given, not as in the environment; quiet when it works
build() {
    local folder=$1 status log=$TALLY.build
    shift
    mkdir -p "$folder" # one make at a time in a folder
    flock "$folder" "${MAKE:-make}" --no-print-directory ${jobs:+-j"$jobs"} SAN= CC=gcc BUILD="$folder" "$@" > "$log" 2>&1
    status=$?
    [ $status -eq 0 ] || grep -vE '^  (CC|AR|LINK) ' "$log"
    return $status
}

# check NAME COMMAND…: one check, quiet when it passes
check() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then
        count 1 0 0
    else
        count 0 1 0
        printf '%s\n-- FAILED: %s\n' "$output" "$name"
    fi
}

# Counts what a cmocka program says in TAP (cmocka 1.1.5 calls a skipped test "not ok N # SKIP"). A crash or a
# sanitizer's finding, which no line tells, is one more failure.
tally_tap() {
    local passed skipped failed
    passed=$(grep -c '^ok [0-9]' "$1")
    skipped=$(grep -c '^\(not \)\?ok [0-9]* # SKIP' "$1")
    failed=$(grep '^not ok [0-9]' "$1" | grep -vc '^not ok [0-9]* # SKIP')
    passed=$((passed - $(grep -c '^ok [0-9]* # SKIP' "$1")))
    if [ "$2" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
    if [ "$2" -eq 0 ] && [ "$((passed + skipped + failed))" -eq 0 ]; then failed=1; fi
    count "$passed" "$failed" "$skipped"
    [ "$failed" -eq 0 ]
}

# unit FOLDER [NAME…]: the unit test programs in FOLDER (or those of them that are named), four at once, since
# they mostly wait
unit() {
    local folder=$1 lane lanes=4
    shift
    [ $# -gt 0 ] || set -- tests/unit/test_*.c
    for ((lane = 1; lane <= lanes; lane++)); do
        unit_lane "$folder" "$TALLY.$lane" "${@:lane}" &
    done
    wait
    for ((lane = 1; lane <= lanes; lane++)); do
        cat "$TALLY.$lane.said"
    done
}

# unit_lane FOLDER FILES NAME…: every fourth of the programs; what failing ones say goes to FILES.said
unit_lane() {
    local folder=$1 log=$2.tap said=$2.said program status
    shift 2
    : > "$said"
    while [ $# -gt 0 ]; do
        program=$(basename "$1" .c)
        CMOCKA_MESSAGE_OUTPUT=TAP timeout --foreground -k 5 300 "${under[@]}" "$folder/tests/unit/$program" > "$log" 2>&1
        status=$?
        if ! tally_tap "$log" "$status"; then
            cat "$log"
            echo "-- FAILED: $folder/tests/unit/$program (exit status $status)"
        fi >> "$said"
        shift $(($# < lanes ? $# : lanes))
    done
}

# stories FOLDER: every story by the runner in FOLDER
stories() {
    local file log=$TALLY.tap status
    for file in tests/stories/*.story; do
        timeout --foreground -k 5 60 "${under[@]}" "$1/tests/stories/story" "$file" > "$log" 2>&1
        status=$?
        tally_tap "$log" "$status" || { cat "$log"; echo "-- FAILED: $file (exit status $status)"; }
    done
}

# pytests RELAY_BIN PATH… [option…]
pytests() {
    local log=$TALLY.pytest passed failed skipped
    PYTHONUTF8=1 PYTHONDONTWRITEBYTECODE=1 RELAY_BIN=$PWD/$1 "${under[@]}" \
        "$python" -m tests.support.shards "$TALLY.d" "${@:2}" > "$log" 2>&1 || cat "$log"
    read -r passed _ failed _ skipped _ < <(tail -n 1 "$log")
    if [[ "$passed $failed $skipped" =~ ^[0-9]+' '[0-9]+' '[0-9]+$ ]]; then
        count "$passed" "$failed" "$skipped"
    else
        count 0 1 0
    fi
}

# sanitized COMMAND…: runs it so that every sanitizer's report, whichever process makes it, is one failed check here
sanitized() {
    local reports=$TALLY.reports leaks=1
    rm -f "$reports".*
    if ! may_trace; then
        leaks=0
        echo "warning: leaks are not looked for: that needs CAP_SYS_PTRACE"
    fi
    ASAN_OPTIONS="log_path=$reports:detect_leaks=$leaks:detect_stack_use_after_return=1:strict_string_checks=1" \
        UBSAN_OPTIONS="log_path=$reports:print_stacktrace=1" \
        TSAN_OPTIONS="log_path=$reports:second_deadlock_stack=1" "$@"
    check "no sanitizer reports" no_reports "$reports"
}

# LeakSanitizer traces its own process; one that is not dumpable, as the relay is, can only be traced with a capability.
may_trace() {
    (((0x$(awk '/^CapEff/ { print $2 }' /proc/self/status) >> 19) & 1))
}

no_reports() {
    if compgen -G "$1.*" > /dev/null; then
        head -n 100 "$1".*
        return 1
    fi
}
