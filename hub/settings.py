"""Settings: flag, then STOREHUB_… in the environment, then systemd's credentials, then the TOML file, then the default.

A wrong one stops the hub at once.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta, Struct

ID: Final = r"^[A-Za-z0-9._-]{1,64}$(?!\n)"
CLOUD_CREDENTIAL: Final = "storehub.cloud_token"


def on_loopback(host: str) -> bool:
    """Whether this is an address of the machine itself. A name that only begins like one is somebody else's."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class SettingsError(Exception):
    """A setting is wrong; the message names it and says what it must be."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """Defaults are those of a restaurant in Japan."""

    data: str = "storehub-data"
    host: str = ""
    port: Annotated[int, Meta(ge=0, le=65535)] = 8443
    http: bool = False
    insecure_lan: bool = False
    mdns: bool = True
    # Names or patterns, separated by commas; empty: every interface that is neither virtual nor a tunnel.
    interfaces: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:*?, -]*$")] = ""
    store_id: Annotated[str, Meta(pattern=ID)] = "1"
    hub_id: Annotated[str, Meta(pattern=ID)] | None = None
    store_name: Annotated[str, Meta(min_length=1, max_length=60)] = "storehub"
    cloud_url: str | None = None
    cloud_token: str | None = None
    timezone: str = "Asia/Tokyo"
    day_change_time: Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "05:00"
    # auto: the box closes each business day when it is over (hub/service/closing.py).
    day_close: Annotated[str, Meta(pattern=r"^(by_hand|auto)$")] = "by_hand"
    day_close_wait_minutes: Annotated[int, Meta(ge=0, le=720)] = 0
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")] = "JPY"
    # Acknowledged entries are kept at least this long: a cloud restored from a backup asks for them again.
    retention_days: Annotated[int, Meta(ge=35, le=3650)] = 90
    # Kept free so that orders and sales go on for some hours on a full disk.
    reserve_mb: Annotated[int, Meta(ge=0, le=4096)] = 32
    # Where the nightly backup goes, on another medium than the journal's; and how many of them stay there.
    backup_dir: str = ""
    backup_keep: Annotated[int, Meta(ge=1, le=1000)] = 14
    # 0: as fast as the link takes it, giving way to the LAN.
    replay_entries_per_s_max: Annotated[int, Meta(ge=0)] = 0
    replay_full_pace: bool = False
    # The second copy (docs/second-copy.md): a folder on another medium, and whether an acknowledgement waits for it.
    mirror_dir: str | None = None
    mirror_wait: Literal["off", "mirror", "standby"] = "off"
    mirror_wait_ms_max: Annotated[int, Meta(ge=50, le=10_000)] = 2000
    mirror_gone: Literal["answer", "refuse"] = "answer"
    # A box that finds no journal here becomes the standby of this primary: the link of a pairing code.
    standby_of: str | None = None
    # Where later versions are looked for each day: a folder, or the address of one. Empty: nowhere (docs/update.md).
    update_from: str = ""
    # The UPS as upsd of Network UPS Tools knows it on this machine: name@127.0.0.1. Empty: none (docs/power.md).
    ups: str = ""
    log_level: Annotated[str, Meta(pattern=r"^(debug|info|warning|error)$")] = "info"

    def with_store(self, values: Mapping[str, Any]) -> Settings:
        """With the settings that came with the store from another box."""
        return msgspec.structs.replace(self, **values) if values else self

    @property
    def day_change(self) -> timedelta:
        hours, minutes = self.day_change_time.split(":")
        return timedelta(hours=int(hours), minutes=int(minutes))

    @property
    def only_interfaces(self) -> tuple[str, ...]:
        return tuple(name for part in self.interfaces.split(",") if (name := part.strip()))

    @property
    def listen_host(self) -> str:
        if self.host:
            return self.host
        return "127.0.0.1" if self.http and not self.insecure_lan else "::"


def load(
    flags: Mapping[str, Any],
    environment: Mapping[str, str],
    config: Path | None = None,
    *,
    whole: bool = True,
) -> Settings:
    """The settings in force. Raises SettingsError.

    whole: as the hub needs them. A command beside it may lack the cloud's token: systemd hands it to the hub alone.
    """
    values: dict[str, Any] = {}
    # Named once for the service and every command on the same box, so that all of them speak for the same store.
    if config is None and environment.get("STOREHUB_CONFIG"):
        config = Path(environment["STOREHUB_CONFIG"])
    if config is not None:
        values.update(_from_file(config))
    values.update(_from_credentials(environment))
    known = {field.name: field for field in msgspec.structs.fields(Settings)}
    for name in known:
        text = environment.get(f"STOREHUB_{name.upper()}")
        if text is not None and text != "":
            values[name] = text
    values.update({name: value for name, value in flags.items() if value is not None})
    try:
        settings = msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(_explain(str(error))) from error
    _check(settings, whole=whole)
    return settings


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(f"the settings file {path} is not there") from error
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"the settings file {path} cannot be read: {error}") from error


def _from_credentials(environment: Mapping[str, str]) -> dict[str, str]:
    """What systemd hands over (LoadCredential): in no file that the service's user keeps, in no list of variables."""
    folder = environment.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return {}
    try:
        return {"cloud_token": Path(folder, CLOUD_CREDENTIAL).read_text("utf-8").strip()}
    except (FileNotFoundError, PermissionError):
        # Without ACLs on its file system, systemd's folder of credentials opens for nobody, and mostly it is empty.
        # That must not stop a store; where the token is missed, the settings say so.
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the credential {CLOUD_CREDENTIAL} cannot be read: {error}") from error


