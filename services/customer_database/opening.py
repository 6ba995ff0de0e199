"""From settings to a database that may be read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import SecretStr

from services.customer_database.addresses import Address, FileAddress, Kind, ensure_allowed, find_file
from services.customer_database.database import Limits
from services.customer_database.mysql import MySql
from services.customer_database.postgresql import PostgreSql
from services.customer_database.rows import Reader
from services.customer_database.sqlite import SqliteFile


def choose_reader(
    address: Address,
    password: SecretStr | None,
    *,
    allowed: Sequence[str],
    sqlite_folder: Path | None,
    limits: Limits | None = None,
) -> Reader:
    """How this database is read. Raises SourceUnavailable if the operator does not let it be connected."""
    if isinstance(address, FileAddress):
        return SqliteFile(find_file(address, sqlite_folder), limits)
    ensure_allowed(address, allowed)
    if address.kind is Kind.POSTGRESQL:
        return PostgreSql(address, password, limits)
    return MySql(address, password, limits)
