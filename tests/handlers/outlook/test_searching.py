"""Climbing the ladder: few requests, the better ones first, and what was found is not lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from errors import SourceRateLimited, SourceUnauthorized, SourceUnavailable
from handlers.outlook.planning import plan
from handlers.outlook.searching import PAGE, find_messages
from handlers.outlook.words import find_terms
from sandbox.app import create_app
from tests.handlers.outlook.test_planning import LONG
from tests.services.graph.company import company, mail
from tests.services.graph.wires import ORIGIN, ScriptedGraph, open_mailbox, utc_now

pytestmark = pytest.mark.anyio


def page_of(ids: range, link: str | None = None) -> JSONResponse:
    value = [{"id": f"m{n}", "subject": f"Subject {n}", "body": {"content": "x"}} for n in ids]
    return JSONResponse({"value": value} | ({"@odata.nextLink": link} if link else {}))


def throttled() -> JSONResponse:
    return JSONResponse({"error": {"code": "ApplicationThrottled"}}, 429, {"Retry-After": "3"})


class Script:
    """Answers one request after the other."""

    def __init__(self, *answers: Response) -> None:
        self._answers = list(answers)

    def __call__(self, request: Request) -> Response:
        return self._answers.pop(0)


async def search(
    *answers: Response, typed: str, clock: Callable[[], datetime] = utc_now
) -> tuple[list[str], list[str]]:
    """The ids found, and the queries that it took."""
    scripted = ScriptedGraph(answer=Script(*answers))
    mailbox, _ = open_mailbox(scripted)
    found = await find_messages(mailbox, typed, clock)
    queries = [unquote(request.query_params["$search"])[1:-1].replace('\\"', '"') for request in scripted.requests]
    await mailbox.aclose()
    return [message.id for message in found], queries


async def test_enough_on_the_first_query_is_enough():
    ids, queries = await search(page_of(range(60)), typed="lease deposit")
    assert len(ids) == 60
    assert queries == ["deposit AND lease"]


async def test_too_little_is_followed_by_looser_queries_and_merged():
    answers = (page_of(range(2)), page_of(range(1, 5)), page_of(range(3, 9)))
    ids, queries = await search(*answers, typed="lease deposit notary landlord")
    assert sorted(ids) == [f"m{n}" for n in range(9)]
    ladder = plan(find_terms("lease deposit notary landlord"))
    assert queries == list(ladder.rungs[:3])


async def test_a_full_page_of_a_loose_query_is_followed_by_a_narrower_one():
    ladder = plan(find_terms(LONG))
    ids, queries = await search(page_of(range(PAGE)), page_of(range(PAGE, PAGE + 60)), typed=LONG)
    assert queries == [ladder.rungs[ladder.start], ladder.rungs[ladder.start - 1]]
    assert len(ids) == PAGE + 60


async def test_there_are_never_more_than_three_requests():
    _, queries = await search(*(page_of(range(0)) for _ in range(9)), typed=LONG)
    assert len(queries) == 3


async def test_short_pages_are_followed_by_their_link():
    link = f"{ORIGIN}/v1.0/users/ann/messages?$search=%22lease%22&$skiptoken=abc"
    ids, queries = await search(page_of(range(25), link), page_of(range(25, 80)), typed="lease")
    assert len(ids) == 80
    assert len(queries) == 2


@pytest.mark.parametrize("failure", [throttled(), JSONResponse({}, 400)])
async def test_what_was_found_before_it_went_wrong_is_kept(failure):
    ids, _ = await search(page_of(range(2)), failure, typed="lease deposit")
    assert sorted(ids) == ["m0", "m1"]


@pytest.mark.parametrize(
    ("failure", "kind"), [(throttled(), SourceRateLimited), (JSONResponse({}, 400), SourceUnavailable)]
)
async def test_trouble_with_nothing_found_is_told(failure, kind):
    with pytest.raises(kind):
        await search(page_of(range(0)), failure, typed="lease deposit")


async def test_a_lost_permission_is_told_even_if_something_was_found():
    with pytest.raises(SourceUnauthorized):
        await search(page_of(range(2)), JSONResponse({}, 403), typed="lease deposit")


async def test_no_further_request_begins_when_the_time_is_spent():
    moments = iter([timedelta(0), timedelta(0), timedelta(seconds=2.5), timedelta(seconds=3)])
    begun = datetime(2026, 11, 2, tzinfo=UTC)
    scripted = ScriptedGraph(answer=Script(page_of(range(2))))
    mailbox, _ = open_mailbox(scripted)
    found = await find_messages(mailbox, "lease deposit", lambda: begun + next(moments))
    assert [message.id for message in found] == ["m0", "m1"]
    assert len(scripted.requests) == 1


async def test_nothing_is_asked_where_there_is_no_word():
    assert await search(typed="?!") == ([], [])


async def test_a_question_of_twenty_words_and_more_finds_its_mail_among_many():
    noise = tuple(
        mail(f"n{n}", f"Warehouse report {n}", f"The warehouse in week {n}: {n} trucks, three drivers, no conditions.")
        for n in range(300)
    )
    wanted = mail(
        "wanted",
        "Lease signed",
        "The landlord attaches two conditions to the break clause: six months of notice, and the deposit goes to his "
        "notary in Tilburg by the end of March.",
        hours_ago=5_000,
    )
    assert len(LONG.split()) > 20
    mailbox, _ = open_mailbox(create_app(company((*noise, wanted))), prefix="/graph")
    found = await find_messages(mailbox, LONG, utc_now)
    assert found[0].subject == "Lease signed"
