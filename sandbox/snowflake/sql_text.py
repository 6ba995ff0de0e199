"""Snowflake's SQL as SQLite takes it: a lexer and a handful of rewritings."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sandbox.snowflake.errors import missing_object, syntax_error

Kind = Literal["word", "name", "string", "number", "mark"]

_TOKEN: Final = re.compile(
    r"""
    (?P<skip>\s+|--[^\n]*|//[^\n]*|/\*.*?\*/)
    |(?P<string>'(?:[^'\\]|''|\\.)*'|\$\$.*?\$\$)
    |(?P<name>"(?:[^"]|"")+")
    |(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)
    |(?P<word>[A-Za-z_][A-Za-z0-9_$]*)
    |(?P<mark>::|=>|<>|!=|<=|>=|\|\||[-+*/%(),.;=<>?:])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "f": "\f"}
_DATE_PART_FIRST: Final = frozenset({"DATEADD", "DATEDIFF", "DATE_TRUNC", "DATE_PART", "TIMESTAMPADD", "TIMESTAMPDIFF"})
_RENAMED: Final = {"LEFT": "SF_LEFT", "RIGHT": "SF_RIGHT", "REPLACE": "SF_REPLACE"}
_MOMENTS: Final = frozenset({"CURRENT_DATE", "CURRENT_TIMESTAMP"})
_LITERALS: Final = frozenset({"DATE", "TIMESTAMP"})
# Words that may stand before a parenthesis and are no function's name.
_NO_FUNCTIONS_TEXT: Final = (
    "ALL AND AS BETWEEN BY CASE DISTINCT ELSE EXCEPT EXISTS FROM HAVING ILIKE IN INTERSECT IS JOIN LIKE LIMIT NOT "
    "OFFSET ON OR OVER REGEXP SELECT THEN UNION USING VALUES WHEN WHERE WITH"
)
_NO_FUNCTIONS: Final = frozenset(_NO_FUNCTIONS_TEXT.split())
_CASTS: Final = {
    "NUMBER": "INTEGER", "INT": "INTEGER", "INTEGER": "INTEGER", "BIGINT": "INTEGER", "BOOLEAN": "INTEGER",
    "DECIMAL": "REAL", "FLOAT": "REAL", "DOUBLE": "REAL", "VARCHAR": "TEXT", "STRING": "TEXT", "TEXT": "TEXT",
    "DATE": "TEXT", "TIMESTAMP_NTZ": "TEXT", "TIMESTAMP": "TEXT",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Token:
    """`text` is upper case for words, the plain value for strings and quoted names."""

    kind: Kind
    text: str
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """What names may mean. All in upper case."""

    tables: frozenset[tuple[str, str, str]]
    """Database, schema, table."""
    database: str
    schema: str
    """The current ones; "" for none."""


def tokens(text: str) -> list[Token]:
    """Without space and comments. Raises StatementFailed at what is no SQL."""
    return list(_tokens(text))


def statements(found: Sequence[Token]) -> list[list[Token]]:
    """The statements between semicolons, empty ones left out."""
    parts: list[list[Token]] = [[]]
    for token in found:
        if token.kind == "mark" and token.text == ";":
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


def to_sqlite(statement: Sequence[Token], catalog: Catalog) -> str:
    """The statement for SQLite. Raises StatementFailed for objects that are not there."""
    return _Translation(statement, catalog).text()


def _tokens(text: str) -> Iterator[Token]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise syntax_error(text[at], at)
        at = found.end()
        raw = found[0]
        match found.lastgroup:
            case "string":
                yield Token("string", _unescaped(raw), found.start())
            case "name":
                yield Token("name", raw[1:-1].replace('""', '"'), found.start())
            case "word":
                yield Token("word", raw.upper(), found.start())
            case "number":
                yield Token("number", raw, found.start())
            case "mark":
                yield Token("mark", raw, found.start())
            case _:
                pass


def _unescaped(raw: str) -> str:
    if raw.startswith("$$"):
        return raw[2:-2]
    inside = raw[1:-1].replace("''", "'")
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), inside, flags=re.DOTALL)


