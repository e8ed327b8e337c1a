"""The doctor's examinations on machines that are made of files: wear, errors, mounts, firewalls, systemd."""

from __future__ import annotations

import ipaddress
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from hub.datadir import DataDir
from hub.doctor import cloud, copies, disk, examine, lan, ports, power, service
from hub.doctor.findings import Finding, Machine, Patient, worst
from hub.doctor.texts import advice, detail, rows, texts
from hub.ports import LinkState
from hub.released import UpdateState
from hub.settings import Settings


class Bench(Machine, frozen=True):
    """A machine whose programs say what a test gave them: by their first word."""

    said: tuple[tuple[str, str], ...] = ()

    def run(self, *command: str, timeout_s: float = 5.0) -> str | None:
        return dict(self.said).get(command[0])


@pytest.fixture
def patient(tmp_path: Path) -> Callable[..., Patient]:
    def make(**said: str) -> Patient:
        data = tmp_path / "data"
        data.mkdir(exist_ok=True)
        machine = Bench(sys=tmp_path / "sys", proc=tmp_path / "proc", said=tuple(said.items()))
        return Patient(Settings(data=str(data)), DataDir(data), None, 0.5, machine)

    return make


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def one(found: Iterator[Finding]) -> Finding:
    (only,) = found
    for language in ("en", "ja"):
        assert detail(only, language), only
        assert only.state in ("ok", "skip") or advice(only, language), only
    return only


def card(tmp_path: Path, patient: Patient, **facts: str) -> None:
    """An eMMC with a partition, under the number that the data directory really has."""
    whole = tmp_path / "sys/devices/mmc0/block/mmcblk0"
    put(whole / "mmcblk0p2/partition", "2")
    for name, text in facts.items():
        put(whole / "device" / name, text + "\n")
    number = patient.folder.path.stat().st_dev
    node = tmp_path / "sys/dev/block" / f"{os.major(number)}:{os.minor(number)}"
    node.parent.mkdir(parents=True, exist_ok=True)
    if not node.exists():
        node.symlink_to(whole / "mmcblk0p2")


@pytest.mark.parametrize(
    ("life", "reserve", "wanted"),
    [
        ("0x01 0x01", "0x01", "card.fine"),
        ("0x08 0x02", "0x01", "card.fine"),
        ("0x02 0x09", "0x01", "card.old"),
        ("0x01 0x01", "0x02", "card.old"),
        ("0x0b 0x01", "0x01", "card.worn"),
        ("0x01 0x01", "0x03", "card.worn"),
    ],
)
def test_wear_as_an_emmc_tells_it(
    tmp_path: Path, patient: Callable[..., Patient], life: str, reserve: str, wanted: str
) -> None:
    box = patient()
    card(tmp_path, box, life_time=life, pre_eol_info=reserve, name="DG4016", type="MMC")
    assert one(disk.wear(box)).id == wanted


def test_a_card_that_says_nothing_and_no_card_at_all(tmp_path: Path, patient: Callable[..., Patient]) -> None:
    box = patient()
    assert one(disk.wear(box)).id == "card.unknown"
    card(tmp_path, box, name="SC32G", type="SD")
    found = one(disk.wear(box))
    assert (found.id, found.state) == ("card.silent", "skip")
    assert "SC32G" in detail(found, "ja")


def test_errors_of_this_disk_and_not_of_another(tmp_path: Path, patient: Callable[..., Patient]) -> None:
    box = patient(dmesg="[1.0] I/O error, dev sdz, sector 5\n[2.0] mmc0: new ultra high speed card\n")
    card(tmp_path, box)
    assert one(disk.errors(box)).id == "io.none"
    bad = patient(dmesg="[9.1] I/O error, dev mmcblk0, sector 5 op 0x1:(WRITE)\n[9.2] mmc0: card removed\n")
    found = one(disk.errors(bad))
    assert (found.id, found.words["count"]) == ("io.seen", 2)
    assert one(disk.errors(patient())).id == "io.hidden"
    put(tmp_path / "sys/fs/ext4/mmcblk0p2/errors_count", "3\n")
    assert one(disk.errors(patient())).words["count"] == 3
    put(tmp_path / "sys/fs/ext4/mmcblk0p2/errors_count", "0\n")
    put(tmp_path / "sys/fs/ext4/sdz1/errors_count", "3\n")
    assert one(disk.errors(patient())).id == "io.hidden"


