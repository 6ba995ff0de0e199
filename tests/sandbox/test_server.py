"""On real sockets: many at once, and the command itself."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path

import httpx2
import pytest

from sandbox.__main__ import main
from sandbox.server import PortTaken, listening, serve
from tests.sandbox.callers import Caller

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]


@contextmanager
def command(*arguments: str):
    """`python -m sandbox` on a free port; gives the lines of its announcement."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}  # noqa: TID251 - for a child process
    started = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "sandbox", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=environment,
        text=True,
    )
    assert started.stdout is not None
    try:
        lines = []
        for line in started.stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith('  {"source"'):
                break
        yield lines
    finally:
        started.send_signal(signal.SIGINT)
        started.wait(10)
        started.stdout.close()
    assert started.returncode == 0


async def test_a_world_is_served_as_it_is(world):
    with serve(world) as base_url:
        async with httpx2.AsyncClient(base_url=base_url) as client:
            answers = await asyncio.gather(*(Caller(client).entra() for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{base_url}/control")


def test_a_port_that_is_taken_is_told():
    with listening(0) as opened:
        port = opened.getsockname()[1]
        with pytest.raises(PortTaken, match=f"Port {port} is taken"), listening(port):
            pass


def test_the_command_ends_with_one_sentence(capsys, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert main(["--port", str(taken.getsockname()[1])]) == 1
    assert "is taken; name another with --port." in capsys.readouterr().err
    assert main(["--corpus", str(tmp_path)]) == 1
    assert "does not hold a collection" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--host", "0.0.0.0"], ["--fault", "box=sulks"]])  # noqa: S104 - it is refused
def test_the_command_refuses_other_hosts_and_unheard_of_faults(arguments, capsys):
    with pytest.raises(SystemExit):
        main(arguments)
    assert "loopback only" in capsys.readouterr().err or arguments[0] == "--fault"


async def test_the_command_says_where_everything_is_and_how_to_come_in(world, tmp_path):
    file = tmp_path / "customers.sqlite3"
    with command("--database", str(file), "--fault", "box/search=503") as lines:
        said = dict(line.strip().split("=", 1) for line in lines if re.match(r"  [A-Z_]+=", line))
        assert set(said) == {"ENTRA_URL", "GRAPH_URL", "BOX_URL", "SNOWFLAKE_URL", "CUSTOMER_SQLITE_FOLDER"}
        text = "\n".join(lines)
        known = world.credentials
        for value in (known.entra.tenant_id, known.entra.client_secret, known.entra.user, known.box.client_secret):
            assert value in text
        for value in (known.snowflake.pat, "LARKFIELD.SUPPORT.SUPPORT_SEARCH", str(file)):
            assert value in text
        origin = said["GRAPH_URL"].removesuffix("/graph")
        async with httpx2.AsyncClient(base_url=origin) as client:
            assert (await Caller(client).graph("/messages")).status_code == 200
            assert (await Caller(client).box("/search", query="x")).status_code == 503
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*) FROM customers").fetchone() == (16,)
