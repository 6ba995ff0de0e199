"""Encryption of the way to a database server."""

from __future__ import annotations

import ssl

from services.customer_database.addresses import ServerAddress, Tls


class _NamingContext(ssl.SSLContext):
    """Asks for one server name, and verifies that one, whatever the driver dials: neither asyncpg nor asyncmy can be
    told to dial an address and to verify a name. asyncio and uvloop both encrypt by `wrap_bio`."""

    name: str

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        return super().wrap_bio(incoming, outgoing, server_side, self.name, session)


def tls_context(server: ServerAddress) -> ssl.SSLContext | None:
    """The context for connections to this server, by its host's name; None is the unencrypted way. Takes 20 ms.

    Built here, because the drivers' own defaults read key files of the user that runs us. Trusted is whom the system
    trusts, or SSL_CERT_FILE, which is OpenSSL's own way for an operator to say so.
    """
    if server.tls is Tls.DISABLE:
        return None
    context = _NamingContext(ssl.PROTOCOL_TLS_CLIENT)
    context.name = server.host
    if server.tls is Tls.VERIFY_FULL:
        context.load_default_certs()
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def describe_tls(tls: Tls) -> str:
    """What a reader of a check is told about it."""
    return {
        Tls.DISABLE: "not encrypted",
        Tls.REQUIRE: "encrypted, server not verified",
        Tls.VERIFY_FULL: "encrypted, server verified",
    }[tls]
