"""The arm64 package on an emulated bare Debian: every dependency installs from its wheel, the hub starts, orders come.

usage: python -m tests.install.arm64 [--deb FILE]        (root; debootstrap and qemu-user-static)

A chroot in namespaces of its own, without network and without systemd. Under emulation everything takes many times as
long as on a box: the figures are no measure of one. Exit status: 0 all is well, 1 something is not, 77 it cannot be
tried here.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.install.nspawn import base_tree, why_not
from tests.install.story import MENU, ROOT, SKIPPED, Packages

BINFMT = Path("/proc/sys/fs/binfmt_misc")
NAME = "qemu-aarch64"
# What runs inside: $1 is the package. Each figure is a line `name=seconds`.
SCRIPT = """
set -e
export HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ip link set lo up
now() { cut -d' ' -f1 /proc/uptime; }
said() { echo "$1=$(python3 -c "print(round($(now) - $2, 1))")"; }
python3 -c 'import platform, sys; print("machine=" + platform.machine(), "python=" + sys.version.split()[0])'
begun=$(now)
apt-get install -y "/root/$1" >/tmp/log 2>&1 || { cat /tmp/log; exit 1; }
said install $begun
storehub setup --store-id s1 --store-name arm --no-pairing --json >/dev/null
begun=$(now)
export STOREHUB_CONFIG=/etc/storehub/storehub.toml
setpriv --reuid=storehub --regid=storehub --clear-groups /opt/storehub/venv/bin/storehub run \
    --data /var/lib/storehub --host 127.0.0.1 --no-mdns >/tmp/out 2>/tmp/err &
until grep -q 'storehub ready' /tmp/out; do
    kill -0 $! || { cat /tmp/err; exit 1; }
    sleep 0.2
done
said start $begun
storehub import /tmp/menu.json >/dev/null
code=$(storehub device code --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["code"])')
python3 /root/till.py pair "$code"
begun=$(now)
python3 /root/till.py orders 20
said twenty_orders $begun
python3 /root/till.py check
storehub verify >/dev/null && echo verified=yes
kill $!
wait $! && echo stopped=cleanly
"""


@contextmanager
def emulation() -> Iterator[None]:
    """The kernel starts arm64 programs while the block lasts."""
    if not BINFMT.joinpath("register").exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", BINFMT], check=True)
    ours = not BINFMT.joinpath(NAME).exists()
    if ours:
        BINFMT.joinpath("register").write_bytes(Path(f"/usr/lib/binfmt.d/{NAME}.conf").read_bytes())
    try:
        yield
    finally:
        if ours:
            BINFMT.joinpath(NAME).write_text("-1")


def run(tree: Path, packages: Packages, folder: Path) -> None:
    for name in ("upper", "work", "root"):
        (folder / name).mkdir()
    root = folder / "root"
    layers = f"lowerdir={tree},upperdir={folder}/upper,workdir={folder}/work"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, root], check=True)
    try:
        for file in (packages.first, ROOT / "tests/install/till.py"):
            shutil.copy(file, root / "root")
        (root / "tmp/menu.json").write_text(json.dumps(MENU))
        enter = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--propagation", "private"]
        mounts = f"mount -t proc proc {root}/proc && mount --rbind /dev {root}/dev"
        prepare = f'{mounts} && exec chroot {root} sh -c "$0" sh $1'
        subprocess.run(
            [*enter, "sh", "-c", prepare, SCRIPT, packages.first.name],
            check=True,
            stdin=subprocess.DEVNULL,
            timeout=1500,
        )
    finally:
        subprocess.run(["umount", "-l", root], check=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--deb", type=Path, help="a package that is built already")
    wanted = parser.parse_args()
    reason = why_not("arm64")
    if reason is None and not Path(f"/usr/lib/binfmt.d/{NAME}.conf").exists():
        reason = "qemu-user-static tells the kernel nothing of arm64 here"
    if reason:
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    began = time.monotonic()
    with emulation():
        try:
            tree = base_tree("arm64")
        except subprocess.CalledProcessError as error:
            print(f"skipped: no Debian tree can be made here: {error}")
            sys.exit(SKIPPED)
        print(f"tree={time.monotonic() - began:.0f}", flush=True)
        with tempfile.TemporaryDirectory(dir=tree.parent) as folder:
            (Path(folder) / "machine").mkdir()
            run(tree, Packages(Path(folder), wanted.deb, "arm64"), Path(folder) / "machine")


if __name__ == "__main__":
    main()
