"""What the hub refuses, and why. Nothing here knows of HTTP: hub/api/problems.py turns these into problem documents."""

from __future__ import annotations

from typing import Any, ClassVar


class HubError(Exception):
    """A refusal or failure with a slug of the contract and fields a device can act on.

    `fields` go into the problem document beside the sentence, so they hold plain JSON values only.
    """

    slug: ClassVar[str]

    def __init__(self, **fields: Any) -> None:
        super().__init__(f"{self.slug} {fields}" if fields else self.slug)
        self.fields = fields


class Unauthenticated(HubError):
    """No token, or one the hub does not know."""

    slug = "unauthenticated"


class Forbidden(HubError):
    """The role may not do this. Field: role."""

    slug = "forbidden"


class ApprovalRequired(HubError):
    """The member of staff may not do this without a manager's leave. Fields: operation, approval_status (or null)."""

    slug = "approval-required"


class SignInRequired(HubError):
    """The store wants to know who works at this device."""

    slug = "sign-in-required"


class SignInRefused(HubError):
    """No such staff code, or not the PIN: which of the two is not told."""

    slug = "sign-in-refused"


class CustomerKnown(HubError):
    """Another customer has the same member code or card. Field: customer_id."""

    slug = "customer-known"


class PointsShort(HubError):
    """The customer has fewer points. Field: available."""

    slug = "points-short"


class PointsLimit(HubError):
    """More points than may be used while the cloud cannot be asked. Fields: limit, left."""

    slug = "points-limit"


class DeviceRevoked(HubError):
    slug = "device-revoked"


class PairingCodeInvalid(HubError):
    slug = "pairing-code-invalid"


class NotFound(HubError):
    """Fields: kind, id."""

    slug = "not-found"


class CheckClosed(HubError):
    """The check takes no more lines or payments. Fields: check_id, check_status."""

    slug = "check-closed"


class TableOccupied(HubError):
    """Fields: table_id, check_id."""

    slug = "table-occupied"


class TableShared(HubError):
    """Several checks share the table, so the check must be named. Fields: table_id, checks (the choices)."""

    slug = "table-shared"


class SoldOut(HubError):
    """Fields: product_id (of an option: group_id and option_id), name, remaining."""

    slug = "sold-out"


class LastOrderPassed(HubError):
    """The plan takes no more orders. Fields: product_id, product, plan_id, name, last_order_at, ends_at."""

    slug = "last-order-passed"


class PlanNotRunning(HubError):
    """It is sold in a plan only, or changes one, and none runs for it. Field: name."""

    slug = "plan-not-running"


class NotSoldNow(HubError):
    """It is sold in other time bands only. Fields: product_id, name, bands (each id, name, from, to)."""

    slug = "not-sold-now"


class Conflict(HubError):
    """It cannot be done as things stand now. Field: reason."""

    slug = "conflict"


class OpenChecks(HubError):
    """The day has checks that are still open. Fields: date, count, check_ids."""

    slug = "open-checks"


class RegisterRefused(HubError):
    """The register cannot make that move now. Fields: register_id, register_status, date, move."""

    slug = "register-refused"


class CouponRefused(HubError):
    """The coupon is not accepted now. Fields: coupon_id, name, why (not_yet, expired, used, twice or minimum)."""

    slug = "coupon-refused"


class CheckChanged(HubError):
    """If-Match names an older version. Field: check (the current one)."""

    slug = "check-changed"


class PreconditionRequired(HubError):
    slug = "precondition-required"


class PayloadTooLarge(HubError):
    """Field: limit_bytes."""

    slug = "payload-too-large"


class InvalidRequest(HubError):
    """Field: errors, a list of {path, message}."""

    slug = "invalid-request"

    @classmethod
    def at(cls, path: str, message: str) -> InvalidRequest:
        return cls(errors=[{"path": path, "message": message}])


class IdempotencyKeyRequired(HubError):
    slug = "idempotency-key-required"


class IdempotencyKeyReused(HubError):
    slug = "idempotency-key-reused"


class TenderOffline(HubError):
    """The tender needs the network and there is none. Fields: method, alternatives."""

    slug = "tender-offline"


class TenderMismatch(HubError):
    """The tenders do not add up. Fields: total, tendered."""

    slug = "tender-mismatch"


class CardNumberRefused(HubError):
    """A free text holds what looks like a card number. Field: path."""

    slug = "card-number-refused"


class TooManyRequests(HubError):
    """Field: retry_after_s."""

    slug = "too-many-requests"


class ClockKnown(HubError):
    """The box knows the time better than whoever tells it. Fields: source, time."""

    slug = "clock-known"


class StorageFull(HubError):
    slug = "storage-full"


class NotReady(HubError):
    """The journal cannot be written now. Fields: reason, retry_after_s."""

    slug = "not-ready"


class OutcomeUnknown(HubError):
    """The commit failed, so nobody knows yet whether the fact is kept: ask again with the same key."""

    slug = "outcome-unknown"


class Superseded(HubError):
    """Another box has taken over this store."""

    slug = "superseded"


class PrimaryAlive(HubError):
    """A standby cannot take over while the box that it follows still answers. Fields: url, box."""

    slug = "primary-alive"


class DrillRefused(HubError):
    """A drill cannot begin on this box now. Fields: kind, why (running, role, line, copy, space)."""

    slug = "drill-refused"


class Internal(HubError):
    slug = "internal"
