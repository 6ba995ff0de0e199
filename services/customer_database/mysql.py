"""MySQL and MariaDB over asyncmy."""

from __future__ import annotations

import re
import ssl
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final
from weakref import WeakKeyDictionary

import asyncmy
import asyncmy.errors
from pydantic import SecretStr
from sqlalchemy import CHAR, ColumnElement, Text, case, cast, func, literal, text
from sqlalchemy.dialects.mysql import match
from sqlalchemy.types import BigInteger, Date, DateTime, Float, LargeBinary, Numeric, TypeEngine

from errors import GatehouseError, SourceTimeout, SourceUnauthorized, SourceUnavailable
from services.customer_database import problems
from services.customer_database.addresses import ServerAddress
from services.customer_database.admission import Admission
from services.customer_database.catalogue import UNKNOWN, Table, Wanted, build_table, split_name
from services.customer_database.database import Limits, Session
from services.customer_database.encryption import describe_tls, tls_context
from services.customer_database.matching import count_words, holds_all, holds_any
from services.customer_database.rows import Search, View

_TYPES: Final[dict[str, TypeEngine[Any]]] = {
    **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "bigint", "year"), BigInteger()),
    **dict.fromkeys(("char", "varchar", "tinytext", "text", "mediumtext", "longtext"), Text()),
    **dict.fromkeys(("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "bit"), LargeBinary()),
    **dict.fromkeys(("float", "double"), Float()),
    **dict.fromkeys(("datetime", "timestamp"), DateTime()),
    "decimal": Numeric(),
    "date": Date(),
}

# COM_SET_OPTION with MYSQL_OPTION_MULTI_STATEMENTS_OFF: asyncmy always asks for several statements at once.
# https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_set_option.html
_SET_OPTION: Final = 0x1B
_ONE_STATEMENT: Final = b"\x01\x00"
# https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_reset_connection.html
_RESET_CONNECTION: Final = 0x1F

_COLUMNS: Final = text(
    """
    SELECT column_name, data_type FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = :name ORDER BY ordinal_position
    """
)
_FULL_TEXT: Final = text(
    """
    SELECT index_name, column_name FROM information_schema.statistics
    WHERE table_schema = DATABASE() AND table_name = :name AND index_type = 'FULLTEXT'
    ORDER BY index_name, seq_in_index
    """
)
_GRANT: Final = re.compile(r"GRANT (?P<rights>.+?) ON (?P<what>\S+) TO ")
_MIGHTY: Final = re.compile(r"\b(ALL PRIVILEGES|FILE|SUPER|CREATE USER|SHUTDOWN|REPLICATION SLAVE)\b")
_WRITES: Final = re.compile(r"\b(ALL PRIVILEGES|INSERT|UPDATE|DELETE|CREATE|DROP|ALTER|TRIGGER|EVENT)\b")


class MySql:
    """One database of a MySQL or MariaDB server, and how to be its harmless reader."""

    name = "mysql+asyncmy"
    rows_as_json = False
    errors: tuple[type[Exception], ...] = (asyncmy.errors.MySQLError,)

    def __init__(
        self, address: ServerAddress, password: SecretStr | None, admission: Admission, limits: Limits | None = None
    ) -> None:
        self._address = address
        self._password = password
        self._admission = admission
        self._dialled: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
        self.limits = limits or Limits()

    @cached_property
    def _tls(self) -> ssl.SSLContext | None:
        return tls_context(self._address)

    async def open(self, *, writing: bool) -> Any:
        return await self._open_at(await self._admission.admit(self._address))

    async def _open_at(self, host: str) -> Any:
        # No option file is read unless one is named, and LOAD DATA LOCAL, by which a server could ask for files of
        # ours, is refused. A password that is text would be encoded as latin-1.
        driver: Any = await asyncmy.connect(
            host=host,
            port=self._address.port,
            user=self._address.user,
            password=(self._password.get_secret_value() if self._password else "").encode(),
            database=self._address.database,
            ssl=self._tls,
            charset="utf8mb4",
            local_infile=False,
            connect_timeout=max(1, int(self.limits.connect.total_seconds())),
            autocommit=True,
        )
        # Kept for `stop`: the name may lead to another server by then, and asyncmy forgets it when it is cancelled.
        self._dialled[driver] = driver._transport.get_extra_info("peername")[0]  # noqa: SLF001 - nothing else tells it
        await self._prepare(driver)
        return driver

    async def _prepare(self, driver: Any) -> None:
        """One statement at a time, a known way of quoting, and an end to statements that take too long."""
        await driver._execute_command(_SET_OPTION, _ONE_STATEMENT)  # noqa: SLF001 - asyncmy has no other way to say it
        await driver.read_packet()
        seconds = self.limits.statement.total_seconds()
        # MariaDB and MySQL have different names for it; MySQL's holds for SELECT only, which is all we need.
        is_mariadb = "mariadb" in driver.get_server_info().lower()
        limit = f"max_statement_time = {seconds}" if is_mariadb else f"max_execution_time = {int(seconds * 1000)}"
        await driver.query(
            "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION', SESSION time_zone = '+00:00',"
            f" SESSION lock_wait_timeout = 2, SESSION {limit}"
        )

    async def begin(self, driver: Any, *, writing: bool) -> None:
        # This does not keep MariaDB 10.11 from CREATE, ALTER, DROP, TRUNCATE and SET PASSWORD (tried), which end the
        # transaction before they begin. Statements of ours are none of these; an owner's are held by queries.py.
        await driver.query(f"START TRANSACTION READ {'WRITE' if writing else 'ONLY'}")

    async def end(self, driver: Any, *, keep: bool) -> None:
        await driver.query("COMMIT" if keep else "ROLLBACK")
        # User variables, named locks and prepared statements outlive a transaction.
        await driver._execute_command(_RESET_CONNECTION, b"")  # noqa: SLF001 - asyncmy has no other way to say it
        await driver.read_packet()
        await self._prepare(driver)

    def is_lost(self, driver: Any) -> bool:
        transport = driver._transport  # noqa: SLF001 - asyncmy itself notices only when it writes
        return transport is None or transport.is_closing()

    async def stop(self, driver: Any) -> None:
        # The server goes on with a statement whose client has gone; a user may kill what is theirs.
        number = int(driver.thread_id())
        driver.close()
        killer: Any = await self._open_at(self._dialled[driver])
        try:
            await killer.query(f"KILL QUERY {number}")
        finally:
            await killer.ensure_closed()

    def explain(self, error: BaseException) -> GatehouseError | None:
        if isinstance(error, asyncmy.errors.MySQLError):
            # "Can't connect" carries what happened on the way as its cause.
            below = error.__cause__ or error.__context__
            number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
            return _explain_number(number) or (problems.explain_network(below) if below else None)
        return problems.explain_network(error)

    async def find_table(self, session: Session, wanted: Wanted) -> Table:
        schema, name = split_name(wanted.name)
        if schema is not None and schema != self._address.database:
            raise SourceUnavailable(f"{wanted.setting}: only tables of the database in the URL can be connected.")
        types = {column: _TYPES.get(type_, UNKNOWN) for column, type_ in await session.rows(_COLUMNS, {"name": name})}
        indexes: dict[str, set[str]] = {}
        for index, column in await session.rows(_FULL_TEXT, {"name": name}):
            indexes.setdefault(index, set()).add(column)
        return build_table(wanted, None, name, types, full_text=tuple(map(frozenset, indexes.values())))

    async def protections(self, session: Session) -> Sequence[str]:
        grants = [str(row[0]) for row in await session.rows(text("SHOW GRANTS"))]
        found = [grant for grant in map(_GRANT.match, grants) if grant]
        if any(grant["what"] == "*.*" and _MIGHTY.search(grant["rights"]) for grant in found):
            raise SourceUnavailable(
                "This database user is too mighty: one with rights over the whole server, such as FILE or SUPER. "
                "Connect as a user who may only read."
            )
        may_write = any(_WRITES.search(grant["rights"]) for grant in found)
        return (
            "read-only transactions",
            "one statement at a time",
            f"{self.limits.statement.total_seconds():.0f} s per statement, held by the server",
            "a user with rights to write (better: one without)" if may_write else "a user without rights to write",
            describe_tls(self._address.tls),
        )

    def readable(self, column: ColumnElement[Any], most: int) -> ColumnElement[Any]:
        if isinstance(column.type, LargeBinary):
            return func.concat("(", func.length(column), " bytes)")
        if isinstance(column.type, BigInteger | Numeric | Date | DateTime):
            return column
        return func.left(column if isinstance(column.type, Text) else cast(column, CHAR), most)

    def searches(self, view: View, words: Sequence[str]) -> Sequence[Search]:
        columns = [view.column(name) for name in view.searched if not isinstance(view.column(name).type, LargeBinary)]
        key = view.column(view.key)
        counted = Search(
            matches=holds_any(columns, words),
            order=(count_words(view.column(view.title), columns, words).desc(), key),
        )
        # A MATCH names exactly the columns of one index.
        covered = [index for index in view.table.full_text if index <= set(view.searched)]
        if not covered:
            return (counted,)
        _, index = max((len(columns), sorted(columns)) for columns in covered)
        score = match(*(view.column(name) for name in index), against=literal(" ".join(words), Text))
        score = score.in_natural_language_mode()
        return (
            Search(matches=score > 0, order=(case((holds_all(columns, words), 0), else_=1), score.desc(), key)),
            Search(matches=counted.matches, order=counted.order, only_if_empty=True),
        )


def _explain_number(number: int) -> GatehouseError | None:
    """https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html, and MariaDB's 1969."""
    if number in (1045, 1698, 1251):
        return SourceUnauthorized(problems.REFUSED)
    if number in (1969, 3024, 1317):
        return SourceTimeout(problems.TOO_SLOW)
    told = {
        1049: problems.NO_DATABASE,
        **dict.fromkeys((1044, 1142, 1143, 1227, 1370), problems.FORBIDDEN),
        1792: problems.WRITES,
        **dict.fromkeys((1060, 1064, 1235, 1242), problems.BAD_SQL),
        **dict.fromkeys((1054, 1146, 1305, 1052, 1176), problems.UNKNOWN_NAME),
        **dict.fromkeys((1264, 1292, 1366, 1406, 1690), problems.BAD_VALUE),
        **dict.fromkeys((1048, 1062, 1364, 1451, 1452, 4025, 3819), problems.CONSTRAINT),
        **dict.fromkeys((1040, 1203, 1226), problems.FULL),
        **dict.fromkeys((1205, 1213), problems.LOCKED),
        **dict.fromkeys((2006, 2013, 2014, 2055, 1053, 1927), problems.LOST),
        **dict.fromkeys((1296, 1429, 1430, 1644), problems.FAILED_INSIDE),
    }.get(number)
    return SourceUnavailable(told) if told else None
