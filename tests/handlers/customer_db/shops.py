# ruff: noqa: S608 - the rows are those below, and a test has no other way to write them than SQL
"""The same small support database on every kind of server, with a reader and a canary.

The canary table may be read by the same database user: only what we send keeps it from being seen.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from handlers.base import DatabaseRules
from tests.servers.mariadb import MariaDbServer
from tests.servers.postgres import PostgresServer

CANARY: Final = "canary-row-7d1f"
PASSWORD: Final = " g3heim p@ss:wörd/ "
_NUMBERS: Final[Iterator[int]] = itertools.count(1)

PEOPLE: Final = (
    (1, "Amelia Hart", "amelia.hart@example.com", "active", "Prefers phone calls. Asked about the annual invoice."),
    (2, "Bruno Keller", "bruno.keller@example.com", "active", "Runs three bakeries; delivery before six."),
    (3, "Chiara Rossi", "chiara.rossi@example.com", "disabled", "Left us for a cheaper offer."),
    (4, "Daniel Osei", "daniel.osei@example.com", "active", "Invoice goes to his accountant."),
    (5, 'O\'Neil "Ünal" 100%_x', "oneil@example.com", "active", "Backslash \\ and 東京 in one line."),
    (6, "Elena Petrova", "elena.petrova@example.com", "active", None),
)
TICKETS: Final = (
    (101, 1, "Invoice is wrong", "open", "2026-11-18 09:00:00"),
    (102, 1, "Cannot sign in", "closed", "2026-11-17 10:30:00"),
    (103, 2, "Delivery was late", "open", "2026-11-18 16:45:00"),
    (104, 3, "Cancel my contract", "closed", "2026-08-01 08:00:00"),
)
NOTES: Final = (
    (201, 1, "call", "Promised a corrected invoice.", "2026-11-18 11:00:00"),
    (202, 1, "email", "Sent the corrected invoice.", "2026-11-19 08:20:00"),
)
ARTICLES: Final = (
    (301, "How to reset a password", "Open the sign-in page and choose the link below the form."),
    (302, "Reading your invoice", "Every line of the invoice names the delivery it belongs to."),
    (303, "Delivery times", "We deliver before seven in the morning, and on Sundays never."),
)

TABLES: Final = """
CREATE TABLE customers (id {int} PRIMARY KEY, name VARCHAR(200) NOT NULL, email VARCHAR(200), status VARCHAR(20),
    notes {text}, balance {decimal}, photo {bytes}, changed {moment}, hidden VARCHAR(50));
CREATE TABLE tickets (id {int} PRIMARY KEY, customer_id {int}, subject VARCHAR(200), status VARCHAR(20),
    created_at {moment});
CREATE TABLE interactions (id {serial}, customer_id {int} NOT NULL, kind VARCHAR(20) NOT NULL, note {text} NOT NULL,
    created_at {moment} NOT NULL);
CREATE TABLE articles (id {int} PRIMARY KEY, title VARCHAR(200), body {text});
CREATE TABLE canary (id {int} PRIMARY KEY, secret VARCHAR(100));
"""
NAMES: Final = "customers, tickets, interactions, articles, canary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """One such database: how a source reaches it, and how a test looks at it from outside."""

    kind: str
    url: str
    password: str | None
    rules: DatabaseRules
    run: Callable[[str], list[list[str]]]
    """Runs statements with all rights."""
    counters: Callable[[], object]
    """Whatever changes when anything in the database is written."""

    @property
    def settings(self) -> dict[str, Any]:
        """What its owner would send to the API."""
        return {
            "url": self.url,
            "table": "customers",
            "key_column": "id",
            "title_column": "name",
            "text_columns": ["name", "email", "status", "notes", "balance", "photo"],
            "updated_column": "changed",
            "url_template": "https://crm.example.com/customers/{id}",
            **({"password": self.password} if self.password else {}),
        }

    @property
    def support(self) -> dict[str, Any]:
        """The same with everything beside the customers."""
        return {**self.settings, "tickets": {}, "interactions": {}, "knowledge_base": {}}


def contents(types: Mapping[str, str]) -> str:
    """Statements that make the tables, with a server's own names of types, and their rows."""
    rows = (
        *(
            f"INSERT INTO customers VALUES ({_row(row)}, 12.50, NULL, '2026-11-01 10:00:00', '{CANARY}');"
            for row in PEOPLE
        ),
        *(f"INSERT INTO tickets VALUES ({_row(row)});" for row in TICKETS),
        *(f"INSERT INTO interactions VALUES ({_row(row)});" for row in NOTES),
        *(f"INSERT INTO articles VALUES ({_row(row)});" for row in ARTICLES),
        f"INSERT INTO canary VALUES (1, '{CANARY}');",
    )
    return "\n".join((TABLES.format_map(types), *rows))


