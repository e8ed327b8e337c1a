#!/bin/sh
# The box's command line: the installed storehub, as the service's user, on the service's files. As another user,
# root above all, it would leave files behind that the service cannot write.
set -eu
if [ -z "${STOREHUB_DATA:-}" ]; then
    STOREHUB_DATA=/var/lib/storehub
    export STOREHUB_DATA
fi
program=/opt/storehub/venv/bin/storehub
user=storehub

case "$(id -un)" in
    "$user") exec "$program" "$@" ;;
    root) exec runuser --user "$user" -- "$program" "$@" ;;
    *) exec sudo --preserve-env=STOREHUB_DATA --user "$user" -- "$program" "$@" ;;
esac
