"""One GET through each of the three kinds of client, with the same signature."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import anyio.to_thread
import requests

from services.egress import Egress, HostPolicy


@dataclass(frozen=True)
class Reply:
    status: int
    text: str


Ask = Callable[[Egress, HostPolicy, str, Mapping[str, str]], Awaitable[Reply]]


async def through_httpx2(egress: Egress, policy: HostPolicy, url: str, headers: Mapping[str, str]) -> Reply:
    async with egress.client(policy) as client:
        response = await client.get(url, headers=headers)
        return Reply(response.status_code, response.text)


async def through_httpx(egress: Egress, policy: HostPolicy, url: str, headers: Mapping[str, str]) -> Reply:
    async with egress.httpx_client(policy) as client:
        response = await client.get(url, headers=headers)
        return Reply(response.status_code, response.text)


async def through_requests(egress: Egress, policy: HostPolicy, url: str, headers: Mapping[str, str]) -> Reply:
    def get() -> Reply:
        with session_of(egress, policy) as session:
            response = session.get(url, headers=dict(headers))
            return Reply(response.status_code, response.text)

    return await anyio.to_thread.run_sync(get)


def session_of(egress: Egress, policy: HostPolicy) -> requests.Session:
    """A session that leaves everything but the adapter as it is."""
    session = requests.Session()
    adapter = egress.requests_adapter(policy)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


KINDS: tuple[Ask, ...] = (through_httpx2, through_httpx, through_requests)
