"""The seconds of the line. The defaults are the contract's; tests make the time pass faster."""

from __future__ import annotations

from msgspec import Struct


class Timing(Struct, frozen=True):
    connect_s_max: float = 5.0
    # CONTRACT section 9: silence for 15 s ends an attempt.
    silence_s_max: float = 15.0
    # A peer that sends a byte a second is never silent, so a whole attempt ends too.
    attempt_s_max: float = 20.0
    upload_s_max: float = 45.0
    # A call that has no answer by now is shown as slow while it still waits.
    waiting_s: float = 4.0
    # Without traffic the line is probed this often: with the silence that ends an attempt, a dead one shows
    # within 30 s, and a captive portal within 15.
    probe_s: float = 12.0
    # CONTRACT section 9: the wait between attempts never exceeds 15 s unless Retry-After asks for more.
    wait_s_max: float = 15.0
    # Full jitter may draw nothing at all: this keeps a line that fails at once from being tried in a loop.
    wait_s_min: float = 0.2
    # The first wait is at most this; each further one may be twice as long.
    wait_s_first: float = 1.0
    # After five refusals in a row only this often, or when a person asks.
    rejected_wait_s: float = 900.0
    # The master data's poll is held by the cloud for so long.
    poll_s: float = 25.0
    poll_rest_s: float = 5.0
    poll_failed_rest_s: float = 15.0
    reconcile_s: float = 60.0
