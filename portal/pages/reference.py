"""The API's reference as a page: rendered here from OpenAPI, so that it needs no script and no other host."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from web.pages import Pages

router = APIRouter(include_in_schema=False)

_PAGES: Final = Pages(Path(__file__).parent.parent / "templates")


@router.get("/api/docs")
async def reference(request: Request) -> Response:
    spec = request.app.openapi()
    groups: dict[str, list[dict[str, Any]]] = {}
    for operation in _operations(spec):
        groups.setdefault(operation["group"], []).append(operation)
    schemas = {
        name: json.dumps(schema, indent=2, ensure_ascii=False)
        for name, schema in sorted(spec.get("components", {}).get("schemas", {}).items())
    }
    return _PAGES.render("reference.html", {"info": spec["info"], "groups": groups, "schemas": schemas})


def _operations(spec: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
            yield {
                "group": operation.get("tags", ["other"])[0],
                "method": method.upper(),
                "path": path,
                "summary": operation.get("summary", ""),
                "description": operation.get("description", ""),
                "needs_session": bool(operation.get("security")),
                "parameters": [one for one in operation.get("parameters", ()) if one["in"] != "cookie"],
                "body": list(_names(body)),
                "replies": [
                    (status, list(_names(_reply_schema(reply))), reply.get("description", ""))
                    for status, reply in operation["responses"].items()
                ],
            }


def _reply_schema(reply: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for content in reply.get("content", {}).values():
        schema: Mapping[str, Any] | None = content.get("schema")
        return schema
    return None


def _names(schema: Mapping[str, Any] | None) -> Iterator[str]:
    """Names of the component schemas that one refers to."""
    if schema is None:
        return
    if "$ref" in schema:
        yield schema["$ref"].rsplit("/", 1)[-1]
    for part in (*schema.get("oneOf", ()), *schema.get("anyOf", ())):
        yield from _names(part)
