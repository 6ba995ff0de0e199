"""The product with the sample company behind it: four kinds of sources over real sockets, searched as one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.app import Sandbox, create_app
from sandbox.database import write_database
from sandbox.forms import source_forms
from sandbox.sample import sample_company
from sandbox.server import serve
from sandbox.world import World
from tests.stand import Person, Stand, settings_for, stand

pytestmark = pytest.mark.anyio
WORLD = sample_company()


@dataclass
class Company:
    """A stand whose server searches the whole company."""

    stand: Stand
    owner: Person
    server: dict[str, Any]
    sources: dict[str, dict[str, Any]]
    """By type."""

    async def search(self, query: str) -> dict[str, Any]:
        reply = await self.owner.http.post(f"/api/v1/mcp-servers/{self.server['id']}/search", json={"query": query})
        reply.raise_for_status()
        answer: dict[str, Any] = reply.json()
        return answer

    async def fetch(self, id: str) -> dict[str, Any]:
        reply = await self.owner.http.post(f"/api/v1/mcp-servers/{self.server['id']}/fetch", json={"id": id})
        reply.raise_for_status()
        document: dict[str, Any] = reply.json()
        return document

    async def status(self, kind: str) -> str:
        status: str = (await self.owner.http.get(f"/api/v1/sources/{self.sources[kind]['id']}")).json()["status"]
        return status


@pytest.fixture
def vendors() -> Iterator[tuple[Sandbox, str]]:
    sandbox = create_app(WORLD, quotas=False)
    with serve(sandbox) as origin:
        yield sandbox, origin


@asynccontextmanager
async def company(database_url: str, folder: Path, origin: str, known: Company | None = None) -> AsyncIterator[Company]:
    """Connected anew, or, given one that was there before, found again in the database."""
    customers = folder / "customers"
    if known is None:
        write_database(WORLD, customers / "company.db")
    settings = settings_for(
        database_url,
        folder,
        entra_url=f"{origin}/entra",
        graph_url=f"{origin}/graph",
        box_url=f"{origin}/box",
        snowflake_url=f"{origin}/snowflake",
        customer_sqlite_folder=customers,
    )
    async with stand(settings) as running:
        if known is not None:
            owner = Person(
                known.owner.id,
                known.owner.email,
                known.owner.token,
                running.client(Authorization=f"Bearer {known.owner.token}"),
            )
            yield Company(running, owner, known.server, known.sources)
            return
        owner = await running.person()
        sources = {}
        for form in source_forms(WORLD, "company.db"):
            reply = await owner.http.post("/api/v1/sources", json=form)
            reply.raise_for_status()
            sources[form["type"]] = reply.json()
        server = await running.server(owner, list(sources.values()), results=100, deadline_ms=60_000)
        for source in sources.values():  # what is found is told here, not how fast
            use = f"/api/v1/mcp-servers/{server['id']}/sources/{source['id']}"
            (await owner.http.patch(use, json={"budget_ms": 60_000})).raise_for_status()
        yield Company(running, owner, server, sources)


def statuses(answer: dict[str, Any]) -> dict[str, str]:
    return {report["type"]: report["status"] for report in answer["sources"]}


def found(answer: dict[str, Any], world: World) -> dict[str, set[str]]:
    """What was found, by kind, under the world's own names."""
    subjects = {mail.id: mail.subject for mail in world.mails}
    kinds = {report["key"]: report["type"] for report in answer["sources"]}
    names: dict[str, set[str]] = {kind: set() for kind in kinds.values()}
    titles = {result["id"]: result["title"] for result in answer["results"]}
    for explanation in answer["explanations"]:
        for place in explanation["places"]:
            kind = kinds[place["key"]]
            native = place["id"].partition(":")[2]
            if kind == "outlook":
                title = titles.get(place["id"])
                names[kind] |= {name for name, subject in subjects.items() if subject == title}
            else:
                names[kind].add(native)
    return names


async def test_long_questions_find_their_documents_in_every_source(vendors, sqlite_url, tmp_path):
    missed = []
    async with company(sqlite_url, tmp_path, vendors[1]) as larkfield:
        for question in WORLD.questions:
            answer = await larkfield.search(question.text)
            assert set(statuses(answer).values()) == {"ok"}
            names = found(answer, WORLD)
            missed += [
                (question.id, kind, sorted(expected))
                for kind, expected in question.expected.items()
                if expected and not names[kind] & set(expected)
            ]
    assert missed == []


async def test_every_id_fetches_after_a_restart(vendors, sqlite_url, tmp_path):
    async with company(sqlite_url, tmp_path, vendors[1]) as before:
        answer = await before.search("cold zone too warm: how soon must we telephone Medivar")
    assert len(statuses(answer)) == 4
    firsts = {result["source"]: result for result in reversed(answer["results"])}
    async with company(sqlite_url, tmp_path, vendors[1], before) as after:
        for result in firsts.values():
            document = await after.fetch(result["id"])
            assert document["title"] == result["title"]
            assert document["text"]
    assert len(firsts) == 4


async def test_a_revoked_secret_asks_to_reconnect_while_the_others_serve_on(vendors, sqlite_url, tmp_path):
    sandbox, origin = vendors
    async with company(sqlite_url, tmp_path, origin) as larkfield:
        assert set(statuses(await larkfield.search("Medivar")).values()) == {"ok"}
        sandbox.secrets.revoke("box")
        answer = await larkfield.search("Medivar service levels")
        assert statuses(answer) == {"box": "unauthorized", "customer_db": "ok", "outlook": "ok", "snowflake": "ok"}
        assert len({result["source"] for result in answer["results"]}) == 3
        await asyncio.sleep(0.1)  # the status is written beside the answer
        assert await larkfield.status("box") == "reconnect"
        sandbox.secrets.restore("box")
        assert statuses(await larkfield.search("Medivar contract"))["box"] == "ok"
        await asyncio.sleep(0.1)
        assert await larkfield.status("box") == "ok"


async def test_checking_each_source_says_who_we_are_there(vendors, sqlite_url, tmp_path):
    async with company(sqlite_url, tmp_path, vendors[1]) as larkfield:
        for kind, source in larkfield.sources.items():
            checked = (await larkfield.owner.http.post(f"/api/v1/sources/{source['id']}/check")).json()
            assert checked["ok"], (kind, checked)
            assert checked["account"]


async def test_no_secret_of_a_vendor_is_in_the_database(vendors, sqlite_url, tmp_path):
    async with company(sqlite_url, tmp_path, vendors[1]) as larkfield:
        await larkfield.search("Medivar")
    dump = b"".join(file.read_bytes() for file in tmp_path.glob("gatehouse.db*"))
    known = WORLD.credentials
    for secret in (known.entra.client_secret, known.box.client_secret, known.snowflake.pat):
        assert secret.encode() not in dump
