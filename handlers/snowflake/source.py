"""One connected Snowflake account."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, Protocol

import httpx2

from errors import SourceUnauthorized
from handlers.base import Document, Hit, SearchQuery
from handlers.snowflake.analyst import AnalystAnswer, AnalystDesk
from handlers.snowflake.config import SnowflakeConfig
from services.snowflake.refusals import ROLE, WAREHOUSE, NotGranted
from services.snowflake.statements import Session, Statement, Statements

_LONGEST_NAME: Final = 300
_CHECK_TIMEOUT: Final = timedelta(seconds=20)
_WHO_AM_I: Final = "select current_role(), current_warehouse()"
"""Needs no warehouse itself. One that the role may not use is null."""
_RULING_ROLES: Final = frozenset(
    {"ACCOUNTADMIN", "SECURITYADMIN", "USERADMIN", "SYSADMIN", "ORGADMIN", "GLOBALORGADMIN"}
)
_TOO_MIGHTY: Final = (
    "The token acts with an administrator's role. Make a role that may only read what is searched, and a token "
    "restricted to it."
)


class Documents(Protocol):
    """Where the documents of a source come from."""

    async def check(self) -> None: ...
    async def search(self, query: SearchQuery) -> Sequence[Hit]: ...
    async def fetch(self, id: str) -> Document: ...


class SnowflakeSource:
    """Documents out of a search service or a table, and perhaps an analyst."""

    def __init__(
        self,
        config: SnowflakeConfig,
        session: Session,
        http: httpx2.AsyncClient,
        *,
        statements: Statements,
        documents: Documents,
        desk: AnalystDesk | None,
    ) -> None:
        self._config = config
        self._session = session
        self._http = http
        self._statements = statements
        self._documents = documents
        self._desk = desk

    async def check(self) -> str:
        role = await self._proven_role()
        await self._documents.check()
        place = self._config.search_service or self._config.table
        return f"{self._config.account} as {role}: {place}"[:_LONGEST_NAME]

    async def search(self, query: SearchQuery) -> Sequence[Hit]:
        text = _readable(query.text)
        return await self._documents.search(SearchQuery(text=text, limit=query.limit)) if text else ()

    async def fetch(self, id: str) -> Document:
        return await self._documents.fetch(id)

    async def ask(self, question: str) -> AnalystAnswer:
        """What Cortex Analyst makes of it. Offered only where the settings name a semantic model."""
        if self._desk is None:
            raise LookupError("this source has no semantic model")
        return await self._desk.answer(_readable(question))

    async def aclose(self) -> None:
        await self._statements.aclose()
        await self._http.aclose()

    async def _proven_role(self) -> str:
        """The role that the token acts with. Raises the SourceError that says what to mend."""
        result = await self._statements.run(
            Statement(sql=_WHO_AM_I, tag="gatehouse/check", timeout=_CHECK_TIMEOUT, max_rows=1)
        )
        role, warehouse = result.rows[0] if result.rows else (None, None)
        if self._session.role is not None and role != self._session.role:
            raise SourceUnauthorized(ROLE)
        if role in _RULING_ROLES:
            raise SourceUnauthorized(_TOO_MIGHTY)
        if self._session.warehouse is not None and warehouse is None:
            raise NotGranted(WAREHOUSE)
        return str(role)


def _readable(text: str) -> str:
    """Without what JSON or a database would choke on: half a surrogate pair, and NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", " ").strip()