@pytest.mark.parametrize(
    ("below", "wanted"),
    [
        ("ext4 /dev/mmcblk0p2 rw", "mount.fine"),
        ("ext4 /dev/mmcblk0p2 ro,errors=remount-ro", "mount.readonly"),
        ("tmpfs tmpfs rw", "mount.volatile"),
        ("overlay overlay rw,lowerdir=/l,upperdir=/media/root-rw/overlay,workdir=/w", "mount.volatile"),
        ("overlay overlay rw,lowerdir=/l,upperdir=/disk/overlay,workdir=/w", "mount.fine"),
    ],
)
def test_how_the_data_directory_is_mounted(
    tmp_path: Path, patient: Callable[..., Patient], below: str, wanted: str
) -> None:
    # The sandbox of the service makes every mount read-only (the first "ro"): only the file system's own counts.
    lines = [
        f"22 1 179:2 / {tmp_path} ro,relatime shared:1 - {below}",
        "23 1 0:1 / / rw - ext4 /dev/sda1 rw",
        "24 1 0:2 / /media/root-rw rw - tmpfs tmpfs-root rw",
    ]
    put(tmp_path / "proc/self/mountinfo", "\n".join(lines) + "\n")
    assert one(disk.mount(patient())).id == wanted


def test_a_disk_that_hangs_does_not_hang_the_doctor(
    patient: Callable[..., Patient], monkeypatch: pytest.MonkeyPatch
) -> None:
    free = threading.Event()
    monkeypatch.setattr(disk, "STALLED_S", 0.1)
    monkeypatch.setattr(os, "fdatasync", lambda handle: free.wait(10))
    began = time.monotonic()
    assert one(disk.speed(patient())).id == "speed.stalled"
    assert time.monotonic() - began < 5
    free.set()


def test_a_sync_that_fails_or_takes_long_is_told(
    patient: Callable[..., Patient], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(handle: int) -> None:
        raise OSError(5, "Input/output error")

    assert one(disk.speed(patient())).check == "speed"
    assert not list(patient().folder.path.iterdir())
    monkeypatch.setattr(disk, "SPEED_MS_WARN", 0)
    assert one(disk.speed(patient())).id == "speed.slow"
    monkeypatch.setattr(os, "fdatasync", broken)
    assert one(disk.speed(patient())).id == "speed.failed"


def test_power_heat_and_ups(tmp_path: Path, patient: Callable[..., Patient]) -> None:
    assert [one(look(patient())).id for look in (power.power, power.heat, power.ups)] == [
        "power.unknown",
        "heat.unknown",
        "ups.none",
    ]
    put(tmp_path / "sys/class/hwmon/hwmon1/name", "rpi_volt\n")
    put(tmp_path / "sys/class/hwmon/hwmon1/in0_lcrit_alarm", "0\n")
    assert one(power.power(patient())).id == "power.fine"
    log = "[3.1] hwmon hwmon1: Undervoltage detected!\n[5.2] hwmon hwmon1: Voltage normalised\n"
    was = one(power.power(patient(dmesg=log)))
    assert (was.id, was.words["times"]) == ("power.was", 1)
    put(tmp_path / "sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n")
    assert one(power.power(patient())).id == "power.low"
    for degrees, wanted in ((48, "heat.fine"), (81, "heat.warm"), (86, "heat.hot")):
        put(tmp_path / "sys/class/thermal/thermal_zone0/temp", f"{degrees}123\n")
        assert one(power.heat(patient())).id == wanted
    for status, wanted in (
        ("OL", "fine"),
        ("OB DISCHRG", "battery"),
        ("OB LB", "empty"),
        ("OL RB", "replace"),
    ):
        assert one(power.ups(patient(upsc=status))).id == f"ups.{wanted}"


COPY = {"kind": "mirror", "seq": 5, "lag_entries": 3, "since": "2026-11-21T10:00:00+09:00", "reason": ""}
STANDBY = {"since": "", "reason": "", "heard_at": None, "primary": {"url": "", "box": "a41f09be"}}


@pytest.mark.parametrize(
    ("running", "wanted"),
    [
        ({"mirror": {"copies": []}, "link": {"state": "offline"}}, "mirror.none warn"),
        ({"mirror": {"copies": []}, "link": {"state": "online"}}, "mirror.none skip"),
        ({"mirror": {"copies": [{**COPY, "state": "following"}]}}, "mirror.following ok"),
        ({"mirror": {"copies": [{**COPY, "state": "late"}]}}, "mirror.late warn"),
        ({"mirror": {"copies": [{**COPY, "state": "gone"}]}}, "mirror.gone fail"),
        (
            {"mirror": {"copies": [{**COPY, "state": "none"}], "waits": "mirror", "otherwise": "refuse"}},
            "mirror.refusing fail",
        ),
        (
            {
                "mirror": {
                    "copies": [{**COPY, "state": "following"}],
                    "waits": "mirror",
                    "otherwise": "refuse",
                }
            },
            "mirror.following ok",
        ),
        ({"role": "superseded"}, "role.superseded fail"),
        ({"standby": {**STANDBY, "state": "following"}}, "standby.following ok"),
        ({"standby": {**STANDBY, "state": "gone"}}, "standby.gone warn"),
        ({"standby": {**STANDBY, "state": "parted"}}, "standby.parted fail"),
    ],
)
def test_the_second_copy(patient: Callable[..., Patient], running: dict[str, Any], wanted: str) -> None:
    box = patient()
    found = one(copies.copies(Patient(box.settings, box.folder, running, 0.5, box.machine)))
    assert f"{found.id} {found.state}" == wanted


RULES = """table inet filter {
\tchain input {
\t\ttype filter hook input priority filter; policy drop;
\t\tct state established,related accept
\t\tiifname "lo" accept
\t\tip protocol icmp accept
%s
\t}
}
"""


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ("", "firewall.closed"),
        ("\t\ttcp dport 22 accept", "firewall.closed"),
        ("\t\ttcp dport { 22, 8443 } accept", "firewall.closed"),
        ("\t\ttcp dport 8443 accept\n\t\tudp dport 5353 accept", "firewall.open"),
        ("\t\ttcp dport 8000-9000 accept\n\t\tudp dport { 67, 5353 } accept", "firewall.open"),
        ('\t\tiifname "eth0" accept', "firewall.open"),
        ("\t\tip saddr 10.0.0.9 accept", "firewall.closed"),
    ],
)
def test_a_firewall_that_drops_by_default(patient: Callable[..., Patient], lines: str, wanted: str) -> None:
    assert one(ports.firewall(patient(nft=RULES % lines))).id == wanted


