"""The ways in and out, and where they lead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.portal.pages.conftest import HTML, Reader
from tests.stand import PASSWORD, Stand
from web.next import safe_next

pytestmark = pytest.mark.anyio

ELSEWHERE = (
    "https://evil.example.com", "http:evil", "//evil.example.com", "/\\evil.example.com", "\\\\evil.example.com",
    "/\t/evil.example.com", "/\n/evil.example.com", " //evil.example.com", "javascript:alert(1)", "evil", "",
    "/ok\r\nSet-Cookie: x=1", "///evil.example.com", "/" + "x" * 20_000, "/\x00", "/\u2028/evil", "/a b",
)  # fmt: skip


@pytest.mark.parametrize("target", ELSEWHERE)
async def test_nobody_is_sent_to_another_host_after_signing_in(gatehouse: Stand, target: str):
    ann = await gatehouse.person()
    fields = {"email": ann.email, "password": PASSWORD, "next": target}
    reply = await gatehouse.http.post("/signin", data=fields)
    assert (reply.status_code, reply.headers["location"]) == (303, "/")


async def test_signing_in_leads_back_to_where_one_was(gatehouse: Stand):
    ann = await gatehouse.person()
    away = await gatehouse.http.get("/sources?q=a%20b&status=ok", headers={"Accept": HTML})
    assert away.status_code == 303
    page = await gatehouse.http.get(away.headers["location"])
    assert 'name="next" value="/sources?q=a%20b&amp;status=ok"' in page.text
    fields = {"email": ann.email, "password": PASSWORD, "next": "/sources?q=a%20b&status=ok"}
    reply = await gatehouse.http.post("/signin", data=fields)
    assert reply.headers["location"] == "/sources?q=a%20b&status=ok"


@given(st.text(max_size=60))
def test_whatever_comes_a_browser_stays_on_this_host(text: str):
    target = safe_next(text)
    assert target.startswith("/")
    assert not target[1:2].startswith(("/", "\\"))
    assert not any(character.isspace() or character == "\\" for character in target)


async def test_the_session_is_a_cookie_that_no_script_reads(gatehouse: Stand):
    ann = await gatehouse.person()
    reply = await gatehouse.http.post("/signin", data={"email": ann.email, "password": PASSWORD})
    cookie = next(value for value in reply.headers.get_list("set-cookie") if value.startswith("session="))
    for part in ("HttpOnly", "SameSite=lax", "Path=/", "Max-Age=43200"):
        assert part.lower() in cookie.lower()
    assert "domain" not in cookie.lower()


async def test_a_wrong_password_and_an_unknown_address_look_the_same(gatehouse: Stand):
    ann = await gatehouse.person()
    pages = [
        await gatehouse.http.post("/signin", data={"email": email, "password": "wrong"})
        for email in (ann.email, "nobody@example.com")
    ]
    assert [page.status_code for page in pages] == [401, 401]
    assert pages[0].text.replace(ann.email, "") == pages[1].text.replace("nobody@example.com", "")
    assert "wrong" not in pages[0].text.replace("is wrong", "")


async def test_a_strangers_visit_to_a_page_leads_to_signing_in_and_a_programs_to_a_problem(gatehouse: Stand):
    reply = await gatehouse.http.get("/account", headers={"Accept": HTML})
    assert (reply.status_code, reply.headers["location"]) == (303, "/signin?next=%2Faccount")
    reply = await gatehouse.http.get("/account", headers={"Accept": "application/json"})
    assert (reply.status_code, reply.json()["type"]) == (401, "urn:gatehouse:unauthenticated")


async def test_an_expired_session_of_a_part_of_a_page_takes_the_whole_page_to_signing_in(gatehouse: Stand):
    headers = {"Accept": "text/html", "HX-Request": "true", "HX-Current-URL": "http://localhost:8000/sources?q=x"}
    reply = await gatehouse.http.post("/sources/00000000-0000-4000-8000-000000000000/check", headers=headers)
    assert reply.headers["hx-redirect"] == "/signin?next=%2Fsources%3Fq%3Dx"
    headers["HX-Current-URL"] = "https://evil.example.com//evil.example.com"
    reply = await gatehouse.http.post("/sources/00000000-0000-4000-8000-000000000000/check", headers=headers)
    assert reply.headers["hx-redirect"] == "/signin?next=%2F"


async def test_signing_out_ends_the_session_wherever_its_token_was_copied_to(ann: Reader):
    reply = await ann.send("/signout")
    assert (reply.status_code, reply.headers["location"]) == (303, "/signin")
    ann.http.cookies.set("session", ann.person.token)
    assert (await ann.page("/account")).status_code == 303
    assert (await ann.person.http.get("/api/v1/me")).status_code == 401


async def test_a_bearer_token_opens_no_page(gatehouse: Stand):
    ann = await gatehouse.person()
    assert (await ann.http.get("/account", headers={"Accept": HTML})).status_code == 303


async def test_what_was_typed_comes_back_as_text_and_the_password_never(gatehouse: Stand):
    fields = {"name": '"><script>alert(1)</script>', "email": "<b>@example", "password": "hunter2hunter"}
    page = await gatehouse.http.post("/signup", data=fields)
    assert page.status_code == 422
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;" in page.text
    assert "hunter2" not in page.text


async def test_sign_up_says_who_may(gatehouse: Stand):
    assert "by invitation" not in (await gatehouse.http.get("/signup")).text
    reply = await gatehouse.http.post("/scheme", data={"scheme": "dark", "next": "//evil.example.com"})
    assert (reply.status_code, reply.headers["location"]) == (303, "/")
