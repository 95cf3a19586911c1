#!/bin/sh
# Checks every file in prometheus/ with Prometheus's and Alertmanager's own tools, by what the file is.
set -eu
cd "$(dirname "$0")/../.."
PATH=$PWD/build/programs/bin:$PATH
files=$(find prometheus -name '*.yml' | sort)
[ -n "$files" ] || { echo "prometheus/ is empty"; exit 1; }
status=0
for file in $files; do
    if grep -q '^tests:' "$file"; then
        promtool test rules "$file"
    elif grep -q '^groups:' "$file"; then
        promtool check rules --lint=all --lint-fatal "$file"
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
