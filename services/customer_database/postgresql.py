"""PostgreSQL over asyncpg."""

from __future__ import annotations

import re
import ssl
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, reduce
from typing import Any, Final

import asyncpg
from pydantic import SecretStr
from sqlalchemy import ColumnElement, Text, case, cast, func, literal, null, select, text
from sqlalchemy.dialects.postgresql import REGCONFIG, TSVECTOR
from sqlalchemy.sql.elements import Grouping
from sqlalchemy.types import BigInteger, Date, DateTime, LargeBinary, Numeric, TypeEngine, Uuid

from errors import GatehouseError, SourceTimeout, SourceUnauthorized, SourceUnavailable
from services.customer_database import problems
from services.customer_database.addresses import ServerAddress
from services.customer_database.admission import Admission
from services.customer_database.catalogue import UNKNOWN, Table, Wanted, build_table, split_name
from services.customer_database.database import Limits, Session
from services.customer_database.encryption import describe_tls, tls_context
from services.customer_database.matching import count_words, holds_any
from services.customer_database.rows import Search, View

_TYPES: Final[dict[str, TypeEngine[Any]]] = {
    "smallint": BigInteger(),
    "integer": BigInteger(),
    "bigint": BigInteger(),
    "text": Text(),
    "character varying": Text(),
    "uuid": Uuid(),
    "numeric": Numeric(),
    "date": Date(),
    "timestamp without time zone": DateTime(),
    "timestamp with time zone": DateTime(timezone=True),
    "bytea": LargeBinary(),
    "tsvector": TSVECTOR(),
}

# Table, view, materialized view, foreign and partitioned table; of a domain the type below it.
_COLUMNS: Final = text(
    """
    SELECT n.nspname, a.attname,
           pg_catalog.format_type(CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END, NULL),
           pg_catalog.pg_get_expr(d.adbin, d.adrelid), pg_catalog.pg_table_size(c.oid)
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum AND t.typname = 'tsvector'
    WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') AND c.relname = :name
      AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
      AND CASE WHEN CAST(:schema AS text) IS NULL THEN pg_catalog.pg_table_is_visible(c.oid)
               ELSE n.nspname = CAST(:schema AS text) END
    ORDER BY a.attnum
    """
)

# A member of such a role can become it. pg_write_all_data and the like show as a right to write.
_MIGHTY: Final = text(
    """
    SELECT EXISTS (
        SELECT FROM pg_catalog.pg_roles r
        WHERE (r.rolsuper OR r.rolreplication
               OR r.rolname IN ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program'))
          AND pg_catalog.pg_has_role(current_user, r.oid, 'MEMBER')
    )
    """
)
_MAY_WRITE: Final = text(
    """
    SELECT EXISTS (
        SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
          AND n.nspname NOT LIKE 'pg\\_t%'
          AND pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
    )
    """
)
# A word count of a text of a megabyte does not fit into a tsvector.
_LONGEST_INDEXED: Final = 200_000
# Making the words of 5 MB of rows anew takes about a second (measured), which is a good part of a search's budget.
_LARGEST_UNINDEXED: Final = 5_000_000
_CLASSES: Final = {
    "42": problems.UNKNOWN_NAME,
    "22": problems.BAD_VALUE,
    "23": problems.CONSTRAINT,
    **dict.fromkeys(("08", "57"), problems.LOST),
    **dict.fromkeys(("53", "54", "58", "XX"), problems.OUT_OF_ORDER),
    **dict.fromkeys(("38", "39", "HV", "P0"), problems.FAILED_INSIDE),
}
"""What all errors of a class have in common, where the state itself is not known."""
_LANGUAGE: Final = re.compile(r"to_tsvector\('(\w+)'::regconfig")


