"""The OpenAPI document: FastAPI's own, and what the tables of writes and problems add to it."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from hub.api.problems import MEDIA_TYPE, PROBLEMS, TYPE_BASE
from hub.api.routes import devices as device_routes
from hub.api.routes.box import Retry
from hub.api.routes.clock import SetClock
from hub.api.routes.drills import Rehearsal
from hub.api.routes.standby import Promotion
from hub.api.schemas import VIEWS, answer_schema
from hub.api.tables import WRITES
from hub.api.tables.write import Write
from hub.domain.menu import END

REF = "#/components/schemas/{name}"
KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "1 to 255 printable ASCII characters, new for each thing done. The same key gets the first answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
    "example": "0192f0c1-2b3c-7d4e-8f50-6172839405a6",
}
POSITION = {
    "description": "What the answer reflects: <epoch>:<seq>:<mac>. Send the highest back as Storehub-Seen.",
    "required": True,
    "schema": {"type": "string", "pattern": "^[0-9a-f]{16}:[0-9]+:[0-9a-f]+$"},
}
ABOUT = """
The box in the store answers in milliseconds, whether or not the internet is there. What it answers with 2xx is on
stable storage and will reach the cloud once.

Every write carries an Idempotency-Key, new for each thing done: after a lost answer send the same again with the same
key, and it has one effect. Money is an integer in the currency's minor unit. Unknown fields of a request are refused,
unknown fields of an answer are to be ignored. Bodies are JSON in UTF-8, at most 256 KiB, and not compressed.

A refusal is a problem document (RFC 9457) with a slug to act on and a detail to show, in English or Japanese by
Accept-Language. What is no HTTP at all is answered with a bare 400, a head over 32 KiB with 431.
""".strip()
ID_SCHEMA = {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"}
# What any write may be refused with, beside its own.
COMMON = (
    "unauthenticated",
    "forbidden",
    "payload-too-large",
    "unsupported-encoding",
    "invalid-request",
    "internal",
    "not-ready",
    "storage-full",
)


def document_of(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, summary=app.summary, routes=app.routes, openapi_version="3.1.0"
    )
    document["info"]["description"] = ABOUT
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    extra = (device_routes.Pairing, Retry, SetClock, Promotion, Rehearsal)
    kinds = [*{write.command for write in WRITES}, *VIEWS.values(), *extra]
    _, known = msgspec.json.schema_components(kinds, ref_template=REF)
    schemas.update(known)
    schemas["Problem"] = _problem_schema()
    for name in ("ChangeProduct", "ChangeCheck"):
        schemas[name]["minProperties"] = 1
    for write in WRITES:
        schemas[_answer_name(write)] = answer_schema(write.answer, schemas, REF)
    components["securitySchemes"] = {"device": {"type": "http", "scheme": "bearer"}}
    paths = document["paths"] = _named_alike(document["paths"])
    for path, item in paths.items():
        for operation in item.values():
            _finish(path, operation)
    for write in WRITES:
        paths.setdefault(write.path, {})[write.method.lower()] = _operation(write)
    paths["/v1/events"] = {"get": _events()}
    _as_others_write_patterns(document)
    return document


def _named_alike(paths: dict[str, Any]) -> dict[str, Any]:
    """One address is one path of the document, so what the writes call `id` is the reads' `id` as well."""
    begin = {write.path.partition("{")[0] for write in WRITES if "{id}" in write.path}
    renamed: dict[str, Any] = {}
    for path, item in paths.items():
        before, _, rest = path.partition("{")
        name, _, after = rest.partition("}")
        if name and before in begin:
            path = f"{before}{{id}}{after}"
            for operation in item.values():
                for parameter in operation["parameters"]:
                    if (parameter["in"], parameter["name"]) == ("path", name):
                        parameter["name"] = "id"
        renamed.setdefault(path, {}).update(item)
    return renamed


def _as_others_write_patterns(node: Any) -> None:
    """Without what only Python needs: elsewhere $ is the end."""
    for value in node.values() if isinstance(node, dict) else node:
        if isinstance(value, dict | list):
            _as_others_write_patterns(value)
    if isinstance(node, dict) and isinstance(node.get("pattern"), str):
        node["pattern"] = node["pattern"].replace(END, "$")


def _answer_name(write: Write) -> str:
    return f"{write.answer.__name__}Answer"


def _problem_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "RFC 9457. Fields of its own stand beside these.",
        "required": ["type", "title", "status", "detail", "slug"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {
                "type": "string",
                "description": "What happened and what to do, by Accept-Language (en, ja).",
            },
            "slug": {"type": "string", "enum": sorted(PROBLEMS)},
            "instance": {
                "type": "string",
                "description": "urn:storehub:request:<id>: the request's id in the box's log, as in X-Request-Id.",
            },
        },
    }


def refusals(*slugs: str) -> dict[str, Any]:
    """The problem responses of an operation, by status."""
    found: dict[str, Any] = {}
    for slug in dict.fromkeys(slugs):
        problem = PROBLEMS[slug]
        status = str(problem.status)
        response = found.setdefault(
            status,
            {
                "description": "",
                "headers": {"Storehub-Position": POSITION},
                "content": {MEDIA_TYPE: {"schema": {"$ref": REF.format(name="Problem")}, "examples": {}}},
            },
        )
        response["description"] = ", ".join(filter(None, (response["description"], slug)))
        response["content"][MEDIA_TYPE]["examples"][slug] = {
            "value": {
                "type": TYPE_BASE + slug,
                "title": problem.title,
                "status": problem.status,
                "detail": problem.en,
                "slug": slug,
            }
        }
    return found


