#!/bin/bash
# The releases under /opt/storehub: make one beside those that are there, make one the current one, go back.
# A release is complete on disk before anything points to it, and one rename points to it: a cut at any moment
# leaves the old version current or the new one. Nothing here starts or stops a service.
#
# usage: release.sh make --wheel FILE [--lock FILE] [--wheels DIR]   make a release of this kit and print its id
#        release.sh switch ID     make it the current one, with its units and its command
#        release.sh current       print the current release's id; `before`: that of the one before it
#        release.sh tidy          remove all but these two
#   --wheels DIR   take the dependencies from this folder; no package index is asked
#   --lock FILE    another list of pinned dependencies than requirements/runtime.lock
#   DESTDIR=DIR    in the environment: work on a tree staged in DIR
# A kit is the folder this script's own folder is in: deploy/, systemd/, docs/install.md, requirements/, and keys/ where
# it brings the public keys of those whose updates the box is to take; without it the keys that are there stay.
set -euo pipefail

DESTDIR=${DESTDIR:-}
PYTHON=${PYTHON:-python3}
here=$(cd "$(dirname "$0")" && pwd)
prefix=$DESTDIR/opt/storehub

fail() {
    echo "release: $*" >&2
    exit 1
}

step() { printf '%s\n' "- $*" >&2; }

pip_install() {
    local venv=$1
    shift
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-cache-dir --only-binary=:all: \
        ${wheels:+--no-index --find-links "$wheels"} "$@"
}

# A virtual environment with pip: Python's own, or the one in --wheels where Debian's python3-venv is missing.
make_venv() {
    local carried
    carried=$(find ${wheels:+"$wheels"} -maxdepth 1 -name 'pip-*.whl' 2>/dev/null | head -1)
    if [ -n "$wheels" ] && [ -n "$carried" ]; then
        "$PYTHON" -m venv --without-pip "$1"
        PYTHONPATH=$carried pip_install "$1" --require-hashes -r "$here/../requirements/pip.lock"
    else
        "$PYTHON" -m venv "$1"
    fi
}

# A staged tree names the paths it will have on the box, not those of the folder it was staged in.
settle_paths() {
    rm -f "$1"/bin/[Aa]ctivate*
    [ -n "$DESTDIR" ] || return 0
    grep -rlIZ --exclude-dir=lib "$DESTDIR" "$1" | xargs -0 -r sed -i "s#$DESTDIR/#/#g"
    "$1/bin/python" -m compileall -q -f -s "$DESTDIR" -p / "$1/lib"
}

make() {
    local wheel="" wheels="" lock=$here/../requirements/runtime.lock id release share keys=()
    while [ $# -gt 0 ]; do
        case $1 in
            --wheel) wheel=${2:?--wheel needs a file} && shift ;;
            --wheels) wheels=${2:?--wheels needs a folder} && shift ;;
            --lock) lock=${2:?--lock needs a file} && shift ;;
            *) fail "unknown argument $1 (--help lists them)" ;;
        esac
        shift
    done
    [ -f "$wheel" ] || fail "which wheel? --wheel FILE"
    [ -f "$lock" ] || fail "$lock is not there"
    mapfile -t keys < <(compgen -G "$here/../keys/*.pub" || compgen -G "$prefix/venv/share/storehub/keys/*.pub" || true)
    # The same wheel with the same dependencies, units and keys is the same release, whenever it is installed.
    id=$(basename "$wheel" | cut -d- -f2)-$(cat "$wheel" "$lock" "$here"/../systemd/* "$here/storehub.sh" "${keys[@]}" |
        sha256sum | cut -c1-8)
    release=$prefix/releases/$id share=$prefix/releases/$id/share/storehub
    if [ ! -e "$release/.complete" ] || ! "$release/bin/python" -c '' 2>/dev/null; then
        step "release $id"
        rm -rf "$release"
        mkdir -p "$prefix/releases"
        make_venv "$release"
        pip_install "$release" --require-hashes -r "$lock"
        pip_install "$release" --no-deps --no-index "$wheel"
        settle_paths "$release"
        install -d "$share/systemd"
        install -m 644 "$here"/../systemd/* "$share/systemd/"
        install -m 644 "$here/../docs/install.md" "$here/storehub.toml.example" "$share/"
        install -m 755 "$here/uninstall.sh" "$here/release.sh" "$here/storehub.sh" "$share/"
        [ ${#keys[@]} = 0 ] || install -D -m 644 -t "$share/keys" "${keys[@]}"
        touch "$release/.complete"
        # All of it on the disk before anything points to it.
        sync
    fi
    echo "$id"
}

# link NAME ID: let /opt/storehub/NAME be this release, at one instant.
link() {
    ln -sfn "releases/$2" "$prefix/$1.new"
    mv -T "$prefix/$1.new" "$prefix/$1"
}

current() { basename "$(readlink "$prefix/venv" || true)"; }
before() { basename "$(readlink "$prefix/before" || true)"; }

# put FILE TARGET MODE: only what differs is written, so that a card is not.
put() {
    cmp -s "$1" "$2" || install -D -m "$3" "$1" "$2"
}

switch() {
    local id=${1:?which release?} was unit
    local share=$prefix/releases/$id/share/storehub units=$DESTDIR/etc/systemd/system
    [ -e "$prefix/releases/$id/.complete" ] || fail "there is no complete release $id"
    was=$(current)
    # What only the release that is left has, goes with it.
    if [ -n "$was" ] && [ "$was" != "$id" ]; then
        for unit in "$prefix/releases/$was/share/storehub/systemd"/*; do
            if [ ! -e "$share/systemd/$(basename "$unit")" ]; then
                rm -f "$units/$(basename "$unit")" "$units"/*.wants/"$(basename "$unit")"
            fi
        done
        link before "$was"
    fi
    for unit in "$share/systemd"/*; do
        put "$unit" "$units/$(basename "$unit")" 644
    done
    put "$share/storehub.sh" "$DESTDIR/usr/local/bin/storehub" 755
    link venv "$id"
    sync
}

tidy() {
    local release id
    for release in "$prefix/releases"/*/; do
        id=$(basename "$release")
        if [ "$id" != "$(current)" ] && [ "$id" != "$(before)" ]; then
            step "removing release $id"
            rm -rf "$release"
        fi
    done
}

verb=${1:---help}
shift || true
case $verb in
    make | switch | current | before | tidy) "$verb" "$@" ;;
    -h | --help) sed -n '2,16s/^# \{0,1\}//p' "$0" ;;
    *) fail "unknown verb $verb (--help lists them)" ;;
esac
