"""The OpenAPI description of the one route that FastAPI does not serve."""

from __future__ import annotations

from typing import Any, Final

ENTRIES_PATH: Final = "/v1/hubs/{hub_id}/entries"

_CURSOR: Final = {"schema": {"$ref": "#/components/schemas/CursorOut"}}


def _header(name: str, description: str, *, required: bool, type_: str = "string") -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": description,
        "schema": {"type": type_},
    }


def _refusal(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/problem+json": {"schema": {"type": "object"}}},
    }


POST_ENTRIES: Final[dict[str, Any]] = {
    "summary": "Post Entries",
    "operationId": "post_entries",
    "description": "Entries of one epoch, exact bytes, one a line. What the cloud has already is passed over.",
    "parameters": [
        {"name": "hub_id", "in": "path", "required": True, "schema": {"type": "string"}},
        _header("authorization", "Bearer <hub token>", required=True),
        _header("storehub-epoch", "The epoch of all of them.", required=True),
        _header("storehub-first-seq", "The seq of the first one.", required=True, type_="integer"),
        _header("content-encoding", "gzip, zstd or identity.", required=False),
        _header("storehub-status", "What the hub says of itself: compact JSON.", required=False),
    ],
    "requestBody": {
        "required": True,
        "content": {"application/x-ndjson": {"schema": {"type": "string", "format": "binary"}}},
    },
    "responses": {
        "200": {"description": "The cloud's cursor after them.", "content": {"application/json": _CURSOR}},
        "400": _refusal("Headers are missing, or the body cannot be unpacked."),
        "401": _refusal("No token that holds."),
        "403": _refusal("The token of another hub."),
        "409": _refusal(
            "A gap, or prevhash does not fit, or the epoch may not go on: with the cloud's cursor."
        ),
        "413": _refusal("Send less."),
        "415": _refusal("An encoding the cloud does not know."),
        "422": _refusal("The entry at `seq` is refused for `reason`; those before it are stored."),
        "503": _refusal("Come again after Retry-After."),
    },
}