def _finish(path: str, operation: dict[str, Any]) -> None:
    """What FastAPI cannot know of an ordinary route: its refusals and who may ask."""
    responses = operation["responses"]
    responses.pop("422", None)
    slugs: tuple[str, ...] = ("invalid-request", "internal")
    if path.startswith("/v1/") and path != "/v1/pairings":
        operation["security"] = [{"device": []}]
        slugs += ("unauthenticated", "forbidden", "device-revoked")
    if "{" in path:
        slugs += ("not-found",)
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path" and parameter["name"].endswith("_id"):
            parameter["schema"] = ID_SCHEMA
    if operation.get("requestBody"):
        slugs += ("payload-too-large", "unsupported-encoding", "not-ready", "storage-full", "not-found")
    if path == "/v1/pairings":
        slugs += ("pairing-code-invalid", "too-many-requests", "outcome-unknown")
    if path == "/v1/devices/me/token":
        slugs += ("idempotency-key-required", "not-ready", "storage-full", "outcome-unknown")
    if path == "/v1/drills" and operation.get("requestBody"):
        slugs += ("drill-refused",)
    if path == "/v1/standby/promote":
        slugs += ("primary-alive",)
    if path == "/metrics":
        slugs += ("unauthenticated", "forbidden")
        operation["security"] = [{"device": []}, {}]
    if path == "/readyz":
        slugs += ("not-ready", "storage-full")
    if path == "/v1/clock":
        slugs += ("clock-known",)
    if path == "/v1/menu":
        responses["304"] = {"description": "Unchanged since If-None-Match"}
    if path.endswith("/receipt"):
        slugs += ("not-acceptable",)
    for status, response in refusals(*slugs).items():
        responses.setdefault(status, response)
    for response in responses.values():
        response.setdefault("headers", {})["Storehub-Position"] = POSITION


def _operation(write: Write) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [KEY]
    slugs = [
        *COMMON,
        "device-revoked",
        "idempotency-key-required",
        "idempotency-key-reused",
        "outcome-unknown",
    ]
    slugs += ["superseded", "card-number-refused", "approval-required", "sign-in-required", *write.refusals]
    if "{id}" in write.path:
        parameters.append({"name": "id", "in": "path", "required": True, "schema": ID_SCHEMA})
        slugs.append("not-found")
    if write.match:
        slugs.append("check-changed")
        required = write.match == "required"
        slugs += ["precondition-required"] if required else []
        parameters.append(
            {
                "name": "If-Match",
                "in": "header",
                "required": required,
                "description": "The check's version that the device saw.",
                "schema": {"type": "string", "pattern": r'^(\*|(W/)?"[0-9]{1,9}")$'},
                "example": '"7"',
            }
        )
    schema = {"$ref": REF.format(name=write.command.__name__)}
    operation: dict[str, Any] = {
        "summary": write.summary,
        "description": (write.command.__doc__ or "").strip(),
        "operationId": f"{write.method.lower()}_{write.path.replace('/', '_').replace('{id}', 'id').strip('_')}",
        "tags": ["writes"],
        "security": [{"device": []}],
        "parameters": parameters,
        "requestBody": {
            "required": write.method == "PATCH" or _needs_a_body(write),
            "content": {"application/json": {"schema": schema, "example": write.example}},
        },
        "responses": {
            str(write.status): {
                "description": "Kept: the fact is on stable storage.",
                "headers": {
                    "Storehub-Seq": {"schema": {"type": "integer"}},
                    "Storehub-Position": POSITION,
                    "Idempotency-Replayed": {"schema": {"const": "true"}},
                },
                "content": {"application/json": {"schema": {"$ref": REF.format(name=_answer_name(write))}}},
            },
            **refusals(*slugs),
        },
    }
    return operation


def _needs_a_body(write: Write) -> bool:
    return any(field.required for field in msgspec.structs.fields(write.command))


def _events() -> dict[str, Any]:
    return {
        "summary": "The live feed (Server-Sent Events)",
        "tags": ["feed"],
        "security": [{"device": []}],
        "operationId": "get_v1_events",
        "parameters": [
            {
                "name": "after",
                "in": "query",
                "required": False,
                "description": "<epoch>:<seq>; without it the feed begins now",
                "schema": {"type": "string", "pattern": "^[0-9a-f]{16}:[0-9]{1,15}$"},
            },
            {
                "name": "types",
                "in": "query",
                "required": False,
                "description": "entry types, separated by commas",
                "schema": {"type": "string"},
            },
            {
                "name": "Last-Event-ID",
                "in": "header",
                "required": False,
                "description": "where a browser comes back to; counts before `after`",
                "schema": {"type": "string", "pattern": "^[0-9a-f]{16}:[0-9]{1,15}$"},
            },
        ],
        "responses": {
            "200": {
                "description": "A comment at least every 15 s. Events: an entry (id: <epoch>:<seq>, event: its type,"
                " data: its exact bytes); reset (read the state again and follow from this id); synced (how far the"
                " cloud has come); resend (send again what you hold after this position); link (state of the WAN);"
                " due (deferred payments that must soon be known, or should have been); menu (the menu is another one:"
                " something ran out, came back, or was changed).",
                "headers": {"Storehub-Position": POSITION},
                "content": {
                    "text/event-stream": {
                        "schema": {"type": "string"},
                        "example": "id: 5f0c9a1be2d34786:412\nevent: storehub.order.placed.v1\ndata: {…}\n\n",
                    }
                },
            },
            **refusals("unauthenticated", "forbidden", "device-revoked", "invalid-request", "internal"),
        },
    }
