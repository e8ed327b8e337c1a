#!/bin/bash
# Install or update storehub on a Debian-like 64-bit machine. Safe to run twice: what is there already is kept,
# the configuration and what the hub recorded are never touched. A cut in the middle leaves the old version running
# or the new one, since a release is complete on disk before one rename makes it the current one.
#
# usage: deploy/install.sh [--wheel FILE] [--wheels DIR] [--lock FILE] [--no-start] [--dry-run]
#   --wheel FILE   this storehub wheel instead of one built from this folder
#   --wheels DIR   take the dependencies from this folder; no package index is asked
#   --lock FILE    another list of pinned dependencies than requirements/runtime.lock
#   --no-start     set everything up, start nothing
#   --dry-run      say what would be done, do nothing
#   DESTDIR=DIR    in the environment: stage into DIR; no user is made, no service is started
set -euo pipefail
cd "$(dirname "$0")/.."

DESTDIR=${DESTDIR:-}
PYTHON=${PYTHON:-python3}
wheel="" wheels="" lock=requirements/runtime.lock start=yes dry=""

fail() {
    echo "install: $*" >&2
    exit 1
}

while [ $# -gt 0 ]; do
    case $1 in
        --wheel) wheel=${2:?--wheel needs a file} && shift ;;
        --wheels) wheels=${2:?--wheels needs a folder} && shift ;;
        --lock) lock=${2:?--lock needs a file} && shift ;;
        --no-start) start="" ;;
        --dry-run) dry=yes ;;
        -h | --help) sed -n '2,13s/^# \{0,1\}//p' "$0" && exit 0 ;;
        *) fail "unknown argument $1 (--help lists them)" ;;
    esac
    shift
done

# Run a command that changes something, or only say so.
run() {
    if [ -n "$dry" ]; then
        printf 'would run: %s\n' "$*"
    else
        "$@"
    fi
}

step() { printf '%s\n' "- $*"; }

changed=""

check_machine() {
    if [ -z "$DESTDIR$dry" ] && [ "$(id -u)" != 0 ]; then
        fail "run it as root: sudo make install"
    fi
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        fail "Python 3.11 or newer is needed (Debian 12 has it): apt-get install python3 python3-venv"
    # A folder of wheels may carry its own pip.
    compgen -G "$wheels/pip-*.whl" >/dev/null || "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "Python cannot make virtual environments here: apt-get install python3-venv"
    # 32-bit ARM has no wheels for several dependencies, and a Raspberry Pi has no compiler to spare.
    "$PYTHON" -c 'import sys; sys.exit(sys.maxsize < 2**32)' || fail "a 64-bit operating system is needed"
    [ -f "$lock" ] || fail "$lock is not there"
    if [ -n "$start" ] && [ -z "$DESTDIR$dry" ] && [ ! -d /run/systemd/system ]; then
        fail "systemd does not run this machine; --no-start sets up everything else"
    fi
}

make_user() {
    [ -z "$DESTDIR" ] || return 0
    if ! getent passwd storehub >/dev/null; then
        step "the service's own user, storehub"
        run useradd --system --user-group --home-dir /var/lib/storehub --no-create-home --shell /usr/sbin/nologin storehub
    fi
    # As systemd would make it at the first start; the commands may come before that.
    [ -e /var/lib/storehub ] || run install -d -m 700 -o storehub -g storehub /var/lib/storehub
}

# Build the wheel from this folder with pinned tools, in a place that is thrown away.
build_wheel() {
    step "building the wheel"
    [ -z "$dry" ] || return 0
    "$PYTHON" -m venv "$scratch/build"
    "$scratch/build/bin/python" -m pip install --quiet --disable-pip-version-check --no-cache-dir --only-binary=:all: \
        ${wheels:+--no-index --find-links "$wheels"} --require-hashes -r requirements/build.lock
    "$scratch/build/bin/python" -m hatchling build -t wheel -d "$scratch/dist" >"$scratch/log" 2>&1 ||
        fail "the wheel cannot be built: $(cat "$scratch/log")"
    wheel=$(echo "$scratch"/dist/storehub-*.whl)
}