class PostgreSql:
    """One PostgreSQL database, and how to be its harmless reader."""

    name = "postgresql+asyncpg"
    rows_as_json = True
    errors: tuple[type[Exception], ...] = (asyncpg.PostgresError, asyncpg.InterfaceError)

    def __init__(
        self, address: ServerAddress, password: SecretStr | None, admission: Admission, limits: Limits | None = None
    ) -> None:
        self._address = address
        self._password = password
        self._admission = admission
        self.limits = limits or Limits()

    @cached_property
    def _tls(self) -> ssl.SSLContext | None:
        return tls_context(self._address)

    async def open(self, *, writing: bool) -> asyncpg.Connection[Any]:
        # Every parameter is given, because asyncpg takes those that are not from PG* variables, ~/.pgpass and
        # ~/.postgresql (its connect_utils.py). An empty password is one; None would be looked up.
        return await asyncpg.connect(
            host=await self._admission.admit(self._address),
            port=self._address.port,
            user=self._address.user,
            password=self._password.get_secret_value() if self._password else "",
            database=self._address.database,
            ssl=self._tls or False,
            direct_tls=False,
            target_session_attrs="any",
            krbsrvname="postgres",
            gsslib="gssapi",
            timeout=self.limits.connect.total_seconds(),
            server_settings={
                "application_name": "gatehouse",
                "default_transaction_read_only": "off" if writing else "on",
            },
        )

    async def begin(self, driver: asyncpg.Connection[Any], *, writing: bool) -> None:
        # Once a query has run, nothing can turn the transaction into one that writes.
        # https://www.postgresql.org/docs/current/sql-set-transaction.html
        milliseconds = int(self.limits.statement.total_seconds() * 1000)
        await driver.execute(
            f"BEGIN {'READ WRITE' if writing else 'READ ONLY'};"
            f" SET LOCAL statement_timeout = {milliseconds}; SET LOCAL lock_timeout = 2000; SET LOCAL timezone = 'UTC';"
            f" SET LOCAL idle_in_transaction_session_timeout = {2 * milliseconds}; SELECT 1"
        )

    async def end(self, driver: asyncpg.Connection[Any], *, keep: bool) -> None:
        # Settings, cursors and advisory locks outlive a transaction.
        await driver.execute(f"{'COMMIT' if keep else 'ROLLBACK'}; {driver.get_reset_query()}")

    def is_lost(self, driver: asyncpg.Connection[Any]) -> bool:
        closed: bool = driver.is_closed()
        return closed

    async def stop(self, driver: asyncpg.Connection[Any]) -> None:
        # A cancelled wait has made asyncpg send the server a cancel request; closing waits until it is out.
        await driver.close(timeout=1)

    def explain(self, error: BaseException) -> GatehouseError | None:
        if isinstance(error, asyncpg.PostgresError):
            return _explain_state(error.sqlstate or "")
        if isinstance(error, asyncpg.InterfaceError):
            return SourceUnavailable(problems.LOST)
        return problems.explain_network(error)

    async def find_table(self, session: Session, wanted: Wanted) -> Table:
        schema, name = split_name(wanted.name)
        rows = await session.rows(_COLUMNS, {"schema": schema, "name": name}, most=2_000)
        types = {column: _TYPES.get(type_, UNKNOWN) for _, column, type_, *_ in rows}
        languages = [found[1] for row in rows if (found := _LANGUAGE.search(row[3] or ""))]
        return build_table(
            wanted,
            rows[0][0] if rows else None,
            name,
            types,
            language=languages[0] if languages else "english",
            size_bytes=rows[0][4] if rows else 0,
        )

    async def protections(self, session: Session) -> Sequence[str]:
        if (await session.rows(_MIGHTY))[0][0]:
            raise SourceUnavailable(
                "This database user is too mighty: a superuser, or one who may replicate or reach the server's files. "
                "Connect as a user who may only read."
            )
        may_write = (await session.rows(_MAY_WRITE))[0][0]
        return (
            "read-only transactions",
            "one statement at a time",
            f"{self.limits.statement.total_seconds():.0f} s per statement, held by the server",
            "a user with rights to write (better: one without)" if may_write else "a user without rights to write",
            describe_tls(self._address.tls),
        )

    def readable(self, column: ColumnElement[Any], most: int) -> ColumnElement[Any]:
        if isinstance(column.type, LargeBinary):
            return literal("(", Text).concat(cast(func.length(column), Text)).concat(" bytes)")
        if isinstance(column.type, TSVECTOR):
            return null()  # it is there to be searched
        if isinstance(column.type, BigInteger | Numeric | Date | DateTime | Uuid):
            return column
        return func.left(column if isinstance(column.type, Text) else cast(column, Text), most)

    def searches(self, view: View, words: Sequence[str]) -> Sequence[Search]:
        every_column = [view.column(name) for name in view.searched]
        columns = [column for column in every_column if not isinstance(column.type, LargeBinary | TSVECTOR)]
        counted = Search(
            matches=holds_any(columns, words),
            order=(count_words(view.column(view.title), columns, words).desc(), view.column(view.key)),
        )
        kept = [column for column in every_column if isinstance(column.type, TSVECTOR)]
        if not kept and view.table.size_bytes > _LARGEST_UNINDEXED:
            return (counted,)
        return (_full_text(view, columns, kept, words), replace(counted, only_if_empty=True))


def _full_text(
    view: View, columns: Sequence[ColumnElement[Any]], kept: Sequence[ColumnElement[Any]], words: Sequence[str]
) -> Search:
    """By a tsvector column that the owner named, where an index may help, or by one made for the occasion."""
    language = cast(literal(view.table.language if kept else "english", Text), REGCONFIG)
    beside = None
    vector: ColumnElement[Any]
    if kept:
        vector = kept[0]
    else:
        made = func.to_tsvector(language, func.left(func.concat_ws(" ", *columns), _LONGEST_INDEXED))
        # With an OFFSET PostgreSQL works it out once for each row, instead of wherever it is mentioned.
        beside = select(made.label("vector")).correlate(view.table.clause).offset(0).lateral("made")
        vector = beside.c.vector
    # plainto_tsquery knows no operators: whatever was typed is words to it.
    queries = [func.plainto_tsquery(language, literal(word, Text)) for word in words]
    some, every = _joined("||", queries), _joined("&&", queries)
    order = (
        case((vector.bool_op("@@")(every), 0), else_=1),
        func.ts_rank(vector, some, 1).desc(),
        view.column(view.key),
    )
    return Search(matches=vector.bool_op("@@")(some), order=order, beside=beside)


def _joined(operator: str, queries: Sequence[ColumnElement[Any]]) -> ColumnElement[Any]:
    def join(left: ColumnElement[Any], right: ColumnElement[Any]) -> ColumnElement[Any]:
        return left.op(operator)(right)

    return Grouping(reduce(join, queries))


def _explain_state(state: str) -> GatehouseError | None:
    """https://www.postgresql.org/docs/current/errcodes-appendix.html"""
    if state in ("28P01", "28000"):
        return SourceUnauthorized(problems.REFUSED)
    if state == "57014":
        return SourceTimeout(problems.TOO_SLOW)
    told = {
        "3D000": problems.NO_DATABASE,
        "42501": problems.FORBIDDEN,
        "25006": problems.WRITES,
        "42601": problems.BAD_SQL,
        "53300": problems.FULL,
        "53400": problems.FULL,
        "55P03": problems.LOCKED,
        "40001": problems.LOCKED,
        "40P01": problems.LOCKED,
    }.get(state)
    if told is None:
        told = _CLASSES.get(state[:2])
    return SourceUnavailable(told) if told else None
