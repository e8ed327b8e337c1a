"""What the cloud refuses, and why. HTTP statuses and sentences are in cloud/api/problems.py."""

from __future__ import annotations

from cloud.model import Cursor, Refusal


class CloudError(Exception):
    """A refusal that the caller can act on."""


class Unauthenticated(CloudError):
    """No token, or one that was never given out, or one taken back."""


class Superseded(Unauthenticated):
    """The token's place was taken by a newer one, or it was taken back. box: the one that calls now, if any."""

    def __init__(self, box: str | None = None) -> None:
        super().__init__("this token was replaced by a newer one or taken back")
        self.box = box


class Forbidden(CloudError):
    """The token is good, but for another hub."""


class OperatorOnly(CloudError):
    """Only the operator's token opens this."""


class CursorConflict(CloudError):
    """What was sent does not continue the chain. The hub goes on from `cursor`."""

    def __init__(self, cursor: Cursor, detail: str) -> None:
        super().__init__(detail)
        self.cursor = cursor
        self.detail = detail


class EntryRefused(CloudError):
    """This entry is not taken; those before it are stored, up to `cursor`."""

    def __init__(self, refusal: Refusal, cursor: Cursor) -> None:
        super().__init__(f"entry {refusal.seq}: {refusal.reason}")
        self.refusal = refusal
        self.cursor = cursor


class NotFound(CloudError):
    """There is nothing at this place."""


class InvalidRequest(CloudError):
    """The request's form is wrong, so nothing in it was looked at."""


class TooLarge(CloudError):
    """More than the cloud takes at once: send less."""


class UnsupportedEncoding(CloudError):
    """A Content-Encoding the cloud cannot undo."""


class Overloaded(CloudError):
    """Too much in flight: ask again soon."""


class StoreUnavailable(CloudError):
    """The database did not answer or did not commit. The outcome is unknown: ask for the cursor again."""


class SetupError(CloudError):
    """A command cannot be done as asked; the sentence tells the operator why."""