make_release() {
    if [ -n "$dry" ]; then
        step "a release under /opt/storehub/releases with the dependencies of $lock, then current"
        step "/etc/systemd/system/storehub.service and /usr/local/bin/storehub"
        return
    fi
    release=$(deploy/release.sh make --wheel "$wheel" --lock "$lock" ${wheels:+--wheels "$wheels"})
    was=$(deploy/release.sh current)
    [ "$was" = "$release" ] || changed=yes
}

install_settings() {
    local user=storehub group=storehub file
    [ -z "$DESTDIR" ] || user=$(id -un) group=$(id -gn)
    # `storehub setup` and the first-run page replace the two files whole, as the service's user, who owns them.
    # Sticky: what is root's in this folder stays out of that user's reach.
    run install -d -m 1770 -g "$group" "$DESTDIR/etc/storehub"
    if [ ! -e "$DESTDIR/etc/storehub/storehub.toml" ]; then
        step "/etc/storehub/storehub.toml (an example; everything in it has a default)"
        run install -m 640 deploy/storehub.toml.example "$DESTDIR/etc/storehub/storehub.toml"
    fi
    for file in "$DESTDIR"/etc/storehub/storehub.{toml,env}; do
        [ ! -e "$file" ] || run chown "$user:$group" "$file"
    done
}

# Every unit that says where it is wanted.
wanted_units() {
    grep -lx '\[Install\]' systemd/* | xargs -n 1 basename
}

# The login screen shows what the service writes there while the box is not set up: the first-run page and its code.
show_on_console() {
    run install -d "$DESTDIR/etc/issue.d"
    run ln -sfn /run/storehub/issue "$DESTDIR/etc/issue.d/storehub.issue"
}

enable_units() {
    local units
    mapfile -t units < <(wanted_units)
    [ ! -d /run/systemd/system ] || run systemctl daemon-reload
    # Without a running systemd this makes the links for the first boot, as an image needs them.
    run systemctl enable --quiet "${units[@]}"
}

# The unit is Type=notify: these return when the hub answers and its journal can commit.
restart() {
    run systemctl restart storehub.service
}

start_service() {
    local unit
    if [ -n "$changed" ] || ! systemctl is-active --quiet storehub.service; then
        step "starting, until it says that it is ready"
        restart || go_back
    fi
    for unit in $(wanted_units); do
        case $unit in *.timer | *.path | *.socket) run systemctl start "$unit" ;; esac
    done
    [ -n "$dry" ] || step "storehub.service is $(systemctl is-active storehub.service)"
}

# The new release does not start: the one before it serves again, and the installation has failed.
go_back() {
    journalctl --unit storehub.service --lines 20 --no-pager >&2 || true
    if [ -z "$was" ] || [ "$was" = "$release" ]; then
        fail "storehub did not start; the lines above say why (journalctl -u storehub shows more)"
    fi
    deploy/release.sh switch "$was"
    systemctl daemon-reload
    restart || fail "neither $release nor $was starts; the lines above say why (journalctl -u storehub shows more)"
    fail "$release did not start, so $was serves again; the lines above say why"
}

release="" was=""
check_machine
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
make_user
[ -n "$wheel" ] || build_wheel
make_release
install_settings
show_on_console
[ -n "$dry" ] || deploy/release.sh switch "$release"
if [ -z "$DESTDIR" ]; then
    ! command -v systemctl >/dev/null || enable_units
    [ -z "$start" ] || start_service
fi
if [ -z "$dry" ]; then
    step "current release: $release"
    deploy/release.sh tidy
fi

if [ -n "$dry" ]; then
    echo "nothing was changed"
else
    cat <<'NEXT'

storehub is installed. Next, pair the store manager's phone or tablet:
    storehub device code --role manager
NEXT
fi
