"""An agent that connects itself, and the browser of the person who lets it in, spoken by hand: tests change what is
sent at any step."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2

from tests.stand import PASSWORD, PORTAL, Person, Stand

CALLBACK = "https://agent.example.com/callback"


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


@dataclass
class Browser:
    """Somebody's browser at the portal, with their session's cookie."""

    http: httpx2.AsyncClient

    async def open(self, url: str) -> httpx2.Response:
        """The page at the end of the portal's own redirects."""
        reply = await self.http.get(url, headers={"Accept": "text/html"})
        while reply.is_redirect and reply.headers["location"].startswith("/"):
            reply = await self.http.get(reply.headers["location"], headers={"Accept": "text/html"})
        return reply

    async def decide(self, page: httpx2.Response, decision: str = "allow", **more: str) -> httpx2.Response:
        """Sends the consent form of the page."""
        fields = {**hidden_fields(page), "decision": decision, **more}
        return await self.http.post("/consent", data=fields, headers={"Origin": PORTAL, "Accept": "text/html"})


async def browser(house: Stand, person: Person) -> Browser:
    http = house.client()
    signed_in = await http.post("/api/v1/signin", json={"email": person.email, "password": PASSWORD})
    signed_in.raise_for_status()
    return Browser(http)


@dataclass
class Connecting:
    """An agent on its way in. `asked` may be changed before the request is sent."""

    http: httpx2.AsyncClient
    client_id: str
    asked: dict[str, Any]
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    def url(self, **changes: Any) -> str:
        """The authorization request; None leaves a parameter out."""
        challenge = {"code_challenge": challenge_of(self.verifier), "code_challenge_method": "S256"}
        query = {**self.asked, **challenge, **changes}
        return str(httpx2.URL("/authorize", params={name: value for name, value in query.items() if value is not None}))

    async def exchange(self, code: str, /, **changes: Any) -> httpx2.Response:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": self.client_id,
            "redirect_uri": self.asked.get("redirect_uri"),
            "code_verifier": self.verifier,
            "resource": self.asked.get("resource"),
            **changes,
        }
        return await self.http.post("/token", data={name: value for name, value in fields.items() if value is not None})

    async def refresh(self, token: str, /, **changes: Any) -> httpx2.Response:
        fields = {"grant_type": "refresh_token", "refresh_token": token, "client_id": self.client_id, **changes}
        return await self.http.post("/token", data={name: value for name, value in fields.items() if value is not None})


async def registered(
    house: Stand, server: dict[str, Any] | None = None, *, redirect_uri: str = CALLBACK, **metadata: Any
) -> Connecting:
    """An agent that has registered itself and wants to use this server."""
    http = house.client()
    body = {
        "client_name": "An agent",
        "redirect_uris": [redirect_uri],
        "token_endpoint_auth_method": "none",
        **metadata,
    }
    reply = await http.post("/register", json=body)
    assert reply.status_code == 201, reply.text
    client_id = reply.json()["client_id"]
    asked = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "state": "st4te",
        "scope": "mcp:read",
        "resource": None if server is None else server["url"],
    }
    return Connecting(http, client_id, asked)


def answer(reply: httpx2.Response) -> dict[str, str]:
    """What the browser is sent to the agent with; each parameter once."""
    assert reply.is_redirect, (reply.status_code, reply.text)
    pairs = parse_qsl(urlsplit(reply.headers["location"]).query, keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def hidden_fields(page: httpx2.Response) -> dict[str, str]:
    """Of the consent form."""
    form = re.search(r'<form method="post" action="/consent".*?</form>', page.text, re.DOTALL)
    assert form is not None, (page.status_code, page.text)
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0])
    return {name: unescape(value) for name, value in found}


@dataclass
class Connected:
    """An agent that was let in."""

    agent: Connecting
    tokens: dict[str, Any]

    @property
    def access(self) -> str:
        return str(self.tokens["access_token"])

    @property
    def refresh(self) -> str:
        return str(self.tokens["refresh_token"])


async def code_for(house: Stand, person: Person, agent: Connecting, **form: str) -> str:
    """The person lets the agent in; the code that comes of it."""
    theirs = await browser(house, person)
    page = await theirs.open(agent.url())
    return answer(await theirs.decide(page, **form))["code"]


async def connected(
    house: Stand, person: Person, server: dict[str, Any], agent: Connecting | None = None, **form: str
) -> Connected:
    """The person lets an agent in at the server, all the way to its tokens."""
    asking = agent or await registered(house, server)
    reply = await asking.exchange(await code_for(house, person, asking, **form))
    assert reply.status_code == 200, reply.text
    return Connected(asking, reply.json())


async def call(house: Stand, server: dict[str, Any], token: str | None, **more: Any) -> httpx2.Response:
    """tools/list at the server's gateway, in the modern era."""
    return await post(house, server, token, "tools/list", **more)


async def post(
    house: Stand, server: dict[str, Any], token: str | None, method: str, params: dict[str, Any] | None = None
) -> httpx2.Response:
    headers = {
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2025-11-25",
        **({} if token is None else {"Authorization": f"Bearer {token}"}),
    }
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
    return await house.client().post(server["url"], json=message, headers=headers)
