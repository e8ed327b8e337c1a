"""Turn what httpx, the system and a stranger's answer say into Trouble, once, at the edge."""

from __future__ import annotations

import errno
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpx
import msgspec

from hub.upstream.answers import Problem
from hub.upstream.outcomes import Signal, Trouble

# OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED: right certificate, or wrong clock?
CLOCK_ERRORS: Final = {9: "not valid yet", 10: "expired"}
ERRNO_REASONS: Final = {
    errno.ECONNREFUSED: "connect-refused: nothing listens at {host}",
    errno.ENETUNREACH: "no-route: no network leads to {host}",
    errno.EHOSTUNREACH: "no-route: {host} is not reachable",
    errno.ETIMEDOUT: "connect-timeout: {host} does not answer",
    errno.ECONNRESET: "reset: {host} broke the connection",
}
_problem = msgspec.json.Decoder(Problem)


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error and everything that led to it."""
    queue: list[BaseException | None] = [error]
    seen: set[int] = set()
    while queue:
        one = queue.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        queue += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            queue += one.exceptions


# The key of a trouble that our own clock makes.
CLOCK_KEY: Final = "tls-clock: "


def from_exception(error: Exception, *, host: str, clock_says: str | None) -> Trouble:
    """clock_says: the box's time when it is not known to be right, else None."""
    for one in causes(error):
        if isinstance(one, ssl.SSLCertVerificationError):
            return Trouble(Signal.UNREACHABLE, _certificate(one, clock_says))
    for one in causes(error):
        if isinstance(one, ssl.SSLError):
            return Trouble(Signal.UNREACHABLE, f"tls: {one.reason or one}")
    match error:
        case httpx.ConnectTimeout():
            return Trouble(Signal.UNREACHABLE, f"connect-timeout: {host} does not answer", timed_out=True)
        case httpx.TimeoutException():
            return Trouble(Signal.UNREACHABLE, f"silence: {host} stopped answering", timed_out=True)
        case httpx.ConnectError():
            for one in causes(error):
                if isinstance(one, OSError) and one.errno in ERRNO_REASONS:
                    return Trouble(Signal.UNREACHABLE, ERRNO_REASONS[one.errno].format(host=host))
            return Trouble(Signal.UNREACHABLE, f"connect: {error}")
        case httpx.RemoteProtocolError() if not _broke_off(str(error)):
            return Trouble(Signal.INTERCEPTED, f"wrong-answer: {host} does not speak HTTP")
        case httpx.DecodingError():
            return Trouble(Signal.INTERCEPTED, f"wrong-answer: the answer of {host} cannot be unpacked")
    return Trouble(Signal.LOST, f"reset: the connection to {host} broke")


def _certificate(error: ssl.SSLCertVerificationError, clock_says: str | None) -> str:
    why = CLOCK_ERRORS.get(error.verify_code)
    if why is None:
        return f"tls: the certificate is not trusted ({error.verify_message})"
    if clock_says is None:
        return f"tls: the certificate is {why}"
    return f"{CLOCK_KEY}the certificate is {why} by this box's clock, which is not known to be right ({clock_says})"


def _broke_off(words: str) -> bool:
    lowered = words.lower()
    return any(sign in lowered for sign in ("disconnect", "closed", "terminated"))


def from_answer(
    status: int, headers: httpx.Headers, body: bytes, *, host: str, now: datetime
) -> Trouble | None:
    """Trouble for an answer that is no answer of the cloud to us; None for one the caller has to read."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = kind == "application/json" or kind.endswith("+json")
    if 300 <= status < 400:
        return Trouble(Signal.INTERCEPTED, f"redirect: {host} leads to {headers.get('location', '?')[:120]}")
    if status in (407, 511):
        return Trouble(Signal.INTERCEPTED, f"login: the network wants a login ({status})")
    if status == 413:
        return None
    if status == 429 or status >= 500:
        wait = _retry_after(headers.get("retry-after"), now)
        key = "busy" if status in (429, 503) else "error"
        return Trouble(
            Signal.BUSY, f"{key}: the cloud answers {status}{_words(body, is_json)}", retry_after_s=wait
        )
    if not is_json:
        key = "html" if kind == "text/html" else "not-json"
        return Trouble(Signal.INTERCEPTED, f"{key}: {host} answers {status} with {kind or 'nothing'}")
    if status in (401, 403):
        reason = f"denied: the cloud does not accept this box{_words(body, is_json)}"
        return Trouble(Signal.DENIED, reason, successor=_successor(body))
    if status in (200, 201, 404, 409, 422):
        return None
    return Trouble(Signal.BUSY, f"error: the cloud answers {status}{_words(body, is_json)}")


def words_of(body: bytes) -> str:
    """The sentence of an error answer, '' when it has none."""
    try:
        return _problem.decode(body).words()[:200]
    except msgspec.MsgspecError:
        return ""


def _successor(body: bytes) -> str:
    """The box that has taken this one's place, as the cloud says; '' when it says nothing of the kind."""
    try:
        problem = _problem.decode(body)
    except msgspec.MsgspecError:
        return ""
    return problem.box if problem.slug == "superseded" else ""


def _words(body: bytes, is_json: bool) -> str:
    words = words_of(body) if is_json else ""
    return f": {words}" if words else ""


def _retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds, from a number or a date."""
    if value is None:
        return None
    try:
        return float(int(value))
    except ValueError:
        pass
    at = http_date(value)
    return None if at is None else max(0.0, at - now.timestamp())


def http_date(value: str | None) -> float | None:
    if not value:
        return None
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
