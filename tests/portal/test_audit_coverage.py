"""Everything that changes something stands in the audit trail. A new route or action that leaves none fails here."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import UUID

import pytest

from database.models import AuditEvent
from repositories.audit import AuditEvents
from repositories.paging import Window
from tests.portal.test_tenancy import GUARDED, PUBLIC, RENAMED, SERVER, owner
from tests.routes import routes
from tests.stand import PASSWORD, Person, Stand

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parent.parent.parent
SAFE = {"GET", "HEAD", "OPTIONS"}

# What each writing route of the API leaves in the trail of whoever calls it.
EVENTS = {
    ("POST", "/signout"): "session.closed",
    ("PATCH", "/me"): "account.renamed",
    ("DELETE", "/me"): "account.deleted",
    ("POST", "/me/password"): "password.changed",
    ("POST", "/me/email"): "account.email_changed",
    ("DELETE", "/me/sessions"): "session.others_closed",
    ("DELETE", "/me/sessions/{session_id}"): "session.closed",
    ("DELETE", "/me/grants/{own_grant_id}"): "grant.revoked",
    ("POST", "/sources"): "source.created",
    ("PUT", "/sources/{source_id}"): "source.changed",
    ("DELETE", "/sources/{source_id}"): "source.deleted",
    ("POST", "/sources/{source_id}/check"): "source.checked",
    ("POST", "/mcp-servers"): "server.created",
    ("PUT", SERVER): "server.changed",
    ("DELETE", SERVER): "server.deleted",
    ("PATCH", SERVER + "/sources/{source_id}"): "server.source_changed",
    ("POST", SERVER + "/keys"): "key.created",
    ("DELETE", SERVER + "/keys/{key_id}"): "key.revoked",
    ("PATCH", SERVER + "/members/{user_id}"): "member.role_changed",
    ("DELETE", SERVER + "/members/{user_id}"): "member.removed",
    ("POST", SERVER + "/invitations"): "member.invited",
    ("DELETE", SERVER + "/invitations/{server_invitation_id}"): "invitation.revoked",
    ("DELETE", SERVER + "/grants/{grant_id}"): "grant.revoked",
    ("POST", SERVER + "/search"): "server.tried",
    ("POST", SERVER + "/fetch"): "server.tried",
    ("POST", "/invitations"): "invitation.created",
    ("DELETE", "/invitations/{invitation_id}"): "invitation.withdrawn",
}
ENDS = {("POST", "/signout"), ("POST", "/me/password"), ("DELETE", "/me"), ("DELETE", "/me/sessions/{session_id}")}
# Those that the owner of everything cannot call: tested one by one below or beside their subject.
ELSEWHERE = {
    ("POST", "/signup"): "account.created",
    ("POST", "/signin"): "session.opened",
    ("POST", "/reset-password"): "password.reset",
    ("POST", "/invitations/accept"): "member.joined",
}
# Those that change nothing, and why they leave no event.
EXCUSED = {("POST", "/sources/check"): "tries settings that are not kept, with a secret that is not ours"}
RECORDS = {"record", "_record", "record_widely", "record_at_server", "_ended"}
# Functions that write and leave no event, and why.
UNTOLD = {
    "sessions._open": "who calls it tells how the session came about",
    "links._make": "who calls it tells what the link is for",
    "purging._repeat": "run tells it",
    "clients.register": "a registration lets nobody in, and nobody knows whose it is",
    "clients.used": "a date of the registration",
    "clients.sweep": "registrations that nobody used",
    "clients._keep": "a copy of a public document",
    "consents._grant": "who calls it tells of the grant",
    "issuer.settle_issuer": "the first start; no account exists",
    "issuer.change_issuer": "the command that calls it tells it",
    "issuing.exchange": "tokens under a grant of which the trail tells",
    "issuing.refresh": "the same; a refresh token that comes twice is told",
    "issuing.sweep": "tokens that are over",
}


async def test_every_writing_route_of_the_api_has_its_event_here(vaults: Stand):
    writing = {
        RENAMED.get((method, path.removeprefix("/api/v1")), (method, path.removeprefix("/api/v1")))
        for method, path in routes(vaults)
        if path.startswith("/api/v1/") and method not in SAFE
    }
    assert writing == EVENTS.keys() | ELSEWHERE.keys() | EXCUSED.keys()
    assert writing <= GUARDED.keys() | PUBLIC.keys()


async def test_each_of_them_leaves_it(vaults: Stand):
    """By whom, from where, and on which server."""
    mine = await owner(vaults)
    for route in sorted(EVENTS.keys() - ENDS, key=lambda one: (one[0] == "DELETE", -len(one[1]))):
        before = {event.id for event in await events(vaults, mine.person)}
        reply = await mine.call(mine.person, route, headers={"User-Agent": "a browser"})
        assert reply.status_code in (200, 201, 204, 404), (route, reply.text)
        (event,) = [event for event in await events(vaults, mine.person) if event.id not in before]
        assert (event.action, event.actor_id) == (EVENTS[route], UUID(mine.person.id)), route
        assert (event.address, event.agent) == ("198.51.100.7", "a browser"), route
        if "{server_id}" in route[1]:
            assert event.server_id == UUID(mine.ids["server_id"]), route


@pytest.mark.parametrize("route", sorted(ENDS))
async def test_so_do_those_that_end_the_session(vaults: Stand, route: tuple[str, str]):
    ann = await vaults.person("ann")
    (session,) = (await ann.http.get("/api/v1/me/sessions")).json()["items"]
    path = f"/api/v1{route[1]}".format(session_id=session["id"])
    assert (await ann.http.request(route[0], path, json=GUARDED[route])).status_code in (200, 204)
    assert EVENTS[route] in [event.action for event in await events(vaults, ann)]


async def test_agents_and_sign_ins_are_told_too(vaults: Stand):
    ann = await vaults.person("ann")
    server = await vaults.server(ann, [await vaults.sample(ann)])
    async with vaults.agent(server, await vaults.key(ann, server)) as agent:
        await agent.call_tool("search", {"query": "x"})
        await agent.call_tool("fetch", {"id": "x:1"})
    wrong = {"email": ann.email, "password": "not the password"}
    await vaults.http.post("/api/v1/signin", json=wrong)
    link = await vaults.gatehouse.portal.links.make_reset(ann.email)
    await vaults.http.post("/api/v1/reset-password", json={"token": link.token, "password": PASSWORD})
    told = [(event.action, event.target, event.outcome) for event in await events(vaults, ann)]
    for expected in (
        ("account.created", None, "ok"), ("session.opened", None, "ok"), ("session.refused", None, "refused"),
        ("tool.called", "search", "ok"), ("tool.called", "fetch", "not_found"),
        ("password.reset_link_created", None, "ok"), ("password.reset", None, "ok"),
    ):  # fmt: skip
        assert expected in told


async def events(gatehouse: Stand, person: Person) -> Sequence[AuditEvent]:
    """The person's trail, newest first."""
    await gatehouse.gatehouse.audit.flush()
    async with gatehouse.gatehouse.database.reading() as session:
        return (await AuditEvents(session).list_of(UUID(person.id), Window(limit=1_000))).items


