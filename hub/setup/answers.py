"""The answers, checked field by field, and what the cloud says to them."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from hub.datadir import DataDir
from hub.doctor.findings import Finding, Patient
from hub.settings import Settings, SettingsError, load

# What is asked, in this order. An answer that is left out keeps what is set.
FIELDS: Final = ("store_id", "store_name", "cloud_url", "cloud_token", "timezone", "day_change_time")
# As a bearer token has them; they need no quotes in a file that both a shell and systemd read.
BEARER_SIGNS: Final = r"^[A-Za-z0-9._~+/=-]{1,512}$(?!\n)"


class Answers(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """cloud_url and cloud_token: both or neither; empty is none."""

    store_id: str
    store_name: str
    cloud_url: str = ""
    cloud_token: str = ""
    timezone: str = "Asia/Tokyo"
    day_change_time: str = "05:00"

    def settings(self) -> dict[str, str | None]:
        """As settings; None for those that are not to be set."""
        return {name: getattr(self, name) or None for name in FIELDS}


def wrong(answers: Answers) -> list[str]:
    """The fields that cannot be taken, in their order; empty when all is well."""
    bad = [
        name
        for name, value in answers.settings().items()
        if not (_taken(name, value) if value else name.startswith("cloud"))
    ]
    if bool(answers.cloud_url) != bool(answers.cloud_token):
        bad.append("cloud_token" if answers.cloud_url else "cloud_url")
    return sorted(set(bad), key=FIELDS.index)


def _taken(name: str, value: str) -> bool:
    """Whether the settings take it."""
    try:
        if name == "cloud_token":
            msgspec.convert(value, Annotated[str, Meta(pattern=BEARER_SIGNS)])
        else:
            load({name: value, **({"cloud_token": "-"} if name == "cloud_url" else {})}, {})
    except (msgspec.ValidationError, SettingsError):
        return False
    return True


def ask_cloud(answers: Answers, folder: DataDir) -> Finding | None:
    """What the cloud says to this address, token and hub, as the doctor would say it; None when there is none.

    Blocks for some seconds at worst.
    """
    if not answers.cloud_url:
        return None
    from hub.doctor.cloud import cloud

    settings = Settings(data=str(folder.path), cloud_url=answers.cloud_url, cloud_token=answers.cloud_token)
    return next(cloud(Patient(settings, folder, running=None, wait_s=0)))


def stands_in_the_way(finding: Finding | None) -> bool:
    """A refusal is a wrong token or hub id, which only a person puts right; a line that is down may come later."""
    return finding is not None and finding.what == "refused"
