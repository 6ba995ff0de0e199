"""From sign-up to the account's end, as programs see it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.clock import HandClock
from tests.stand import PASSWORD, Stand, settings_for, stand

pytestmark = pytest.mark.anyio


def form(email: str = "ann@example.com", **more: Any) -> dict[str, Any]:
    return {"email": email, "password": PASSWORD, "name": "Ann", **more}


async def sign_in(gatehouse: Stand, email: str, password: str = PASSWORD, **headers: str):
    reply = await gatehouse.http.post("/api/v1/signin", json={"email": email, "password": password}, headers=headers)
    gatehouse.http.cookies.clear()
    return reply


async def test_a_sign_up_answers_with_the_account_and_nothing_more(gatehouse_on_both: Stand):
    reply = await gatehouse_on_both.http.post("/api/v1/signup", json=form("Ann@Example.COM"))
    assert reply.status_code == 201
    body = reply.json()
    assert set(body) == {"id", "email", "name", "is_operator", "created_at"}
    assert (body["email"], body["name"]) == ("Ann@example.com", "Ann")
    assert body["created_at"].endswith("Z")
    assert "set-cookie" not in reply.headers, "signing up is not signing in"


@pytest.mark.parametrize("other", ["ann@example.com", "ANN@EXAMPLE.COM", "  Ann@example.com ", "aNN@Example.com"])
async def test_an_address_is_taken_in_every_spelling(gatehouse_on_both: Stand, other: str):
    assert (await gatehouse_on_both.http.post("/api/v1/signup", json=form("Ann@example.com"))).status_code == 201
    reply = await gatehouse_on_both.http.post("/api/v1/signup", json=form(other))
    assert reply.status_code == 409
    assert reply.json()["type"] == "urn:gatehouse:conflict"
    assert (await sign_in(gatehouse_on_both, other)).status_code == 200


async def test_an_international_domain_is_one_domain_however_it_is_written(gatehouse: Stand):
    await gatehouse.http.post("/api/v1/signup", json=form("ann@xn--bcher-kva.example"))
    assert (await sign_in(gatehouse, "ann@xn--bcher-kva.example")).status_code == 200
    assert (await sign_in(gatehouse, "Ann@BÜCHER.example")).status_code == 200
    assert (await gatehouse.http.post("/api/v1/signup", json=form("ann@bücher.example"))).status_code == 409


async def test_twenty_sign_ups_of_one_address_make_one_account(gatehouse_on_both: Stand):
    replies = await asyncio.gather(*(gatehouse_on_both.http.post("/api/v1/signup", json=form()) for _ in range(20)))
    assert sorted(reply.status_code for reply in replies) == [201] + [409] * 19


async def test_of_twenty_first_sign_ups_one_becomes_the_operator(gatehouse_on_both: Stand):
    replies = await asyncio.gather(
        *(gatehouse_on_both.http.post("/api/v1/signup", json=form(f"{number}@example.com")) for number in range(20))
    )
    assert [reply.status_code for reply in replies] == [201] * 20
    assert sum(reply.json()["is_operator"] for reply in replies) == 1
    later = await gatehouse_on_both.http.post("/api/v1/signup", json=form("later@example.com"))
    assert later.json()["is_operator"] is False


@pytest.mark.parametrize(
    ("password", "status"),
    [
        ("a" * 11, 422),
        ("a" * 12, 201),
        ("a" * 72, 201),
        ("a" * 73, 201),
        ("ü" * 37, 201),
        ("😀" * 12, 201),
        ("😀" * 11, 422),
        ("a" * 1_024, 201),
        ("a" * 1_025, 422),
        ("nul\x00nul\x00nul\x00", 201),
        ("  spaces around  ", 201),
        (" " * 12, 201),
    ],
    ids=ascii,
)
async def test_passwords_have_12_to_1024_characters_of_any_kind(gatehouse: Stand, password: str, status: int):
    reply = await gatehouse.http.post("/api/v1/signup", json=form(password=password))
    assert reply.status_code == status
    assert password not in reply.text
    if status == 201:
        assert (await sign_in(gatehouse, "ann@example.com", password)).status_code == 200
        assert (await sign_in(gatehouse, "ann@example.com", password[:-1])).status_code == 401
        if len(password) < 1_024:
            assert (await sign_in(gatehouse, "ann@example.com", f" {password}")).status_code == 401


NO_ADDRESSES = (
    "", "ann", "ann@", "@example.com", "a b@example.com", "ann@exa mple.com", "ann@example..com", "ann@@example.com",
    "ann\x00@example.com", "ann@example.com\r\nBcc: x@example.com", "ann@" + "a" * 250 + ".com", "<ann@example.com>",
    "ann@[127.0.0.1]", "ann,bob@example.com",
)  # fmt: skip
NO_NAMES = (
    "", "   ", "x" * 101, "two\nlines", "car\rriage", "tab\there", "nul\x00", "\u202eevil", "zero\u200bwidth",
    "tag\U000e0041", "line\u2028end", "c\x851",
)  # fmt: skip


@pytest.mark.parametrize("email", NO_ADDRESSES, ids=ascii)
async def test_what_is_no_address_is_refused(gatehouse: Stand, email: str):
    reply = await gatehouse.http.post("/api/v1/signup", json=form(email))
    assert reply.status_code == 422
    assert [error["field"] for error in reply.json()["errors"]] == ["email"]


@pytest.mark.parametrize("name", NO_NAMES, ids=ascii)
async def test_a_name_is_something_to_be_seen_on_one_line(gatehouse: Stand, name: str):
    reply = await gatehouse.http.post("/api/v1/signup", json=form(name=name))
    assert reply.status_code == 422
    assert [error["field"] for error in reply.json()["errors"]] == ["name"]


@pytest.mark.parametrize("name", ["Ann", "عائشة", "李雷", "Zoë O'Hara-Smith", "👩‍🚀", "x" * 100])
async def test_names_of_every_script_are_fine(gatehouse: Stand, name: str):
    reply = await gatehouse.http.post("/api/v1/signup", json=form(name=name))
    assert (reply.status_code, reply.json()["name"]) == (201, name)


async def test_signing_in_gives_a_token_and_the_same_one_as_a_cookie(gatehouse_on_both: Stand):
    await gatehouse_on_both.http.post("/api/v1/signup", json=form())
    reply = await sign_in(gatehouse_on_both, "ann@example.com")
    assert reply.status_code == 200
    body = reply.json()
    assert set(body) == {"access_token", "token_type", "expires_in", "user"}
    assert (body["token_type"], body["expires_in"]) == ("bearer", 43_200)
    assert body["user"]["email"] == "ann@example.com"
    cookie = reply.headers["set-cookie"]
    name, _, attributes = cookie.partition(";")
    assert name == f"session={body['access_token']}"
    assert {part.strip().lower() for part in attributes.split(";")} == {
        "httponly", "samesite=lax", "path=/", "max-age=43200",
    }  # fmt: skip


async def test_over_https_the_cookie_is_bound_to_this_very_host(sqlite_url: str, tmp_path: Path):
    settings = settings_for(sqlite_url, tmp_path, portal_url="https://portal.example.com")
    async with stand(settings) as gatehouse:
        http = gatehouse.client("https://portal.example.com")
        await http.post("/api/v1/signup", json=form())
        reply = await http.post("/api/v1/signin", json={"email": "ann@example.com", "password": PASSWORD})
        name, _, attributes = reply.headers["set-cookie"].partition(";")
        assert name.startswith("__Host-session=")
        told = {part.strip().lower() for part in attributes.split(";")}
        assert told == {"httponly", "samesite=lax", "path=/", "max-age=43200", "secure"}, "and no domain"
        token = reply.json()["access_token"]
        http.cookies.clear()
        plain = await http.get("/api/v1/me", headers={"Cookie": f"session={token}"})
        assert plain.status_code == 401, "the name that any http page could set is not read"
        assert (await http.get("/api/v1/me", headers={"Cookie": f"__Host-session={token}"})).status_code == 200
        over = await http.post("/api/v1/signout", headers={"Authorization": f"Bearer {token}"})
        cleared = over.headers["set-cookie"]
        assert cleared.startswith("__Host-session=")
        assert "max-age=0" in cleared.lower()
        assert "secure" in cleared.lower()


async def test_a_bearer_token_wins_over_a_cookie(gatehouse: Stand):
    ann, bob = await gatehouse.person("ann"), await gatehouse.person("bob")
    cookie = {"Cookie": f"session={bob.token}"}
    assert (await gatehouse.http.get("/api/v1/me", headers=cookie)).json()["id"] == bob.id
    assert (await ann.http.get("/api/v1/me", headers=cookie)).json()["id"] == ann.id
    for bad in ("Bearer nonsense", "Bearer ", "Basic YTpi", "bearer", ""):
        reply = await gatehouse.http.get("/api/v1/me", headers={**cookie, "Authorization": bad})
        assert reply.status_code == 401, "a bad one is not made good by a cookie"
    assert (await gatehouse.http.get("/api/v1/me", headers={"Authorization": f"bEaReR {ann.token}"})).status_code == 200


@pytest.mark.parametrize("password", ["wrong password here", "", PASSWORD.upper(), PASSWORD + " "])
async def test_a_wrong_password_and_an_unknown_address_are_told_alike(gatehouse: Stand, password: str):
    await gatehouse.http.post("/api/v1/signup", json=form())
    wrong = await sign_in(gatehouse, "ann@example.com", password)
    unknown = await sign_in(gatehouse, "nobody@example.com", password)
    for reply in (wrong, unknown):
        assert reply.status_code == 401
        assert reply.headers["content-type"] == "application/problem+json"
        assert "set-cookie" not in reply.headers
    assert {**wrong.json(), "request_id": ""} == {**unknown.json(), "request_id": ""}


async def test_an_unknown_address_costs_as_much_work_as_a_known_one(gatehouse: Stand, monkeypatch: pytest.MonkeyPatch):
    await gatehouse.http.post("/api/v1/signup", json=form())
    context = gatehouse.gatehouse.portal.sessions._passwords._context
    verify, work = context.verify_and_update, []

    def counting(password: str, stored: str):
        work.append(stored.split("$")[1:3])
        return verify(password, stored)

    monkeypatch.setattr(context, "verify_and_update", counting)
    await sign_in(gatehouse, "ann@example.com", "wrong password here")
    await sign_in(gatehouse, "nobody@example.com", "wrong password here")
    await sign_in(gatehouse, "not an address\x00", "wrong password here")
    assert len(work) == 3
    assert work[0] == work[1] == work[2], "one verification each, of the same cost"


async def test_failed_sign_ins_are_counted_although_the_reply_is_an_error(vaults_on_both: Stand, clock: HandClock):
    """Ten per address, whether or not it has an account; Retry-After says how long; then it works again."""
    await vaults_on_both.http.post("/api/v1/signup", json=form())
    for email in ("ann@example.com", "nobody@example.com"):
        for _ in range(10):
            assert (await sign_in(vaults_on_both, email, "wrong password here")).status_code == 401
        locked = await sign_in(vaults_on_both, email.upper())
        assert locked.status_code == 429
        assert int(locked.headers["retry-after"]) == 900
        assert "set-cookie" not in locked.headers
        assert locked.json()["detail"] == "Too many failed sign-ins. Wait a while, then try again."
    clock.forward(minutes=14, seconds=59)
    assert (await sign_in(vaults_on_both, "ann@example.com")).headers["retry-after"] == "1"
    clock.forward(seconds=1)
    assert (await sign_in(vaults_on_both, "ann@example.com")).status_code == 200


async def test_a_network_is_closed_after_fifty_failures_over_any_addresses(vaults: Stand, clock: HandClock):
    await vaults.http.post("/api/v1/signup", json=form())
    for number in range(50):
        await sign_in(vaults, f"{number}@example.com", "wrong password here")
    assert (await sign_in(vaults, "ann@example.com")).status_code == 429
    clock.forward(minutes=15)
    assert (await sign_in(vaults, "ann@example.com")).status_code == 200


async def test_of_many_guesses_sent_at_once_only_the_first_ten_are_judged(gatehouse_on_both: Stand):
    """Otherwise a burst would try as many passwords as it likes."""
    await gatehouse_on_both.http.post("/api/v1/signup", json=form())
    guesses = [f"wrong password {number}" for number in range(45)]
    replies = await asyncio.gather(*(sign_in(gatehouse_on_both, "ann@example.com", guess) for guess in guesses))
    judged = [reply.status_code for reply in replies if reply.status_code != 429]
    assert judged.count(401) == 10
    assert len(judged) == 10
    assert (await sign_in(gatehouse_on_both, "ann@example.com")).status_code == 429


async def test_throttling_of_sign_ups_says_when_to_come_back(vaults: Stand, clock: HandClock):
    for number in range(60):
        reply = await vaults.http.post("/api/v1/signup", json=form(f"{number}@example.com"))
        assert reply.status_code == 201
    refused = await vaults.http.post("/api/v1/signup", json=form("one-more@example.com"))
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "600"
    clock.forward(minutes=10)
    assert (await vaults.http.post("/api/v1/signup", json=form("one-more@example.com"))).status_code == 201


async def test_signing_out_kills_the_token_wherever_it_was_copied_to(gatehouse_on_both: Stand):
    ann = await gatehouse_on_both.person()
    reply = await ann.http.post("/api/v1/signout")
    assert reply.status_code == 204
    assert reply.content == b""
    assert 'session=""' in reply.headers["set-cookie"]
    assert (await ann.http.get("/api/v1/me")).status_code == 401
    cookie = {"Cookie": f"session={ann.token}"}
    assert (await gatehouse_on_both.http.get("/api/v1/me", headers=cookie)).status_code == 401
    assert (await ann.http.post("/api/v1/signout")).status_code == 401


async def test_a_session_ends_by_itself_after_twelve_hours(vaults: Stand, clock: HandClock):
    ann = await vaults.person()
    clock.forward(hours=11, minutes=59)
    assert (await ann.http.get("/api/v1/me")).status_code == 200
    clock.forward(minutes=1)
    assert (await ann.http.get("/api/v1/me")).status_code == 401


async def test_a_new_name_is_seen_at_once(gatehouse_on_both: Stand):
    ann = await gatehouse_on_both.person()
    assert (await ann.http.patch("/api/v1/me", json={"name": " Anna "})).json()["name"] == "Anna"
    assert (await ann.http.get("/api/v1/me")).json()["name"] == "Anna"
    assert (await ann.http.patch("/api/v1/me", json={})).status_code == 422
    assert (await ann.http.patch("/api/v1/me", json={"email": "x@example.com"})).status_code == 422


async def test_a_new_password_ends_every_session_and_opens_one(gatehouse_on_both: Stand):
    ann = await gatehouse_on_both.person()
    other = (await sign_in(gatehouse_on_both, ann.email)).json()["access_token"]
    new = "another long password"
    reply = await ann.http.post("/api/v1/me/password", json={"current": PASSWORD, "new": new})
    assert reply.status_code == 200
    fresh = reply.json()["access_token"]
    ann.http.cookies.clear()
    for token, status in ((ann.token, 401), (other, 401), (fresh, 200)):
        headers = {"Authorization": f"Bearer {token}"}
        assert (await gatehouse_on_both.http.get("/api/v1/me", headers=headers)).status_code == status
    assert (await sign_in(gatehouse_on_both, ann.email)).status_code == 401
    assert (await sign_in(gatehouse_on_both, ann.email, new)).status_code == 200


@pytest.mark.parametrize(("path", "field"), [("password", "current"), ("email", "password")])
async def test_a_wrong_password_changes_nothing_and_is_counted(gatehouse: Stand, path: str, field: str):
    ann = await gatehouse.person()
    change = {"new": "another long password"} if path == "password" else {"email": "new@example.com"}
    for _ in range(10):
        reply = await ann.http.post(f"/api/v1/me/{path}", json={field: "wrong password here", **change})
        assert reply.status_code == 403
    reply = await ann.http.post(f"/api/v1/me/{path}", json={field: PASSWORD, **change})
    assert reply.status_code == 429
    assert (await ann.http.get("/api/v1/me")).json()["email"] == ann.email


async def test_a_new_address_takes_the_place_of_the_old_one(gatehouse_on_both: Stand):
    ann, bob = await gatehouse_on_both.person("ann"), await gatehouse_on_both.person("bob")
    body = {"password": PASSWORD, "email": "New@example.com"}
    assert (await ann.http.post("/api/v1/me/email", json=body)).json()["email"] == "New@example.com"
    assert (await sign_in(gatehouse_on_both, "new@example.com")).status_code == 200
    assert (await sign_in(gatehouse_on_both, ann.email)).status_code == 401
    taken = await bob.http.post("/api/v1/me/email", json={"password": PASSWORD, "email": "nEW@example.com"})
    assert taken.status_code == 409
    assert (await gatehouse_on_both.http.post("/api/v1/signup", json=form(ann.email))).status_code == 201


async def test_sessions_are_listed_and_ended_one_by_one(vaults_on_both: Stand, clock: HandClock):
    ann, bob = await vaults_on_both.person("ann"), await vaults_on_both.person("bob")
    clock.forward(minutes=1)
    other = (await sign_in(vaults_on_both, ann.email, **{"User-Agent": "Browser/1"})).json()["access_token"]
    listed = (await ann.http.get("/api/v1/me/sessions")).json()
    assert [item["current"] for item in listed["items"]] == [False, True], "newest first"
    newest = listed["items"][0]
    assert set(newest) == {"id", "created_at", "last_seen_at", "expires_at", "address", "user_agent", "current"}
    assert (newest["user_agent"], newest["address"]) == ("Browser/1", "198.51.100.7")
    assert (await bob.http.delete(f"/api/v1/me/sessions/{newest['id']}")).status_code == 404
    assert (await ann.http.delete(f"/api/v1/me/sessions/{newest['id']}")).status_code == 204
    assert (await ann.http.delete(f"/api/v1/me/sessions/{newest['id']}")).status_code == 404
    dead = await vaults_on_both.http.get("/api/v1/me", headers={"Authorization": f"Bearer {other}"})
    assert dead.status_code == 401
    assert len((await ann.http.get("/api/v1/me/sessions")).json()["items"]) == 1


async def test_signing_out_everywhere_else_keeps_the_session_that_asks(gatehouse_on_both: Stand):
    ann = await gatehouse_on_both.person()
    other = await gatehouse_on_both.http.post("/api/v1/signin", json={"email": ann.email, "password": PASSWORD})
    gatehouse_on_both.http.cookies.clear()
    headers = {"Authorization": f"Bearer {other.json()['access_token']}"}
    assert (await gatehouse_on_both.http.get("/api/v1/me", headers=headers)).status_code == 200
    assert (await ann.http.delete("/api/v1/me/sessions")).status_code == 204
    assert (await gatehouse_on_both.http.get("/api/v1/me", headers=headers)).status_code == 401
    assert len((await ann.http.get("/api/v1/me/sessions")).json()["items"]) == 1


async def test_when_a_session_was_last_seen_is_kept_to_the_minute(vaults: Stand, clock: HandClock):
    ann = await vaults.person()
    clock.forward(minutes=5)
    await ann.http.get("/api/v1/me")
    (session,) = (await ann.http.get("/api/v1/me/sessions")).json()["items"]
    assert session["last_seen_at"] > session["created_at"]
