"""Snowflake's own descriptions of its interfaces, as an oracle for what we send. They are not part of this project."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from werkzeug.datastructures import Headers, ImmutableMultiDict

from tests.services.snowflake.stand_in import Asked

SPECS = Path(__file__).parents[4] / "shared" / "specs"
HOST = "https://org-account.snowflakecomputing.com"
"""The only server that the descriptions know."""
NAMES = ("snowflake-sqlapi", "snowflake-cortex-search", "snowflake-cortex-analyst")


class SentRequest:
    """A request in the form in which openapi-core takes one."""

    content_type = "application/json"

    def __init__(self, asked: Asked) -> None:
        self.host_url = HOST
        self.path = asked.path
        self.method = asked.method.lower()
        self.body = None if asked.body is None else json.dumps(asked.body).encode()
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(asked.query), header=Headers(list(asked.headers.items()))
        )


def load() -> Mapping[str, OpenAPI]:
    """The descriptions by name; skips the test where they are not at hand."""
    if not SPECS.is_dir():
        pytest.skip("Snowflake's interface descriptions are not beside this project")
    return {name: OpenAPI.from_dict(_relaxed(json.loads((SPECS / f"{name}.json").read_text()))) for name in NAMES}


def _relaxed(spec: dict[str, Any]) -> dict[str, Any]:
    """Without the security lists of single operations: they leave programmatic access tokens out, which the
    documentation has. And without `allowEmptyValue`, which the library warns of."""
    for parameter in spec["components"].get("parameters", {}).values():
        parameter.pop("allowEmptyValue", None)
    for path in spec["paths"].values():
        for operation in path.values():
            if isinstance(operation, dict):
                operation.pop("security", None)
    return spec
