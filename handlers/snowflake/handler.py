"""The kind `snowflake`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from handlers.base import Bulkhead, Handler, Hints, Lent, Source, Tool
from handlers.snowflake.analyst import AnalystAnswer, AnalystDesk, Question
from handlers.snowflake.config import HOST_SUFFIXES, SnowflakeConfig
from handlers.snowflake.documents import Layout
from handlers.snowflake.service_documents import ServiceDocuments
from handlers.snowflake.source import Documents, SnowflakeSource
from handlers.snowflake.table_documents import TableDocuments
from handlers.snowflake.table_sql import TableName
from services.egress import HostPolicy
from services.snowflake.account import Account
from services.snowflake.analyst import CortexAnalyst
from services.snowflake.names import stored_name
from services.snowflake.search import CortexSearch, ServiceName
from services.snowflake.statements import Session, Statements

AT_ONCE: Final = 8
"""Snowflake publishes no number; a warehouse of its smallest sizes runs eight statements at a time by default
(MAX_CONCURRENCY_LEVEL)."""


def connect(config: SnowflakeConfig, lent: Lent) -> Source:
    """The source of these settings; the first call opens a connection."""
    url = lent.endpoints.snowflake or config.account_url
    http = lent.egress.client(_policy(lent.endpoints.snowflake))
    account = Account(http, url, config.pat)
    session = Session(
        database=stored_name(config.database),
        schema=stored_name(config.schema),
        warehouse=_stored(config.warehouse),
        role=_stored(config.role),
    )
    statements = Statements(account, session)
    desk = None
    if config.semantic_model_file is not None:
        desk = AnalystDesk(CortexAnalyst(account, config.semantic_model_file), statements)
    documents = _documents(config, lent, account, statements)
    return SnowflakeSource(config, session, http, statements=statements, documents=documents, desk=desk)


def list_tools(config: SnowflakeConfig) -> Sequence[Tool[Any, Any]]:
    """Analyst's, where there is a semantic model."""
    return (_ASK_ANALYST,) if config.semantic_model_file is not None else ()


def share_limit(config: SnowflakeConfig) -> Bulkhead:
    """Sources that act with one role in one account queue before the same warehouse."""
    return Bulkhead(key=f"snowflake:{config.account}:{_stored(config.role) or ''}", size=AT_ONCE)


async def _ask(source: SnowflakeSource, question: Question) -> AnalystAnswer:
    return await source.ask(question.question)


def _documents(config: SnowflakeConfig, lent: Lent, account: Account, statements: Statements) -> Documents:
    layout = Layout.of(config)
    database, schema = stored_name(config.database), stored_name(config.schema)
    if config.search_service is not None:
        service = ServiceName(database, schema, stored_name(config.search_service))
        return ServiceDocuments(CortexSearch(account, service), layout, clock=lent.clock)
    if config.table is None:
        raise ValueError("settings without a search service have a table")
    table = TableName(database, schema, stored_name(config.table))
    return TableDocuments(statements, table, layout, clock=lent.clock)


def _policy(operators_url: str | None) -> HostPolicy:
    if operators_url is None:
        return HostPolicy(suffixes=HOST_SUFFIXES)
    parts = urlsplit(operators_url)
    return HostPolicy(origins=(f"{parts.scheme}://{parts.netloc}",))


def _stored(written: str | None) -> str | None:
    return None if written is None else stored_name(written)


_ASK_ANALYST: Final = Tool(
    name="ask_analyst",
    title="Ask about figures",
    description="Answers a question about figures from the tables in Snowflake: how it was understood, the SQL, and "
    "the rows that it gives. Takes up to a minute. It can only read.",
    arguments=Question,
    answer=AnalystAnswer,
    hints=Hints(read_only=True),
    run=_ask,
    deadline=timedelta(seconds=60),
)

SNOWFLAKE: Final = Handler(
    key="snowflake",
    slug="snowflake",
    title="Snowflake",
    description="Documents in a Cortex Search service or a table, and answers about figures from Cortex Analyst.",
    icon="snowflake",
    config=SnowflakeConfig,
    connect=connect,
    bulkhead=share_limit,
    tools=list_tools,
)