@pytest.mark.parametrize("folder", ["portal/actions", "auth/oauth"])
def test_whatever_writes_to_the_database_tells_the_trail(folder: str):
    """Pages and the authorization server write through the same actions as the API, or through some of their own."""
    silent = [name for name, node in functions(folder) if called(node) >= {"writing"} and not called(node) & RECORDS]
    assert [name for name in silent if name not in UNTOLD] == []


def test_so_does_every_command():
    writing = {"writing", "change_issuer"}
    commands = [one for one in ast.walk(ast.parse((ROOT / "commands.py").read_text())) if called(one) & writing]
    written = [one for one in commands if isinstance(one, ast.AsyncFunctionDef)]
    assert {one.name for one in written} >= {"change_issuer", "rotate_keys"}
    assert [one.name for one in written if not called(one) & RECORDS] == []


def test_every_excuse_is_needed():
    known = {name for folder in ("portal/actions", "auth/oauth") for name, node in functions(folder)}
    assert known >= UNTOLD.keys()


def functions(folder: str) -> Iterator[tuple[str, ast.AsyncFunctionDef]]:
    for path in sorted((ROOT / folder).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.AsyncFunctionDef):
                yield f"{path.stem}.{node.name}", node


def called(node: ast.AST) -> set[str]:
    """The names of everything that is called in it."""
    calls = [one.func for one in ast.walk(node) if isinstance(one, ast.Call)]
    return {str(getattr(one, "attr", "") or getattr(one, "id", "")) for one in calls}
