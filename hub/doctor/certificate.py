"""The box's certificate: how long it holds, and whether it names where the box is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from hub.doctor.findings import Finding, Patient

CERTIFICATE_WARN: Final = timedelta(days=14)


def certificate(patient: Patient) -> Iterator[Finding]:
    from hub.tls.server import FACTS_FILE

    if patient.settings.http:
        yield Finding("certificate", "warn", "plain")
        return
    try:
        facts = msgspec.json.decode((patient.folder.tls / FACTS_FILE).read_bytes())
        start, end = (datetime.fromisoformat(facts[key]) for key in ("not_before", "not_after"))
        names = [str(name) for name in facts["names"]]
    except FileNotFoundError:
        yield Finding("certificate", "ok", "none")
        return
    except (OSError, msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
        yield Finding("certificate", "fail", "damaged", {"error": str(error)})
        return
    now = datetime.now(UTC)
    words = {"until": end.date().isoformat(), "days": (end - now).days, "names": ", ".join(names[:6])}
    if not start <= now < end:
        yield Finding("certificate", "fail", "expired", words)
        return
    missing = [address for address in _announced(patient) if address not in names]
    if missing and patient.running is not None:
        yield Finding("certificate", "warn", "names", {"missing": ", ".join(missing)})
    else:
        yield Finding("certificate", "warn" if end - now < CERTIFICATE_WARN else "ok", "until", words)


def _announced(patient: Patient) -> tuple[str, ...]:
    from hub.discovery.interfaces import choose, read_interfaces

    return choose(
        read_interfaces(), patient.settings.listen_host, only=patient.settings.only_interfaces
    ).addresses
