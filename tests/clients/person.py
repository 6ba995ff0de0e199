"""Somebody at a browser, over sockets, who lets every agent in that asks."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape
from typing import Any

import httpx2

from tests.stand import PASSWORD

PAGE = {"Accept": "text/html"}


@dataclass
class Owner:
    """An account with a server over the sample, and its browser."""

    portal: str
    http: httpx2.AsyncClient
    server: dict[str, Any]

    async def let_in(self, url: str, **form: str) -> str:
        """Opens an agent's authorization request and allows it. Where the browser is sent with the code."""
        reply = await self.http.get(url, headers=PAGE)
        while reply.is_redirect:
            reply = await self.http.get(reply.headers["location"], headers=PAGE)
        assert reply.status_code == 200, reply.text
        found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', reply.text)
        fields = {**{name: unescape(value) for name, value in found}, "decision": "allow", **form}
        sent = await self.http.post("/consent", data=fields, headers={**PAGE, "Origin": self.portal})
        assert sent.status_code == 303, sent.text
        return str(sent.headers["location"])

    async def grants(self) -> list[dict[str, Any]]:
        reply = await self.http.get("/api/v1/me/grants")
        items: list[dict[str, Any]] = reply.json()["items"]
        return items


@asynccontextmanager
async def owner(portal: str, *, allow_writes: bool = False) -> AsyncIterator[Owner]:
    async with httpx2.AsyncClient(base_url=portal, timeout=20) as http:
        account = {"email": "ann@example.com", "password": PASSWORD}
        (await http.post("/api/v1/signup", json={**account, "name": "Ann"})).raise_for_status()
        (await http.post("/api/v1/signin", json=account)).raise_for_status()
        config = {"url": "sample", "allow_writes": allow_writes}
        source = await http.post("/api/v1/sources", json={"name": "Customers", "type": "customer_db", "config": config})
        source.raise_for_status()
        server = await http.post("/api/v1/mcp-servers", json={"name": "Mine", "source_ids": [source.json()["id"]]})
        server.raise_for_status()
        yield Owner(portal, http, server.json())
