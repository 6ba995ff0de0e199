"""From settings to a database that may be read."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from services.customer_database.addresses import Address, FileAddress, Kind
from services.customer_database.admission import Admission, find_file
from services.customer_database.database import Limits
from services.customer_database.mysql import MySql
from services.customer_database.postgresql import PostgreSql
from services.customer_database.rows import Reader
from services.customer_database.sqlite import SqliteFile


def choose_reader(
    address: Address,
    password: SecretStr | None,
    *,
    admission: Admission,
    sqlite_folder: Path | None,
    limits: Limits | None = None,
) -> Reader:
    """How this database is read; whether its server may be reached is asked at every connection. Raises
    SourceUnavailable for a file that may not be."""
    if isinstance(address, FileAddress):
        return SqliteFile(find_file(address, sqlite_folder), limits)
    if address.kind is Kind.POSTGRESQL:
        return PostgreSql(address, password, admission, limits)
    return MySql(address, password, admission, limits)
