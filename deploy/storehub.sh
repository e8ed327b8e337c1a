#!/bin/sh
# The box's command line: the installed storehub, as the service's user, on the service's files. As another user,
# root above all, it would leave files behind that the service cannot write.
set -eu
export STOREHUB_DATA="${STOREHUB_DATA:-/var/lib/storehub}"
export STOREHUB_CONFIG="${STOREHUB_CONFIG:-/etc/storehub/storehub.toml}"
program=/opt/storehub/venv/bin/storehub
user=storehub

# An update changes what is root's: releases, units, the link that says which version runs.
if [ "${1:-}" = update ]; then
    [ "$(id -u)" = 0 ] || exec sudo -- "$0" "$@"
    exec "$program" "$@"
fi

case "$(id -un)" in
    "$user")
        # The service's own variables win over the file for it, so they must for the commands.
        if [ -r /etc/storehub/storehub.env ]; then
            set -a
            . /etc/storehub/storehub.env
            set +a
        fi
        # What systemd handed to the running service is this user's to read as well.
        if [ -r /run/credentials/storehub.service ]; then
            export CREDENTIALS_DIRECTORY=/run/credentials/storehub.service
        fi
        exec "$program" "$@"
        ;;
    root) exec runuser --user "$user" -- "$0" "$@" ;;
    *) exec sudo --preserve-env=STOREHUB_DATA,STOREHUB_CONFIG --user "$user" -- "$0" "$@" ;;
esac
