"""A throw-away MariaDB, which stands for MySQL too: one server for a test run, one database for each test.

    with running_mariadb() as server:
        name = server.create_database()
        engine = create_async_engine(server.url(name))

Where no MariaDB is installed, Debian's packages are unpacked (not installed) into `.make/mariadb`, once.
"""

from __future__ import annotations

import fcntl
import itertools
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.servers.processes import ServerMissing, finish, free_port, own, running, unprivileged

SUPERUSER = "gatehouse"
CACHE = Path(__file__).parents[2] / ".make" / "mariadb"
# The server, a client for `execute`, and the libraries that a plain Debian does not have.
PACKAGES = ("mariadb-server-core", "mariadb-client-core", "libaio1", "libnuma1", "liburing2")
SMALL = (
    "--innodb-undo-tablespaces=0",
    "--innodb-log-file-size=4M",
    "--innodb-data-file-path=ibdata1:4M:autoextend",
    "--innodb-temp-data-file-path=ibtmp1:1M:autoextend",
    "--innodb-buffer-pool-size=32M",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=nosync",
    "--skip-log-bin",
)
SYSTEM_TABLES = ("mysql_system_tables.sql", "mysql_system_tables_data.sql")


@dataclass(frozen=True, slots=True)
class Installation:
    """Where the programs are, and what they need to find their own files."""

    server: str
    client: str
    shared: Path
    libraries: Path | None = None

    @property
    def environment(self) -> Mapping[str, str]:
        """All that the programs see of our environment."""
        return {"LC_ALL": "C.UTF-8", "TZ": "UTC"} | ({"LD_LIBRARY_PATH": str(self.libraries)} if self.libraries else {})


@dataclass(frozen=True, slots=True)
class MariaDbServer:
    """A running server on loopback. Its superuser connects without a password."""

    installation: Installation
    port: int
    host: str = "127.0.0.1"
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    def url(self, database: str, *, user: str = SUPERUSER, password: str | None = None, driver: str = "asyncmy") -> str:
        """A SQLAlchemy URL: `mysql+asyncmy://gatehouse@127.0.0.1:34567/test_1`."""
        credentials = user if password is None else f"{user}:{password}"
        return f"mysql+{driver}://{credentials}@{self.host}:{self.port}/{database}"

    def create_database(self) -> str:
        """The name of a new, empty database."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
        return name

    def execute(self, statements: str, *, database: str = "mysql") -> list[list[str]]:
        """Runs statements as superuser; the rows of those that have some, values as text, NULL as "NULL"."""
        address = ["-h", self.host, "-P", str(self.port), "-u", SUPERUSER, database]
        options = ["--no-defaults", "--batch", "--skip-column-names", "--default-character-set=utf8mb4"]
        ran = finish(
            [self.installation.client, *options, *address],
            input=statements,
            environment=self.installation.environment,
        )
        if ran.returncode != 0:
            raise RuntimeError(ran.stderr)
        return [line.split("\t") for line in ran.stdout.splitlines()]


@contextmanager
def running_mariadb() -> Iterator[MariaDbServer]:
    """A server with empty data, up for as long as the block runs. Raises ServerMissing where none can be had."""
    installation = _find_installation()
    folder = Path(tempfile.mkdtemp(prefix="mariadb-"))
    try:
        own(folder)
        command = _initialised(installation, folder)
        server = MariaDbServer(installation, free_port())
        certificate = [f"--ssl-cert={folder / 'server.pem'}", f"--ssl-key={folder / 'server.pem'}"]
        addresses = [f"--port={server.port}", f"--bind-address={server.host}", f"--socket={folder / 'socket'}"]
        with running(
            [*command, *addresses, *certificate, f"--pid-file={folder / 'pid'}", f"--init-file={folder / 'init.sql'}"],
            stop_signal=signal.SIGKILL,  # nothing of it is kept, and an orderly end takes a second
            log=folder / "log",
            ready=lambda: _answers(server),
            environment=installation.environment,
        ):
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _find_installation() -> Installation:
    server = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin:/usr/local/sbin")
    client = shutil.which("mariadb")
    if server and client:
        return Installation(server, client, Path(server).parents[1] / "share" / "mysql")
    root = _unpacked()
    libraries = next(root.glob("usr/lib/*/libaio.so.1")).parent
    return Installation(
        str(root / "usr/sbin/mariadbd"), str(root / "usr/bin/mariadb"), root / "usr/share/mysql", libraries
    )


def _unpacked() -> Path:
    """Debian's packages, unpacked below `.make`; whoever comes first does it, the others wait."""
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise ServerMissing("no MariaDB: mariadbd is not installed, and this is no Debian to take it from")
    CACHE.mkdir(parents=True, exist_ok=True)
    root = CACHE / "root"
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            _unpack(root)
    return root


def _unpack(root: Path) -> None:
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        folder = Path(name)
        got = finish(["apt-get", "download", "-q", *PACKAGES], folder=folder)
        if got.returncode != 0:
            raise ServerMissing("no MariaDB: apt-get could not download it; try again after apt-get update")
        (folder / "root").mkdir(mode=0o755)
        for package in folder.glob("*.deb"):
            finish(["dpkg", "-x", str(package), str(folder / "root")])
        (folder / "root").rename(root)


def _initialised(installation: Installation, folder: Path) -> list[str]:
    """Makes the system tables and the superuser; the command that serves them."""
    (folder / "init.sql").write_text(
        f"CREATE USER '{SUPERUSER}'@'127.0.0.1';\nGRANT ALL ON *.* TO '{SUPERUSER}'@'127.0.0.1' WITH GRANT OPTION;\n"
    )
    command = [
        *(installation.server, "--no-defaults", f"--datadir={folder / 'data'}"),
        *(f"--lc-messages-dir={installation.shared}", *SMALL),
    ]
    (folder / "data").mkdir()
    (folder / "server.pem").write_bytes(_certificate())
    own(folder / "data")
    tables = "".join((installation.shared / name).read_text() for name in SYSTEM_TABLES)
    ran = finish(
        [*unprivileged(), *command, "--bootstrap"],
        input=f"create database mysql;\nuse mysql;\n{tables}",
        environment=installation.environment,
    )
    if ran.returncode != 0:
        raise RuntimeError(f"mariadbd --bootstrap failed: {ran.stderr[-2000:]}")
    return command


def _certificate() -> bytes:
    """A key, and a certificate of it that nobody else has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    return key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + certificate.public_bytes(pem)


def _answers(server: MariaDbServer) -> bool:
    try:
        return server.execute("SELECT 1") == [["1"]]
    except RuntimeError:
        return False
