"""The account's page, the operator's, and what is said once."""

from __future__ import annotations

import re

import pytest

from auth.signatures import Signatures
from portal.pages.devices import device_name
from portal.pages.flash import Flash, Flashes
from tests.portal.pages.conftest import Reader, Reading
from tests.stand import PASSWORD, Stand

pytestmark = pytest.mark.anyio


async def test_name_address_and_password_are_changed(gatehouse: Stand, ann: Reader):
    assert (await ann.send("/account/name", {"name": "Ann Other"})).status_code == 303
    assert "Ann Other" in (await ann.page("/account")).text
    changed = await ann.send("/account/email", {"email": "new@example.com", "password": PASSWORD})
    assert changed.status_code == 303
    fields = {"current": PASSWORD, "new": "another long password"}
    again = await ann.send("/account/password", fields)
    assert again.status_code == 303
    assert "session" in again.cookies, "the new session replaces the ended one"
    assert (await ann.page("/account")).status_code == 200
    assert (await ann.person.http.get("/api/v1/me")).status_code == 401, "the old one is over everywhere"


async def test_a_wrong_password_is_told_in_its_section_and_not_repeated(ann: Reader):
    reply = await ann.send("/account/email", {"email": "new@example.com", "password": "not my password"})
    assert reply.status_code == 403
    assert "The password is wrong." in reply.text
    assert "not my password" not in reply.text
    assert 'value="new@example.com"' in reply.text


async def test_other_sessions_are_listed_and_ended(gatehouse: Stand, ann: Reader):
    body = {"email": ann.person.email, "password": PASSWORD}
    other = (await gatehouse.http.post("/api/v1/signin", json=body)).json()["access_token"]
    gatehouse.http.cookies.clear()
    page = await ann.page("/account")
    ended = re.findall(r'action="(/account/sessions/[0-9a-f-]{36})"', page.text)
    assert len(ended) == 1
    assert (await ann.send(ended[0])).status_code == 303
    reply = await gatehouse.http.get("/api/v1/me", headers={"Authorization": f"Bearer {other}"})
    assert reply.status_code == 401
    assert (await ann.send("/account/sessions/others")).status_code == 303
    assert (await ann.page("/account")).status_code == 200


async def test_an_account_is_deleted_only_with_its_password(ann: Reader):
    assert (await ann.send("/account/delete", {"password": "wrong"})).status_code == 403
    gone = await ann.send("/account/delete", {"password": PASSWORD})
    assert gone.headers["location"] == "/signin"
    assert "Your account is deleted." in (await ann.page("/signin")).text


async def test_the_operators_page_is_the_operators(gatehouse: Stand, ann: Reader, reading: Reading):
    bob = await reading(await gatehouse.person("bob"))
    assert (await bob.page("/admin")).status_code == 403
    assert 'href="/admin"' not in (await bob.page("/account")).text
    assert (await bob.send("/admin/invitations")).status_code == 403
    assert (await bob.send(f"/admin/accounts/{ann.person.id}/reset")).status_code == 403
    await gatehouse.server(bob.person, [], name="Bobs")
    page = await ann.page("/admin")
    assert bob.person.email in page.text
    assert "Bobs" in page.text
    assert (await ann.page("/admin?q=bob")).text.count("/reset") == 1


async def test_the_operator_hands_out_links_that_are_shown_once(gatehouse: Stand, ann: Reader, reading: Reading):
    bob = await reading(await gatehouse.person("bob"))
    made = await ann.send(f"/admin/accounts/{bob.person.id}/reset")
    link = re.search(r'value="http://localhost:8000(/reset\?token=[^"]+)"', made.text)
    assert link is not None
    assert link[1] not in (await ann.page("/admin")).text
    token = link[1].partition("token=")[2]
    await gatehouse.http.post("/reset", data={"token": token, "password": "another long password"})
    assert (await bob.page("/account")).status_code == 303, "every session of the account is over"
    made = await ann.send("/admin/invitations")
    assert re.search(r"/signup\?invitation=", made.text)
    page = await ann.page("/admin")
    withdraw = re.search(r'action="(/admin/invitations/[0-9a-f-]{36}/withdraw)"', page.text)
    assert withdraw is not None
    assert (await ann.send(withdraw[1])).status_code == 303
    assert "There is no open invitation." in (await ann.page("/admin")).text


async def test_a_member_joins_by_the_page_of_the_invitation(gatehouse: Stand, ann: Reader, reading: Reading):
    server = await gatehouse.server(ann.person, [], name="Shared")
    bob = await reading(await gatehouse.person("bob"))
    body = {"email": bob.person.email, "role": "reader"}
    made = await ann.person.http.post(f"/api/v1/mcp-servers/{server['id']}/invitations", json=body)
    token = made.json()["token"]
    stranger = await gatehouse.http.get("/join", params={"token": token})
    assert "Shared" in stranger.text
    assert "/signin?next=%2Fjoin%3Ftoken%3D" in stranger.text
    assert "signed in as" in (await ann.page(f"/join?token={token}")).text, "it is for somebody else"
    assert (await ann.send("/join", {"token": token})).status_code == 403
    assert "Shared" in (await bob.page(f"/join?token={token}")).text
    joined = await bob.send("/join", {"token": token})
    assert joined.headers["location"] == f"/servers/{server['id']}"
    again = await bob.send("/join", {"token": token})
    assert again.status_code == 403
    assert "This invitation cannot be used" in again.text


def test_what_is_said_once_is_ours():
    flashes = Flashes(Signatures("a secret"), secure=True)
    others = Flashes(Signatures("another"), secure=True)

    class Kept:
        value = ""

        def set_cookie(self, _name: str, value: str, **_more: object) -> None:
            self.value = value

    kept = Kept()
    flashes.leave(kept, Flash("<b>Saved</b>", "ok"))  # type: ignore[arg-type]  # only its cookies are of interest
    assert flashes.read(kept.value) == Flash("<b>Saved</b>", "ok")
    assert others.read(kept.value) is None
    for wrong in (None, "", ".", "x.y", kept.value[:-1], f"x{kept.value}"):
        assert flashes.read(wrong) is None


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Mobile Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 15_0) Chrome/140.0 Safari/537.36", "Chrome on macOS"),
        ("curl/8.0", "curl/8.0"),
        ("", ""),
    ],
)
def test_browsers_are_told_by_the_names_that_people_know(told: str, name: str):
    assert device_name(told) == name
