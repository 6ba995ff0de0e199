"""Servers as the directory tells of them, without a database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

from federation.directory import ServedServer, ServedSource


def public_server(sources: Sequence[ServedSource] = (), *, deadline_s: float = 10, results: int = 20) -> ServedServer:
    return ServedServer(
        id=uuid4(),
        owner_id=uuid4(),
        assignment_id=uuid4(),
        domain="g1.example.com",
        url="https://g1.example.com",
        name="Mine",
        access="public",
        instructions=None,
        deadline=timedelta(seconds=deadline_s),
        results=results,
        sources=tuple(sorted(sources, key=lambda source: source.key)),
    )
