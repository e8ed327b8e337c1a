"""TLS to the cloud by the hub's clock instead of the machine's: a Pi that woke up in 1970 still checks certificates.

OpenSSL verifies everything but the dates; those of the whole verified chain are checked here before a byte is sent.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

from msgspec import Struct

# x509_vfy.h
NO_CHECK_TIME: Final = 0x200000
NOT_YET_VALID: Final = 9
HAS_EXPIRED: Final = 10


class Window(Struct, frozen=True):
    """When every certificate of a chain is valid. Unix seconds."""

    not_before: float
    not_after: float


# While a list is set, whatever its dates say, a chain is let pass and its window noted: only to ask for the time.
asking: ContextVar[list[Window] | None] = ContextVar("asking", default=None)


def by_clock(context: ssl.SSLContext, now: Callable[[], float]) -> ssl.SSLContext:
    """Let the context judge dates by `now`; everything else stays as strict as it was."""

    class Dated(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            window = window_of(self)
            noted = asking.get()
            if noted is not None:
                noted.append(window)
            elif now() < window.not_before:
                raise _wrong(NOT_YET_VALID, "certificate is not yet valid")
            elif now() > window.not_after:
                raise _wrong(HAS_EXPIRED, "certificate has expired")

    context.verify_flags = ssl.VerifyFlags(context.verify_flags | NO_CHECK_TIME)
    context.sslobject_class = Dated
    return context


def window_of(connection: ssl.SSLObject) -> Window:
    """Of the chain that was verified; of the server's own certificate where Python does not tell the chain."""
    inner: Any = getattr(connection, "_sslobj", None)
    try:
        chain: list[Any] = [one.get_info() for one in inner.get_verified_chain()]
    except AttributeError:
        chain = [connection.getpeercert()]
    return Window(
        max(ssl.cert_time_to_seconds(one["notBefore"]) for one in chain),
        min(ssl.cert_time_to_seconds(one["notAfter"]) for one in chain),
    )


def _wrong(code: int, words: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(
        1, f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {words}"
    )
    error.verify_code, error.verify_message = code, words
    return error
