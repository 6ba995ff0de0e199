"""A person with a browser's cookie instead of a bearer token."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from tests.stand import PORTAL, Person, Stand

HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')


@dataclass
class Reader:
    """Somebody who is signed in, and reads pages."""

    person: Person
    http: httpx2.AsyncClient

    async def page(self, path: str) -> httpx2.Response:
        return await self.http.get(path)

    async def form_token(self) -> str:
        found = _TOKEN.search((await self.page("/account")).text)
        assert found is not None
        return found[1]

    async def send(self, path: str, fields: dict[str, Any] | None = None, **headers: str) -> httpx2.Response:
        """A form of this session's; headers are written with `_` for `-`."""
        data = {"form_token": await self.form_token(), **(fields or {})}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post(path, data=data, headers=named)


Reading = Callable[[Person], Awaitable[Reader]]


@pytest.fixture
def reading(gatehouse: Stand) -> Reading:
    async def read_as(person: Person) -> Reader:
        http = gatehouse.client(PORTAL, Accept=HTML)
        http.cookies.set("session", person.token)
        return Reader(person, http)

    return read_as


@pytest.fixture
async def ann(gatehouse: Stand, reading: Reading) -> Reader:
    """The first account, so the operator."""
    return await reading(await gatehouse.person("ann"))
