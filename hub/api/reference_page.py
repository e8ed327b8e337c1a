"""The OpenAPI document as one page of plain HTML: nothing is loaded from anywhere, nothing runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any, Final

_METHODS: Final = ("get", "post", "put", "patch", "delete")
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} API</title>
<link rel="icon" href="/console/assets/icon.svg">
<link rel="stylesheet" href="/docs/reference.css">
</head>
<body>
<header><h1>{title} API <small>{version}</small></h1><p>{summary} <a href="/openapi.json">openapi.json</a></p></header>
<nav>{menu}</nav>
<main>
<section class="about">{about}</section>
{operations}
<section id="schemas"><h2>Schemas</h2>{schemas}</section>
</main>
</body>
</html>
"""


def render(document: Mapping[str, Any]) -> str:
    """The whole page."""
    by_tag: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                operation = item[method]
                by_tag.setdefault((operation.get("tags") or ["more"])[0], []).append(
                    (method, path, operation)
                )
    menu = [
        f"<h2>{escape(tag)}</h2><ul>"
        + "".join(
            f'<li><a href="#{_anchor(method, path)}"><b class="{method}">{method.upper()}</b> {escape(path)}</a></li>'
            for method, path, _ in operations
        )
        + "</ul>"
        for tag, operations in by_tag.items()
    ]
    schemas = document["components"]["schemas"]
    return _PAGE.format(
        title=escape(document["info"]["title"]),
        version=escape(document["info"]["version"]),
        summary=escape(document["info"].get("summary", "")),
        about="".join(
            f"<p>{escape(part)}</p>" for part in document["info"].get("description", "").split("\n\n") if part
        ),
        menu="".join(menu) + '<h2><a href="#schemas">Schemas</a></h2>',
        operations="".join(
            f"<section><h2>{escape(tag)}</h2>{''.join(_operation(*one) for one in operations)}</section>"
            for tag, operations in by_tag.items()
        ),
        schemas="".join(_schema(name, schemas[name]) for name in sorted(schemas)),
    )


def _anchor(method: str, path: str) -> str:
    return escape(f"{method}{path.replace('/', '-').replace('{', '').replace('}', '')}", quote=True)


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    parts = [
        f'<article id="{_anchor(method, path)}">',
        f'<h3><b class="{method}">{method.upper()}</b> <code>{escape(path)}</code></h3>',
        f"<p class=summary>{escape(operation.get('summary', ''))}</p>",
    ]
    if description := operation.get("description", ""):
        parts.append(f"<p>{escape(description)}</p>")
    parts.append(_parameters(operation.get("parameters", ())))
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(
            f"<h4>Request body <small>{escape(media)}</small></h4><p>{_type(content.get('schema', {}))}</p>"
        )
        if "example" in content:
            parts.append(f"<pre>{_json(content['example'])}</pre>")
    parts.append("<h4>Answers</h4>")
    parts += [_answer(status, answer) for status, answer in sorted(operation["responses"].items())]
    return "".join(parts) + "</article>"


def _parameters(parameters: Iterable[Mapping[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(one['name'])}</code><td>{escape(one['in'])}{' *' if one.get('required') else ''}"
        f"<td>{_type(one.get('schema', {}))}<td>{escape(one.get('description', ''))}"
        for one in parameters
    )
    return f"<h4>Parameters</h4><table>{rows}</table>" if rows else ""


def _answer(status: str, answer: Mapping[str, Any]) -> str:
    good = "good" if status < "400" else "bad"
    head = f'<b class="{good}">{escape(status)}</b> {escape(answer.get("description", ""))}'
    inner = []
    if names := ", ".join(f"<code>{escape(name)}</code>" for name in answer.get("headers", ())):
        inner.append(f"<p>Headers: {names}</p>")
    for media, content in answer.get("content", {}).items():
        inner.append(f"<p><small>{escape(media)}</small> {_type(content.get('schema', {}))}</p>")
        if "example" in content:
            inner.append(f"<pre>{_json(content['example'])}</pre>")
        inner += [f"<pre>{_json(one['value'])}</pre>" for one in content.get("examples", {}).values()]
    if not inner:
        return f"<p class=answer>{head}</p>"
    return f"<details><summary>{head}</summary>{''.join(inner)}</details>"


def _schema(name: str, schema: Mapping[str, Any]) -> str:
    required = set(schema.get("required", ()))
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code>{' *' if field in required else ''}<td>{_type(kind)}"
        f"<td>{escape(kind.get('description', '') if isinstance(kind, dict) else '')}"
        for field, kind in schema.get("properties", {}).items()
    )
    body = f"<table>{rows}</table>" if rows else f"<p>{_type(schema)}</p>"
    description = f"<p>{escape(schema['description'])}</p>" if schema.get("description") else ""
    return f'<article id="schema-{escape(name, quote=True)}"><h3>{escape(name)}</h3>{description}{body}</article>'


def _type(schema: Any) -> str:
    """A schema in a few words, with links to the named ones."""
    if not isinstance(schema, dict) or not schema:
        return "any"
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return f'<a href="#schema-{escape(name, quote=True)}">{escape(name)}</a>'
    for key, word in (("anyOf", " or "), ("oneOf", " or "), ("allOf", " and ")):
        if key in schema:
            return word.join(_type(one) for one in schema[key])
    if "const" in schema:
        return f"<code>{_json(schema['const'])}</code>"
    if "enum" in schema:
        return " | ".join(f"<code>{_json(value)}</code>" for value in schema["enum"])
    kind = schema.get("type", "any")
    kind = " or ".join(kind) if isinstance(kind, list) else str(kind)
    if kind == "array":
        inner = schema.get("items") or (schema.get("prefixItems") or [{}])[0]
        return f"array of {_type(inner)}{_bounds(schema)}"
    if kind == "object" and (inner := schema.get("properties")):
        return (
            "{ "
            + ", ".join(f"<code>{escape(name)}</code>: {_type(one)}" for name, one in inner.items())
            + " }"
        )
    return f"{escape(kind)}{_bounds(schema)}"


_BOUNDS: Final = {
    "format": "{}", "pattern": "{}", "minimum": "≥ {}", "maximum": "≤ {}", "minLength": "length ≥ {}",
    "maxLength": "length ≤ {}", "minItems": "at least {}", "maxItems": "at most {}", "default": "default {}",
}  # fmt: skip


def _bounds(schema: Mapping[str, Any]) -> str:
    said = [
        form.format(schema[key]) for key, form in _BOUNDS.items() if schema.get(key) not in (None, "", [])
    ]
    return f" <small>{escape(', '.join(said))}</small>" if said else ""


def _json(value: Any) -> str:
    return escape(
        json.dumps(value, ensure_ascii=False, indent=2 if isinstance(value, (dict, list)) else None),
        quote=False,
    )
