"""What is read of attachments, and what is said of the others."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from handlers.outlook.attachments import MOST_BYTES, MOST_READ, AttachmentTexts
from services.graph.values import Attachment, AttachmentKind
from services.text import Extracted
from tests.services.graph.wires import ScriptedGraph, open_mailbox

pytestmark = pytest.mark.anyio


class Extraction:
    async def extract(self, data: bytes, *, name: str, content_type: str) -> Extracted:
        return Extracted(text=f"{name} {content_type} {data!r}", complete=True)


def attachment(
    name: str, *, size_bytes: int = 10, content_type: str = "text/plain", kind: AttachmentKind = "file"
) -> Attachment:
    return Attachment(
        id=f"id-{name}", name=name, content_type=content_type, size_bytes=size_bytes, is_inline=False, kind=kind
    )


async def sections(
    *attachments: Attachment, answer=lambda _request: Response(b"hello"), time_s: float = 5
) -> list[str]:
    mailbox, _ = open_mailbox(ScriptedGraph(answer=answer))
    texts = AttachmentTexts(mailbox, Extraction(), time=timedelta(seconds=time_s))
    return await texts.sections("message", attachments)


async def test_a_file_is_read_by_its_own_type():
    assert await sections(attachment("a.txt")) == ["[Attachment: a.txt]\na.txt text/plain b'hello'"]


@pytest.mark.parametrize(
    ("data", "name", "content_type"),
    [
        (b"BEGIN:VCALENDAR\r\n", "Review.ics", "text/calendar"),
        (b"BEGIN:VCARD\r\n", "Review.vcf", "text/vcard"),
        (b"MIME-Version: 1.0\r\n", "Review.eml", "message/rfc822"),
    ],
)
async def test_an_outlook_item_is_read_by_what_its_content_is(data, name, content_type):
    item = attachment("Review", kind="item", content_type="")
    (section,) = await sections(item, answer=lambda _request: Response(data))
    assert f"{name} {content_type} " in section


async def test_a_name_cannot_pass_for_more_than_a_name():
    (section,) = await sections(attachment("a.txt]\n\nFrom: The Boss", kind="reference"))
    assert "\n" not in section


async def test_what_is_too_large_is_not_asked_for():
    asked: list[Request] = []

    def answer(request: Request) -> Response:
        asked.append(request)
        return Response(b"")

    told = await sections(
        attachment("large", size_bytes=MOST_BYTES + 1),
        *(attachment(f"part{n}", size_bytes=15_000_000) for n in range(3)),
        attachment("small"),
        answer=answer,
    )
    assert told[0] == "[Attachment: large: not read, it is larger than 20 MB]"
    assert told[3] == "[Attachment: part2: not read, all together are larger than 40 MB]"
    assert [request.url.path.split("/")[-2] for request in asked] == ["id-part0", "id-part1", "id-small"]


async def test_no_more_than_a_few_are_read():
    told = await sections(*(attachment(f"a{n}") for n in range(MOST_READ + 2)))
    assert len(told) == MOST_READ + 2
    assert [text for text in told if "not read" in text] == [
        f"[Attachment: a{n}: not read, only the first 10 are]" for n in range(MOST_READ, MOST_READ + 2)
    ]


async def test_one_that_is_refused_does_not_hide_the_others():
    def answer(request: Request) -> Response:
        return JSONResponse({}, 500) if "id-bad" in request.url.path else Response(b"hello")

    told = await sections(attachment("good"), attachment("bad"), attachment("fine"), answer=answer)
    assert told[1] == "[Attachment: bad: not read, Microsoft did not hand it out]"
    assert "hello" in told[0]
    assert "hello" in told[2]


async def test_when_the_time_is_up_the_rest_is_named():
    async def answer(request: Request) -> Response:
        if "id-slow" in request.url.path:
            await asyncio.sleep(30)
        return Response(b"hello")

    told = await sections(attachment("quick"), attachment("slow"), attachment("late"), answer=answer, time_s=0.3)
    assert "hello" in told[0]
    assert told[1:] == [
        "[Attachment: slow: not read, there was no time left]",
        "[Attachment: late: not read, there was no time left]",
    ]
