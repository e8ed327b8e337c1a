"""GET /metrics for Prometheus: read from the box when asked, so that counting costs an order nothing."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from hub.service.box import Box

ROLES = ("primary", "standby", "superseded")
STATES = ("online", "degraded", "offline", "captive_portal", "refused", "paused")


def _machine(seen: dict[str, Any]) -> Iterator[Metric]:
    """Of sensors that this machine has, and of a UPS that somebody told of."""
    if seen["power"] is not None:
        yield GaugeMetricFamily(
            "storehub_low_voltage",
            "1 while the power supply is too weak",
            value=float(seen["power"] == "low"),
        )
    if seen["celsius"] is not None:
        yield GaugeMetricFamily("storehub_celsius", "The machine's temperature", value=seen["celsius"])
    if seen["ups"] is not None:
        on_battery = float(seen["ups"]["state"] in ("battery", "low"))
        yield GaugeMetricFamily(
            "storehub_ups_on_battery", "1 while the UPS is on its battery", value=on_battery
        )


async def render(box: Box) -> bytes:
    status = await box.upstream.status()

    class Snapshot:
        def collect(self) -> Iterator[Metric]:
            position = box.core.journal.position
            yield CounterMetricFamily("storehub_entries", "Entries in the journal", value=position.seq)
            yield GaugeMetricFamily(
                "storehub_acked_seq", "Last entry the cloud has", value=status["acked_seq"]
            )
            yield GaugeMetricFamily(
                "storehub_unsent_entries",
                "Entries the cloud does not have yet",
                value=status["unsent"]["count"],
            )
            yield GaugeMetricFamily(
                "storehub_quarantined_entries", "Entries the cloud refused", value=len(status["quarantined"])
            )
            if status["customer_keys"] is not None:
                yield GaugeMetricFamily(
                    "storehub_customer_keys_waiting",
                    "Customers' keys that the cloud does not have, or has not destroyed yet",
                    value=status["customer_keys"]["waiting"],
                )
            link = GaugeMetricFamily("storehub_link_state", "1 for the state of the link", labels=["state"])
            for state in STATES:
                link.add_metric([state], float(status["link"]["state"] == state))
            yield link
            role = GaugeMetricFamily("storehub_role", "1 for what this box is to the store", labels=["role"])
            for name in ROLES:
                role.add_metric([name], float(box.role == name))
            yield role
            if box.standby is not None:
                following = box.standby.view()["state"] == "following"
                yield GaugeMetricFamily(
                    "storehub_standby_following",
                    "1 while this standby follows its box",
                    value=float(following),
                )
            writable = box.core.writer.trouble is None and box.copies.missed is None
            yield GaugeMetricFamily(
                "storehub_journal_writable", "1 when orders are accepted", value=float(writable)
            )
            lag = GaugeMetricFamily(
                "storehub_copy_lag_entries", "Entries that a second copy does not have yet", labels=["kind"]
            )
            there = GaugeMetricFamily(
                "storehub_copy_following", "1 when a second copy has everything", labels=["kind"]
            )
            waits = GaugeMetricFamily(
                "storehub_copy_waits", "1 when an acknowledgement waits for that copy", labels=["kind"]
            )
            for copy in box.copies.view()["copies"]:
                waits.add_metric([copy["kind"]], float(copy["kind"] == box.copies.wait_for))
                lag.add_metric([copy["kind"]], copy["lag_entries"])
                there.add_metric([copy["kind"]], float(copy["state"] == "following"))
            yield from (lag, there, waits)
            storage = box.storage()
            yield GaugeMetricFamily(
                "storehub_free_bytes", "Free space on the journal's disk", value=storage["free_bytes"]
            )
            yield GaugeMetricFamily(
                "storehub_journal_bytes", "Size of the journal", value=storage["journal_bytes"]
            )
            yield GaugeMetricFamily(
                "storehub_storage_low",
                "1 when the disk is so full that only orders and money are taken",
                value=float(storage["state"] != "fine"),
            )
            yield GaugeMetricFamily(
                "storehub_reserve_bytes",
                "Space kept for orders and sales on a full disk",
                value=storage["reserve_bytes"],
            )
            yield CounterMetricFamily("storehub_requests", "Requests by devices", value=box.lan_requests)
            yield GaugeMetricFamily(
                "storehub_feeds", "Open live feeds", value=sum(box.doorman.online.values())
            )
            trusted = box.clock.stamp().trusted
            yield GaugeMetricFamily(
                "storehub_clock_trusted", "1 when the time is known to be right", value=float(trusted)
            )
            yield from _machine(box.health.view())
            usage = resource.getrusage(resource.RUSAGE_SELF)
            yield GaugeMetricFamily(
                "storehub_resident_bytes_max", "Peak memory", value=usage.ru_maxrss * 1024
            )
            yield CounterMetricFamily(
                "storehub_cpu_seconds", "CPU time used", value=usage.ru_utime + usage.ru_stime
            )

    registry = CollectorRegistry()
    registry.register(Snapshot())
    return generate_latest(registry)