class _Translation:
    """Writes piece by piece, and knows where the last operand began, for `::` stands behind what it casts."""

    def __init__(self, statement: Sequence[Token], catalog: Catalog) -> None:
        self._tokens = statement
        self._catalog = catalog
        self._at = 0
        self._written: list[str] = []
        self._operand = 0
        self._open: list[int] = []
        self._defined = {
            token.text
            for token, follows in itertools.pairwise(statement)
            if token.kind == "word" and follows.text == "AS"
        }

    def text(self) -> str:
        while self._at < len(self._tokens):
            self._write_next()
        return " ".join(self._written)

    def _write_next(self) -> None:
        token = self._tokens[self._at]
        if token.kind in {"word", "name"}:
            self._write_word(token)
        elif token.kind == "mark":
            self._write_mark(token)
        else:
            self._operand = len(self._written)
            self._written.append(_literal(token.text) if token.kind == "string" else token.text)
            self._at += 1

    def _write_word(self, token: Token) -> None:
        follows = self._text_at(1)
        if token.kind == "word" and follows == "(":
            self._write_function(token)
        elif token.kind == "word" and token.text in _MOMENTS:
            self._put(f"SF_{token.text}()")
        elif token.kind == "word" and token.text in _LITERALS and self._kind_at(1) == "string":
            self._at += 1
        elif token.kind == "word" and token.text == "ILIKE":
            self._put("REGEXP")
        elif follows == "=>" and self._kind_at(2) == "string":
            self._put(_literal(f"{token.text}=>{self._tokens[self._at + 2].text}"))
            self._at += 2
        else:
            self._write_chain()

    def _write_function(self, token: Token) -> None:
        name = _RENAMED.get(token.text, token.text)
        if token.text in _MOMENTS:
            name = f"SF_{name}"
        if "$" in name:
            name = name.replace("$", "_")
        self._put(name)
        if token.text in _DATE_PART_FIRST and self._kind_at(1) == "word":
            self._write_mark(self._tokens[self._at])
            self._put(_literal(self._tokens[self._at].text))
        elif token.text == "SEARCH" and self._text_at(1) == "(":
            self._write_mark(self._tokens[self._at])
            self._drop_parentheses()

    def _drop_parentheses(self) -> None:
        """SEARCH((a, b), 'words') becomes SEARCH(a, b, 'words'): SQLite's functions take no rows."""
        self._at += 1
        while self._at < len(self._tokens) and self._tokens[self._at].text != ")":
            self._write_next()
        self._at += 1

    def _write_chain(self) -> None:
        """A name of one to four parts: a column, or a table whose database and schema SQLite does not have."""
        before = self._written[-1] if self._written else ""
        parts = [self._tokens[self._at]]
        while self._text_at(1) == "." and self._kind_at(2) in {"word", "name"}:
            self._at += 2
            parts.append(self._tokens[self._at])
        names = [part.text for part in parts]
        if before in {"FROM", "JOIN"} or tuple(names) in self._catalog.tables:
            self._put(_table(names, self._catalog, self._defined))
            return
        kept = names[-2:] if len(names) > 2 else names  # noqa: PLR2004 - table and column
        # A name behind AS may be one that SQLite keeps for itself.
        is_plain = len(parts) == 1 and parts[0].kind == "word" and before != "AS"
        self._put(names[0] if is_plain else ".".join(_quoted(name) for name in kept))

    def _write_mark(self, token: Token) -> None:
        if token.text == "::":
            self._write_cast()
            return
        if token.text == "(":
            is_call = bool(self._written) and self._written[-1] not in _NO_FUNCTIONS and self._ends_operand()
            self._open.append(self._operand if is_call else len(self._written))
        elif token.text == "?":
            self._operand = len(self._written)
        self._written.append(token.text)
        if token.text == ")":
            if not self._open:
                raise syntax_error(")", token.position)
            self._operand = self._open.pop()
        self._at += 1

    def _ends_operand(self) -> bool:
        """Whether what was written last is the last operand, and nothing stands behind it."""
        return self._operand == len(self._written) - 1

    def _write_cast(self) -> None:
        kind = self._text_at(1)
        if kind not in _CASTS:
            raise syntax_error(kind, self._tokens[self._at].position)
        operand = " ".join(self._written[self._operand :])
        self._written[self._operand :] = [f"CAST({operand} AS {_CASTS[kind]})"]
        self._at += 2
        if self._text_at(0) == "(":
            while self._at < len(self._tokens) and self._tokens[self._at].text != ")":
                self._at += 1
            self._at += 1

    def _put(self, text: str) -> None:
        self._operand = len(self._written)
        self._written.append(text)
        self._at += 1

    def _text_at(self, ahead: int) -> str:
        index = self._at + ahead
        return self._tokens[index].text if index < len(self._tokens) else ""

    def _kind_at(self, ahead: int) -> str:
        index = self._at + ahead
        return self._tokens[index].kind if index < len(self._tokens) else ""


def _table(names: Sequence[str], catalog: Catalog, defined: set[str]) -> str:
    """SQLite's name for a table. Raises StatementFailed for one that is not there."""
    if len(names) == 1 and (names[0] in defined or names[0] == "TABLE"):
        return names[0]
    *above, name = names
    database, schema = [catalog.database, *(above or [catalog.schema])][-2:]
    if schema == "INFORMATION_SCHEMA":
        return _quoted(f"INFORMATION_SCHEMA.{name}")
    if (database, schema, name) not in catalog.tables:
        raise missing_object("Object", ".".join(names))
    return _quoted(name)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    """In backticks, because SQLite takes a name in double quotes that it does not know for a string."""
    return "`" + name.replace("`", "``") + "`"
