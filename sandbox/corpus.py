"""A public collection, scattered over the four sources: document d goes to the one that crc32(d) % 4 says.

A folder holds `corpus.jsonl` ({id, title, author, source, text}), `queries.jsonl` ({id, text}) and `qrels.tsv`
(query_id, doc_id, gain, with a head). Everything of a document goes where it went: its title becomes subject, file name
or title, its author the sender or the description.
"""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final
from zlib import crc32

from sandbox.credentials import DEMO
from sandbox.world import (
    BoxUser,
    Column,
    CustomerTable,
    File,
    Folder,
    Mail,
    Mailbox,
    Person,
    Question,
    SearchService,
    Table,
    World,
)

SOURCES: Final = ("outlook", "box", "snowflake", "customer_db")
DATABASE: Final = "COLLECTION"
SCHEMA: Final = "PUBLIC"
SEARCH_SERVICE: Final = "DOCUMENT_SEARCH"
FOLDER_ID: Final = "5000"
_FIRST: Final = datetime(2026, 1, 1, tzinfo=UTC)
_APART: Final = timedelta(minutes=7)
_UNFIT: Final = re.compile(r"[^A-Za-z0-9 ,.()-]+")
_LONGEST_NAME: Final = 120
_FILE_ID_BASE: Final = 1_000_000


class CorpusProblem(Exception):
    """The folder cannot be read as a collection; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionDocument:
    """One document. `number` is its place in the file."""

    number: int
    id: str
    title: str
    author: str
    source: str
    text: str


def source_of(id: str) -> str:
    """Which of the four sources holds this document."""
    return SOURCES[crc32(id.encode()) % len(SOURCES)]


def load_corpus(folder: Path) -> World:
    """The collection as a company. Raises CorpusProblem."""
    try:
        documents = list(read_documents(folder))
        questions = tuple(_questions(folder / "queries.jsonl"))
        relevant = _judgements(folder / "qrels.tsv")
    except (OSError, ValueError, KeyError) as error:
        raise CorpusProblem(f"{folder} does not hold a collection: {error}") from error
    parts: dict[str, list[CollectionDocument]] = defaultdict(list)
    for document in documents:
        parts[source_of(document.id)].append(document)
    owner = Person(name="Ann Meyer", address=DEMO.entra.user)
    service_account = DEMO.box.service_account
    users = (
        BoxUser(
            id=service_account, name="Gatehouse", login=f"AutomationUser_{service_account}@boxdevedition.example.com"
        ),
        BoxUser(id=DEMO.box.user_id, name=owner.name, login=owner.address),
    )
    members = frozenset(user.id for user in users)
    return World(
        name=f"The collection in {folder.name}",
        mailboxes=(Mailbox(id="0b6f2a51-6f0e-4c3e-9a53-6d3c5f1e0001", owner=owner),),
        mails=tuple(_mail(document, owner) for document in parts["outlook"]),
        box_users=users,
        folders=(Folder(id=FOLDER_ID, name=folder.name, members=members),),
        files=tuple(_file(document) for document in parts["box"]),
        tables=(_table(parts["snowflake"]),),
        search_services=(_service(),),
        customer_tables=(_customer_table(parts["customer_db"]),),
        questions=questions,
        relevant=relevant,
    )


def read_documents(folder: Path) -> Iterator[CollectionDocument]:
    """All documents, before they are scattered. Raises OSError, ValueError and KeyError."""
    with (folder / "corpus.jsonl").open(encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            entry = json.loads(line)
            named = {name: str(entry.get(name) or "") for name in ("title", "author", "source", "text")}
            yield CollectionDocument(number=number, id=str(entry["id"]), **named)


def _questions(file: Path) -> Iterator[Question]:
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            yield Question(id=str(entry["id"]), text=str(entry["text"]), expected=MappingProxyType({}))


def _judgements(file: Path) -> Mapping[str, Mapping[str, int]]:
    found: dict[str, dict[str, int]] = defaultdict(dict)
    with file.open(encoding="utf-8", newline="") as opened:
        for row in csv.DictReader(opened, delimiter="\t"):
            found[row["query_id"]][row["doc_id"]] = int(row["gain"])
    return MappingProxyType({query: MappingProxyType(gains) for query, gains in found.items()})


def _when(document: CollectionDocument) -> datetime:
    """A moment of its own for every document: what is newest is no better than anything else."""
    return _FIRST + document.number * _APART


def _mail(document: CollectionDocument, owner: Person) -> Mail:
    return Mail(
        id=document.id,
        mailbox=owner.address,
        conversation=document.id,
        subject=document.title,
        sender=Person(name=document.author or "Unknown author", address="authors@collection.example.com"),
        to=(owner,),
        sent_at=_when(document),
        body=document.text,
    )


def file_id(document: CollectionDocument) -> str:
    """Box's ids are numbers; the collection's need not be."""
    return str(_FILE_ID_BASE + document.number)


def _file(document: CollectionDocument) -> File:
    title = _UNFIT.sub(" ", document.title).strip(" .")[:_LONGEST_NAME] or "Untitled"
    return File(
        id=file_id(document),
        name=f"{title} [{document.id}].txt",
        folder=FOLDER_ID,
        owner=DEMO.box.user_id,
        text=f"{document.title}\n\n{document.text}",
        description=document.author[:255],
        created_at=_when(document),
        modified_at=_when(document),
    )


def _table(documents: Sequence[CollectionDocument]) -> Table:
    names = ("DOC_ID", "TITLE", "AUTHOR", "CONTENT", "URL")
    rows = tuple(
        (document.id, document.title, document.author, f"{document.title}\n\n{document.text}", _url(document))
        for document in documents
    )
    columns = tuple(Column(name=name, type="TEXT") for name in names)
    return Table(database=DATABASE, schema=SCHEMA, name="DOCUMENTS", columns=columns, rows=rows)


def _service() -> SearchService:
    return SearchService(
        database=DATABASE,
        schema=SCHEMA,
        name=SEARCH_SERVICE,
        table="DOCUMENTS",
        search_column="CONTENT",
        columns=("DOC_ID", "TITLE", "AUTHOR", "CONTENT", "URL"),
        attribute_columns=("DOC_ID", "AUTHOR"),
    )


def _customer_table(documents: Sequence[CollectionDocument]) -> CustomerTable:
    kinds = {"id": "TEXT PRIMARY KEY", "title": "TEXT NOT NULL", "author": "TEXT NOT NULL", "text": "TEXT NOT NULL"}
    rows = tuple((document.id, document.title, document.author, document.text) for document in documents)
    return CustomerTable(
        name="documents", columns=MappingProxyType(kinds), rows=rows, searched=("title", "author", "text")
    )


def _url(document: CollectionDocument) -> str:
    return f"https://library.example.com/documents/{document.id}"