def test_other_firewalls(patient: Callable[..., Patient]) -> None:
    assert one(ports.firewall(patient())).id == "firewall.hidden"
    assert one(ports.firewall(patient(nft=""))).id == "firewall.open"
    accepting = RULES.replace("policy drop", "policy accept")
    assert one(ports.firewall(patient(nft=accepting % ""))).id == "firewall.open"
    refusing = one(ports.firewall(patient(nft=accepting % "\t\ttcp dport 8443 reject")))
    assert (refusing.id, refusing.words["ports"]) == ("firewall.closed", "8443")


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [
        ("LoadState=not-found\nActiveState=inactive", "service.absent"),
        ("LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=exit-code", "service.down"),
        (
            "LoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=disabled",
            "service.disabled",
        ),
        ("LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nNRestarts=2", "service.crashed"),
        ("LoadState=loaded\nActiveState=active\nUnitFileState=enabled\nNRestarts=0", "service.fine"),
    ],
)
def test_the_service_as_systemd_tells_it(patient: Callable[..., Patient], shown: str, wanted: str) -> None:
    assert one(service.service(patient(systemctl=shown))).id == wanted


def neighbours(tmp_path: Path, *complete: str, gateway: str = "", wireless: bool = False) -> None:
    head = "IP address       HW type     Flags       HW address            Mask     Device\n"
    lines = [f"{address} 0x1 0x2 aa:bb:cc:dd:ee:ff * eth0" for address in complete]
    put(tmp_path / "proc/net/arp", head + "\n".join([*lines, "10.9.0.77 0x1 0x0 00:00:00:00:00:00 * eth0"]))
    number = "".join(f"{int(part):02X}" for part in reversed((gateway or "0").split(".")))
    route = f"eth0\t00000000\t{number}\t0003\t0\t0\t0\t00000000\t0\t0\t0" if gateway else ""
    put(tmp_path / "proc/net/route", "Iface\tDestination\tGateway\tFlags\n" + route)
    if wireless:
        (tmp_path / "sys/class/net/eth0/wireless").mkdir(parents=True, exist_ok=True)


