"""A mailbox behind the stand-in of Graph, and behind answers that no well-behaved Graph would give."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import SecretStr
from starlette.responses import JSONResponse, PlainTextResponse, Response

from errors import GatehouseError, NotFound, SourceRateLimited, SourceTimeout, SourceUnauthorized, SourceUnavailable
from sandbox.app import create_app
from sandbox.behaviour import Behaviour
from sandbox.graph.vendor import CONCURRENT_PER_APP
from services.graph.mailbox import Mailbox
from tests.services.graph.company import ANNS_ID, NEWEST, OUT_OF_SCOPE, UNLICENSED, company, mail
from tests.services.graph.wires import APP, ORIGIN, ScriptedGraph, open_mailbox

pytestmark = pytest.mark.anyio


@pytest.fixture
def sandbox():
    return create_app(company())


@pytest.fixture
async def mailbox(sandbox):
    mailbox, _ = open_mailbox(sandbox, prefix="/graph")
    yield mailbox
    await mailbox.aclose()


async def first_id(mailbox: Mailbox, kql: str) -> str:
    return (await mailbox.search(kql, top=10)).messages[0].id


async def test_a_search_brings_messages_newest_first_with_their_text(mailbox):
    page = await mailbox.search("quarterly AND plan", top=10)
    assert [message.subject for message in page.messages] == ["Reminder: quarterly plan", "Quarterly plan"]
    assert page.messages[1].body.startswith("Ann, the quarterly plan is attached.")
    assert "<" not in page.messages[1].body
    assert page.messages[1].received_at == NEWEST - timedelta(hours=20)


async def test_quotes_in_a_search_reach_graph_as_quotes(mailbox):
    assert len((await mailbox.search('"quarterly due"', top=10)).messages) == 0
    assert len((await mailbox.search('"plan are due"', top=10)).messages) == 1


async def test_further_pages_are_found_by_their_link(sandbox):
    mailbox, _ = open_mailbox(
        create_app(company(tuple(mail(f"m{n}", "Budget", "x") for n in range(5)))), prefix="/graph"
    )
    page = await mailbox.search("budget", top=2)
    seen = [message.id for message in page.messages]
    while page.next_link:
        page = await mailbox.next_page(page.next_link)
        seen += [message.id for message in page.messages]
    assert len(seen) == len(set(seen)) == 5


@pytest.mark.parametrize(
    "link",
    [
        "http://elsewhere.example.com/graph/v1.0/users/ann/messages",
        "https://vendor.test/graph/v1.0/users/ann/messages",
        f"{ORIGIN}:8080/graph/v1.0/users/ann/messages",
        f"{ORIGIN}.example.com/graph/v1.0/users/ann/messages",
        "http://vendor.test@example.com/graph/v1.0/users/ann/messages",
        "http://user@vendor.test/graph/v1.0/users/ann/messages",
        "http://vendor.test\\@example.com/graph/v1.0/users",
        f"{ORIGIN}/graph/v1.0/users/../../../control/faults",
        f"{ORIGIN}/entra/v1.0/users",
        f"{ORIGIN}/graph/v1.0/me/messages",
        f"{ORIGIN}/graph/v1.0/users/ann/messages?\r\nX-Injected: yes",
        "/graph/v1.0/users/ann/messages",
        "file:///etc/passwd",
        "",
    ],
)
async def test_a_link_to_anywhere_else_is_not_followed(sandbox, link):
    mailbox, recording = open_mailbox(sandbox, prefix="/graph")
    with pytest.raises(SourceUnavailable, match="another address"):
        await mailbox.next_page(link)
    assert recording.sent == []


async def test_a_message_comes_with_all_of_its_headers(mailbox):
    message = await mailbox.message(await first_id(mailbox, "landlord"))
    assert message.subject == "Warehouse lease in Tilburg"
    assert [person.name for person in (message.sender, *message.to, *message.cc)] == ["Ben Ode", "Ann Meyer", "Cat Roe"]
    assert "break clause after three" in message.body
    assert message.conversation
    assert message.link.startswith("https://")


async def test_ids_are_the_immutable_ones_on_every_request(mailbox):
    by_search = await first_id(mailbox, "landlord")
    assert (await mailbox.message(by_search)).id == by_search
    assert by_search in {message.id for message in (await mailbox.newest(top=10)).messages}


async def test_attachments_are_listed_without_and_fetched_with_their_content(mailbox):
    plan = await first_id(mailbox, "hiring")
    listed = await mailbox.attachments(plan)
    assert [(each.name, each.kind, each.is_inline) for each in listed] == [
        ("plan.txt", "file", False),
        ("Re: drivers", "item", False),
        ("Budget on the intranet", "reference", False),
        ("logo.png", "file", True),
    ]
    assert await mailbox.attachment_content(plan, listed[0].id, most_bytes=1_000) == (
        b"Open the depot in March.\nHire six drivers in April."
    )
    assert b"eleven applications" in await mailbox.attachment_content(plan, listed[1].id, most_bytes=100_000)


async def test_content_beyond_the_bound_is_dropped():
    mailbox, _ = open_mailbox(ScriptedGraph(answer=lambda _request: Response(b"x" * 100_001)))
    with pytest.raises(SourceUnavailable, match="larger than"):
        await mailbox.attachment_content("m", "a", most_bytes=100_000)


@pytest.mark.parametrize("id", ["no-such-id", "AAkALgAA" + "x" * 85 + "AA=", "m +=1?$select=id#x", "é"])
async def test_an_unknown_or_malformed_id_is_not_found(mailbox, id):
    with pytest.raises(NotFound):
        await mailbox.message(id)
    with pytest.raises(NotFound):
        await mailbox.attachments(id)


@pytest.mark.parametrize(
    ("user", "told"),
    [
        ("nobody@larkfield.example.com", "no user with this address"),
        (UNLICENSED.address, "no mailbox in Exchange Online"),
        (OUT_OF_SCOPE.address, "Application Mail.Read"),
    ],
)
async def test_a_mailbox_that_cannot_be_read_says_what_to_do(sandbox, user, told):
    mailbox, _ = open_mailbox(sandbox, prefix="/graph", user=user)
    with pytest.raises(SourceUnauthorized, match=told):
        await mailbox.search("plan", top=10)
    with pytest.raises(SourceUnauthorized, match=told):
        await mailbox.message("AAkALgAA" + "x" * 85 + "AA=")


async def test_a_mailbox_is_found_by_its_owners_id_too(sandbox):
    mailbox, _ = open_mailbox(sandbox, prefix="/graph", user=ANNS_ID)
    assert len((await mailbox.newest(top=10)).messages) == 4


async def test_two_hundred_searches_on_an_expired_token_are_one_token_request(sandbox, mailbox):
    await mailbox.newest(top=1)
    sandbox.tokens.expire("graph")
    sandbox.traffic.clear()
    pages = await asyncio.gather(*(mailbox.search("plan", top=10) for _ in range(200)))
    assert all(len(page.messages) == 2 for page in pages)
    assert sandbox.traffic.count("entra", "token") == 1


async def test_no_more_requests_run_at_once_than_graph_allows():
    sandbox = create_app(company(), behaviour=Behaviour(latency=timedelta(milliseconds=20)))
    mailbox, _ = open_mailbox(sandbox, prefix="/graph")
    await asyncio.gather(*(mailbox.search("plan", top=10) for _ in range(12)))
    assert sandbox.traffic.peak("graph") == CONCURRENT_PER_APP
    assert set(sandbox.traffic.statuses("graph")) == {200}


async def test_a_token_that_stays_refused_is_replaced_once_and_no_more():
    refusal = {"error": {"code": "InvalidAuthenticationToken", "message": "theirs"}}
    scripted = ScriptedGraph(answer=lambda _request: JSONResponse(refusal, 401))
    mailbox, _ = open_mailbox(scripted)
    with pytest.raises(SourceUnauthorized, match="does not accept the app's sign-in"):
        await mailbox.search("plan", top=10)
    assert len(scripted.requests) == 2


async def test_a_revoked_secret_asks_for_a_new_connection(sandbox, mailbox):
    await mailbox.search("plan", top=10)
    sandbox.secrets.revoke("entra")
    with pytest.raises(SourceUnauthorized):
        await mailbox.search("plan", top=10)


async def test_a_wrong_secret_shows_in_no_message(sandbox):
    app = replace(APP, client_secret=SecretStr("canary-5ecret-94c1"))
    mailbox, _ = open_mailbox(sandbox, prefix="/graph", signing_in_as=app)
    with pytest.raises(SourceUnauthorized) as error:
        await mailbox.search("plan", top=10)
    failure: BaseException | None = error.value
    while failure is not None:
        assert "canary" not in f"{failure} {failure!r}"
        failure = failure.__cause__


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (JSONResponse({"error": {"code": "TooManyRequests", "message": "theirs"}}, 429), SourceRateLimited),
        (JSONResponse({"error": {"code": "ApplicationThrottled"}}, 503), SourceRateLimited),
        (JSONResponse({"error": {"code": "ErrorMailboxStoreUnavailable"}}, 503), SourceUnavailable),
        (PlainTextResponse("<html>theirs</html>", 502), SourceUnavailable),
        (PlainTextResponse("<html>theirs</html>", 403), SourceUnauthorized),
        (PlainTextResponse("<html>theirs</html>", 404), SourceUnavailable),
        (PlainTextResponse("<html>theirs</html>"), SourceUnavailable),
        (JSONResponse({"error": {"code": "BadRequest", "message": "theirs"}}, 400), SourceUnavailable),
        (JSONResponse({"error": "theirs"}, 400), SourceUnavailable),
        (PlainTextResponse("", 302, {"Location": "https://elsewhere.example.com/"}), SourceUnavailable),
        (PlainTextResponse("", 204), SourceUnavailable),
        (PlainTextResponse("", 200, {"Content-Encoding": "gzip"}), SourceUnavailable),
    ],
)
async def test_whatever_graph_answers_becomes_an_error_of_ours(answer: Response, kind: type[GatehouseError]):
    mailbox, _ = open_mailbox(ScriptedGraph(answer=lambda _request: answer))
    with pytest.raises(GatehouseError) as error:
        await mailbox.search("plan", top=10)
    assert type(error.value) is kind
    assert "theirs" not in error.value.message


@pytest.mark.parametrize(
    ("header", "wait"),
    [("7", timedelta(seconds=7)), ("999999999", timedelta(hours=1)), ("soon", None), ("-1", None), ("\u0661", None)],
)
async def test_how_long_graph_wants_us_to_wait_is_told(header, wait):
    answer = JSONResponse({"error": {"code": "ApplicationThrottled"}}, 429)
    answer.raw_headers.append((b"retry-after", header.encode("latin-1", "replace")))
    mailbox, _ = open_mailbox(ScriptedGraph(answer=lambda _request: answer))
    with pytest.raises(SourceRateLimited) as error:
        await mailbox.search("plan", top=10)
    assert error.value.retry_after == wait


async def test_a_request_ends_when_its_time_is_up_and_the_next_one_works():
    slow = True

    async def answer(_request):
        if slow:
            await asyncio.sleep(60)
        return JSONResponse({"value": []})

    mailbox, _ = open_mailbox(ScriptedGraph(answer=answer), timeout=timedelta(milliseconds=200))
    await asyncio.gather(*(_times_out(mailbox) for _ in range(CONCURRENT_PER_APP + 1)))
    slow = False
    assert (await mailbox.search("plan", top=10)).messages == ()


async def _times_out(mailbox: Mailbox) -> None:
    with pytest.raises(SourceTimeout):
        await mailbox.search("plan", top=10)


async def test_nothing_of_the_machine_or_of_whoever_asked_is_sent_along(sandbox):
    mailbox, recording = open_mailbox(sandbox, prefix="/graph")
    await mailbox.message(await first_id(mailbox, "landlord"))
    for sent in recording.sent:
        assert set(sent.headers) == {
            *("host", "accept", "accept-encoding", "connection", "user-agent", "prefer", "authorization")
        }
        assert sent.headers["prefer"] == 'outlook.body-content-type="text", IdType="ImmutableId"'
