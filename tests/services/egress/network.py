"""A small internet: names from a table, and one loopback listener behind every address."""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpcore2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.egress import Network

PUBLIC_HOSTS = (
    "api.box.com",
    "dl.boxcloud.com",
    "graph.microsoft.com",
    "acme-main_1.snowflakecomputing.com",
    "xn--bcher-kva.example.org",
    "www.example.org",
)
PUBLIC = "93.184.216.34"
PUBLIC_V6 = "2606:2800:220:1::1"


@dataclass
class Listener:
    """Answers every request with the reply that belongs to its path, and remembers what it was sent."""

    port: int
    connections: int = 0
    requests: list[str] = field(default_factory=list)
    replies: dict[str, bytes] = field(default_factory=dict)

    def redirect(self, path: str, location: str, status: int = 302) -> None:
        head = f"HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\n"
        self.replies[path] = f"{head}Set-Cookie: a=b\r\nContent-Length: 0\r\n\r\n".encode()


@asynccontextmanager
async def listening(tls: ssl.SSLContext | None = None) -> AsyncIterator[Listener]:
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        listener.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                listener.requests.append(head)
                reply = listener.replies.get(head.split(" ")[1], ok)
                writer.write(reply)
                await writer.drain()
                if b"Connection: close" in reply:
                    break
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    listener = Listener(server.sockets[0].getsockname()[1])
    async with server:
        yield listener


class FakeNetwork:
    """Resolves from a table and sends every dial to one listener, remembering where it was meant to go."""

    def __init__(self, listener: Listener, names: Mapping[str, Sequence[str] | Sequence[Sequence[str]]]) -> None:
        self._listener = listener
        self._names = {
            name: [[a] if isinstance(a, str) else list(a) for a in answers] for name, answers in names.items()
        }
        self._rotating = {name for name, answers in names.items() if answers and not isinstance(answers[0], str)}
        self.asked: list[str] = []
        self.dialled: list[tuple[str, int]] = []
        self.dead: set[str] = set()

    def network(self) -> Network:
        return Network(resolve=self.resolve, connect=self.connect, backend=_Backend(self))

    def resolve(self, host: str, port: int) -> Sequence[str]:
        """A list of lists is one answer per question, the last one for ever; anything else is a set of addresses.
        What is in no table may still be a number that the C library takes for an address."""
        self.asked.append(host)
        answers = self._names.get(host)
        if answers is None:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
            return [str(entry[4][0]) for entry in found]
        if host in self._rotating:
            return answers.pop(0) if len(answers) > 1 else answers[0]
        return [address for answer in answers for address in answer]

    def connect(self, address: tuple[str, int], timeout_s: float | None) -> socket.socket:
        return socket.create_connection(self.route(*address), timeout_s)

    def route(self, host: str, port: int) -> tuple[str, int]:
        self.dialled.append((host, port))
        if host in self.dead:
            raise ConnectionRefusedError
        return "127.0.0.1", self._listener.port


class _Backend(httpcore2.AnyIOBackend):
    def __init__(self, fake: FakeNetwork) -> None:
        self._fake = fake

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface of httpcore2
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            host, port = self._fake.route(host, port)
        except ConnectionRefusedError as error:
            raise httpcore2.ConnectError from error
        return await super().connect_tcp(host, port, timeout=timeout)


class Authority:
    """A certificate authority of its own, and a server certificate for every host of the fake internet."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of the tests")])
        self._certificate = self._issue(self._name, self._key, x509.BasicConstraints(ca=True, path_length=0))

    def client_context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self._certificate.public_bytes(serialization.Encoding.PEM).decode())

    def server_context(self, hosts: Sequence[str] = PUBLIC_HOSTS) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
        certificate = self._issue(x509.Name([]), key, names)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile() as file:  # the ssl module reads keys from files only
            private = key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            Path(file.name).write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
            context.load_cert_chain(file.name)
        return context

    def _issue(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(minutes=1))
            .not_valid_after(now + dt.timedelta(hours=1))
            .add_extension(extension, critical=True)
        )
        return builder.sign(self._key, hashes.SHA256())
