#!/bin/bash
# Remove storehub from this machine. What it recorded stays in /var/lib/storehub, its settings in /etc/storehub.
#
# usage: deploy/uninstall.sh [--purge [--even-unsent]] [--dry-run]
#   --purge        remove the records, the settings and the user too; refused while entries are not in the cloud
#   --even-unsent  with --purge: remove entries that exist nowhere else
#   --dry-run      say what would be done, do nothing
#   DESTDIR=DIR    in the environment: remove from a staged tree
set -euo pipefail

DESTDIR=${DESTDIR:-}
purge="" even_unsent="" dry=""

fail() {
    echo "uninstall: $*" >&2
    exit 1
}

while [ $# -gt 0 ]; do
    case $1 in
        --purge) purge=yes ;;
        --even-unsent) even_unsent=yes ;;
        --dry-run) dry=yes ;;
        -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0" && exit 0 ;;
        *) fail "unknown argument $1 (--help lists them)" ;;
    esac
    shift
done

run() {
    if [ -n "$dry" ]; then
        printf 'would run: %s\n' "$*"
    else
        "$@"
    fi
}

# Print how many entries the cloud does not have yet, or fail when nobody can tell.
unsent() {
    local program=/usr/local/bin/storehub
    [ -z "$DESTDIR" ] || program=$DESTDIR/opt/storehub/venv/bin/storehub
    STOREHUB_DATA=$DESTDIR/var/lib/storehub "$program" status --json |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["unsent"]["count"])'
}

if [ -z "$DESTDIR$dry" ] && [ "$(id -u)" != 0 ]; then
    fail "run it as root: sudo make uninstall"
fi

if [ -n "$purge" ] && [ -z "$even_unsent" ] && [ -e "$DESTDIR/var/lib/storehub" ]; then
    count=$(unsent 2>/dev/null) ||
        fail "cannot tell whether the cloud has every entry, so nothing is removed; --purge --even-unsent removes them"
    [ "$count" = 0 ] ||
        fail "$count entries are not in the cloud, so nothing is removed; --purge --even-unsent removes them"
fi

# Files: a folder with somebody's own exceptions (systemctl edit) stays.
mapfile -t units < <(find "$DESTDIR/etc/systemd/system" -maxdepth 1 -name 'storehub*.*' -type f 2>/dev/null)
if [ -z "$DESTDIR" ] && command -v systemctl >/dev/null && [ ${#units[@]} -gt 0 ]; then
    # Stopping drains the last batch first.
    [ ! -d /run/systemd/system ] || run systemctl stop "${units[@]##*/}"
    run systemctl disable --quiet "${units[@]##*/}"
fi
run rm -f "${units[@]}" "$DESTDIR/usr/local/bin/storehub" "$DESTDIR/etc/issue.d/storehub.issue"
run rm -rf "$DESTDIR/opt/storehub"
if [ -z "$DESTDIR" ] && [ -d /run/systemd/system ]; then
    run systemctl daemon-reload
fi

if [ -n "$purge" ]; then
    run rm -rf "$DESTDIR/var/lib/storehub" "$DESTDIR/etc/storehub"
    if [ -z "$DESTDIR" ] && getent passwd storehub >/dev/null; then
        run userdel storehub
    fi
elif [ -z "$dry" ]; then
    echo "removed; $DESTDIR/var/lib/storehub and $DESTDIR/etc/storehub are kept (--purge removes them)"
fi
