"""Who may sign up, and the one-time links: invitations and password resets, by API, page and command line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.clock import HandClock
from tests.stand import PASSWORD, Person, Stand, settings_for, stand

pytestmark = pytest.mark.anyio

Opened = Callable[[str], AbstractAsyncContextManager[tuple[Stand, Person]]]


@pytest.fixture
def with_signup(database_url: str, tmp_path: Path, clock: HandClock) -> Opened:
    """A Gatehouse of this sign-up mode, and its operator."""

    @asynccontextmanager
    async def opened(mode: str) -> AsyncIterator[tuple[Stand, Person]]:
        async with stand(settings_for(database_url, tmp_path, signup="open"), clock=clock) as gatehouse:
            operator = await gatehouse.person("operator")
            email, token = operator.email, operator.token
        async with stand(settings_for(database_url, tmp_path, signup=mode), clock=clock) as gatehouse:
            http = gatehouse.client(Authorization=f"Bearer {token}")
            yield gatehouse, Person(operator.id, email, token, http)

    return opened


async def sign_up(gatehouse: Stand, email: str = "new@example.com", **more: Any):
    body = {"email": email, "password": PASSWORD, "name": "New", **more}
    return await gatehouse.http.post("/api/v1/signup", json=body)


async def invite(operator: Person) -> dict[str, Any]:
    reply = await operator.http.post("/api/v1/invitations")
    assert reply.status_code == 201
    made: dict[str, Any] = reply.json()
    return made


async def test_closed_means_closed_to_everybody(with_signup: Opened):
    async with with_signup("closed") as (gatehouse, operator):
        assert (await sign_up(gatehouse)).status_code == 403
        made = await invite(operator)
        assert (await sign_up(gatehouse, invitation=made["token"])).status_code == 403


async def test_by_invitation_needs_one_and_it_makes_one_account(with_signup: Opened):
    async with with_signup("invite") as (gatehouse, operator):
        assert (await sign_up(gatehouse)).status_code == 403
        assert (await sign_up(gatehouse, invitation="nonsense")).status_code == 403
        made = await invite(operator)
        assert set(made) == {"id", "created_at", "expires_at", "url", "token"}
        link = urlsplit(made["url"])
        assert (link.path, parse_qs(link.query)) == ("/signup", {"invitation": [made["token"]]})
        reply = await sign_up(gatehouse, invitation=made["token"])
        assert (reply.status_code, reply.json()["is_operator"]) == (201, False)
        assert (await sign_up(gatehouse, "other@example.com", invitation=made["token"])).status_code == 403


async def test_an_invitation_that_met_a_taken_address_is_still_good(with_signup: Opened):
    async with with_signup("invite") as (gatehouse, operator):
        made = await invite(operator)
        assert (await sign_up(gatehouse, operator.email, invitation=made["token"])).status_code == 409
        assert (await sign_up(gatehouse, invitation=made["token"])).status_code == 201


async def test_of_twenty_who_use_one_invitation_at_once_one_gets_in(with_signup: Opened):
    async with with_signup("invite") as (gatehouse, operator):
        made = await invite(operator)
        replies = await asyncio.gather(
            *(sign_up(gatehouse, f"{number}@example.com", invitation=made["token"]) for number in range(20))
        )
        assert sorted(reply.status_code for reply in replies) == [201] + [403] * 19


async def test_an_invitation_lasts_seven_days(with_signup: Opened, clock: HandClock):
    async with with_signup("invite") as (gatehouse, operator):
        early, late = await invite(operator), await invite(operator)
        clock.forward(days=6, hours=23)
        assert (await sign_up(gatehouse, invitation=early["token"])).status_code == 201
        clock.forward(hours=1)
        assert (await sign_up(gatehouse, "late@example.com", invitation=late["token"])).status_code == 403


async def test_a_withdrawn_invitation_is_worth_nothing(with_signup: Opened):
    async with with_signup("invite") as (gatehouse, operator):
        made, other = await invite(operator), await invite(operator)
        listed = (await operator.http.get("/api/v1/invitations")).json()["items"]
        assert {item["id"] for item in listed} == {made["id"], other["id"]}
        assert made["token"] not in str(listed)
        assert (await operator.http.delete(f"/api/v1/invitations/{made['id']}")).status_code == 204
        assert (await operator.http.delete(f"/api/v1/invitations/{made['id']}")).status_code == 404
        assert (await sign_up(gatehouse, invitation=made["token"])).status_code == 403
        listed = (await operator.http.get("/api/v1/invitations")).json()["items"]
        assert [item["id"] for item in listed] == [other["id"]]


async def test_only_the_operator_invites(gatehouse: Stand):
    operator, ann = await gatehouse.person("operator"), await gatehouse.person("ann")
    made = await invite(operator)
    assert (await ann.http.get("/api/v1/invitations")).status_code == 403
    assert (await ann.http.post("/api/v1/invitations")).status_code == 403
    assert (await ann.http.delete(f"/api/v1/invitations/{made['id']}")).status_code == 403
    assert (await gatehouse.http.post("/api/v1/invitations")).status_code == 401


async def test_the_page_of_an_invitation_makes_the_account(with_signup: Opened):
    async with with_signup("invite") as (gatehouse, operator):
        made = await invite(operator)
        page = await gatehouse.http.get(urlsplit(made["url"]).path, params={"invitation": made["token"]})
        assert page.status_code == 200
        assert made["token"] in page.text
        fields = {"email": "new@example.com", "name": "<New>", "password": "short", "invitation": made["token"]}
        again = await gatehouse.http.post("/signup", data=fields)
        assert again.status_code == 422
        assert "&lt;New&gt;" in again.text, "what was typed is there again, as text"
        assert "short" not in again.text.replace("shorter", ""), "but the password"
        done = await gatehouse.http.post("/signup", data={**fields, "password": PASSWORD})
        assert (done.status_code, done.headers["location"]) == (303, "/")
        assert "session" in done.cookies, "and signed in"
        body = {"email": "new@example.com", "password": PASSWORD}
        assert (await gatehouse.http.post("/api/v1/signin", json=body)).status_code == 200


async def test_a_reset_link_sets_a_password_once_and_ends_every_session(gatehouse_on_both: Stand):
    ann = await gatehouse_on_both.person()
    made = await gatehouse_on_both.gatehouse.portal.links.make_reset(ann.email.upper())
    link = urlsplit(made.url)
    assert (link.path, parse_qs(link.query)) == ("/reset", {"token": [made.token]})
    body = {"token": made.token, "password": "another long password"}
    for bad in ({**body, "password": "short"}, {**body, "token": ""}):
        assert (await gatehouse_on_both.http.post("/api/v1/reset-password", json=bad)).status_code in (403, 422)
    assert (await ann.http.get("/api/v1/me")).status_code == 200, "nothing has happened so far"
    assert (await gatehouse_on_both.http.post("/api/v1/reset-password", json=body)).status_code == 204
    assert (await ann.http.get("/api/v1/me")).status_code == 401
    assert (await gatehouse_on_both.http.post("/api/v1/reset-password", json=body)).status_code == 403
    for password, status in ((PASSWORD, 401), ("another long password", 200)):
        reply = await gatehouse_on_both.http.post("/api/v1/signin", json={"email": ann.email, "password": password})
        assert reply.status_code == status


async def test_a_reset_link_lasts_an_hour(vaults: Stand, clock: HandClock):
    ann = await vaults.person()
    made = await vaults.gatehouse.portal.links.make_reset(ann.email)
    clock.forward(hours=1)
    body = {"token": made.token, "password": "another long password"}
    assert (await vaults.http.post("/api/v1/reset-password", json=body)).status_code == 403


async def test_of_twenty_who_use_one_reset_link_at_once_one_sets_the_password(gatehouse_on_both: Stand):
    ann = await gatehouse_on_both.person()
    made = await gatehouse_on_both.gatehouse.portal.links.make_reset(ann.email)
    bodies = [{"token": made.token, "password": f"another long password {number}"} for number in range(20)]
    replies = await asyncio.gather(
        *(gatehouse_on_both.http.post("/api/v1/reset-password", json=body) for body in bodies)
    )
    assert sorted(reply.status_code for reply in replies) == [204] + [403] * 19


async def test_an_invitation_resets_nothing_and_a_reset_link_invites_nobody(with_signup: Opened):
    async with with_signup("invite") as (gatehouse, operator):
        invitation = await invite(operator)
        reset = await gatehouse.gatehouse.portal.links.make_reset(operator.email)
        body = {"token": invitation["token"], "password": "another long password"}
        assert (await gatehouse.http.post("/api/v1/reset-password", json=body)).status_code == 403
        assert (await sign_up(gatehouse, invitation=reset.token)).status_code == 403


async def test_a_reset_link_of_a_deleted_account_is_worth_nothing(gatehouse: Stand):
    ann = await gatehouse.person()
    made = await gatehouse.gatehouse.portal.links.make_reset(ann.email)
    await ann.http.delete("/api/v1/me")
    body = {"token": made.token, "password": "another long password"}
    assert (await gatehouse.http.post("/api/v1/reset-password", json=body)).status_code in (403, 404)


async def test_the_page_of_a_reset_link_uses_it_up_only_when_it_is_sent(gatehouse: Stand):
    ann = await gatehouse.person()
    made = await gatehouse.gatehouse.portal.links.make_reset(ann.email)
    for _ in range(3):
        page = await gatehouse.http.get("/reset", params={"token": made.token})
        assert (page.status_code, made.token in page.text) == (200, True)
    assert (await gatehouse.http.post("/reset", data={"token": made.token, "password": "short"})).status_code == 422
    fields = {"token": made.token, "password": "another long password"}
    done = await gatehouse.http.post("/reset", data=fields)
    assert (done.status_code, done.headers["location"]) == (303, "/signin")
    assert (await gatehouse.http.post("/reset", data=fields)).status_code == 403


async def test_only_hashes_of_links_are_kept(gatehouse: Stand):
    operator = await gatehouse.person("operator")
    made = await invite(operator)
    async with gatehouse.gatehouse.database.engine.connect() as connection:
        rows = repr((await connection.exec_driver_sql("SELECT * FROM one_time_links")).all())
    assert made["id"].replace("-", "") in rows
    assert made["token"] not in rows
