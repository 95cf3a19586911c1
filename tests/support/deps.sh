#!/bin/sh
# Gets what a step needs and this machine lacks:   deps.sh build|test|demo|deb|memcheck|containers|programs…
#
# Debian packages come by apt-get, which may neither remove a package nor pull in recommended ones; the command is
# printed before it runs, and only printed where we are not root. Programs whose packages would start daemons are not
# installed: their packages are unpacked under build/programs, and run from build/programs/bin.
set -eu
cd "$(dirname "$0")/../.."

build='gcc libc6-dev pkg-config libmicrohttpd-dev libjansson-dev libconfig-dev libsodium-dev libsqlite3-dev
    libgnutls28-dev libseccomp-dev liblinear-dev'
demo='python3 curl jq openssl procps'
test="$demo clang libclang-rt-14-dev clang-format clang-tidy cppcheck shellcheck mandoc libcmocka-dev python3-pytest
    chromium unzip"
# deb: what builds and judges packages.
deb='build-essential debhelper debootstrap fakeroot git lintian python3'
# memcheck: what sees libraries that are not instrumented at work.
memcheck='valgrind'
# containers: podman with two runtimes, of which one may work.
containers='debootstrap podman buildah crun runc python3 python3-yaml'
# pages: what Prometheus's pages at /classic load.
programs='prometheus prometheus-alertmanager'
pages='libjs-bootstrap4 libjs-d3 libjs-eonasdan-bootstrap-datetimepicker libjs-jquery libjs-jquery-hotkeys
    libjs-moment libjs-moment-timezone libjs-mustache libjs-popper.js libjs-rickshaw fonts-glyphicons-halflings'

say() { printf '%s\n' "$*" >&2; }

# Runs a command; shows what it printed only when it fails.
quietly() {
    mkdir -p build
    if ! "$@" > build/deps.log 2>&1 < /dev/null; then
        cat build/deps.log >&2
        return 1
    fi
}

# A stale list of packages asks for versions that the mirror no longer has; a mirror that is away may not matter.
refresh() {
    quietly apt-get update || say 'apt-get update failed: going on with the package lists that are here'
}

as_root() {
    [ "$(id -u)" -eq 0 ] && return
    say "This needs root. Run the line above as root, then make again."
    exit 1
}

# Those of the packages named that dpkg does not have.
missing() {
    have=$(dpkg-query -W -f '<${Package} ${db:Status-Status}>' "$@" 2> /dev/null || :)
    for package in "$@"; do
        case $have in *"<$package installed>"*) ;; *) printf ' %s' "$package" ;; esac
    done
}

install_packages() {
    wanted=$(missing "$@")
    [ -n "$wanted" ] || return 0
    say "apt-get install --no-install-recommends --no-remove$wanted"
    as_root
    refresh
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # a list of package names
    quietly apt-get install -qq -y --no-install-recommends --no-remove -o DPkg::Lock::Timeout=300 $wanted
}

# One flavour of libcurl is as good as another, and installing a second one would remove the first.
curl_flavour() {
    pkg-config --exists libcurl 2> /dev/null || echo libcurl4-gnutls-dev
}

# Root downloads as the user _apt, who may not be able to reach this folder.
download() {
    (cd "$1" && shift && apt-get download -qq "$@")
}

launcher() {
    mkdir -p build/programs/bin
    # shellcheck disable=SC2016 # for the launcher to expand
    printf '#!/bin/sh\nunpacked=$(cd "$(dirname "$0")/.." && pwd)\n%s\n' "$2" > "build/programs/bin/$1"
    chmod +x "build/programs/bin/$1"
}

# The launchers stand for what the packages expect below /usr/share. Alertmanager has no option for the folder of its
# default template: in our copy that path becomes the current folder, so give it absolute paths.
# shellcheck disable=SC2016
write_launchers() {
    LC_ALL=C sed -i 's|/usr/share/prometheus/alertmanager|./././././././././././././././././|g' \
        build/programs/usr/bin/prometheus-alertmanager
    launcher promtool 'exec "$unpacked/usr/bin/promtool" "$@"'
    launcher amtool 'exec "$unpacked/usr/bin/amtool" "$@"'
    launcher prometheus 'share=$unpacked/usr/share/prometheus
exec "$unpacked/usr/bin/prometheus" --web.local-assets="$share/web" "$@"'
    launcher alertmanager 'cd "$unpacked/usr/share/prometheus/alertmanager" || exit 1
exec "$unpacked/usr/bin/prometheus-alertmanager" "$@"'
}

unpack_programs() {
    marker="build/programs/.complete $(cksum < tests/support/deps.sh)"
    [ ! -e "$marker" ] || return 0
    # shellcheck disable=SC2086 # lists of package names
    set -- $programs $pages
    say "apt-get download $* # unpacked in build/programs, not installed"
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    [ "$(id -u)" -ne 0 ] || chown _apt "$folder" || :
    if ! download "$folder" "$@" 2> /dev/null; then
        if [ "$(id -u)" -eq 0 ]; then refresh; fi
        download "$folder" "$@"
    fi
    rm -rf build/programs
    mkdir -p build/programs
    for package in "$folder"/*.deb; do
        dpkg -x "$package" build/programs
    done
    write_launchers
    : > "$marker"
}

if ! command -v apt-get > /dev/null || ! command -v dpkg-query > /dev/null; then
    say "not a Debian system: what 'make $*' needs is listed in tests/support/deps.sh"
    exit 0
fi
packages=
for step in "$@"; do
    case $step in
    build) packages="$packages $build $(curl_flavour)" ;;
    demo) packages="$packages $demo" ;;
    test) packages="$packages $test" ;;
    containers) packages="$packages $containers" ;;
    deb) packages="$packages $deb" ;;
    memcheck) packages="$packages $memcheck" ;;
    programs) ;;
    *) say "deps.sh: unknown step $step"; exit 2 ;;
    esac
done
# shellcheck disable=SC2086
[ -z "$packages" ] || install_packages $packages
case " $* " in *' programs '*) unpack_programs ;; esac
