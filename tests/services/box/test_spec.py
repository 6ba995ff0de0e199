"""Box's own description of its API, as an oracle for what we send. It is not part of this project."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from werkzeug.datastructures import Headers, ImmutableMultiDict

from services.box.client import Box
from tests.services.box.stand_in import Asked, StandIn, file_json, says

pytestmark = pytest.mark.anyio

SPEC = Path(__file__).parents[4] / "shared" / "specs" / "box.json"


class SentRequest:
    """A request in the form in which openapi-core takes one."""

    host_url = "https://api.box.com"
    """The only server that the description knows."""

    def __init__(self, asked: Asked) -> None:
        self.path = asked.path
        self.method = asked.method.lower()
        self.body = asked.body or None
        self.content_type = asked.headers.get("content-type", "")
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(asked.query), header=Headers(list(asked.headers.items()))
        )


@pytest.fixture(scope="module")
def described() -> OpenAPI:
    if not SPEC.is_file():
        pytest.skip("Box's API description is not beside this project")
    spec = json.loads(SPEC.read_text())
    # The library does not know OAuth; what an OAuth token comes to in a request is a bearer token.
    for name in spec["components"]["securitySchemes"]:
        spec["components"]["securitySchemes"][name] = {"type": "http", "scheme": "bearer"}
    return OpenAPI.from_dict(spec)


async def test_every_request_is_as_box_describes_it(vendor: StandIn, box: Box, described: OpenAPI):
    vendor.script["/2.0/folders/500"] = says(200, {"type": "folder", "id": "500", "name": "Contracts"})
    vendor.script["/2.0/files/1/content"] = says(200, b"bytes", content_type="application/pdf")
    vendor.script["/2.0/files/1"] = says(200, file_json("1"))
    await box.me()
    await box.folder("500")
    await box.search("quarterly plan & more", limit=200, offset=10_000 - 200, folder="500")
    file = await box.file("1", representations=("markdown", "extracted_text"))
    await box.download(file, most_bytes=100)
    assert len(vendor.asked) == 6
    for asked in vendor.asked:
        described.validate_request(SentRequest(asked))


async def test_the_description_would_notice(vendor: StandIn, box: Box, described: OpenAPI):
    await box.search("anything", limit=201)
    with pytest.raises(OpenAPIError):
        described.validate_request(SentRequest(vendor.last("/2.0/search")))
