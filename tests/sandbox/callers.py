"""Calls as a client of each vendor makes them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2

from sandbox.app import Sandbox
from sandbox.credentials import DEMO
from tests.sandbox.specs import Oracle

BASE_URL = "http://sandbox.example.com"
GRAPH = "/graph/v1.0"
BOX = "/box/2.0"
PAT_HEADERS = {
    "authorization": f"Bearer {DEMO.snowflake.pat}",
    "x-snowflake-authorization-token-type": "PROGRAMMATIC_ACCESS_TOKEN",
}
SERVICE = "/snowflake/api/v2/databases/LARKFIELD/schemas/SUPPORT/cortex-search-services/SUPPORT_SEARCH"
IMMUTABLE = 'IdType="ImmutableId"'


@dataclass(slots=True)
class Caller:
    """Fetches tokens when they are first needed."""

    client: httpx2.AsyncClient
    _tokens: dict[str, str] = field(default_factory=dict)

    async def entra(self, tenant: str = DEMO.entra.tenant_id, **changed: str) -> httpx2.Response:
        form = {
            "client_id": DEMO.entra.client_id,
            "client_secret": DEMO.entra.client_secret,
            "grant_type": "client_credentials",
            "scope": "https://graph.microsoft.com/.default",
        }
        form = {name: value for name, value in (form | changed).items() if value}
        return await self.client.post(f"/entra/{tenant}/oauth2/v2.0/token", data=form)

    async def graph(
        self, path: str, *, prefer: str = "", user: str = DEMO.entra.user, **options: str
    ) -> httpx2.Response:
        """`path` behind the user; options without their `$`: `await caller.graph("/messages", search='"ice"')`."""
        headers = await self._bearer("graph") | ({"prefer": prefer} if prefer else {})
        params = {f"${name}": value for name, value in options.items()}
        return await self.client.get(f"{GRAPH}/users/{user}{path}", params=params, headers=headers)

    async def search_mail(self, search: str, **options: str) -> list[str]:
        """Subjects, in the order in which they came."""
        answer = await self.graph("/messages", search=search, select="subject", top="1000", **options)
        assert answer.status_code == 200, answer.text
        return [message["subject"] for message in answer.json()["value"]]

    async def box_token(self, **changed: str) -> httpx2.Response:
        form = {
            "client_id": DEMO.box.client_id,
            "client_secret": DEMO.box.client_secret,
            "grant_type": "client_credentials",
            "box_subject_type": "enterprise",
            "box_subject_id": DEMO.box.enterprise_id,
        }
        return await self.client.post("/box/oauth2/token", data=form | changed)

    async def box(self, path: str, *, headers: Mapping[str, str] | None = None, **params: str) -> httpx2.Response:
        sent = await self._bearer("box") | dict(headers or {})
        return await self.client.get(path if path.startswith("http") else BOX + path, params=params, headers=sent)

    async def search_files(self, query: str, **params: str) -> list[str]:
        """Names, best first."""
        answer = await self.box("/search", headers=None, query=query, fields="name", **params)
        assert answer.status_code == 200, answer.text
        return [entry["name"] for entry in answer.json()["entries"]]

    async def statement(self, statement: str, **more: object) -> httpx2.Response:
        body = {"statement": statement, "database": "LARKFIELD", "schema": "SUPPORT"}
        return await self.client.post("/snowflake/api/v2/statements", json=body | more, headers=PAT_HEADERS)

    async def cortex(self, query: str, **more: object) -> httpx2.Response:
        body = {"query": query, "columns": ["DOC_ID", "TITLE"]} | more
        return await self.client.post(f"{SERVICE}:query", json=body, headers=PAT_HEADERS)

    async def as_box_user(self) -> Caller:
        """The same, as the user instead of the service account."""
        answer = await self.box_token(box_subject_type="user", box_subject_id=DEMO.box.user_id)
        return Caller(self.client, {"box": answer.json()["access_token"]})

    async def _bearer(self, source: str) -> dict[str, str]:
        if source not in self._tokens:
            answer = await (self.entra() if source == "graph" else self.box_token())
            self._tokens[source] = answer.json()["access_token"]
        return {"authorization": f"Bearer {self._tokens[source]}"}


@asynccontextmanager
async def calling(sandbox: Sandbox, oracle: Oracle | None) -> AsyncIterator[Caller]:
    """A caller of a sandbox in this process. Every answer is checked, where there is an oracle."""

    async def check(response: httpx2.Response) -> None:
        await response.aread()
        if oracle is not None:
            oracle.check(response)

    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=sandbox), base_url=BASE_URL, event_hooks={"response": [check]}
    ) as client:
        yield Caller(client)


def aadsts(answer: httpx2.Response) -> str:
    """The number in an error of Entra's, as it stands in the description."""
    found = re.match(r"AADSTS(\d+): ", answer.json()["error_description"])
    assert found is not None
    assert answer.json()["error_codes"] == [int(found[1])]
    return found[1]
