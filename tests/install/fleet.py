"""The Ansible role and the image recipe on bare Debians: a run, the same again that changes nothing, a first boot.

usage: python -m tests.install.fleet [--deb FILE] [--ansible FOLDER] [--only PART]
       (root; debootstrap, systemd-nspawn, ansible-core; PART is ansible, image or card)

--ansible names the folder with ansible-playbook, when it is not on the PATH. Exit status: 0, 1, or 77 when it cannot be
tried here.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.install.nspawn import Machine, base_tree, why_not
from tests.install.story import ANSWERS, MENU, ROOT, SKIPPED, Packages

PLAYBOOK = ROOT / "deploy/ansible/storehub.yml"
# Where the root begins in an image: after 64 MB for the boot partition.
ROOT_SECTOR = 133_120
# Stands for ssh: enters the machine's namespaces, and runs what the last argument says.
SSH = '#!/bin/bash\nexec {enter} sh -c "${{@: -1}}"\n'


def inventory(machine: Machine, packages: Packages, folder: Path) -> Path:
    ssh = folder / "ssh"
    ssh.write_text(SSH.format(enter=" ".join(machine.inside())))
    ssh.chmod(0o755)
    menu = folder / "menu.json"
    menu.write_text(json.dumps(MENU))
    variables = {
        "ansible_ssh_executable": str(ssh),
        "ansible_ssh_transfer_method": "piped",
        "ansible_user": "root",
        "ansible_python_interpreter": "/usr/bin/python3",
        "storehub_package": str(packages.first),
        "storehub_menu": str(menu),
        **{f"storehub_{name}": value for name, value in ANSWERS.items()},
    }
    path = folder / "inventory.json"
    path.write_text(json.dumps({"all": {"children": {"storehub": {"hosts": {"box": variables}}}}}))
    return path


def play(ansible: str, hosts: Path, *arguments: str) -> dict[str, int]:
    """What the run came to: ok, changed, failed, …"""
    environment = {
        **os.environ,
        "ANSIBLE_NOCOLOR": "1",
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_HOST_KEY_CHECKING": "0",
    }
    done = subprocess.run(
        [ansible, "-i", hosts, PLAYBOOK, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", done.stdout.splitlines()[-2])}


def by_ansible(ansible: str, tree: Path, packages: Packages, folder: Path) -> None:
    with Machine(tree, "fleet") as machine:
        hosts = inventory(machine, packages, folder)
        subprocess.run([ansible, "-i", hosts, PLAYBOOK, "--syntax-check"], check=True, capture_output=True)
        print(f"ansible, first run: {play(ansible, hosts)}", flush=True)
        status = json.loads(machine.run("storehub", "status", "--json"))
        assert status["hub"]["store_id"] == ANSWERS["store_id"]
        pid = machine.property("MainPID")
        for arguments in ((), ("--check", "--diff")):
            again = play(ansible, hosts, *arguments)
            assert (again["changed"], again["failed"]) == (0, 0), again
            assert machine.property("MainPID") == pid, "a hub on which nothing differs is not restarted"
            print(f"ansible, again {' '.join(arguments)}: {again}", flush=True)


def card(tree: Path, image: Path, size_mb: int) -> None:
    """A raw image as of an SD card: a boot partition, and behind it the tree as its root."""
    sectors = size_mb * 2048
    with image.open("wb") as file:
        file.truncate(sectors * 512)
        file.seek(446)
        for kind, start, count in (
            (0x0C, 2048, ROOT_SECTOR - 2048),
            (0x83, ROOT_SECTOR, sectors - ROOT_SECTOR),
        ):
            file.write(struct.pack("<8B2I", 0, 0, 0, 0, kind, 0, 0, 0, start, count))
        file.seek(510)
        file.write(b"\x55\xaa")
    offset = f"offset={ROOT_SECTOR * 512}"
    blocks = str((sectors - ROOT_SECTOR) // 8)
    make = ["mkfs.ext4", "-q", "-F", "-b", "4096", "-E", offset, "-d", tree, image, blocks]
    subprocess.run(make, check=True)


def by_card(tree: Path, packages: Packages, folder: Path) -> None:
    """The same with an image file, as one is made for a card; too small a one is refused before anything is changed."""
    program = [ROOT / "deploy/image/prepare.sh", "--deb", packages.first, "--image"]
    image = folder / "card.img"
    card(tree, image, 600)
    refused = subprocess.run([*program, image], capture_output=True, text=True, check=False)
    assert "enlarge it" in refused.stderr, refused.stderr
    card(tree, image, 1600)
    said = subprocess.run([*program, image], check=True, capture_output=True, text=True)
    root = folder / "card"
    root.mkdir()
    subprocess.run(["mount", "-o", f"loop,offset={ROOT_SECTOR * 512}", image, root], check=True)
    try:
        with Machine(root, "card") as machine:
            machine.run("systemctl", "start", "storehub")
            assert "not set up" in machine.run("journalctl", "-u", "storehub", "--no-pager")
            assert json.loads(machine.run("storehub", "status", "--json"))["running"]
    finally:
        subprocess.run(["umount", "-l", root], check=False)
    print(f"card image: {said.stdout.strip().splitlines()[-1]}; it boots and asks for its store", flush=True)


def by_image(tree: Path, packages: Packages, folder: Path) -> None:
    """The root of an image is prepared with nothing running, and boots as a storehub of its store."""
    copy = folder / "image"
    subprocess.run(["cp", "-a", tree, copy], check=True)
    answers = folder / "answers.json"
    answers.write_text(json.dumps(ANSWERS))
    prepare = [
        ROOT / "deploy/image/prepare.sh",
        "--deb",
        packages.first,
        "--root",
        copy,
        "--answers",
        answers,
    ]
    subprocess.run(prepare, check=True, capture_output=True, text=True)
    assert not (copy / "var/lib/storehub/identity.json").exists()
    assert "dirty_expire" in (copy / "etc/sysctl.d/60-storehub-card.conf").read_text()
    ids = []
    for name in ("one", "two"):
        with Machine(copy, name) as machine:
            machine.run("systemctl", "start", "storehub")
            status = json.loads(machine.run("storehub", "status", "--json"))
            assert status["hub"]["store_id"] == ANSWERS["store_id"]
            ids.append(status["hub"]["id"])
    assert len(set(ids)) == 2, "two boxes from one image are two hubs"
    print(f"image: two boxes from it came up as hubs of {ANSWERS['store_id']}: {', '.join(ids)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--deb", type=Path, help="a package that is built already")
    parser.add_argument("--ansible", type=Path, help="the folder with ansible-playbook")
    parser.add_argument("--only", choices=("ansible", "image", "card"), help="this part")
    wanted = parser.parse_args()
    ansible = shutil.which("ansible-playbook", path=str(wanted.ansible) if wanted.ansible else None)
    playing = wanted.only in (None, "ansible")
    lacking = "ansible-playbook is not installed (ansible-core)" if playing and ansible is None else None
    if reason := why_not() or lacking:
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    tree = base_tree()
    with tempfile.TemporaryDirectory(dir=tree.parent) as folder:
        packages = Packages(Path(folder), wanted.deb, "amd64")
        if ansible is not None and playing:
            by_ansible(ansible, tree, packages, Path(folder))
        if wanted.only in (None, "image"):
            by_image(tree, packages, Path(folder))
        if wanted.only in (None, "card"):
            by_card(tree, packages, Path(folder))


if __name__ == "__main__":
    main()
