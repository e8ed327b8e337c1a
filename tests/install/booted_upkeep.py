"""A box in use: its timers do their work behind their walls, secrets come by credential, the log tells on nobody."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

from tests.install.story import ANSWERS, Told

CLOUD = "http://127.0.0.1:8080"
CLOUD_DB = "sqlite:////var/lib/cloud/cloud.db"
BACKUPS = "/srv/backups"
STICK = "/media/usb"
SETTINGS = "/etc/storehub/storehub.toml"
TIMERS = ("backup", "verify", "certificate", "update-check")
TIMER_S_MAX = 120.0
# What people type and what opens doors; none of it may be in the log.
PERSON = {"name": "山田花子", "phone": "090-1234-5678", "note": "アレルギー: えび"}


class Upkeep(Told):
    def steps(self) -> list[Callable[[], str]]:
        return [
            self.it_runs_without_a_credential,
            self.the_clouds_token_comes_by_credential,
            self.it_keeps_a_second_copy_on_a_stick,
            self.its_death_is_rehearsed_from_the_console,
            self.its_timers_are_set,
            self.its_timers_run_and_do_their_work,
            self.the_log_names_requests_and_nobody,
        ]

    def it_runs_without_a_credential(self) -> str:
        self.install(self.packages.first)
        self.set_up()
        self.till("orders", "10")
        assert not (self.machine.root / "etc/credstore/storehub.cloud_token").exists()
        found = self.status()
        assert found["unsent"]["count"] > 0
        return f"{found['unsent']['count']} entries wait for a cloud"

    def the_clouds_token_comes_by_credential(self) -> str:
        """The receiving end runs on the same machine; the token is in root's credential store and nowhere else."""
        self.machine.run(
            "systemd-run", "--unit=the-cloud", "-p", "StateDirectory=cloud",
            "/opt/storehub/venv/bin/storehub-cloud", "run", "--db", CLOUD_DB,
        )  # fmt: skip
        store, hub = ANSWERS["store_id"], self.status()["hub"]["id"]
        made = self.machine.run(
            "/opt/storehub/venv/bin/storehub-cloud",
            "hub",
            "add",
            "--db",
            CLOUD_DB,
            "--store",
            store,
            "--hub",
            hub,
        )
        token = re.search(r"token=(\S+)", made)
        assert token is not None, made
        self.machine.run("install", "-d", "-m", "700", "/etc/credstore")
        secret = self.machine.root / "etc/credstore/storehub.cloud_token"
        secret.write_text(token[1])
        secret.chmod(0o600)
        self.setting(f'cloud_url = "{CLOUD}"')
        self.machine.run("systemctl", "restart", "storehub")
        self.until(lambda: self.status()["unsent"]["count"] == 0, "the cloud has every entry")
        pid = self.machine.property("MainPID")
        for path in (f"/proc/{pid}/environ", f"/proc/{pid}/cmdline", "/etc/storehub/storehub.toml"):
            assert token[1] not in self.machine.run("cat", path), path
        assert token[1] not in self.machine.run(
            "sh", "-c", "cat /etc/storehub/storehub.env 2>/dev/null || true"
        )
        assert token[1] not in self.machine.run("systemctl", "show", "storehub")
        self.token = token[1]
        # The commands find it as well, where the running service has it.
        assert self.status()["link"]["state"] == "online"
        return f"{self.status()['last_seq']} entries are at the cloud, its token is in no list and no file of the hub's"

    def it_keeps_a_second_copy_on_a_stick(self) -> str:
        """Behind its walls the service may write to a medium, though nearly everything else is read-only to it."""
        self.machine.run("mkdir", "-p", STICK)
        self.machine.run("mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", STICK)
        self.machine.run("storehub", "mirror", "prepare", f"{STICK}/storehub")
        self.setting(f'mirror_dir = "{STICK}/storehub"')
        self.machine.run("systemctl", "restart", "storehub")
        self.till("orders", "5")
        self.until(lambda: self.status()["mirror"]["seq"] == self.status()["last_seq"], "the stick has all")
        return f"{self.status()['mirror']['seq']} entries are on the stick"

    def its_death_is_rehearsed_from_the_console(self) -> str:
        """Within the limits of memory and disk that the unit sets; orders go on meanwhile."""
        code = json.loads(self.machine.run("storehub", "device", "code", "--role", "manager", "--json"))[
            "code"
        ]
        said: list[str] = []
        gap = self.under_load(lambda: said.append(self.till("drill", code)))
        found = json.loads(said[0])
        assert found["state"] in ("ok", "warn"), found
        findings = f"{found['state']}, {len(found['steps'])} findings"
        return f"{findings}; {gap:.1f} s without an order; {self.nothing_is_lost()}"

    def its_timers_are_set(self) -> str:
        told = []
        for name in TIMERS:
            timer = f"storehub-{name}.timer"
            shown = self.machine.property("TimersCalendar", timer)
            when = re.search(r"OnCalendar=([^;]+?) ;", shown)
            assert when is not None, shown
            said = self.machine.run("systemd-analyze", "calendar", when[1])
            after = re.search(r"Next elapse: (.+)", said)
            assert after is not None, said
            assert self.machine.property("ActiveState", timer) == "active"
            assert self.machine.run("systemctl", "is-enabled", timer).strip() == "enabled"
            assert self.machine.property("NextElapseUSecRealtime", timer), timer
            told.append(f"{name} {after[1]}")
        return "; ".join(told)

    def its_timers_run_and_do_their_work(self) -> str:
        """The timers themselves, told to elapse at once; nobody starts the services by hand."""
        # Another medium: a backup beside the journal is refused.
        self.machine.run("mkdir", BACKUPS)
        self.machine.run("mount", "-t", "tmpfs", "tmpfs", BACKUPS)
        self.machine.run("chown", "storehub:", BACKUPS)
        self.setting(f'backup_dir = "{BACKUPS}"')
        # Where the stick would be: a later version lies there.
        self.setting(f'update_from = "{BACKUPS}"')
        bundle = self.packages.bundle("0.9.7")
        self.bring(bundle)
        self.machine.run("cp", f"/root/{bundle.name}", BACKUPS)
        secret = self.machine.root / "etc/credstore/storehub.backup_passphrase"
        secret.write_text("correct horse battery staple")
        secret.chmod(0o600)
        for name in TIMERS:
            timer = f"storehub-{name}.timer"
            self.machine.run("mkdir", "-p", f"/run/systemd/system/{timer}.d")
            often = "[Timer]\nOnCalendar=\nOnCalendar=*:*:0/2\nRandomizedDelaySec=0\nAccuracySec=100ms\n"
            (self.machine.root / f"root/{timer}").write_text(often)
            self.machine.run("cp", f"/root/{timer}", f"/run/systemd/system/{timer}.d/often.conf")
        self.machine.run("systemctl", "daemon-reload")
        for name in TIMERS:
            self.run_by_timer(f"storehub-{name}.timer", f"storehub-{name}.service")
        self.machine.run("sh", "-c", "rm -r /run/systemd/system/storehub-*.timer.d; systemctl daemon-reload")
        for name in TIMERS:
            self.machine.run("systemctl", "start", f"storehub-{name}.timer")
        offered = self.status()["update_available"]
        assert (offered["version"], self.status()["update"]) == ("0.9.7", None), offered
        made = self.machine.run("sh", "-c", f"ls {BACKUPS}/storehub-*.tar.sealed").split()[0]
        head = self.machine.run("head", "-n", "1", made)
        assert head.startswith("storehub sealed backup"), "the passphrase came by credential"
        log = self.machine.run("journalctl", "-u", "storehub-verify", "--no-pager", "-o", "cat")
        assert "the chain holds" in log, log
        return f"{', '.join(TIMERS)}: run by their timers, each with success; the sealed backup is {made}"

    def run_by_timer(self, timer: str, service: str) -> None:
        """Raises AssertionError with what the service said, when it does not come or does not succeed."""
        self.machine.run("systemctl", "restart", timer)
        self.until(
            lambda: self.machine.property("ExecMainStartTimestampMonotonic", service) not in ("", "0"), timer
        )
        self.machine.run("systemctl", "stop", timer)
        # One that failed and is tried again later is not inactive, and one that is at work has no end yet.
        self.until(
            lambda: self.machine.property("SubState", service) in ("dead", "failed", "auto-restart"), service
        )
        log = self.machine.run("journalctl", "-u", service, "--no-pager", "-o", "cat")
        assert self.machine.property("SubState", service) == "dead", log
        assert self.machine.property("Result", service) == "success", log

    def the_log_names_requests_and_nobody(self) -> str:
        """A day's requests, good and bad, and one that breaks: the log has its id, and no word that anybody typed."""
        self.till("say", json.dumps(PERSON))
        # A program that is damaged on the card: what is imported when it is asked for is not there.
        module = self.machine.run(
            "sh", "-c", "ls /opt/storehub/venv/lib/python3*/site-packages/hub/service/customer_export.py"
        )
        self.machine.run("mv", module.strip(), "/root/away.py")
        said = self.till("export", "till-booted.1", check=False)
        self.machine.run("mv", "/root/away.py", module.strip())
        assert said.strip() == "500", said
        log = self.machine.run("journalctl", "--no-pager", "-o", "json", "-u", "storehub*")
        lines = [str(json.loads(line).get("MESSAGE", "")) for line in log.splitlines()]
        assert any("[request till-booted.1]" in line for line in lines), lines[-20:]
        token = (self.machine.root / "root/token").read_text()
        for word in (*PERSON.values(), token, self.token, "correct horse"):
            assert not any(word in line for line in lines), word
        return f"{len(lines)} lines; the request that broke is named, no customer, note or token is in them"

    def setting(self, line: str) -> None:
        """As its owner: in a sticky folder not even root may write into another's file (fs.protected_regular)."""
        self.machine.run("runuser", "-u", "storehub", "--", "tee", "-a", SETTINGS, said=f"{line}\n")

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.machine.run("storehub", "status", "--json"))
        return found

    def until(self, true: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + TIMER_S_MAX
        while not true():
            assert time.monotonic() < end, f"not within {TIMER_S_MAX:.0f} s: {what}"
            time.sleep(0.2)
