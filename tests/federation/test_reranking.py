"""The second stage: only where it is switched on and set up, with little that leaves, and never at the cost of hits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from errors import SourceUnavailable
from federation.ranking.merging import Candidates
from federation.ranking.ranking import Ranked, rank
from federation.reranking import Reranker, Reranking
from handlers.base import Hit
from tests.scripted import Script, Theatre, hit, theatre
from tests.services.openai.stand_in import KEY, OpenAI, served, vector_of

pytestmark = pytest.mark.anyio
PATIENCE, HARDLY_ANY = timedelta(seconds=5), timedelta(milliseconds=100)
QUESTION = "who bought the car"
SECRET = "canary-of-the-text"
HITS = [
    hit("1", "Minutes", text="who is who of the board and the car park"),
    hit("2", "Receipt", text="ann purchased the automobile " + "and much more " * 100 + SECRET),
    hit("3", "Menu", text="soup"),
]


class Embedded:
    """Vectors of the stand-in without its socket."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.error: SourceUnavailable | None = None

    async def embed(self, texts: Any, within: Any) -> list[list[float]]:
        self.asked.append(list(texts))
        if self.error:
            raise self.error
        return [vector_of(text) for text in texts]


def ranked(hits: list[Hit]) -> list[Ranked]:
    return list(rank(QUESTION, [Candidates("a-1", hits)], 100))


@pytest.fixture
def openai() -> OpenAI:
    return OpenAI()


@pytest.fixture
def origin(openai: OpenAI) -> Iterator[str]:
    with served(openai) as origin:
        yield origin


async def search(running: Theatre, *, rerank: bool) -> dict[str, Any]:
    person = await running.house.person()
    server, _ = await running.server(person, {"a": Script(hits=HITS)}, rerank=rerank)
    reply = await person.http.post(f"/api/v1/mcp-servers/{server['id']}/search", json={"query": QUESTION})
    reply.raise_for_status()
    answer: dict[str, Any] = reply.json()
    return answer


async def test_where_the_owner_switched_it_on_meaning_counts(openai, origin, sqlite_url: str, tmp_path: Path):
    async with theatre(sqlite_url, tmp_path, openai_api_key=KEY, openai_url=origin) as running:
        answer = await search(running, rerank=True)
    assert answer["rerank"] == "done"
    assert len(openai.asked) == 1
    scores = [one["meaning"]["score"] for one in answer["explanations"]]
    assert scores == sorted(scores, reverse=True)
    for one in answer["explanations"]:
        meaning = one["meaning"]
        assert meaning["score"] == pytest.approx(1 / (60 + meaning["rank"]) + 1 / (60 + meaning["rank_by_words"]))


async def test_only_titles_and_snippets_leave(openai, origin, sqlite_url: str, tmp_path: Path):
    async with theatre(sqlite_url, tmp_path, openai_api_key=KEY, openai_url=origin) as running:
        await search(running, rerank=True)
    question, *texts = openai.asked[0]["input"]
    assert question == QUESTION
    assert len(texts) == 3
    assert all(len(text) <= 700 and SECRET not in text for text in texts)


async def test_it_is_off_unless_switched_on(openai, origin, sqlite_url: str, tmp_path: Path):
    async with theatre(sqlite_url, tmp_path, openai_api_key=KEY, openai_url=origin) as running:
        answer = await search(running, rerank=False)
    assert (answer["rerank"], openai.asked) == ("off", [])
    assert all(one.get("meaning") is None for one in answer["explanations"])


async def test_without_a_key_it_is_said_not_to_be_set_up(sqlite_url: str, tmp_path: Path):
    async with theatre(sqlite_url, tmp_path) as running:
        assert (await search(running, rerank=True))["rerank"] == "not_set_up"


async def test_where_openai_fails_the_first_order_stands_and_it_is_said(openai, origin, sqlite_url, tmp_path: Path):
    openai.status = 500
    async with theatre(sqlite_url, tmp_path, openai_api_key=KEY, openai_url=origin) as running:
        answer = await search(running, rerank=True)
    assert answer["rerank"] == "failed"
    assert len(answer["results"]) == 3


async def test_after_a_failure_openai_is_left_alone_for_a_while():
    now = [0.0]
    embedded = Embedded()
    reranker = Reranker(embedded, now=lambda: now[0])
    hits = ranked(HITS)
    embedded.error = SourceUnavailable("Down.")
    for _ in range(3):
        assert (await reranker.rerank(QUESTION, hits, PATIENCE)).outcome is Reranking.FAILED
    assert len(embedded.asked) == 1
    embedded.error, now[0] = None, 31.0
    assert (await reranker.rerank(QUESTION, hits, PATIENCE)).outcome is Reranking.DONE


async def test_without_time_it_is_not_begun():
    embedded = Embedded()
    hits = ranked(HITS)
    done = await Reranker(embedded).rerank(QUESTION, hits, HARDLY_ANY)
    assert (done.outcome, done.ranked, embedded.asked) == (Reranking.NO_TIME, hits, [])


async def test_what_stands_far_behind_keeps_its_place():
    many = ranked([hit(str(number), f"Car {number}") for number in range(80)])
    done = await Reranker(Embedded()).rerank(QUESTION, many, PATIENCE)
    assert list(done.ranked[50:]) == many[50:]
    assert {one.best.hit.id for one in done.ranked} == {one.best.hit.id for one in many}
