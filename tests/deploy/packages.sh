#!/bin/bash
# shellcheck disable=SC2016 # formats of dpkg-query
# The packages of `make deb` in a Debian 12 of their own: install, run, upgrade keeping state, remove, purge.
#   tests/deploy/packages.sh      root; the Debian comes from debootstrap, and is used again the next time
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD/build/chroot
state=$root/var/lib/drift-relay
relay_pid=
skip() { echo "warning: SKIPPED: packages in a chroot: $*"; exit 0; }
step() { printf '✓ %s\n' "$*"; }
inside() { chroot "$root" env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"; }
as_relay() { inside setpriv --reuid drift-relay --regid drift-relay --clear-groups "$@"; }

[ "$(id -u)" -eq 0 ] || skip "this needs root"
said=$(tests/deploy/debian.sh) || skip "$said"
ls build/dist/drift-relay_*.deb > /dev/null 2>&1 || { echo "first: make deb"; exit 1; }

if mountpoint -q "$root/proc"; then umount "$root/proc"; fi
rm -rf --one-file-system "$root"
mkdir -p "$root"
tar -C "$root" -xf build/debian.tar
end() {
    if [ -n "$relay_pid" ]; then kill "$relay_pid" 2> /dev/null || :; fi
    if mountpoint -q "$root/proc"; then umount "$root/proc"; fi
}
trap end EXIT
mount -t proc proc "$root/proc"

# What is in the places where packages leave things, but for apt's and dpkg's own records.
inventory() {
    (cd "$root" && find etc usr lib var opt run -xdev \( -path 'var/lib/apt' -o -path 'var/lib/dpkg' -o -path 'var/cache' \
        -o -path var/log \) -prune -o -print | { grep -i drift || :; } | sort)
}

# A package of the version given, with the same files.
repack() {
    local name=$1 version=$2
    rm -rf build/repack && dpkg-deb -R "$(ls build/dist/"$name"_*.deb)" build/repack
    sed -i "s/^Version: .*/Version: $version/" build/repack/DEBIAN/control
    dpkg-deb --root-owner-group -b build/repack "$root/tmp/${name}_new.deb" > /dev/null
}

# The sh block below a heading of docs/deploy.md.
printed() {
    awk -v heading="## $1" '$0 == heading { on = 1 } on && /^```$/ { exit } on && code { print } on && /^```sh$/ { code = 1 }' docs/deploy.md
}

start_relay() {
    # exec, so that the child is the relay itself.
    (exec chroot --userspec=drift-relay:drift-relay "$root" /usr/bin/drift-relay serve) > "$root/tmp/relay.log" 2>&1 &
    relay_pid=$!
    await_relay
}

await_relay() {
    for _ in $(seq 300); do
        if as_relay drift-relay health 2> /dev/null; then return; fi
        sleep 0.1
    done
    cat "$root/tmp/relay.log"
    return 1
}

# Its exit status is 0 when it drained.
stop_relay() {
    kill "$relay_pid"
    wait "$relay_pid"
    relay_pid=
}

for name in relay model train app; do cp "$(ls build/dist/drift-"$name"_*.deb)" "$root/tmp/drift-$name.deb"; done
inside apt-get update -qq > /dev/null 2>&1 || :
inside sh -c 'apt-get install -qq -y --no-install-recommends /tmp/drift-*.deb' > build/packages.log 2>&1 || { cat build/packages.log; exit 1; }
step "installed: $(inside dpkg-query -W -f '${Package} ${Version} ${Status}, ' 'drift-*' | sed 's/ install ok installed//g; s/, $//')"

[ "$(inside stat -c '%a %U:%G' /etc/drift-relay)" = "750 root:drift-relay" ]
inside test -d /var/lib/drift-model
[ ! -e "$root/etc/systemd/system/multi-user.target.wants/drift-relay.service" ]
for program in relay model train app; do inside "drift-$program" --help > /dev/null; done
step "users and folders are there, nothing is enabled, every program runs"

# What docs/deploy.md prints, but for what needs a running systemd, and then what systemd would do.
printed "Package and systemd" | grep -vE '^(make|apt|editor|systemctl) ' | inside GITHUB_ACCESS_TOKEN=token sh -eu
[ "$(inside stat -c '%a %U' /etc/drift-relay/webhook.secret /etc/drift-relay/github.token | sort -u)" = "600 root" ]
inside install -d -m 500 -o drift-relay /run/credentials/drift-relay.service
inside install -m 400 -o drift-relay -t /run/credentials/drift-relay.service /etc/drift-relay/webhook.secret /etc/drift-relay/github.token
inside install -d -m 700 -o drift-relay -g drift-relay /var/lib/drift-relay /run/drift-relay
sed -i 's|^  token_file = .*|&\n  api_url = "http://127.0.0.1:1";|; s|port = 9098|port = 19098|
    $a listen = { address = "127.0.0.1"; port = 19099; };' "$root/etc/drift-relay/drift-relay.conf"
inside drift-relay check
start_relay
sent=$(as_relay drift-relay send --url http://127.0.0.1:19099/hooks/grafana --secret-file /run/credentials/drift-relay.service/webhook.secret \
    --label action=retrain --label model=kospi)
relay_id=$(grep -oE '"?relay_id"?[": ]+[0-9A-Z]{26}' <<< "$sent" | grep -oE '[0-9A-Z]{26}' | head -n 1)
[ -n "$relay_id" ] || { echo "$sent"; exit 1; }
step "the relay takes a notification: request $relay_id"
stop_relay

echo "# mine" >> "$root/etc/default/drift-model"
for name in drift-relay drift-model; do repack "$name" 99.1; done
inside sh -c 'apt-get install -qq -y --no-install-recommends -o Dpkg::Options::=--force-confold /tmp/*_new.deb' > build/packages.log 2>&1
[ "$(inside dpkg-query -W -f '${Version}' drift-relay)" = 99.1 ]
grep -q '# mine' "$root/etc/default/drift-model"
start_relay
shown=$(as_relay drift-relay show "$relay_id")
grep -q "$relay_id" <<< "$shown"
step "upgraded to 99.1: config, an edited /etc/default and the request are kept"
stop_relay

inside apt-get remove -qq -y 'drift-*' > /dev/null 2>&1
[ -e "$state/relay.db" ] && [ -e "$root/etc/drift-relay/drift-relay.conf" ] && [ ! -e "$root/usr/bin/drift-relay" ]
step "removed: state and config stay"
inside apt-get purge -qq -y 'drift-*' > /dev/null 2>&1
rm -rf "$root"/tmp/* "$root"/run/drift-relay "$root"/run/credentials
left=$(inventory)
[ -z "$left" ] || { printf 'left behind:\n%s\n' "$left"; exit 1; }
step "purged: nothing is left but the users"

# The binary, as printed; the libraries are those that the packages brought. Its last line stays in the foreground.
make -s install PREFIX=/usr/local DESTDIR="$root" > build/packages.log 2>&1 || { cat build/packages.log; exit 1; }
inside userdel drift-relay
printed "The binary" | grep -vE '^make ' | sed '$s/^/exec /' > "$root/tmp/binary.sh"
(exec chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin GITHUB_ACCESS_TOKEN=token \
    sh -eu /tmp/binary.sh) > "$root/tmp/relay.log" 2>&1 &
relay_pid=$!
await_relay
stop_relay
step "the binary runs as docs/deploy.md prints it"

rm "$root/etc/drift-relay/drift-relay.conf"
printed "The environment alone" | sed '$s/^/exec /' > "$root/tmp/environment.sh"
mkdir "$root/tmp/mine"
(exec chroot "$root" env -i PATH=/usr/local/bin:/usr/bin:/bin GITHUB_ACCESS_TOKEN=token sh -euc 'cd /tmp/mine && . /tmp/environment.sh') \
    > "$root/tmp/relay.log" 2>&1 &
relay_pid=$!
for _ in $(seq 300); do if grep -q 'event=ready\|ready' "$root/tmp/relay.log"; then break; fi; sleep 0.1; done
sent=$(inside sh -c 'cd /tmp/mine && drift-relay send --dry --url http://127.0.0.1:9099/hooks/grafana --secret-file webhook.secret \
    --label action=retrain --label model=kospi-prediction-model')
grep -q '"dry":true' <<< "$sent"
stop_relay
step "the environment alone runs as docs/deploy.md prints it"
