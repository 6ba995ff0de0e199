"""Encryption of the way to a database server."""

from __future__ import annotations

import ssl

from services.customer_database.addresses import Tls


def tls_context(tls: Tls) -> ssl.SSLContext | None:
    """The context for this choice; None is the unencrypted way.

    Built here, because the drivers' own defaults read key files of the user that runs us.
    """
    if tls is Tls.DISABLE:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if tls is Tls.VERIFY_FULL:
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
