"""A Gatehouse on real sockets, and its owner."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from main import Gatehouse
from tests.auth.oauth.publisher import Publisher, publishing
from tests.clients.person import Owner, owner
from tests.services.egress.network import Authority
from tests.stand import ports, served, settings_for


@dataclass
class Town:
    """A Gatehouse, its owner, and a host that publishes agents' documents."""

    gatehouse: Gatehouse
    owner: Owner
    publisher: Publisher


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture
async def town(sqlite_url: str, tmp_path: Path, authority: Authority) -> AsyncIterator[Town]:
    portal, gateway = ports(2)
    settings = settings_for(sqlite_url, tmp_path, port=portal, mcp_gateway_url_pools=f"http://localhost:{gateway}")
    async with (
        publishing(authority) as publisher,
        served(settings, internet=publisher.egress) as gatehouse,
        owner(settings.portal_url, allow_writes=True) as somebody,
    ):
        yield Town(gatehouse, somebody, publisher)
