"""The page on which a person decides."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.clock import HandClock
from tests.portal.membership import joined
from tests.portal.oauth.flow import CALLBACK, answer, browser, connected, hidden_fields, registered
from tests.stand import PORTAL, Stand, settings_for, stand

pytestmark = pytest.mark.anyio


def text_of(page: httpx2.Response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


async def test_the_page_says_who_asks_for_what_and_where_one_goes_next(gatehouse: Stand):
    ann = await gatehouse.person()
    server = await gatehouse.server(ann, [await gatehouse.sample(ann, name="Customers of mine")], name="Research")
    agent = await registered(gatehouse, server, client_name="Helper")
    page = await (await browser(gatehouse, ann)).open(agent.url())
    shown = text_of(page)
    for expected in ("Helper", "unverified", "Research", server["domain"], "Customers of mine", ann.email,
                     "mcp:read", "agent.example.com"):  # fmt: skip
        assert expected in shown, expected
    assert "mcp:write" not in shown, "the agent did not ask for it"


async def test_a_well_known_agents_name_is_vouched_for_by_its_host(gatehouse: Stand):
    ann = await gatehouse.person()
    agent = await registered(gatehouse, await gatehouse.server(ann))
    page = await (await browser(gatehouse, ann)).open(
        agent.url(
            client_id="https://claude.ai/oauth/mcp-oauth-client-metadata",
            redirect_uri="https://claude.ai/api/mcp/auth_callback",
        )
    )
    assert page.status_code == 200
    assert "claude.ai, known to Gatehouse" in text_of(page)
    assert "unverified" not in text_of(page)


async def test_a_program_on_the_readers_machine_comes_with_a_warning(gatehouse: Stand):
    """Any program there may call itself by any name, and listen at any port."""
    ann = await gatehouse.person()
    server = await gatehouse.server(ann)
    theirs = await browser(gatehouse, ann)
    local = await registered(gatehouse, server, redirect_uri="http://127.0.0.1:3000/callback")
    page = await theirs.open(local.url(redirect_uri="http://127.0.0.1:49152/callback"))
    assert "A program on this computer asks" in page.text
    assert "127.0.0.1:49152" in text_of(page)
    away = await theirs.open((await registered(gatehouse, server)).url())
    assert "A program on this computer asks" not in away.text


@pytest.mark.parametrize(
    ("redirect_uri", "target"),
    [
        (CALLBACK, "https://agent.example.com"),
        ("http://localhost:3000/callback", "http://localhost:3000"),
        ("http://[::1]:3000/callback", "http:"),
        ("cursor://anysphere.cursor-mcp/oauth/callback", "cursor:"),
    ],
)
async def test_the_form_may_lead_to_the_one_address_and_the_page_cannot_be_framed(
    gatehouse: Stand, redirect_uri: str, target: str
):
    ann = await gatehouse.person()
    agent = await registered(gatehouse, await gatehouse.server(ann), redirect_uri=redirect_uri)
    page = await (await browser(gatehouse, ann)).open(agent.url())
    policy = dict(part.strip().partition(" ")[::2] for part in page.headers["content-security-policy"].split(";"))
    assert policy["form-action"] == f"'self' {target}"
    assert policy["frame-ancestors"] == "'none'"
    assert "script-src" not in policy
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["cache-control"] == "no-store"


async def test_what_an_agent_calls_itself_is_shown_as_text(gatehouse: Stand):
    ann = await gatehouse.person()
    name = "<script>alert(1)</script>\u202eevil " + "x" * 150
    agent = await registered(gatehouse, await gatehouse.server(ann), client_name=name)
    page = await (await browser(gatehouse, ann)).open(agent.url())
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert" in page.text
    assert "\u202e" not in page.text
    assert "x" * 100 not in page.text


async def test_looking_at_the_page_grants_nothing(gatehouse: Stand):
    ann = await gatehouse.person()
    agent = await registered(gatehouse, await gatehouse.server(ann))
    theirs = await browser(gatehouse, ann)
    page = await theirs.open(agent.url())
    fields = {**hidden_fields(page), "decision": "allow"}
    reply = await theirs.http.get("/consent", params=fields, headers={"Accept": "text/html"})
    assert reply.status_code == 200
    assert "location" not in reply.headers


@pytest.mark.parametrize("token", ["", "x", "of another request", "of another session", "of another person"])
async def test_a_form_that_was_not_made_for_this_session_and_request_is_refused(gatehouse: Stand, token: str):
    ann, eve = await gatehouse.person(), await gatehouse.person("eve")
    server = await gatehouse.server(ann)
    agent = await registered(gatehouse, server)
    theirs = await browser(gatehouse, ann)
    page = await theirs.open(agent.url())
    if token == "of another request":
        token = hidden_fields(await theirs.open(agent.url(state="other")))["token"]
    elif token == "of another session":
        token = hidden_fields(await (await browser(gatehouse, ann)).open(agent.url()))["token"]
    elif token == "of another person":
        await gatehouse.server(eve)
        token = hidden_fields(await (await browser(gatehouse, eve)).open(agent.url(resource=None)))["token"]
    for decision in ("allow", "deny"):
        reply = await theirs.decide(page, decision, token=token)
        assert reply.status_code == 403
        assert "location" not in reply.headers


async def test_a_form_that_another_sites_page_sends_is_refused(gatehouse: Stand):
    ann = await gatehouse.person()
    agent = await registered(gatehouse, await gatehouse.server(ann))
    theirs = await browser(gatehouse, ann)
    fields = {**hidden_fields(await theirs.open(agent.url())), "decision": "allow"}
    for origin in ("https://evil.example.com", "null"):
        reply = await theirs.http.post("/consent", data=fields, headers={"Origin": origin})
        assert reply.status_code == 403


async def test_a_request_that_was_changed_on_the_way_is_refused(gatehouse: Stand):
    ann = await gatehouse.person()
    agent = await registered(gatehouse, await gatehouse.server(ann))
    theirs = await browser(gatehouse, ann)
    sealed = hidden_fields(await theirs.open(agent.url()))["request"]
    packed, _, signature = sealed.partition(".")
    for changed in ("", "x", f"{packed[:-2]}AA.{signature}", f"{packed}.", f"{packed}.{signature[:-2]}AA", packed):
        reply = await theirs.http.get("/consent", params={"request": changed})
        assert reply.status_code == 400, changed


async def test_a_person_has_ten_minutes(sqlite_url: str, tmp_path: Path):
    clock = HandClock()
    async with stand(settings_for(sqlite_url, tmp_path), clock=clock) as house:
        ann = await house.person()
        agent = await registered(house, await house.server(ann))
        theirs = await browser(house, ann)
        page = await theirs.open(agent.url())
        clock.forward(minutes=10)
        assert (await theirs.decide(page)).status_code == 400
        assert (await theirs.http.get("/consent", params=hidden_fields(page))).status_code == 400


async def test_signing_in_on_the_way_leads_back_to_the_question(gatehouse: Stand):
    ann = await gatehouse.person()
    server = await gatehouse.server(ann)
    agent = await registered(gatehouse, server)
    stranger = gatehouse.client()
    asked = await stranger.get(agent.url())
    to_sign_in = await stranger.get(asked.headers["location"])
    place = urlsplit(to_sign_in.headers["location"])
    assert (place.netloc, place.path) == ("", "/signin")
    (back,) = parse_qs(place.query)["next"]
    assert back == asked.headers["location"]
    signed_in = await stranger.post(
        "/signin",
        data={"email": ann.email, "password": "correct horse battery staple", "next": back},
        headers={"Origin": PORTAL},
    )
    assert signed_in.headers["location"] == back
    page = await stranger.get(back, headers={"Accept": "text/html"})
    fields = {**hidden_fields(page), "decision": "allow"}
    sent = answer(await stranger.post("/consent", data=fields, headers={"Origin": PORTAL}))
    assert (await agent.exchange(sent["code"])).status_code == 200


async def test_who_says_no_sends_the_agent_away(gatehouse: Stand):
    ann = await gatehouse.person()
    agent = await registered(gatehouse, await gatehouse.server(ann))
    theirs = await browser(gatehouse, ann)
    told = answer(await theirs.decide(await theirs.open(agent.url()), "deny"))
    assert told.pop("error_description")
    assert told == {"error": "access_denied", "state": "st4te", "iss": PORTAL}
    assert (await ann.http.get("/api/v1/me/grants")).json()["items"] == []
    await gatehouse.gatehouse.audit.flush()
    trail = (await ann.http.get("/api/v1/activity", params={"action": "grant.denied"})).json()["items"]
    assert len(trail) == 1


async def test_a_stranger_cannot_let_anybody_in(gatehouse: Stand):
    ann, eve = await gatehouse.person(), await gatehouse.person("eve")
    agent = await registered(gatehouse, await gatehouse.server(ann, name="Secret name"))
    theirs = await browser(gatehouse, eve)
    page = await theirs.open(agent.url())
    assert page.status_code == 403
    assert "Secret name" not in page.text
    assert answer(await theirs.decide(page, "allow"))["error"] == "access_denied"
    assert (await eve.http.get("/api/v1/me/grants")).json()["items"] == []


async def test_a_form_cannot_name_a_server_that_was_not_offered(gatehouse: Stand):
    ann, eve = await gatehouse.person(), await gatehouse.person("eve")
    anns, eves = await gatehouse.server(ann), await gatehouse.server(eve)
    theirs = await browser(gatehouse, eve)
    agent = await registered(gatehouse, eves)
    page = await theirs.open(agent.url())
    assert answer(await theirs.decide(page, server=anns["id"]))["error"] == "access_denied"
    assert (await theirs.decide(page, server="x")).status_code == 403


async def test_a_member_connects_an_agent_of_their_own(gatehouse: Stand):
    ann = await gatehouse.person()
    server = await gatehouse.server(ann)
    reader = await joined(gatehouse, ann, server)
    await connected(gatehouse, reader, server)
    (mine,) = (await reader.http.get("/api/v1/me/grants")).json()["items"]
    assert mine["user"]["id"] == reader.id
    assert (await ann.http.get("/api/v1/me/grants")).json()["items"] == []


async def test_without_a_resource_the_one_server_of_ones_own_is_meant(gatehouse: Stand):
    ann = await gatehouse.person()
    server = await gatehouse.server(ann)
    agent = await registered(gatehouse)
    await connected(gatehouse, ann, server, agent)
    (grant,) = (await ann.http.get("/api/v1/me/grants")).json()["items"]
    assert grant["server_id"] == server["id"]


async def test_without_a_resource_a_person_with_several_servers_says_which(gatehouse: Stand):
    ann = await gatehouse.person()
    first, second = await gatehouse.server(ann, name="First"), await gatehouse.server(ann, name="Second")
    agent = await registered(gatehouse)
    theirs = await browser(gatehouse, ann)
    page = await theirs.open(agent.url())
    assert "First" in page.text
    assert "Second" in page.text
    unsaid = await theirs.decide(page)
    assert unsaid.status_code == 422
    assert "Choose the server" in unsaid.text
    code = answer(await theirs.decide(unsaid, server=second["id"]))["code"]
    assert (await agent.exchange(code, resource=first["url"])).json()["error"] == "invalid_target"
    tokens = await agent.exchange(code)
    assert tokens.status_code == 200
    (grant,) = (await ann.http.get("/api/v1/me/grants")).json()["items"]
    assert grant["server_id"] == second["id"]
