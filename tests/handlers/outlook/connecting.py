"""How the tests connect a mailbox of the stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from handlers.base import DatabaseRules, Endpoints, Lent, Source, TextExtraction
from handlers.outlook import HANDLER
from sandbox.credentials import DEMO
from tests.services.graph.wires import utc_now

SETTINGS: Final = {
    "tenant_id": DEMO.entra.tenant_id,
    "client_id": DEMO.entra.client_id,
    "client_secret": DEMO.entra.client_secret,
    "user": DEMO.entra.user,
}


def lent_at(origin: str, folder: Path, extraction: TextExtraction | None = None) -> Lent:
    """What a source is lent whose vendors answer at this sandbox."""
    lent = Lent(
        clock=utc_now,
        folder=folder,
        databases=DatabaseRules(),
        endpoints=Endpoints(entra=f"{origin}/entra", graph=f"{origin}/graph"),
    )
    return lent if extraction is None else replace(lent, text=extraction)


@asynccontextmanager
async def connected(lent: Lent, **settings: Any) -> AsyncIterator[Source]:
    """A source of the demonstration's settings, unless others are given, closed in the end."""
    source = HANDLER.connect(HANDLER.config.model_validate({**SETTINGS, **settings}), lent)
    yield source
    await source.aclose()
