"""Searching and fetching by hand, as an agent would. It reaches the same documents, so it stands in the same trail."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from auth.access import SignedIn
from auth.audit import AuditTrail, Event
from errors import GatehouseError
from federation.directory import ServedServer
from federation.federation import Federation, OnReport, SearchOutcome
from portal.actions.trail import done_by, record_widely
from schemas.answers import FetchAnswer

_TRIED: Final = "server.tried"


class Tries:
    def __init__(self, federation: Federation, audit: AuditTrail) -> None:
        self._federation = federation
        self._audit = audit

    async def search(
        self, person: SignedIn, server: ServedServer, query: str, on_report: OnReport | None = None
    ) -> SearchOutcome:
        """For somebody who has a part in the server. Raises Invalid for a query that is too long."""
        with self._told(person, server, "search") as record:
            outcome = await self._federation.search(server, query, on_report)
            record.event = replace(
                record.event,
                outcome="failed" if outcome.all_failed else "ok",
                results=len(outcome.answer.results),
                sources=[
                    {
                        **report.model_dump(mode="json", include={"key", "status", "results", "took_ms"}),
                        **({"reused": True} if report.key in outcome.reused else {}),
                    }
                    for report in outcome.answer.sources
                ],
            )
        return outcome

    async def fetch(self, person: SignedIn, server: ServedServer, id: str) -> FetchAnswer:
        """Raises NotFound and SourceError."""
        with self._told(person, server, "fetch"):
            return await self._federation.fetch(server, id)

    @contextmanager
    def _told(self, person: SignedIn, server: ServedServer, tool: str) -> Iterator[_Record]:
        """Records the try however it ends."""
        record, started = _Record(done_by(person, _TRIED, target=tool, server_id=server.id)), time.monotonic()
        try:
            yield record
        except GatehouseError as error:
            record.event = replace(record.event, outcome=error.code)
            raise
        except asyncio.CancelledError:
            record.event = replace(record.event, outcome="cancelled")
            raise
        finally:
            event = replace(record.event, took_ms=round((time.monotonic() - started) * 1000))
            record_widely(self._audit, event, owner_id=server.owner_id)


@dataclass(slots=True)
class _Record:
    event: Event
