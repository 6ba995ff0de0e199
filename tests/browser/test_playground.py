"""The playground with scripts: sources as they finish, the answer, a document, all of it as text."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from errors import SourceUnavailable
from handlers.base import Hit, SearchQuery
from tests.browser.axe import serious_findings
from tests.browser.house import open_house
from tests.browser.watching import watch
from tests.scripted import Script, Stage, hit
from tests.stand import PASSWORD, ports, settings_for

NASTY = '<img src=x onerror="document.title=1">'
PERSON = {"email": "ann@example.com", "password": PASSWORD}


@dataclass
class Gates:
    """Sources that answer when a test lets them."""

    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    loop: asyncio.AbstractEventLoop | None = None

    def script(self, name: str, hits: Sequence[Hit]) -> Script:
        async def search(_query: SearchQuery) -> Sequence[Hit]:
            self.loop = asyncio.get_running_loop()
            await self.gates.setdefault(name, asyncio.Event()).wait()
            return hits

        return Script(searching=search, hits=hits)

    def let(self, name: str) -> None:
        """It may answer now; it has been asked already."""
        assert self.loop is not None
        self.loop.call_soon_threadsafe(self.gates[name].set)


Play = Callable[[dict[str, Script]], Page]
"""Opens the playground of a server with these sources, signed in."""


def ask(page: Page, question: str) -> None:
    page.get_by_label("Question").fill(question)
    page.get_by_role("button", name="Search").click()


@pytest.fixture
def play(browser: Browser, sqlite_url: str, tmp_path: Path) -> Iterator[Play]:
    with playing(browser, sqlite_url, tmp_path) as begin:
        yield begin


@pytest.fixture
def keeping(browser: Browser, sqlite_url: str, tmp_path: Path) -> Iterator[Play]:
    """Where answers are kept for a while, as they are unless told otherwise."""
    with playing(browser, sqlite_url, tmp_path, answer_reuse_s=30) as begin:
        yield begin


@contextmanager
def playing(browser: Browser, sqlite_url: str, tmp_path: Path, **changes: int) -> Iterator[Play]:
    own, *gateways = ports(3)
    pool = ",".join(f"http://localhost:{port}" for port in gateways)
    settings = settings_for(
        sqlite_url, tmp_path, port=own, portal_url=f"http://localhost:{own}", mcp_gateway_url_pools=pool, **changes
    )
    stage = Stage()
    with open_house(settings, stage.registry()):
        context = browser.new_context(base_url=settings.portal_url, viewport={"width": 1280, "height": 800})
        context.set_default_timeout(15_000)
        page = context.new_page()
        watched = watch(page)

        def begin(scripts: dict[str, Script]) -> Page:
            stage.scripts |= scripts
            with httpx2.Client(base_url=settings.portal_url) as http:
                http.post("/api/v1/signup", json={**PERSON, "name": "Ann"}).raise_for_status()
                http.post("/api/v1/signin", json=PERSON).raise_for_status()
                http.post("/api/v1/mcp-servers", json={"name": "Empty", "source_ids": []}).raise_for_status()
                bodies = [{"name": name, "type": "scripted", "config": {"script": name}} for name in scripts]
                ids = [http.post("/api/v1/sources", json=body).raise_for_status().json()["id"] for body in bodies]
                http.post("/api/v1/mcp-servers", json={"name": "Research", "source_ids": ids}).raise_for_status()
            page.goto("/signin?next=/playground")
            page.get_by_label("E-mail address").fill(PERSON["email"])
            page.get_by_label("Password").fill(PERSON["password"])
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url("**/playground")
            return page

        yield begin
        context.close()
        assert watched.problems == []


@pytest.fixture
def gates() -> Gates:
    return Gates()


@pytest.fixture
def stepwise(play: Play, gates: Gates) -> Page:
    """Files answers at once, Archive when it is let."""
    found = hit("1", f"Cold {NASTY}", text=f"zone {NASTY}", url="https://files.example.com/1")
    archive = gates.script("Archive", [hit("2", "Cold store", url="javascript:alert(1)")])
    return play({"Files": Script(hits=[found]), "Archive": archive})


def test_each_source_is_shown_as_it_answers_and_then_the_answer_as_text(stepwise: Page, gates: Gates):
    page = stepwise
    ask(page, "cold zone")
    files, archive = page.locator(".lane", has_text="Files"), page.locator(".lane", has_text="Archive")
    expect(files).to_contain_text("Answered")
    expect(files).to_contain_text("1 hits")
    expect(archive).to_contain_text("Asking")
    expect(page.locator(".hit")).to_have_count(0)
    gates.let("Archive")
    expect(page.locator(".hit")).to_have_count(2)
    expect(archive).to_contain_text("Answered")
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    first = page.locator(".hit").first
    expect(first.locator("h3")).to_have_text(f"Cold {NASTY}")
    first.get_by_text("Why it stands here").click()
    expect(first.locator("[data-slot=words]")).to_contain_text("cold")
    expect(first.locator("[data-slot=places]")).to_contain_text("Files")
    links = page.locator(".hit a[href]").evaluate_all("links => links.map((link) => link.protocol)")
    assert links == ["https:"]
    assert serious_findings(page) == []


def test_a_hit_is_read_beside_the_reply_that_an_agent_gets(stepwise: Page, gates: Gates):
    page = stepwise
    ask(page, "cold zone")
    expect(page.locator(".lane", has_text="Files")).to_contain_text("Answered")
    gates.let("Archive")
    first = page.locator(".hit").first
    first.get_by_role("button", name="Read as an agent").click()
    expect(first.locator(".reading-text pre")).to_have_text(f"zone {NASTY}")
    reply = json.loads(first.locator(".reading-raw pre").text_content() or "")
    assert reply["structuredContent"]["text"] == f"zone {NASTY}"
    assert json.loads(reply["content"][0]["text"]) == reply["structuredContent"]
    assert serious_findings(page) == []
    first.get_by_role("button", name="Close").click()
    expect(first.locator(".reading")).to_have_count(0)


def test_an_answer_that_was_kept_says_so_instead_of_a_time(keeping: Play):
    page = keeping({"Files": Script(hits=[hit("1", "Cold zone")])})
    lane = page.locator(".lane", has_text="Files")
    ask(page, "cold")
    expect(lane).to_contain_text("ms of 4 s")
    ask(page, "cold")
    expect(lane).to_contain_text("Kept answer")
    expect(page.locator("#summary")).to_contain_text("No source was asked again")
    ask(page, "cold zone")
    expect(lane).to_contain_text("ms of 4 s")
    expect(page.locator("#summary")).not_to_contain_text("asked again")


def test_a_search_can_be_stopped(stepwise: Page):
    ask(stepwise, "cold zone")
    expect(stepwise.locator(".lane", has_text="Files")).to_contain_text("Answered")
    stepwise.get_by_role("button", name="Stop").click()
    expect(stepwise.get_by_role("status")).to_contain_text("Stopped.")
    expect(stepwise.locator(".lane", has_text="Archive")).to_contain_text("Not asked yet")


def test_what_went_wrong_is_said_where_it_happened(play: Play):
    async def fail(_query: SearchQuery) -> list[Hit]:
        raise SourceUnavailable(f"Mail: It is down {NASTY}")

    async def gone(_query: SearchQuery) -> list[Hit]:
        return [hit("9", "Cold ghost")]

    page = play({"Mail": Script(searching=fail), "Ghost": Script(searching=gone)})
    ask(page, "cold")
    lane = page.locator(".lane", has_text="Mail")
    expect(lane).to_contain_text("Not reachable")
    expect(lane.locator(".lane-message")).to_have_text(f"Mail: It is down {NASTY}")
    page.get_by_role("button", name="Read as an agent").click()
    expect(page.locator(".hit .note.is-bad")).to_contain_text("Use an id exactly as search returned it.")


def test_another_server_is_chosen_in_place(play: Play):
    page = play({"Files": Script(hits=[hit("1", "Cold zone")])})
    page.get_by_label("MCP server").select_option("Empty")
    expect(page.get_by_text("No source of this server is switched on")).to_be_visible()
    page.get_by_label("MCP server").select_option("Research")
    expect(page.locator(".lane")).to_have_count(1)
    assert urlsplit(page.url).query.startswith("server=")
    page.reload()
    expect(page.get_by_label("MCP server")).to_have_value(urlsplit(page.url).query.removeprefix("server="))
    page.get_by_label("Question").fill("cold")
    page.keyboard.press("Enter")
    expect(page.locator(".hit h3")).to_have_text("Cold zone")