@pytest.mark.parametrize(
    ("complete", "gateway", "wireless", "wanted"),
    [
        (("10.9.0.1", "10.9.0.5"), "10.9.0.1", True, "isolation.none"),
        (("10.9.0.1",), "10.9.0.1", True, "isolation.guest"),
        (("10.9.0.1",), "10.9.0.1", False, "isolation.alone"),
        ((), "10.9.0.1", True, "isolation.silent"),
        ((), "", False, "isolation.silent"),
    ],
)
def test_isolation_is_told_in_words(
    tmp_path: Path,
    patient: Callable[..., Patient],
    monkeypatch: pytest.MonkeyPatch,
    complete: tuple[str, ...],
    gateway: str,
    wireless: bool,
    wanted: str,
) -> None:
    network = lan.Network("eth0", ipaddress.IPv4Address("10.9.0.2"), ipaddress.IPv4Network("10.9.0.0/24"))
    monkeypatch.setattr(lan, "_networks", lambda patient: [network])
    monkeypatch.setattr(lan, "_sweep", lambda networks: None)
    neighbours(tmp_path, *complete, gateway=gateway, wireless=wireless)
    assert one(lan.isolation(patient())).id == wanted


def test_a_name_that_is_not_found_and_a_cloud_that_is_not_there(patient: Callable[..., Patient]) -> None:
    def asked(url: str) -> str:
        box = patient()
        settings = Settings(data=box.settings.data, cloud_url=url, cloud_token="t")
        return one(cloud.cloud(Patient(settings, box.folder, None, 0.5, box.machine))).id

    assert asked("https://no-such-host.invalid") == "cloud.dns"
    assert asked("http://127.0.0.1:9") == "cloud.unreachable"


def test_an_examination_that_breaks_hides_no_other(
    patient: Callable[..., Patient], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(patient: Patient) -> Iterator[Finding]:
        raise ZeroDivisionError("a bug")
        yield

    monkeypatch.setattr(
        examine, "_examinations", lambda: [("disk", "card", broken), ("disk", "disk", disk.space)]
    )
    box = patient()
    found = examine.examine(box.settings, box.folder, wait_s=0.5, machine=box.machine)
    assert [finding.id for finding in found][1:3] == ["doctor.broken", "disk.fine"]
    assert worst(found) == "fail"
    assert "ZeroDivisionError" in rows(found, "ja")[1]["detail"]


def test_one_that_hangs_is_named_and_keeps_no_other_from_being_told(
    patient: Callable[..., Patient], monkeypatch: pytest.MonkeyPatch
) -> None:
    free = threading.Event()

    def hangs(patient: Patient) -> Iterator[Finding]:
        free.wait(10)
        yield Finding("card", "ok", "fine", {"name": "x", "percent": 0})

    monkeypatch.setattr(examine, "LIMIT_S", 0.2)
    monkeypatch.setattr(
        examine, "_examinations", lambda: [("disk", "card", hangs), ("machine", "disk", disk.space)]
    )
    box = patient()
    found = examine.examine(box.settings, box.folder, wait_s=0.5, machine=box.machine)
    assert [finding.id for finding in found][1:3] == ["doctor.stuck", "disk.fine"]
    assert "card" in rows(found, "en")[1]["detail"]
    free.set()


def test_every_finding_that_the_code_can_make_has_its_text() -> None:
    """Every Finding(...) in the source names a text, and every text is used."""
    modules = {path: path.read_text() for path in Path(examine.__file__).parent.glob("*.py")}
    drills = {path for path in modules if path.stem in ("drill_wan", "drill_box", "drill_copy")}
    for book, paths in (("texts", modules.keys() - drills), ("drill", drills)):
        source = "\n".join(modules[path] for path in paths)
        # The replay's states are texts of their own.
        words = {*re.findall(r'"([a-z_]+)"', source), *get_args(LinkState), *get_args(UpdateState)}
        assert set(re.findall(r'Finding\(\s*"([a-z_]+)"', source)) <= set(texts(book))
        for check, told in texts(book).items():
            assert check in words, check
            for what, text in told.items():
                assert not isinstance(text, dict) or what in words, f"{check}.{what} is never found"
