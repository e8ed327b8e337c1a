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

prefix=$DESTDIR/opt/storehub
unit_target=$DESTDIR/etc/systemd/system/storehub.service
changed=""

check_machine() {
    if [ -z "$DESTDIR$dry" ] && [ "$(id -u)" != 0 ]; then
        fail "run it as root: sudo make install"
    fi
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        fail "Python 3.11 or newer is needed (Debian 12 has it): apt-get install python3 python3-venv"
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "Python cannot make virtual environments here: apt-get install python3-venv"
    # 32-bit ARM has no wheels for several dependencies, and a Raspberry Pi has no compiler to spare.
    "$PYTHON" -c 'import sys; sys.exit(sys.maxsize < 2**32)' || fail "a 64-bit operating system is needed"
    [ -f "$lock" ] || fail "$lock is not there"
    if [ -n "$start" ] && [ -z "$DESTDIR$dry" ] && [ ! -d /run/systemd/system ]; then
        fail "systemd does not run this machine; --no-start sets up everything else"
    fi
}

make_user() {
    if [ -n "$DESTDIR" ] || getent passwd storehub >/dev/null; then
        return
    fi
    step "the service's own user, storehub"
    run useradd --system --user-group --home-dir /var/lib/storehub --no-create-home --shell /usr/sbin/nologin storehub
}

# Build the wheel from this folder with pinned tools, in a place that is thrown away.
build_wheel() {
    step "building the wheel"
    [ -z "$dry" ] || return 0
    "$PYTHON" -m venv "$scratch/build"
    pip_install "$scratch/build" --require-hashes -r requirements/build.lock
    "$scratch/build/bin/python" -m hatchling build -t wheel -d "$scratch/dist" >"$scratch/log" 2>&1 ||
        fail "the wheel cannot be built: $(cat "$scratch/log")"
    wheel=$(echo "$scratch"/dist/storehub-*.whl)
}

pip_install() {
    local venv=$1
    shift
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-cache-dir --only-binary=:all: \
        ${wheels:+--no-index --find-links "$wheels"} "$@"
}

make_release() {
    local id release
    if [ -n "$dry" ]; then
        step "a release under /opt/storehub/releases with the dependencies of $lock, then current"
        return
    fi
    # The same wheel with the same dependencies is the same release, whenever it is installed.
    id=$(basename "$wheel" | cut -d- -f2)-$(cat "$wheel" "$lock" | sha256sum | cut -c1-8)
    release=$prefix/releases/$id
    if [ ! -e "$release/.complete" ]; then
        step "release $id"
        rm -rf "$release"
        mkdir -p "$prefix/releases"
        "$PYTHON" -m venv "$release"
        pip_install "$release" --require-hashes -r "$lock"
        pip_install "$release" --no-deps --no-index "$wheel"
        settle_paths "$release"
        install -d "$release/share/storehub"
        install -m 644 docs/install.md systemd/storehub.service deploy/storehub.toml.example "$release/share/storehub/"
        install -m 755 deploy/uninstall.sh "$release/share/storehub/"
        touch "$release/.complete"
        # All of it on the disk before anything points to it.
        sync
    fi
    if [ "$(readlink "$prefix/venv" || true)" != "releases/$id" ]; then
        ln -sfn "releases/$id" "$prefix/venv.new"
        mv -T "$prefix/venv.new" "$prefix/venv"
        sync
        changed=yes
    fi
    step "current release: $id"
}

# A staged tree names the paths it will have on the box, not those of the folder it was staged in.
settle_paths() {
    rm -f "$1"/bin/[Aa]ctivate*
    [ -n "$DESTDIR" ] || return 0
    grep -rlIZ --exclude-dir=lib "$DESTDIR" "$1" | xargs -0 -r sed -i "s#$DESTDIR/#/#g"
    "$1/bin/python" -m compileall -q -f -s "$DESTDIR" -p / "$1/lib"
}

# Keep the current release and the one before it, to go back to.
drop_old_releases() {
    [ -z "$dry" ] || return 0
    local current old
    current=$(readlink -f "$prefix/venv")
    find "$prefix/releases" -mindepth 1 -maxdepth 1 -type d ! -path "$current" -printf '%T@ %p\n' |
        sort -rn | tail -n +2 | cut -d' ' -f2- | while read -r old; do
        step "removing release $(basename "$old")"
        rm -rf "$old"
    done
}

install_files() {
    local group=storehub
    [ -z "$DESTDIR" ] || group=$(id -gn)
    if [ ! -e "$DESTDIR/etc/storehub/storehub.toml" ]; then
        step "/etc/storehub/storehub.toml (an example; everything in it has a default)"
        run install -d -m 750 -g "$group" "$DESTDIR/etc/storehub"
        run install -m 640 -g "$group" deploy/storehub.toml.example "$DESTDIR/etc/storehub/storehub.toml"
    fi
    if ! cmp -s systemd/storehub.service "$unit_target"; then
        step "/etc/systemd/system/storehub.service"
        run install -D -m 644 systemd/storehub.service "$unit_target"
        changed=yes
    fi
    if ! cmp -s deploy/storehub.sh "$DESTDIR/usr/local/bin/storehub"; then
        step "/usr/local/bin/storehub"
        run install -D -m 755 deploy/storehub.sh "$DESTDIR/usr/local/bin/storehub"
    fi
}

start_service() {
    if [ -n "$DESTDIR" ] || [ -z "$start" ]; then
        return
    fi
    run systemctl daemon-reload
    run systemctl enable --quiet storehub.service
    # The unit is Type=notify: these return when the hub answers and its journal can commit.
    if [ -n "$changed" ] || ! systemctl is-active --quiet storehub.service; then
        step "starting, until it says that it is ready"
        run systemctl restart storehub.service || {
            journalctl --unit storehub.service --lines 20 --no-pager >&2 || true
            fail "storehub did not start; the lines above say why (journalctl -u storehub shows more)"
        }
    fi
    [ -n "$dry" ] || step "storehub.service is $(systemctl is-active storehub.service)"
}

check_machine
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
make_user
[ -n "$wheel" ] || build_wheel
make_release
install_files
start_service
drop_old_releases

if [ -n "$dry" ]; then
    echo "nothing was changed"
else
    cat <<'NEXT'

storehub is installed. Next, pair the store manager's phone or tablet:
    storehub device code --role manager
NEXT
fi
