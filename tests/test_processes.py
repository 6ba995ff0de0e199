"""Real processes: several on one database, killed ones, and ones that cannot start."""

from __future__ import annotations

import asyncio
import random
import secrets
import signal
import socket
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from tests.instances import Instance, instance
from tests.servers.postgres import PostgresServer
from tests.stand import PASSWORD, ports

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without any table."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'gatehouse.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.url(server.create_database())


async def sign_in(at: Instance, email: str, password: str = PASSWORD) -> str:
    reply = await at.http.post("/api/v1/signin", json={"email": email, "password": password})
    reply.raise_for_status()
    token: str = reply.json()["access_token"]
    return token


async def me(at: Instance, token: str) -> int:
    at.http.cookies.clear()
    return (await at.http.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})).status_code


async def seconds_until_refused(at: Instance, token: str) -> float:
    started = time.monotonic()
    while await me(at, token) != 401:
        assert time.monotonic() - started < 10, "the token is still good"
        await asyncio.sleep(0.02)
    return time.monotonic() - started


async def test_two_processes_share_an_empty_database_and_the_end_of_a_session(empty_database_url: str, tmp_path: Path):
    """Both start at once and serve; what one revokes is dead in the other within two seconds; both stop cleanly."""
    url = {"PORTAL_URL": "http://portal.localhost:8000"}
    async with (
        instance(tmp_path, empty_database_url, **url) as one,
        instance(tmp_path, empty_database_url, **url) as other,
    ):
        await asyncio.gather(one.ready(), other.ready())
        form = {"email": "ann@example.com", "password": PASSWORD, "name": "Ann"}
        assert (await one.http.post("/api/v1/signup", json=form)).status_code == 201
        assert (await other.http.post("/api/v1/signup", json=form)).status_code == 409

        token = await sign_in(one, "ann@example.com")
        assert await me(other, token) == 200, "keys and issuer are the same in both"
        headers = {"Authorization": f"Bearer {token}"}
        assert (await one.http.post("/api/v1/signout", headers=headers)).status_code == 204
        assert await seconds_until_refused(other, token) < 2

        first, second = await sign_in(one, "ann@example.com"), await sign_in(other, "ann@example.com")
        change = {"current": PASSWORD, "new": "another long password"}
        headers = {"Authorization": f"Bearer {first}"}
        assert (await other.http.post("/api/v1/me/password", json=change, headers=headers)).status_code == 200
        assert await seconds_until_refused(one, first) < 2
        assert await seconds_until_refused(one, second) < 2
        assert await seconds_until_refused(other, first) < 2

        assert await one.end(signal.SIGTERM) == 0
        assert await other.end(signal.SIGINT) == 0
        for ended in (one, other):
            assert "Traceback" not in ended.said, ended.said
            assert PASSWORD not in ended.said
            assert token not in ended.said


async def test_a_port_that_is_taken_ends_the_start_with_one_sentence(tmp_path: Path):
    with closing(socket.create_server(("127.0.0.1", 0))) as holder:
        taken = holder.getsockname()[1]
        async with instance(tmp_path, f"sqlite+aiosqlite:///{tmp_path / 'x.db'}", PORT=str(taken)) as one:
            assert await one.ended() == 2
            said = one.said
    assert said.strip().splitlines()[-1].startswith(f"Port {taken} on 127.0.0.1 cannot be used")
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"JWT_SECRET": "short"}, "JWT_SECRET: "),
        ({"DATABASE_URL": "postgresql+asyncpg://gate:p-canary@127.0.0.1:{port}/x"}, "DATABASE_URL: "),
        ({"DATABASE_URL": "sqlite+aiosqlite:////dev/null/p-canary.db"}, "DATABASE_URL: "),
    ],
)
async def test_what_cannot_start_says_why_in_one_sentence(changes: dict[str, str], sentence: str, tmp_path: Path):
    told = {name: value.replace("{port}", str(ports(1)[0])) for name, value in changes.items()}
    async with instance(tmp_path, **{"database_url": "", **told}) as one:
        assert await one.ended() == 2
        said = one.said
    assert said.startswith(sentence), said
    assert "canary" not in said
    if "sqlite" not in told.get("DATABASE_URL", ""):  # there the driver's thread complains that the loop has ended
        assert len(said.strip().splitlines()) == 1


async def test_it_starts_without_a_data_folder_though_every_secret_is_given(tmp_path: Path):
    secrets_given = {"JWT_SECRET": "x" * 32, "SECRETS_KEYS": "k-canary-sealing-key-aaaaaaaaaaaaaaaaaaaaaa"}
    async with instance(tmp_path, "", **secrets_given) as one:
        await one.ready()
    assert (tmp_path / "data" / "gatehouse.db").exists()


async def write_until_killed(at: Instance, token: str, acknowledged: list[str]) -> None:
    """Fifty sources, ten at a time; a kill comes somewhere in the middle."""
    waiting = [f"note {secrets.token_hex(6)}" for _ in range(50)]
    headers = {"Authorization": f"Bearer {token}"}

    async def write() -> None:
        while waiting:
            name = waiting.pop()
            body = {"name": name, "type": "customer_db", "config": {"url": "sample"}}
            try:
                reply = await at.http.post("/api/v1/sources", json=body, headers=headers)
            except httpx2.TransportError:
                return
            if reply.status_code == 201:
                acknowledged.append(name)

    writers = [asyncio.create_task(write()) for _ in range(10)]
    after = random.randint(1, 45)  # noqa: S311 - any moment will do
    while len(acknowledged) < after and not all(writer.done() for writer in writers):  # noqa: ASYNC110 - no event for it
        await asyncio.sleep(0.001)
    await at.end(signal.SIGKILL)
    await asyncio.gather(*writers)


@pytest.mark.parametrize("times", [2, pytest.param(20, marks=pytest.mark.slow)])
async def test_every_acknowledged_write_outlives_kill_9_in_the_middle_of_50(times: int, tmp_path: Path):
    path = tmp_path / "gatehouse.db"
    url = f"sqlite+aiosqlite:///{path}"
    acknowledged: list[str] = []
    token = ""
    for _ in range(times):
        async with instance(tmp_path, url, RATE_LIMITS="off") as one:
            await one.ready()
            if not token:
                form = {"email": "ann@example.com", "password": PASSWORD, "name": "Ann"}
                (await one.http.post("/api/v1/signup", json=form)).raise_for_status()
            token = await sign_in(one, "ann@example.com")
            await write_until_killed(one, token, acknowledged)
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            kept = {row[0] for row in connection.execute("SELECT name FROM sources")}
        assert set(acknowledged) <= kept
    assert len(acknowledged) >= times, "nothing was written, so nothing was proved"
