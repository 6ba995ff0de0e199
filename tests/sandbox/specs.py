"""The vendors' own API descriptions, as an oracle for what the stand-ins answer. They are not part of this project."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from jsonschema.exceptions import best_match, relevance  # type: ignore[import-untyped]  # comes with openapi-core
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from openapi_core.templating.responses.exceptions import ResponseNotFound
from werkzeug.datastructures import Headers, ImmutableMultiDict

SPECS = Path(__file__).parents[3] / "shared" / "specs"
MISSING = "the vendors' API descriptions are not beside this project"
_SNOWFLAKE = "https://org-account.snowflakecomputing.com"


@dataclass(frozen=True, slots=True)
class Described:
    """Where a description is kept, whose paths it describes, and the server it knows."""

    name: str
    prefix: str
    """Of the sandbox's paths."""
    marks: tuple[str, ...]
    """What one of must be in the rest of a path, if it is described at all."""
    server: str


DESCRIBED = (
    Described("entra-token", "/entra", ("/oauth2/v2.0/token",), "https://login.microsoftonline.com"),
    Described(
        "msgraph-mail",
        "/graph/v1.0",
        ("/messages", "/mailFolders", "/search/query", "/$batch"),
        "https://graph.microsoft.com/v1.0",
    ),
    Described("box", "/box/2.0", ("/search", "/files/", "/folders/", "/users/me"), "https://api.box.com/2.0"),
    Described("box", "/box", ("/oauth2/token",), "https://api.box.com"),
    Described("snowflake-sqlapi", "/snowflake", ("/api/v2/statements",), _SNOWFLAKE),
    Described("snowflake-cortex-search", "/snowflake", ("/cortex-search-services",), _SNOWFLAKE),
    Described("snowflake-cortex-analyst", "/snowflake", ("/cortex/analyst",), _SNOWFLAKE),
)


class _Asked:
    """A request in the form in which openapi-core takes one."""

    def __init__(self, request: httpx2.Request, described: Described) -> None:
        self.host_url = described.server
        path = request.url.raw_path.decode().partition("?")[0]
        base = described.server.removeprefix("https://").partition("/")[2]
        self.path = (f"/{base}" if base else "") + path.removeprefix(described.prefix)
        self.host_url = described.server.removesuffix(f"/{base}") if base else described.server
        self.method = request.method.lower()
        self.body = request.content or None
        self.content_type = request.headers.get("content-type", "").partition(";")[0]
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(list(request.url.params.multi_items())),
            header=Headers(list(request.headers.items())),
        )


class _Answered:
    """A reply, likewise."""

    def __init__(self, response: httpx2.Response) -> None:
        self.status_code = response.status_code
        self.content_type = response.headers.get("content-type", "").partition(";")[0]
        self.headers = Headers(list(response.headers.items()))
        self.data = response.content


class Undescribed(AssertionError):
    """A reply that the vendor's description does not allow."""


class Oracle:
    """All descriptions, loaded once."""

    def __init__(self) -> None:
        names = {described.name for described in DESCRIBED}
        self._specs: Mapping[str, OpenAPI] = {
            name: OpenAPI.from_dict(_RELAXED.get(name, _as_it_is)(_readable(_load(name)))) for name in names
        }
        self.checked = 0

    def check(self, response: httpx2.Response) -> None:
        """Raises Undescribed. Replies to requests that no description knows (downloads, representations) pass."""
        described = _described(response.request.url.path)
        if described is None or response.status_code == httpx2.codes.METHOD_NOT_ALLOWED:
            return
        if response.content == b"" and response.status_code in {202, 302}:
            return
        try:
            self._specs[described.name].validate_response(_Asked(response.request, described), _Answered(response))
        except ResponseNotFound:
            # No description has every error there is: faults may answer with others.
            if response.is_success:
                raise
        except OpenAPIError as error:
            raise Undescribed(f"{response.request.url.path}: {_told(error)}") from None
        self.checked += 1

    def check_request(self, request: httpx2.Request) -> None:
        """The same for what was asked."""
        described = _described(request.url.path)
        if described is not None:
            self._specs[described.name].validate_request(_Asked(request, described))


def _told(error: OpenAPIError) -> str:
    """What is wrong in one line; the library's own message holds the whole reply."""
    cause = error.__cause__
    problems = list(getattr(cause, "schema_errors", ()))
    worst = best_match(problems, key=lambda problem: (len(problem.absolute_path), relevance(problem)))
    if worst is None:
        return str(cause or error)[:300]
    return f"{'/'.join(map(str, worst.absolute_path))}: {worst.message[:300]}"


def _described(path: str) -> Described | None:
    if "/internal_files/" in path or "/dl/" in path or path.endswith("translateExchangeIds"):
        return None
    for described in DESCRIBED:
        rest = path.removeprefix(described.prefix)
        if rest != path and any(mark in rest for mark in described.marks):
            return described
    return None


def _load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((SPECS / f"{name}.json").read_text())
    return loaded


def _as_it_is(spec: dict[str, Any]) -> dict[str, Any]:
    return spec


def _readable(spec: dict[str, Any]) -> dict[str, Any]:
    """Without what the library does not know or warns of: OAuth (a bearer token in the end), `allowEmptyValue`."""
    for name in spec["components"].get("securitySchemes", {}):
        spec["components"]["securitySchemes"][name] = {"type": "http", "scheme": "bearer"}
    for parameter in spec["components"].get("parameters", {}).values():
        parameter.pop("allowEmptyValue", None)
    for path in spec["paths"].values():
        for operation in path.values():
            if isinstance(operation, dict):
                operation.pop("security", None)
    return spec


def _relaxed_sql(spec: dict[str, Any]) -> dict[str, Any]:
    """The documented replies have null for what a type does not have, relative addresses, and a 429 with a body."""
    schemas = spec["components"]["schemas"]
    row_type = schemas["ResultSet"]["properties"]["resultSetMetaData"]["properties"]["rowType"]["items"]["properties"]
    for name in ("length", "precision", "scale"):
        row_type[name]["nullable"] = True
    for schema in schemas.values():
        schema.get("properties", {}).get("statementStatusUrl", {}).pop("format", None)
    return spec


def _relaxed_box(spec: dict[str, Any]) -> dict[str, Any]:
    """The documented 429 says rate_limit_exceeded, where the description has too_many_requests. What the descriptions
    say in words and not in their schemas: a file without a shared link has null there, the root folder has neither
    sequence_id nor parent. A shared link must have `accessed`, which is no property of any."""
    schemas = spec["components"]["schemas"]
    schemas["ClientError"]["properties"]["code"]["enum"].append("rate_limit_exceeded")
    shared_link = schemas["File"]["allOf"][1]["properties"]["shared_link"]
    shared_link["allOf"][0]["nullable"] = True
    shared_link["allOf"][0]["required"].remove("accessed")
    shared_link["nullable"] = True
    schemas["Folder--Mini"]["allOf"][1]["properties"]["sequence_id"] = {"type": "string", "nullable": True}
    schemas["Folder"]["allOf"][1]["properties"]["parent"] = {"type": "object", "nullable": True}
    return spec


_RELAXED = {"snowflake-sqlapi": _relaxed_sql, "box": _relaxed_box}