def _explain(message: str) -> str:
    found = re.search(r"`\$\.(\w+)`", message)
    name = found.group(1) if found else ""
    text = message.partition(" - at ")[0]
    return f"setting {name} (STOREHUB_{name.upper()}): {text}" if name else f"settings: {text}"


def _check(settings: Settings, *, whole: bool) -> None:
    try:
        ZoneInfo(settings.timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise SettingsError(
            f"setting timezone (STOREHUB_TIMEZONE): no such zone: {settings.timezone}"
        ) from error
    if settings.http and not settings.insecure_lan and not on_loopback(settings.listen_host):
        raise SettingsError(
            f"setting host (STOREHUB_HOST): plain HTTP is served on loopback only, not on {settings.listen_host};"
            " add --insecure-lan if the network is really yours alone"
        )
    handed = not whole and settings.cloud_token is None
    if not handed and (settings.cloud_url is None) != (settings.cloud_token is None):
        raise SettingsError(
            "settings cloud_url and cloud_token (STOREHUB_CLOUD_URL, _CLOUD_TOKEN) belong together"
        )
    if settings.cloud_url is not None:
        _check_address("cloud_url", settings.cloud_url)
    if settings.ups:
        from hub.power.nut import place_of

        try:
            place_of(settings.ups)
        except ValueError as error:
            raise SettingsError(f"setting ups (STOREHUB_UPS): {error}") from error
    if "://" in settings.update_from:
        _check_address("update_from", settings.update_from)
        if "@" in urlsplit(settings.update_from).netloc:
            raise SettingsError(
                "setting update_from (STOREHUB_UPDATE_FROM): no password in it, since it is shown"
            )
    if settings.mirror_wait == "mirror" and settings.mirror_dir is None:
        raise SettingsError("setting mirror_wait (STOREHUB_MIRROR_WAIT): there is no mirror_dir to wait for")


def _check_address(name: str, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(f"setting {name} (STOREHUB_{name.upper()}): not an http(s) address: {url}")
    if parts.scheme == "http" and not on_loopback(parts.hostname):
        raise SettingsError(
            f"setting {name} (STOREHUB_{name.upper()}): plain http is allowed to loopback only"
        )
