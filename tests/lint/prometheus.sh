#!/bin/sh
# Checks every file in prometheus/ with Prometheus's and Alertmanager's own tools, by what the file is; each rule must
# be named in the tests beside it.
set -eu
cd "$(dirname "$0")/../.."
PATH=$PWD/build/programs/bin:$PATH
files=$(find prometheus -name '*.yml' | sort)
[ -n "$files" ] || { echo "prometheus/ is empty"; exit 1; }
status=0

named() {
    sed -nE 's/^ *- (alert|record): //p' "$1" | while read -r name; do
        grep -qw -- "$name" "${1%.yml}-test.yml" || { echo "$1: $name has no test"; exit 1; }
    done
}

for file in $files; do
    if grep -q '^tests:' "$file"; then
        promtool test rules "$file"
    elif grep -q '^groups:' "$file"; then
        promtool check rules --lint=all --lint-fatal "$file" && named "$file"
    elif grep -q '^route:' "$file"; then
        amtool check-config "$file"
    elif grep -q '^scrape_configs:' "$file"; then
        promtool check config --syntax-only "$file"
    else
        echo "$file: neither rules, tests, scrape nor Alertmanager configuration"
        false
    fi || status=1
done
exit $status
