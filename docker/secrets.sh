#!/bin/sh
# Makes the secret files of compose.yml in docker/secrets, as root; what is there stays. The relay's user (10001) owns
# them; Grafana reads them by its group (0); nobody else may, which the relay insists on.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
make_file() {
    [ -s "secrets/$1" ] || printf '%s\n' "$2" > "secrets/$1"
    chown 10001:0 "secrets/$1"
    chmod 440 "secrets/$1"
}
random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
# A secret that looks like a number, or has a $, would be read as something else by Grafana.
make_file webhook "whsec_$(random)"
make_file grafana_admin "$(random)"
make_file github "${GITHUB_ACCESS_TOKEN:-github_pat_11TESTTOKEN0standin_7Qb1XyZ0a9}"
chmod 711 secrets
ls -l secrets
