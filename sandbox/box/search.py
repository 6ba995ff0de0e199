"""Box search: any of the words, ranked, no score and no text in the answer.

"Searching" and "Search for content" (Box developer docs): names, descriptions, the first 10,000 bytes of text, comments
and tags; English endings do not matter; a word may be the beginning of one in a name only; `"phrases"`, and AND, OR,
NOT in upper case.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.box.errors import bad_parameter, not_found, refusal
from sandbox.box.items import item_json, parse_fields
from sandbox.box.tree import ROOT, Tree
from sandbox.documents.render import extension_of
from sandbox.vendor import grant_of
from sandbox.words import STEMMED, WordIndex, quoted, words_of
from sandbox.world import File, Folder

Test = Callable[[Folder | File], bool]
INDEXED_BYTES: Final = 10_000
SHORTEST_BEGINNING: Final = 3
"""So many letters make the beginning of a word; assumed, the vendor does not say."""
DEFAULT_LIMIT: Final = 30
MOST_LIMIT: Final = 200
MOST_OFFSET: Final = 10_000
_COLUMNS: Final = {
    "name": "name",
    "description": "description",
    "file_content": "content",
    "comments": "comments",
    "tags": "tags",
}
_WEIGHTS: Final = (3.0, 2.0, 1.0, 0.5, 2.0)
_TERM: Final = re.compile(r'"([^"]*)"|(\S+)')
_OPERATORS: Final = frozenset({"AND", "OR", "NOT"})


class Search:
    """GET /2.0/search."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._items = list(tree.items())
        self._words: WordIndex | None = None

    async def search(self, request: Request) -> Response:
        options = request.query_params
        user = grant_of(request).subject
        limit = _number(request, "limit", DEFAULT_LIMIT, MOST_LIMIT)
        offset = _number(request, "offset", 0, MOST_OFFSET)
        if not options.get("query", "").strip():
            text = "Please provide at least the 'query' or 'mdfilters' query parameter."
            raise bad_parameter("query", text, "missing_parameter")
        if options.get("scope") == "enterprise_content":
            raise refusal(403, "forbidden", "Access denied - insufficient permission")
        folders = self._ancestors(options.get("ancestor_folder_ids"), user)
        matching = self._matching(options["query"], _columns(options.get("content_types")))
        tests: list[Test] = [partial(self._tree.sees, user), *_narrowings(request)]
        if folders:
            tests.append(partial(self._is_below, folders))
        found = [item for item in matching if all(test(item) for test in tests)]
        if options.get("sort") == "modified_at":
            found.sort(key=_modified_at, reverse=options.get("direction", "DESC") != "ASC")
        fields = parse_fields(options.get("fields"))
        page = [item_json(item, self._tree, fields) for item in found[offset : offset + limit]]
        answer = {"total_count": len(found), "limit": limit, "offset": offset, "type": "search_results_items"}
        return JSONResponse(answer | {"entries": page})

    def _matching(self, query: str, columns: Sequence[str]) -> list[Folder | File]:
        """Best first."""
        expression = fts5_expression(query, columns)
        if not expression:
            return []
        if self._words is None:
            self._words = WordIndex(tuple(_COLUMNS.values()), map(_row, self._items), tokenizer=STEMMED)
        ranked = self._words.ranked(expression, weights=_WEIGHTS, limit=len(self._items))
        return [self._items[number] for number, _ in ranked]

    def _ancestors(self, option: str | None, user: str) -> set[str]:
        """The folders to stay below; none for everywhere. Refuses one that this user does not see."""
        if not option:
            return set()
        wanted = {part.strip() for part in option.split(",")}
        for folder in wanted:
            if not folder.isdecimal():
                raise not_found("ancestor_folder_ids")
            self._tree.folder(folder, user)
        return set() if ROOT.id in wanted else wanted

    def _is_below(self, folders: set[str], item: Folder | File) -> bool:
        return any(folder.id in folders for folder in self._tree.path(item))


def fts5_expression(query: str, columns: Sequence[str]) -> str:
    """The query for the index; "" if it asks for nothing that can be found."""
    parts: list[str] = []
    operator = ""
    for found in _TERM.finditer(query):
        phrase, word = found[1], found[2]
        if word in _OPERATORS:
            operator = word
            continue
        term = _phrase(phrase, columns) if phrase is not None else _word(word, columns)
        if not term:
            continue
        if parts:
            parts.append(operator or "OR")
        elif operator == "NOT":
            return ""  # what is left out needs something to be left out of
        parts.append(term)
        operator = ""
    return " ".join(parts)


def _phrase(text: str, columns: Sequence[str]) -> str:
    return f"({{{' '.join(columns)}}} : {quoted(text)})" if words_of(text) else ""


def _word(text: str, columns: Sequence[str]) -> str:
    if not words_of(text):
        return ""
    anywhere = f"{{{' '.join(columns)}}} : {quoted(text)}"
    is_beginning = "name" in columns and len(text) >= SHORTEST_BEGINNING
    return f"({anywhere} OR name : {quoted(text)} *)" if is_beginning else f"({anywhere})"


def _row(item: Folder | File) -> tuple[str, ...]:
    if isinstance(item, Folder):
        return item.name, item.description, "", "", ""
    # The index splits words at dots and dashes, but not at underscores, and file names are full of them.
    name = item.name.replace("_", " ")
    content = item.text.encode()[:INDEXED_BYTES].decode(errors="ignore")
    if extension_of(item.name) == "png":
        content = ""
    return name, item.description, content, "\n".join(comment.text for comment in item.comments), " ".join(item.tags)


def _columns(option: str | None) -> list[str]:
    if not option:
        return list(_COLUMNS.values())
    names = [name.strip() for name in option.split(",")]
    if not set(names) <= set(_COLUMNS):
        raise bad_parameter("content_types", f"Invalid value '{option}'.")
    return [_COLUMNS[name] for name in names]


def _number(request: Request, name: str, default: int, most: int) -> int:
    value = request.query_params.get(name)
    if value is None:
        return default
    if not value.isdecimal() or int(value) > most:
        raise bad_parameter(name, f"Invalid value '{value}'. It must be between 0 and {most}.")
    return int(value)


def _narrowings(request: Request) -> list[Test]:
    """Type, extension and date of the last change, as far as the request narrows them."""
    options = request.query_params
    tests: list[Test] = []
    if "type" in options:
        kind = {"file": File, "folder": Folder}.get(options["type"])
        tests.append(lambda item: kind is not None and isinstance(item, kind))
    if "file_extensions" in options:
        extensions = frozenset(options["file_extensions"].lower().split(","))
        tests.append(lambda item: isinstance(item, File) and extension_of(item.name) in extensions)
    if "updated_at_range" in options:
        first, last = _range(options["updated_at_range"])
        tests.append(lambda item: isinstance(item, File) and first <= item.modified_at <= last)
    return tests


def _range(text: str) -> tuple[datetime, datetime]:
    """Two moments with a comma between; either may be missing."""
    first, _, last = text.partition(",")
    try:
        return (
            datetime.fromisoformat(first) if first else datetime.min.replace(tzinfo=UTC),
            datetime.fromisoformat(last) if last else datetime.max.replace(tzinfo=UTC),
        )
    except ValueError as error:
        raise bad_parameter("updated_at_range", f"Invalid value '{text}'.") from error


def _modified_at(item: Folder | File) -> float:
    return item.modified_at.timestamp() if isinstance(item, File) else 0.0
