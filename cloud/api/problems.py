"""Refusals as RFC 9457 problem documents. A hub acts on status and cursor, a person reads the rest."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

from cloud import errors
from cloud.errors import CloudError, CursorConflict, EntryRefused

_RETRY_AFTER_S: Final = b"1"


class Problem(NamedTuple):
    slug: str
    status: int
    title: str


PROBLEMS: Final[dict[type[CloudError], Problem]] = {
    errors.Superseded: Problem("superseded", 401, "Another box has taken over"),
    errors.Unauthenticated: Problem("unauthenticated", 401, "A hub token is needed"),
    errors.Forbidden: Problem("forbidden", 403, "This token is for another hub"),
    errors.OperatorOnly: Problem("operator-only", 403, "The operator's token is needed"),
    errors.NotFound: Problem("not-found", 404, "Nothing is here"),
    errors.CursorConflict: Problem("cursor-conflict", 409, "This does not continue the chain"),
    errors.TooLarge: Problem("payload-too-large", 413, "Too much at once"),
    errors.UnsupportedEncoding: Problem("unsupported-encoding", 415, "This encoding is not taken"),
    errors.EntryRefused: Problem("entry-refused", 422, "An entry is not taken"),
    errors.InvalidRequest: Problem("invalid-request", 400, "The request has the wrong form"),
    errors.Overloaded: Problem("too-many-requests", 503, "The cloud is busy"),
    errors.StoreUnavailable: Problem("not-ready", 503, "The database cannot be used"),
    errors.SetupError: Problem("invalid-request", 400, "The request has the wrong form"),
}

Headers = list[tuple[bytes, bytes]]


def answer(error: CloudError) -> tuple[int, Headers, bytes]:
    """Return status, headers and body. The cursor of a 409 stands at the top level, as in a 200."""
    kind = next(PROBLEMS[base] for base in type(error).__mro__ if base in PROBLEMS)
    body: dict[str, Any] = {}
    headers: Headers = [(b"content-type", b"application/problem+json")]
    if isinstance(error, CursorConflict):
        body |= error.cursor.as_dict()
    if isinstance(error, errors.Superseded) and error.box is not None:
        body["box"] = error.box
    if isinstance(error, EntryRefused):
        body |= {"seq": error.refusal.seq, "reason": error.refusal.reason, "cursor": error.cursor.as_dict()}
    body |= {
        "type": f"https://storehub.invalid/problems/{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": str(error),
        "slug": kind.slug,
    }
    if kind.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if kind.status == 503:
        headers.append((b"retry-after", _RETRY_AFTER_S))
    return kind.status, headers, msgspec.json.encode(body)
