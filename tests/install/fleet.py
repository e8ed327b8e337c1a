"""The Ansible role and the image recipe on bare Debians: a run, the same again that changes nothing, a first boot.

usage: python -m tests.install.fleet [--deb FILE] [--ansible FOLDER]  (root; debootstrap, systemd-nspawn, ansible-core)

--ansible names the folder with ansible-playbook, when it is not on the PATH. Exit status: 0, 1, or 77 when it cannot be
tried here.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.install.booted import ANSWERS, MENU, ROOT, SKIPPED, Packages
from tests.install.nspawn import Machine, base_tree, why_not

PLAYBOOK = ROOT / "deploy/ansible/storehub.yml"
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
    wanted = parser.parse_args()
    ansible = shutil.which("ansible-playbook", path=str(wanted.ansible) if wanted.ansible else None)
    if reason := why_not() or (None if ansible else "ansible-playbook is not installed (ansible-core)"):
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    assert ansible is not None
    tree = base_tree()
    with tempfile.TemporaryDirectory(dir=tree.parent) as folder:
        packages = Packages(Path(folder), wanted.deb, "amd64")
        by_ansible(ansible, tree, packages, Path(folder))
        by_image(tree, packages, Path(folder))


if __name__ == "__main__":
    main()
