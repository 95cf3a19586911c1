# shellcheck shell=bash
# The lint tier: one check a line. Sourced by tests/run.sh.

scripts() {
    find tests docker config/completion -name '*.sh' -o -path 'config/completion/*' 2> /dev/null
    grep -rlE --include='*' '^#!/bin/(ba)?sh' .ci tests docker kubernetes debian config 2> /dev/null | grep -v '\.sh$'
}

c_files() {
    find relay model tests -name '*.[ch]' 2> /dev/null
}

formatted() {
    local file bad=0
    for file in $(c_files); do
        clang-format "$file" | cmp -s - "$file" || { echo "$file: clang-format would change it"; bad=1; }
    done
    return $bad
}

python_compiles() {
    find tests model -name '*.py' -print0 2> /dev/null | xargs -0 -r "${python:?}" -c '
import sys
for name in sys.argv[1:]:
    compile(open(name, encoding="utf-8").read(), name, "exec")'
}

static_analysis() {
    # shellcheck disable=SC2046 # names without spaces
    cppcheck --quiet --enable=warning,performance,portability --std=c11 --language=c -I. -D_GNU_SOURCE -j2 \
        --suppressions-list=tests/lint/cppcheck.suppressions --error-exitcode=1 $(find relay model -name '*.c' 2> /dev/null)
}

manuals() {
    find docs -name '*.[1-8]' -print0 2> /dev/null | xargs -0 -r mandoc -Tlint -Wwarning
}

lint() {
    tests/lint/banned.sh . | grep '^warning: ' || :
    check "the lints find what they look for" tests/lint/selftest.sh
    check "floors" tests/lint/layers.sh .
    check "banned words" tests/lint/banned.sh .
    check "format" formatted
    check "shell" xargs -a <(scripts) shellcheck
    check "python" python_compiles
    check "manuals" manuals
    check "keys in drift-relay.conf(5)" "${python:?}" -m tests.lint.manual_keys
    check "systemd units" tests/lint/units.sh
    check "images, compose, Kubernetes, Terraform, workflows" "${python:?}" -m tests.lint.deploy
    check "what is looked for in them is found" "${python:?}" -m tests.lint.deploy --faults
    check "Grafana's files" "${python:?}" -m tests.lint.grafana
    check "what is looked for in Grafana's files is found" "${python:?}" -m tests.lint.grafana --faults
    check "cppcheck" static_analysis
    check "clang-tidy" build build/clang-werror CC=clang -k tidy
}
