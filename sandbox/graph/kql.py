"""Reads the $search of a list of messages: OData's quotes outside, Keyword Query Language inside.

"Use the $search query parameter" (Microsoft Graph docs) and "Keyword Query Language (KQL) syntax reference" (Microsoft
SharePoint docs): words and phrases that must all match, `property:value`, AND, OR and NOT in upper case, `+` and `-`,
parentheses, `word*`, ranges `a..b`. Two restrictions `p:a p:b` of the same property side by side mean either, of
different properties both. NEAR, ONEAR, XRANK and WORDS are refused here: nobody should send them by accident.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final


class KqlSyntaxError(Exception):
    """The text is not KQL. The message is Graph's own, with a position counted from 0 (amd/gaia#3021 has one)."""

    def __init__(self, text: str, position: int) -> None:
        if position < len(text):
            found = f"character '{text[position]}' is not valid at"
        else:
            found = "the expression ends too early at"
        super().__init__(f"Syntax error: {found} position {position} in '{text}'.")


@dataclass(frozen=True, slots=True)
class Words:
    """Words next to each other, anywhere in sender, subject or body; the last one may be the beginning of a word."""

    text: str
    is_prefix: bool = False


@dataclass(frozen=True, slots=True)
class Restriction:
    """A property that must have a value. `operator` is one of `: = < > <= >= <>`."""

    property: str
    """In lower case."""
    operator: str
    value: str
    is_prefix: bool = False


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Any:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: Node


Node = Words | Restriction | All | Any | Not

_PROPERTY: Final = re.compile(r"([A-Za-z]+)(:|<=|>=|<>|=|<|>)")
_WORD: Final = re.compile(r"""[^\s"():<>=*]+""")
_VALUE: Final = re.compile(r"""[^\s"()<>=*]+""")
_SPACE: Final = re.compile(r"\s*")
_OPERATOR: Final = re.compile(r"(AND|OR|NOT)(?![^\s\"()])")
_UNSUPPORTED: Final = re.compile(r"(?:NEAR|ONEAR|XRANK|WORDS)(?=[\s(]|$)")
_UNQUOTED: Final = re.compile(r"[A-Za-z\s]*")
_DEEPEST: Final = 50


def parse_search(option: str) -> Node | None:
    """The value of $search, percent-decoded; None if it asks for nothing. Raises KqlSyntaxError."""
    text = option.strip()
    if text.startswith('"'):
        return _clauses(text)
    plain = _UNQUOTED.match(text)
    if plain is None or plain.end() < len(text):
        raise KqlSyntaxError(text, plain.end() if plain else 0)
    return parse(text)


def parse(text: str) -> Node | None:
    """KQL; None if there is nothing in it. Raises KqlSyntaxError."""
    return _Parser(text).whole()


def _clauses(text: str) -> Node | None:
    """One or more texts in double quotes, with AND or OR between them; nothing between them means AND."""
    position = 0
    either: list[list[str]] = [[]]
    while position < len(text):
        clause, position = _unquote(text, position)
        either[-1].append(clause)
        position = _skip_space(text, position)
        operator = _OPERATOR.match(text, position)
        if operator is None:
            continue
        if operator[1] == "OR":
            either.append([])
        position = _skip_space(text, operator.end())
        if position == len(text):
            raise KqlSyntaxError(text, position)
    return _joined(Any, _present(_joined(All, _present(map(parse, clauses))) for clauses in either))


def _unquote(text: str, position: int) -> tuple[str, int]:
    """The text between the quotes that begin here, its `\\"` and `\\\\` taken back, and where it ended."""
    if text[position] != '"':
        raise KqlSyntaxError(text, position)
    inside: list[str] = []
    index = position + 1
    while index < len(text):
        character = text[index]
        if character == '"':
            return "".join(inside), index + 1
        if character == "\\" and text[index + 1 : index + 2] in {'"', "\\"}:
            index += 1
            character = text[index]
        inside.append(character)
        index += 1
    raise KqlSyntaxError(text, len(text))


