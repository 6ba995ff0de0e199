"""The kind `customer_db`: the built-in sample, or a database of the customer's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from handlers.base import Bulkhead, Handler, Lent, Source, Tool
from handlers.customer_db import sample_tools
from handlers.customer_db.config import CustomerDbConfig
from handlers.customer_db.sample_source import SampleSource
from handlers.customer_db.source import DatabaseSource
from handlers.customer_db.support import list_support_tools
from handlers.customer_db.templates import build_tool
from services.customer_database.database import POOL_AT_MOST

SAMPLE_AT_ONCE: Final = 16


def connect(config: CustomerDbConfig, lent: Lent) -> Source:
    """The source of these settings; the first call opens the database."""
    if config.is_sample:
        return SampleSource(lent)
    return DatabaseSource(config, lent)


def list_tools(config: CustomerDbConfig) -> Sequence[Tool[Any, Any]]:
    """The tools of these settings; those that write only where that is allowed."""
    if config.is_sample:
        return (*sample_tools.READING, *(sample_tools.WRITING if config.allow_writes else ()))
    return (*list_support_tools(config), *map(build_tool, config.queries))


def share_limit(config: CustomerDbConfig) -> Bulkhead:
    """Sources of one database share its connections; every sample is a file of its own."""
    if config.is_sample:
        return Bulkhead(key="customer_db:sample", size=SAMPLE_AT_ONCE)
    return Bulkhead(key=f"customer_db:{config.url}", size=POOL_AT_MOST)


CUSTOMER_DB: Final = Handler(
    key="customer_db",
    slug="customers",
    title="Customer database",
    description="A table of PostgreSQL, MySQL, MariaDB or SQLite, or ten sample customers to try things with.",
    icon="database",
    config=CustomerDbConfig,
    connect=connect,
    bulkhead=share_limit,
    tools=list_tools,
    scheme="db",
)
