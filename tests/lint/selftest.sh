#!/bin/bash
# The lints themselves: a small house with one fault at a time, which must be found, and its innocent twin, which must not.
set -u
lint=$(cd "$(dirname "$0")" && pwd)
house=$(mktemp -d)
trap 'rm -rf "$house"' EXIT
bad=0

# expect found|clean LINT FILE LINE [NUMBER]: a house where FILE holds LINE, as its third line; found in that or in NUMBER
expect() {
    local want=$1 script=$2 file=$3 line=$4 number=${5:-3} said status
    rm -rf "${house:?}"/*
    mkdir -p "$house/$(dirname "$file")"
    printf '/* one\n * two */\n%s\n' "$line" > "$house/$file"
    said=$("$lint/$script" "$house")
    status=$?
    case $want in
    found) [ "$status" -eq 1 ] && [[ $said == *"$file:$number:"* ]] ;;
    clean) [ "$status" -eq 0 ] && [ -z "$said" ] ;;
    esac && return
    echo "$script: $file with '$line' should be $want (status $status): $said"
    bad=1
}

expect clean layers.sh relay/engine/a.c  '#include "relay/alert/alert.h"'
expect clean layers.sh relay/engine/a.c  '#include "relay/engine/key.h"'
expect clean layers.sh relay/main.c      '#include "relay/cli/serve.h"'
expect clean layers.sh relay/conf.c      '#include "relay/conf.h"'
expect clean layers.sh relay/conf.c      '#include "relay/engine/policy.h"'
expect clean layers.sh relay/conf_env.c  '#include "relay/conf_private.h"'
expect clean layers.sh model/drift/a.c   '#include "model/series.h"'
expect clean layers.sh model/drift/a.c   '#include "relay/base/buf.h"'
expect clean layers.sh model/cli/score.c '#include "model/drift/drift.h"'
expect clean layers.sh model/main.c      '#include "model/cli/cli.h"'
expect clean layers.sh relay/store/sqlite_file.c '#include <sqlite3.h>'
expect found layers.sh relay/engine/a.c  '#include "relay/github/inputs.h"'
expect found layers.sh relay/engine/a.c  '#include "relay/core/core.h"'
expect found layers.sh relay/store/a.c   '#include "relay/conf.h"'
expect found layers.sh relay/conf_env.c  '#include "relay/core/core.h"'
expect found layers.sh relay/base/a.c    '# include "relay/alert/alert.h" /* why */'
expect found layers.sh relay/base/a.c    '#include <relay/alert/alert.h>'
expect found layers.sh relay/alert/a.h   '#include "buf.h"'
expect found layers.sh relay/alert/a.c   '#include "relay/alert/../core/core.h"'
expect found layers.sh relay/alert/a.c   '#include <sys/socket.h>'
expect found layers.sh relay/alert/a.c   '#include "relay/base/http_client.h"'
expect found layers.sh relay/alert/a.c   '#include WHAT'
expect found layers.sh relay/edge/a.c    '#include <sqlite3.h>'
expect found layers.sh relay/cli/a.c     '#include "relay/attic/box.h"'
expect found layers.sh model/train/a.c   '#include "relay/alert/alert.h"'
expect found layers.sh relay/cli/a.c     '#include "model/series.h"'
expect found layers.sh model/csv/csv.c   '#include "model/drift/drift.h"'
expect found layers.sh model/drift/a.c   '#include "relay/base/http_client.h"'
expect found layers.sh model/drift/a.c   '#include <unistd.h>'

expect clean banned.sh relay/base/a.c    'snprintf(text, size, "%s", "strcpy(a, b)"); /* strcpy(a, b) */'
expect clean banned.sh relay/base/a.c    'my_strcat(a); uptime(); long time_ms; // time(NULL)'
expect clean banned.sh relay/base/clock.c 'clock_gettime(CLOCK_BOOTTIME, &now);'
expect clean banned.sh relay/base/a.c    'memcmp(text, "token", 5)'
expect clean banned.sh docs/a.md         'mktemp /tmp/a.XXXXXX exactly one run'
expect found banned.sh relay/base/a.c    'strcpy (a, b);'
expect found banned.sh relay/base/a.c    'x = "\""; strcat(a, b);'
expect found banned.sh tests/unit/a.c    'sprintf(a, b);'
expect found banned.sh relay/base/a.c    'char *p = strtok(a, b);'
expect found banned.sh relay/base/a.c    'n = atoi(a);'
expect found banned.sh relay/cli/a.c     'n = strtol(a, NULL, 10);'
expect found banned.sh relay/base/a.c    'time(NULL);'
expect found banned.sh relay/engine/a.c  'clock_gettime(CLOCK_REALTIME, &t);'
expect found banned.sh relay/cli/a.c     'setlocale(LC_ALL, "");'
expect found banned.sh relay/alert/a.c   'if (memcmp(given, secret->bytes, 32) == 0)'
expect found banned.sh relay/alert/a.c   'if (strcmp(mac, wanted) == 0)'
expect found banned.sh relay/alert/a.c   $'if (memcmp(given,\n    claim->mac, 32) == 0)' 4
expect found banned.sh relay/edge/a.c    $'return strncmp(given, wanted_of(\n  admin),\n  token) == 0;' 5
expect found banned.sh relay/edge/a.c    'return !bcmp(given, secret_bytes(s), n);'
expect clean banned.sh relay/alert/a.c   $'if (strcmp(name, "a") == 0) {\n    use(token);\n}\nn = strcmp(name, "b");\nuse(secret);'
expect found banned.sh relay/alert/a.c   'goto out;'
expect found banned.sh relay/alert/a.h   '#pragma once'
expect found banned.sh relay/alert/a.h   '#ifdef UNIT_TEST'
expect found banned.sh relay/alert/a.h   'typedef struct a a;'
expect found banned.sh docs/a.md         'TODO: this'
expect found banned.sh relay/alert/a.c   '/* FIXME */'
expect found banned.sh README.md         'delivers Exactly Once'
exit $bad
