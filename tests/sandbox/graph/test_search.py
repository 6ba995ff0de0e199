"""$search on messages: what matches, in which order, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from sandbox.app import create_app
from sandbox.world import Mail, World
from tests.sandbox.callers import calling

pytestmark = pytest.mark.anyio


async def test_all_words_must_be_there(caller):
    assert await caller.search_mail('"corrosion connector grease"') == ["Re: Green plugs on the Havørn"]
    assert await caller.search_mail('"corrosion connector grease insulin"') == []


async def test_the_newest_come_first_and_nothing_tells_how_well_they_match(caller):
    answer = await caller.graph("/messages", search='"gateway"', select="receivedDateTime")
    found = answer.json()["value"]
    assert len(found) > 3
    moments = [message["receivedDateTime"] for message in found]
    assert moments == sorted(moments, reverse=True)
    assert set(found[0]) == {"@odata.etag", "id", "receivedDateTime"}


async def test_words_match_sender_subject_and_body_and_no_attachment(caller):
    assert "Report on the excursion of 12 September, zone C" in await caller.search_mail('"Cole"')
    assert await caller.search_mail('"excursion-report-zone-c"') == []
    assert await caller.search_mail('"attachment:excursion-report-zone-c"') == [
        "Possible claim: excursion at a customer on 12 September",
        "Report on the excursion of 12 September, zone C",
    ]


async def test_a_phrase_wants_its_words_side_by_side(caller):
    assert len(await caller.search_mail('"four percent"')) > len(await caller.search_mail(r'"\"four percent for\""'))


@pytest.mark.parametrize(
    ("search", "count"),
    [
        ('"from:Postma"', 2),
        ('"from:femke.postma@northbay.example.org"', 2),
        ('"to:Postma"', 2),
        ('"participants:Postma"', 4),
        (r'"subject:\"Re: Draft 3\""', 1),
        ('"subject:(draft OR keys)"', 3),
        ('"from:Postma AND subject:draft"', 1),
        ('"from:Postma NOT subject:draft"', 1),
        ('"from:Postma -subject:draft"', 1),
        ('"from:Postma from:Solheim"', 4),
        ('"from:Postma OR from:Solheim"', 4),
        ('"received:2026-10-19"', 2),
        ('"received:2026-10-13..2026-10-14"', 4),
        ('"received>=2026-11-16"', 3),
        ('"received>=2026-11-16 AND hasAttachments:true"', 0),
        ('"received:today"', 0),
        ('"received:\\"this month\\" AND from:Solheim"', 1),
        ('"importance:high"', 4),
        ('"from<>Postma AND subject:draft"', 1),
        ('"kind:email AND from:Solheim"', 2),
        ('"kind:im AND from:Solheim"', 0),
        ('"& from:Solheim"', 2),
        ('"hasAttachments:true AND from:Norling"', 2),
        ('"calibra*"', 5),
        ('"nosuchproperty:calibration"', 0),
        ('"size>100000"', 0),
    ],
)
async def test_restrictions(caller, search, count):
    assert len(await caller.search_mail(search)) == count


DAYS = ("2025-12-31", "2026-04-01", "2026-04-14", "2026-10-02", "2026-11-17", "2026-11-19")


@pytest.mark.parametrize(
    ("restriction", "days"),
    [
        ("received>2026-10-02", DAYS[4:]),
        ("received>=2026-10-02", DAYS[3:]),
        ("received<2026-04-14", DAYS[:2]),
        ("received<=2026-04-14", DAYS[:3]),
        ("received<>2026-04-14", (*DAYS[:2], *DAYS[3:])),
        ("received=4/14/2026", DAYS[2:3]),
        ("sent:2026-04-14T09:05:00Z", DAYS[2:3]),
        ("sent:2026-04-14T09:06:00", ()),
        ("received:2026-04-01..2026-04-14", DAYS[1:3]),
        ("received:today", ()),
        ("received:yesterday", DAYS[5:]),
        (r"received:\"this week\"", DAYS[4:]),
        (r"received:\"last week\"", ()),
        (r"received:\"this month\"", DAYS[4:]),
        (r"received:\"last month\"", DAYS[3:4]),
        (r"received:\"this year\"", DAYS[1:]),
        (r"received:\"last year\"", DAYS[:1]),
    ],
)
async def test_dates(world, clock, oracle, restriction, days):
    """The clock stands at Friday 20 November 2026."""
    mails = tuple(
        replace(world.mails[0], id=day, subject=day, sent_at=datetime.fromisoformat(f"{day}T09:05:00Z")) for day in DAYS
    )
    async with calling(create_app(replace(world, mails=mails), clock=clock), oracle) as caller:
        assert sorted(await caller.search_mail(f'"{restriction}"')) == list(days)


@pytest.mark.parametrize(
    ("restriction", "sizes"),
    [
        ("size>2000", [3000]),
        ("size>=2000", [2000, 3000]),
        ("size<2000", [1000]),
        ("size:2000", [2000]),
        ("size<>2000", [1000, 3000]),
        ("size:1000..2000", [1000, 2000]),
    ],
)
async def test_sizes(world, clock, oracle, restriction, sizes):
    bodies = {1000: "", 2000: "x" * 1000, 3000: "x" * 2000}
    mails = tuple(
        replace(world.mails[0], id=str(size), subject=str(size), body=body, attachments=())
        for size, body in bodies.items()
    )
    async with calling(create_app(replace(world, mails=mails), clock=clock), oracle) as caller:
        assert sorted(int(subject) for subject in await caller.search_mail(f'"{restriction}"')) == sizes


async def test_a_lower_case_or_is_a_word(caller):
    assert await caller.search_mail('"Solheim or Postma"') == []


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ("Backup Config 0", "Syntax error: character '0' is not valid at position 14 in 'Backup Config 0'."),
        ("subject:budget", "Syntax error: character ':' is not valid at position 7 in 'subject:budget'."),
        (
            '"subject:"budget plan""',
            "Syntax error: character 'b' is not valid at position 10 in '\"subject:\"budget plan\"\"'.",
        ),
        ('"(renewal"', "Syntax error: the expression ends too early at position 8 in '(renewal'."),
        ('"renewal)"', "Syntax error: character ')' is not valid at position 7 in 'renewal)'."),
        ('"AND renewal"', "Syntax error: character 'A' is not valid at position 0 in 'AND renewal'."),
        ('"renewal OR"', "Syntax error: the expression ends too early at position 10 in 'renewal OR'."),
        ('"subject:"', "Syntax error: the expression ends too early at position 8 in 'subject:'."),
        (
            '"renewal NEAR(3) price"',
            "Syntax error: character 'N' is not valid at position 8 in 'renewal NEAR(3) price'.",
        ),
        ('"received:soon"', "The value 'soon' is not a date."),
        ('"size:large"', "The value 'large' of the property 'size' is not a number."),
    ],
)
async def test_what_is_no_kql_is_refused(caller, search, message):
    answer = await caller.graph("/messages", search=search)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadRequest")
    assert answer.json()["error"]["message"] == message


@pytest.mark.parametrize("option", ["orderby", "filter", "skip"])
async def test_search_goes_with_no_order_and_no_filter(caller, option):
    value = {"orderby": "receivedDateTime desc", "filter": "isRead eq true", "skip": "10"}[option]
    answer = await caller.graph("/messages", search='"renewal"', **{option: value})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == f"The query parameter '${option}' is not supported with '$search'."


async def test_unquoted_words_are_fine_as_long_as_they_are_only_words(caller):
    assert await caller.search_mail("corrosion grease") == await caller.search_mail('"corrosion grease"')


async def test_pages_hang_together_and_hold_everything_once(caller, client):
    everything = await caller.search_mail('"the"')
    answer = await caller.graph("/messages", search='"the"', top="7", select="subject")
    subjects = []
    while True:
        subjects += [message["subject"] for message in answer.json()["value"]]
        link = answer.json().get("@odata.nextLink")
        if link is None:
            break
        assert link.startswith("http://sandbox.example.com/graph/v1.0/users/")
        answer = await client.get(link, headers=answer.request.headers)
    assert subjects == everything
    assert len(everything) > 21


async def test_a_search_returns_a_thousand_and_no_more(world, clock, oracle):
    owner = world.mailboxes[0].owner
    mails = tuple(
        Mail(
            id=str(number),
            mailbox=owner.address,
            conversation="c",
            subject="The same again",
            sender=owner,
            to=(owner,),
            sent_at=clock() - timedelta(minutes=number),
            body="",
        )
        for number in range(1_100)
    )
    sandbox = create_app(World(name="Much mail", mailboxes=world.mailboxes, mails=mails, box_users=()), clock=clock)
    async with calling(sandbox, oracle) as caller:
        answer = await caller.graph("/messages", search='"again"', top="1000", select="id")
    assert len(answer.json()["value"]) == 1_000
    assert "@odata.nextLink" not in answer.json()
