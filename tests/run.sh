#!/bin/bash
# Runs every tier in order, or those that are named:   tests/run.sh [TIER…]
# A failing tier prints what failed and the next one goes on. The last line is the sum; the exit status is 1 if anything
# failed. What a tier said is also in build/test/TIER.log. A new capability adds its tests to the folders that the tiers
# below read; a new kind of test is one more line there.
set -u
cd "$(dirname "$0")/.." || exit 2
. tests/support/tally.sh
. tests/lint/all.sh

# Programs with more than one thread, and the integration tests that touch every thread in a short time.
# Not those that replace the allocator: ThreadSanitizer has its own, and they have one thread.
threaded=$(find tests/unit -name 'test_*.c' | grep -v _memory | grep -E '/test_(http|watch|log|metrics|service|mailbox|core|dispatcher|monitor|served)' | sort)
threaded_integration='tests/integration/test_main_path.py tests/integration/test_model_server.py tests/integration/test_app.py'

sources() {
    check "gcc, no warnings" build build/werror WERROR=1 all unit-programs story bench-programs simulator headers
    check "what the linker and the compiler were asked for" tests/lint/hardened.sh build/werror/drift-{relay,model,train,app}
    check "what is looked for in programs is found" tests/lint/hardened.sh --faults
    check "clang, no warnings" instrumented all unit-programs story bench-programs simulator headers fuzz-programs
}

# clang's one build, for AddressSanitizer, UndefinedBehaviorSanitizer and libFuzzer alike
instrumented() {
    build build/clang-fuzz CC=clang SAN=fuzz WERROR=1 "$@"
}

# plain TARGET COMMAND…: what the plain gcc build is tested by
plain() {
    build build/werror WERROR=1 "$1" && "${@:2}"
}

integration() {
    build build/werror WERROR=1 all story && pytests build/werror/drift-relay tests/integration tests/e2e
}

address() {
    instrumented all unit-programs story || return
    sanitized unit build/clang-fuzz
    sanitized stories build/clang-fuzz
    sanitized pytests build/clang-fuzz/drift-relay tests/integration
}

# ThreadSanitizer finds its shadow memory taken where addresses are widely randomised.
thread() {
    build build/thread SAN=thread all unit-programs || return
    if setarch -R true 2> /dev/null; then under=(setarch -R); fi
    # shellcheck disable=SC2086 # a list of names
    sanitized unit build/thread $threaded
    # shellcheck disable=SC2086
    sanitized pytests build/thread/drift-relay $threaded_integration
}

# Each step is a check, and so are its end and what it leaves behind. All that it starts is told a path in its folder.
demo() {
    local log=$TALLY.out
    TMPDIR=$(mktemp -d) || return
    export TMPDIR
    KEEP='' RELAY_BIN=$PWD/build/werror/drift-relay timeout --foreground -k 5 180 tests/demo/run > "$log" 2>&1
    check "exit status of the demo" [ $? -eq 0 ]
    cat "$log"
    count "$(grep -c '^✓ ' "$log")" "$(grep -c '^✗ ' "$log")" 0
    check "all steps were done" grep -q "^All $(grep -c '^✓ ' "$log") steps done in " "$log"
    check "last line of the demo" grep -qx 'The addresses are closed again; .*' <(tail -n 1 "$log")
    check "nothing stays running" nothing_runs "$TMPDIR"
    check "nothing stays in TMPDIR" rmdir "$TMPDIR"
}

# Two halves at once. A history that fails prints how to run it again, made small.
simulator() {
    build build/werror WERROR=1 simulator || return
    local half=$((${HISTORIES:-50000} / 2)) first=${SEED:-1} sim=build/werror/tests/sim/sim
    check "histories from seed $first" $sim --histories "$half" --seed "$first" &
    check "histories from seed $((first + half))" $sim --histories "$half" --seed $((first + half))
    wait
    check "histories on SQLite" $sim --histories 300 --seed "$first" --store sqlite
}

# Twenty seconds for each parser.
fuzz() {
    instrumented fuzz-programs || return
    local log=$TALLY.tap
    tests/fuzz/run.sh build/clang-fuzz "${FUZZ:-20}" > "$log" 2>&1
    tally_tap "$log" $? || cat "$log"
}

nothing_runs() {
    ! pgrep -af "$1"
}

# work NAME COMMAND…: runs a tier's command, a function that counts its checks
work() {
    export TALLY=$PWD/build/test/$1.tally
    : > "$TALLY"
    ("${@:2}") > "$PWD/build/test/$1.log" 2>&1
}

asked() {
    case $wanted in "  " | *" $1 "*) ;; *) return 1 ;; esac
}

# ahead NAME COMMAND…: begins a tier that only computes, in what the tiers that mostly wait leave of the processors; tier
# NAME waits for its end
declare -A begun began
ahead() {
    asked "$1" || return
    began[$1]=$SECONDS
    set -m # a process group of its own, which the end of this script ends
    (chrt --idle --pid 0 $BASHPID; work "$@") &
    set +m
    begun[$1]=$!
}
end_begun() {
    local group
    for group in "${begun[@]}"; do kill -- "-$group" 2> /dev/null; done
}
trap end_begun EXIT

# tier NAME COMMAND…: runs the command, unless it is begun, and prints the tier's line
passed=0 failed=0 skipped=0
wanted=" $* "
tier() {
    local name=$1 start=$SECONDS status counts
    asked "$name" || return
    if [ -n "${begun[$name]-}" ]; then
        start=${began[$name]}
        wait "${begun[$name]}"
        status=$?
        unset "begun[$name]"
    else
        work "$@"
        status=$?
    fi
    read -ra counts < <(awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }' "build/test/$name.tally")
    # A tier that ran nothing, or stopped half-way, has failed.
    if [ "$status" -ne 0 ] || [ "${counts[*]}" = "0 0 0" ]; then counts[1]=$((counts[1] + 1)); fi
    if [ "${counts[1]}" -ne 0 ]; then cat "build/test/$name.log"; else grep '^warning: ' "build/test/$name.log"; fi
    printf '%-12s %5d passed %4d failed %4d skipped %5d s\n' "$name" "${counts[@]}" $((SECONDS - start))
    passed=$((passed + counts[0])) failed=$((failed + counts[1])) skipped=$((skipped + counts[2]))
    ran=1
}

trap 'exit 130' INT
mkdir -p build/test
export KILLS=${KILLS:-50}
tier lint         lint
tier sources      sources
tier unit         plain unit-programs unit build/werror
tier stories      plain story stories build/werror
ahead simulator   simulator
ahead fuzz        fuzz
tier integration  integration
tier browser      plain all pytests build/werror/drift-relay tests/browser
tier fault        plain all pytests build/werror/drift-relay tests/fault
tier demo         plain all demo
tier simulator
tier fuzz
tier address      address
tier thread       thread
tier prometheus   check "rules and configuration" sh tests/lint/prometheus.sh

if [ -z "${ran-}" ]; then
    echo "no such tier:$wanted" >&2
    exit 2
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
