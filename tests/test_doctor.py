"""What `python main.py doctor` finds, and what it says is to be done."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import pytest

from doctor import examine
from main import Gatehouse
from tests.servers.postgres import PostgresServer
from tests.servers.processes import free_port
from tests.servers.relay import relayed
from tests.stand import settings_for, stand

pytestmark = pytest.mark.anyio


async def examined(url: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """The exit code, and what it said."""
    capsys.readouterr()
    code = await examine(Gatehouse(settings_for(url, folder)), argparse.Namespace())
    return code, capsys.readouterr().out


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the pages' packages are looked for; there are none yet."""
    folder = tmp_path / "node_modules"
    monkeypatch.setattr("web.assets._PACKAGES", folder)
    return folder


@pytest.fixture
def packaged(packages: Path) -> None:
    for file in ("@tabler/core/dist/css/tabler.min.css", "htmx.org/dist/htmx.min.js", "@tabler/icons/icons/outline/x"):
        _put(packages / file)
    for file in ("uPlot.iife.min.js", "uPlot.min.css"):
        _put(packages / "uplot/dist" / file)


@pytest.mark.usefixtures("packaged")
async def test_where_everything_is_well_it_says_so(sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    async with stand(settings_for(sqlite_url, tmp_path)) as house:
        await house.person()
    code, said = await examined(sqlite_url, tmp_path, capsys)
    assert (code, said.splitlines()[-1]) == (0, "Everything is well.")
    assert "ok  pages: " in said
    assert "ok  database: sqlite, up to date" in said


@pytest.mark.usefixtures("packages")
async def test_missing_packages_of_the_pages_are_named(
    sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    code, said = await examined(sqlite_url, tmp_path, capsys)
    assert code == 1
    assert "!!  pages: node_modules lacks @tabler/core/dist/css/tabler.min.css, htmx.org/dist/htmx.min.js" in said
    assert "npm ci --ignore-scripts" in said


@pytest.mark.usefixtures("packaged")
async def test_a_database_that_refuses_or_hangs_is_told(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("database.engine._PATIENCE_S", 0.5)
    nowhere = replace(postgres, port=free_port())
    code, said = await examined(nowhere.url("postgres"), tmp_path, capsys)
    assert code == 1
    assert "!!  database: postgresql, not reachable" in said
    code, said = await examined(postgres.url("no_such_database"), tmp_path, capsys)
    assert code == 1
    assert "!!  database: postgresql, not reachable" in said
    async with relayed(postgres.port) as relay:
        relay.hold()
        code, said = await examined(replace(postgres, port=relay.port).url("postgres"), tmp_path, capsys)
    assert code == 1
    assert "!!  database: postgresql, not reachable (TimeoutError)" in said


def _put(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("")
