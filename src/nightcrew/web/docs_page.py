"""The API in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from nightcrew.web.render import PageRoute, render

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/api/docs")
async def api_docs(request: Request) -> Response:
    """Every route with its parameters, its body and an example, from the OpenAPI description."""
    described = request.app.openapi()
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            shown = _operation(described, path, method.upper(), operation, str(request.base_url).rstrip("/"))
            groups.setdefault((operation.get("tags") or ["other"])[0], []).append(shown)
    return render(request, "docs.html", groups=groups)


def _operation(
    whole: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any], base: str
) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    schema = next((media.get("schema", {}) for media in content.values()), None)
    body = None if schema is None else example(whole, schema)
    parameters = [
        {"name": p["name"], "where": p["in"], "required": p.get("required", False), "type": _type(whole, p["schema"])}
        for p in operation.get("parameters", [])
    ]
    curl = f"curl -X {method}" if method != "GET" else "curl"
    curl += f" -H 'X-Api-Key: KEY' '{base}{path}'"
    if body is not None:
        curl += f" \\\n  -H 'Content-Type: application/json' -d '{json.dumps(body)}'"
    return {
        "id": operation.get("operationId", path),
        "method": method,
        "path": path,
        "summary": operation.get("description") or operation.get("summary") or "",
        "parameters": parameters,
        "fields": [] if schema is None else _fields(whole, schema),
        "body": None if body is None else json.dumps(body, indent=2),
        "curl": curl,
    }


def _resolved(whole: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema without `$ref`, and without the null that an optional one may be."""
    if "$ref" in schema:
        found: Mapping[str, Any] = whole["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return found
    choices = [choice for choice in schema.get("anyOf", []) if choice.get("type") != "null"]
    return _resolved(whole, choices[0]) if choices else schema


def _type(whole: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    plain = _resolved(whole, schema)
    named = (
        " | ".join(map(str, plain["enum"])) if "enum" in plain else str(plain.get("const") or plain.get("type", "any"))
    )
    bounds = [
        f"{sign} {plain[key]}"
        for key, sign in (("minimum", "≥"), ("maximum", "≤"), ("minLength", "length ≥"), ("maxLength", "length ≤"))
        if key in plain
    ]
    return ", ".join([named, *bounds])


def _fields(whole: Mapping[str, Any], schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    plain = _resolved(whole, schema)
    return [
        {"name": name, "required": name in plain.get("required", ()), "type": _type(whole, field)}
        for name, field in plain.get("properties", {}).items()
    ]


def example(whole: Mapping[str, Any], schema: Mapping[str, Any], depth: int = 0) -> Any:
    """A value that fits a schema."""
    plain = _resolved(whole, schema)
    known = plain.get("default") or plain.get("const") or next(iter(plain.get("enum", ())), None)
    if known is not None or depth > 4:
        return known
    if plain.get("type") == "object":
        return {name: example(whole, field, depth + 1) for name, field in plain.get("properties", {}).items()}
    if plain.get("type") == "array":
        return [example(whole, plain.get("items", {}), depth + 1)]
    return {"integer": plain.get("minimum", 1), "number": 1.0, "boolean": False}.get(plain.get("type", ""), "text")
