"""What we send, against the vendor's own description of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from werkzeug.datastructures import Headers, ImmutableMultiDict

from sandbox.app import create_app
from services.graph.entra import EntraSignIn
from tests.services.graph.company import company
from tests.services.graph.wires import APP, Sent, SignInRecording, open_mailbox

pytestmark = pytest.mark.anyio

SPECS = Path(__file__).parents[4] / "shared" / "specs"


def description(name: str) -> OpenAPI:
    path = SPECS / name
    if not path.exists():
        pytest.skip(f"the vendor's description {name} is not on this machine")
    spec: dict[str, Any] = json.loads(path.read_text())
    return OpenAPI.from_dict(spec)


class Asked:
    """One sent request, as openapi-core wants to see it."""

    def __init__(self, sent: Sent, host_url: str, prefix: str) -> None:
        parts = urlsplit(sent.url)
        self.host_url = host_url
        self.path = parts.path.removeprefix(prefix)
        self.method = sent.method.lower()
        self.body = sent.body
        self.content_type = sent.headers.get("content-type", "")
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(parse_qsl(parts.query)), header=Headers(list(sent.headers.items()))
        )


async def everything() -> Sequence[Sent]:
    """One request of every kind."""
    mailbox, recording = open_mailbox(create_app(company()), prefix="/graph")
    await mailbox.newest(top=10)
    page = await mailbox.search('quarterly AND "quarterly plan"', top=1)
    assert page.next_link
    await mailbox.next_page(page.next_link)
    found = (await mailbox.search("hiring", top=100)).messages[0].id
    await mailbox.message(found)
    for attachment in await mailbox.attachments(found):
        if attachment.kind != "reference":
            await mailbox.attachment_content(found, attachment.id, most_bytes=1_000_000)
    return recording.sent


async def test_every_request_to_graph_is_one_that_graph_describes():
    openapi = description("msgraph-mail.json")
    sent = await everything()
    assert len(sent) >= 8
    for request in sent:
        openapi.validate_request(Asked(request, "https://graph.microsoft.com", "/graph"))


async def test_the_request_to_entra_is_one_that_entra_describes():
    openapi = description("entra-token.json")
    recording = SignInRecording(create_app(company()))
    await EntraSignIn(httpx2.AsyncClient(transport=recording), "http://vendor.test/entra", APP)()
    (request,) = recording.sent
    openapi.validate_request(Asked(request, "https://login.microsoftonline.com", "/entra"))
