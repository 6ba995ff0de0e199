"""A connected mailbox: its name, its messages, and what they carry."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from errors import NotFound, SourceUnauthorized
from handlers.base import SearchQuery
from sandbox.app import create_app
from sandbox.server import serve
from services.text import Extracted
from tests.handlers.outlook.connecting import connected, lent_at
from tests.services.graph.company import ANNS_ID, MAILS, company

pytestmark = pytest.mark.anyio


@dataclass
class Extraction:
    """Says back what it is given."""

    given: list[tuple[str, str]] = field(default_factory=list)

    async def extract(self, data: bytes, *, name: str, content_type: str) -> Extracted:
        self.given.append((name, content_type))
        return Extracted(text=f"{data.decode()}\n", complete=True)


@pytest.fixture
def extraction():
    return Extraction()


@pytest.fixture
def sandbox():
    return create_app(company())


@pytest.fixture
def lent(sandbox, tmp_path, extraction):
    with serve(sandbox) as origin:
        yield lent_at(origin, tmp_path, extraction)


@pytest.fixture
async def source(lent):
    async with connected(lent) as source:
        yield source


async def first(source, text: str):
    return (await source.search(SearchQuery(text=text, limit=5)))[0]


async def test_a_check_names_the_owner_with_one_request(source, sandbox):
    assert await source.check() == "Ann Meyer <ann.meyer@larkfield.example.com>"
    assert sandbox.traffic.count("graph") == 1


async def test_a_check_names_what_it_was_given_where_it_learns_no_more(lent):
    async with connected(lent, user=ANNS_ID) as source:
        assert await source.check() == ANNS_ID


async def test_a_check_fails_with_what_to_do(lent):
    async with connected(lent, client_secret="not-it") as source:
        with pytest.raises(SourceUnauthorized, match="Value, not its Secret ID"):
            await source.check()


async def test_a_hit_tells_enough_to_be_ranked_and_shown(source):
    hit = await first(source, "landlord accepts our offer")
    assert hit.title == "Warehouse lease in Tilburg"
    assert hit.text is not None
    assert "break clause after three" in hit.text
    assert hit.url.startswith("https://")
    assert hit.updated_at == MAILS[0].sent_at
    assert hit.facts == {
        "from": "Ben Ode <ben.ode@larkfield.example.com>",
        "to": "Ann Meyer <ann.meyer@larkfield.example.com>",
        "received_at": "2026-11-01T03:00:00Z",
        "has_attachments": "no",
    }


async def test_a_document_has_headers_body_and_metadata(source):
    hit = await first(source, "landlord")
    document = await source.fetch(hit.id)
    assert document.text.startswith(
        "From: Ben Ode <ben.ode@larkfield.example.com>\n"
        "To: Ann Meyer <ann.meyer@larkfield.example.com>\n"
        "Cc: Cat Roe <cat.roe@partner.example.net>\n"
        "Received: 2026-11-01T03:00:00Z\n"
        "Subject: Warehouse lease in Tilburg\n\n"
        "Dear Ann,"
    )
    assert document.url == hit.url
    assert set(document.metadata) == {"from", "to", "cc", "received_at", "conversation"}


async def test_attachments_are_read_by_what_they_are(source, extraction):
    document = await source.fetch((await first(source, "hiring frozen")).id)
    assert extraction.given == [("plan.txt", "text/plain"), ("Re: drivers.eml", "message/rfc822")]
    assert "[Attachment: plan.txt]\nOpen the depot in March." in document.text
    assert "eleven applications" in document.text
    assert "[Attachment: Budget on the intranet: a link to a file kept elsewhere, not read]" in document.text
    assert "logo.png" not in document.text
    assert document.metadata["attachments"] == "plan.txt; Re: drivers; Budget on the intranet"


@pytest.mark.parametrize("id", ["delta", "..", ".", "AAA/../../messages", "A\r\nB", "$count", "A" * 1_025])
async def test_an_id_that_graph_cannot_have_given_is_not_asked_for(source, sandbox, id):
    with pytest.raises(NotFound):
        await source.fetch(id)
    assert sandbox.traffic.count("graph") == 0


async def test_ids_are_good_after_a_restart_of_both_sides(lent, tmp_path):
    async with connected(lent) as source:
        hits = await source.search(SearchQuery(text="plan lease lunch", limit=10))
    assert len(hits) == 4
    with serve(create_app(company())) as origin:
        async with connected(lent_at(origin, tmp_path)) as restarted:
            assert [(await restarted.fetch(hit.id)).title for hit in hits] == [hit.title for hit in hits]


async def test_several_instances_share_the_places_that_graph_gives(lent, sandbox):
    query = SearchQuery(text="quarterly plan", limit=5)
    async with connected(replace(lent, instances=9)) as source:
        await asyncio.gather(*(source.search(query) for _ in range(12)))
    # One at a time, though the stand-in counts a request until after its last byte has been read.
    assert sandbox.traffic.peak("graph") <= 2
