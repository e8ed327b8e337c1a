#!/bin/bash
# Install or update the box at HOST over ssh: builds the wheel here, copies it there, runs the installer there.
# usage: deploy/deploy.sh [user@]host [arguments of install.sh]      (the user there is root or may use sudo)
set -euo pipefail
cd "$(dirname "$0")/.."

host=${1:-}
if [ -z "$host" ]; then
    echo "which box? make deploy HOST=user@storehub-box.local" >&2
    exit 2
fi

shift
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
.venv/bin/hatchling build -t wheel -d "$scratch" >/dev/null 2>&1
wheel=$(basename "$scratch"/storehub-*.whl)

there=$(ssh "$host" mktemp -d)
# One stream: works with any sshd, needs neither rsync nor sftp on the box.
tar -c deploy systemd requirements/runtime.lock docs/install.md -C "$scratch" "$wheel" | ssh "$host" tar -x -C "$there"
status=0
ssh "$host" "cd '$there' && \$([ \$(id -u) = 0 ] || echo sudo) deploy/install.sh --wheel '$wheel' ${*@Q}" || status=$?
ssh "$host" rm -rf "$there"
exit "$status"