class _Parser:
    """Recursive descent: OR binds weakest, then AND and standing side by side, then NOT."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def whole(self) -> Node | None:
        node = self._either()
        self._skip_space()
        if self._at < len(self._text):
            raise self._error()
        return node

    def _either(self) -> Node | None:
        first = self._every()
        parts = [] if first is None else [first]
        while self._at_operator("OR"):
            if not parts:
                raise self._error()
            self._takes("OR")
            parts.append(self._operand(self._every))
        return _joined(Any, parts)

    def _every(self) -> Node | None:
        parts: list[Node] = []
        while not self._ends_here():
            if self._at_operator("AND"):
                if not parts:
                    raise self._error()
                self._takes("AND")
                parts.append(self._operand(self._one))
                continue
            node = self._one()
            if node is not None:
                _add_beside(parts, node)
        return _joined(All, parts)

    def _operand(self, read: Callable[[], Node | None]) -> Node:
        """What must follow an operator."""
        start = self._at
        node = read()
        if node is None:
            self._at = start
            raise self._error()
        return node

    def _one(self) -> Node | None:
        if self._takes("NOT") or self._takes_sign("-"):
            return Not(self._operand(self._one))
        self._takes_sign("+")
        if self._text.startswith("(", self._at):
            return self._group()
        if self._text.startswith('"', self._at):
            return Words(self._phrase(), self._takes_star())
        if _UNSUPPORTED.match(self._text, self._at):
            raise self._error()
        restricted = _PROPERTY.match(self._text, self._at)
        if restricted is not None:
            self._at = restricted.end()
            return self._restriction(restricted[1].lower(), restricted[2])
        return self._word()

    def _group(self) -> Node | None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._error()
        self._at += 1
        node = self._either()
        self._skip_space()
        if not self._text.startswith(")", self._at):
            raise self._error()
        self._at += 1
        self._depth -= 1
        return node

    def _word(self) -> Node | None:
        found = _WORD.match(self._text, self._at)
        if found is None:
            raise self._error()
        self._at = found.end()
        if self._text[self._at : self._at + 1] in {":", "=", "<", ">"}:
            raise self._error()
        node = Words(found[0], self._takes_star())
        # Punctuation that stands alone asks for nothing.
        return node if any(character.isalnum() for character in found[0]) else None

    def _restriction(self, name: str, operator: str) -> Node:
        if self._text.startswith("(", self._at):
            group = self._operand(self._group)
            return _restricted(group, name, operator)
        if self._text.startswith('"', self._at):
            return Restriction(name, operator, self._phrase(), self._takes_star())
        found = _VALUE.match(self._text, self._at)
        if found is None:
            raise self._error()
        self._at = found.end()
        return Restriction(name, operator, found[0], self._takes_star())

    def _phrase(self) -> str:
        end = self._text.find('"', self._at + 1)
        if end < 0:
            raise KqlSyntaxError(self._text, len(self._text))
        phrase = self._text[self._at + 1 : end]
        self._at = end + 1
        return phrase

    def _at_operator(self, operator: str) -> bool:
        self._skip_space()
        found = _OPERATOR.match(self._text, self._at)
        return found is not None and found[1] == operator

    def _takes(self, operator: str) -> bool:
        if not self._at_operator(operator):
            return False
        self._at += len(operator)
        self._skip_space()
        return True

    def _takes_sign(self, sign: str) -> bool:
        follows = self._text[self._at + 1 : self._at + 2]
        if self._text[self._at : self._at + 1] != sign or not (follows.isalnum() or follows in {'"', "("}):
            return False
        self._at += 1
        return True

    def _takes_star(self) -> bool:
        if not self._text.startswith("*", self._at):
            return False
        self._at += 1
        return True

    def _ends_here(self) -> bool:
        return self._at_operator("OR") or self._at == len(self._text) or self._text[self._at] == ")"

    def _skip_space(self) -> None:
        self._at = _skip_space(self._text, self._at)

    def _error(self) -> KqlSyntaxError:
        return KqlSyntaxError(self._text, self._at)


def _add_beside(parts: list[Node], node: Node) -> None:
    """Puts a node behind the others; beside a restriction of the same property it means either of them."""
    before = parts[-1] if parts else None
    last = before.parts[-1] if isinstance(before, Any) else before
    if (
        isinstance(node, Restriction)
        and isinstance(last, Restriction)
        and (node.property, node.operator) == (last.property, ":")
    ):
        parts[-1] = Any((*(before.parts if isinstance(before, Any) else (last,)), node))
    else:
        parts.append(node)


def _restricted(node: Node, name: str, operator: str) -> Node:
    """`subject:(a OR "b c")`: every part in the parentheses is a value of the property."""
    match node:
        case Words(text, is_prefix):
            return Restriction(name, operator, text, is_prefix)
        case All(parts):
            return All(tuple(_restricted(part, name, operator) for part in parts))
        case Any(parts):
            return Any(tuple(_restricted(part, name, operator) for part in parts))
        case Not(part):
            return Not(_restricted(part, name, operator))
        case Restriction():
            return node


def _present(nodes: Iterable[Node | None]) -> list[Node]:
    return [node for node in nodes if node is not None]


def _joined(kind: type[All | Any], parts: list[Node]) -> Node | None:
    if len(parts) > 1:
        return kind(tuple(parts))
    return parts[0] if parts else None


def _skip_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position
