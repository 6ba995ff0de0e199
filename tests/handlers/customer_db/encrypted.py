"""Servers whose certificate names a host: MariaDB by itself, PostgreSQL behind a relay, because the one of the tests is
built without encryption."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.servers.mariadb import MariaDbServer

SSL_REQUEST_BYTES = 8


def certify(host: str) -> bytes:
    """A key and a certificate for this host, PEM; signed by itself, so whoever trusts it needs no other."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a database of the tests")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    return key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + certificate.public_bytes(pem)


def install(server: MariaDbServer, certificate: bytes) -> None:
    """Gives a running server another certificate."""
    ((_, path),) = server.execute("SHOW VARIABLES LIKE 'ssl_cert'")
    Path(path).write_bytes(certificate)
    server.execute("FLUSH SSL")


@dataclass
class Relay:
    """Speaks PostgreSQL's encryption to whoever calls, and hands what it hears on to a server without it."""

    port: int
    names: list[str | None]
    """The server names that callers asked for."""


@asynccontextmanager
async def relaying(certificate: Path, server_port: int) -> AsyncIterator[Relay]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    names: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            # https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL
            await reader.readexactly(SSL_REQUEST_BYTES)
            writer.write(b"S")
            await writer.start_tls(context)
            below, above = await asyncio.open_connection("127.0.0.1", server_port)
            await asyncio.gather(_pour(reader, above), _pour(below, writer))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield Relay(server.sockets[0].getsockname()[1], names)


async def _pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while part := await source.read(65_536):
        sink.write(part)
        await sink.drain()
    sink.close()
