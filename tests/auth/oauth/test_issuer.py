"""The name that agents know the authorization server by does not change by accident."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from commands import change_issuer
from listening import StartProblem
from main import Gatehouse
from tests.portal.oauth.flow import call, connected
from tests.stand import settings_for, stand

pytestmark = pytest.mark.anyio

ELSEWHERE = "http://portal.localhost:8000"


async def starts(settings: Any) -> None:
    """Raises StartProblem where it does not."""
    async with stand(settings):
        pass


async def test_while_no_agent_could_notice_it_may_be_called_anything(database_url: str, tmp_path: Path):
    await starts(settings_for(database_url, tmp_path))
    await starts(settings_for(database_url, tmp_path, portal_url=ELSEWHERE))


async def test_once_an_agent_was_let_in_a_start_under_another_name_ends_with_one_sentence(
    database_url: str, tmp_path: Path, capsys
):
    usual, moved = settings_for(database_url, tmp_path), settings_for(database_url, tmp_path, portal_url=ELSEWHERE)
    async with stand(usual) as house:
        ann = await house.person()
        server = await house.server(ann)
        held = await connected(house, ann, server)
    with pytest.raises(StartProblem, match="PORTAL_URL: agents know this installation as http://localhost:8000 and"):
        await starts(moved)
    async with stand(usual) as house:
        assert (await call(house, server, held.access)).status_code == 200, "nothing was lost"

    gatehouse = Gatehouse(moved)
    async with gatehouse.opened():
        assert await change_issuer(gatehouse, None) == 0  # type: ignore[arg-type]  # it takes no options
    assert "1 were disconnected" in capsys.readouterr().out
    async with stand(moved) as house:
        assert (await call(house, server, held.access)).status_code == 401
    await starts(usual)


async def test_agents_that_were_disconnected_hold_nobody_up(sqlite_url: str, tmp_path: Path):
    async with stand(settings_for(sqlite_url, tmp_path)) as house:
        ann = await house.person()
        await connected(house, ann, await house.server(ann))
        (grant,) = (await ann.http.get("/api/v1/me/grants")).json()["items"]
        await ann.http.delete(f"/api/v1/me/grants/{grant['id']}")
    await starts(settings_for(sqlite_url, tmp_path, portal_url=ELSEWHERE))