def _row(values: Sequence[object]) -> str:
    return ", ".join("NULL" if value is None else _literal(value) for value in values)


def _literal(value: object) -> str:
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


def postgres_template(server: PostgresServer) -> str:
    """The name of a filled database, for shops to be copies of."""
    name = server.create_database()
    types = {
        "int": "integer",
        "serial": "integer GENERATED BY DEFAULT AS IDENTITY (START 1000) PRIMARY KEY",
        "text": "text",
        "decimal": "numeric(10, 2)",
        "bytes": "bytea",
        "moment": "timestamptz",
    }
    server.execute(contents(types), database=name)
    return name


def postgres_shop(server: PostgresServer, template: str) -> Shop:
    name = server.create_database(template)
    reader = f"reader_{name}_{next(_NUMBERS)}"

    def run(statements: str) -> list[list[str]]:
        return server.execute(statements, database=name)

    # A copy begins without counters; ANALYZE tells them what is there.
    run(
        f"CREATE ROLE {reader} LOGIN PASSWORD '{PASSWORD}'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader};"
        f"ANALYZE {NAMES}"
    )
    return Shop(
        kind="postgresql",
        url=server.url(name, user=reader).replace("+asyncpg", ""),
        password=PASSWORD,
        rules=DatabaseRules(allowed=(f"postgresql://127.0.0.1:{server.port}/{name}",)),
        run=run,
        counters=lambda: run(
            "SELECT relname, n_tup_ins, n_tup_upd, n_tup_del, n_live_tup FROM pg_stat_user_tables ORDER BY 1;"
            "SELECT count(*) FROM pg_class; SELECT count(*) FROM pg_largeobject_metadata; SELECT * FROM canary;"
            "SELECT count(*) FROM pg_roles; SELECT count(*) FROM pg_proc"
        ),
    )


def mariadb_shop(server: MariaDbServer) -> Shop:
    name = server.create_database()
    reader = f"reader_{name}_{next(_NUMBERS)}"

    def run(statements: str) -> list[list[str]]:
        return server.execute(f"SET sql_mode = 'NO_BACKSLASH_ESCAPES';\n{statements}", database=name)

    types = {
        "int": "integer",
        "serial": "integer AUTO_INCREMENT PRIMARY KEY",
        "text": "text",
        "decimal": "decimal(10, 2)",
        "bytes": "blob",
        "moment": "datetime",
    }
    run(
        f"{contents(types)} CREATE USER '{reader}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'; GRANT SELECT ON {name}.*"
        f" TO '{reader}'@'127.0.0.1'; CREATE FULLTEXT INDEX words ON articles (title, body)"
    )
    return Shop(
        kind="mariadb",
        url=server.url(name, user=reader).replace("+asyncmy", ""),
        password=PASSWORD,
        rules=DatabaseRules(allowed=(f"mysql://127.0.0.1:{server.port}",)),
        run=run,
        counters=lambda: run(
            f"CHECKSUM TABLE {NAMES}; SELECT COUNT(*) FROM information_schema.tables; SELECT * FROM canary;"
            "SELECT COUNT(*) FROM mysql.user; SELECT COUNT(*) FROM information_schema.routines"
        ),
    )


def sqlite_shop(folder: Path) -> Shop:
    file = folder / "shop.db"

    def run(statements: str) -> list[list[str]]:
        with closing(sqlite3.connect(file)) as connection:
            if statements.lstrip().upper().startswith("SELECT"):
                return [[str(value) for value in row] for row in connection.execute(statements)]
            connection.executescript(f"PRAGMA synchronous = OFF; BEGIN; {statements}; COMMIT")
            return []

    types = {
        "int": "INTEGER",
        "serial": "INTEGER PRIMARY KEY AUTOINCREMENT",
        "text": "TEXT",
        "decimal": "NUMERIC",
        "bytes": "BLOB",
        "moment": "TEXT",
    }
    run(contents(types))
    return Shop(
        kind="sqlite",
        url="sqlite:///shop.db",
        password=None,
        rules=DatabaseRules(sqlite_folder=folder),
        run=run,
        counters=lambda: (file.read_bytes(), sorted(path.name for path in folder.iterdir())),
    )


def told(value: object) -> str:
    """Everything that an agent would see of an answer."""
    return json.dumps(value, default=str, ensure_ascii=False)
