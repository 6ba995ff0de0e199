"""The sample company, read from `company/`: Larkfield, which makes temperature loggers for what must stay cold."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parseaddr
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, cast

from sandbox.credentials import DEMO
from sandbox.records import Record, RecordProblem, read_records
from sandbox.world import (
    Attachment,
    BoxUser,
    Cell,
    Column,
    ColumnType,
    Comment,
    CustomerTable,
    File,
    Folder,
    Mail,
    Mailbox,
    Person,
    Question,
    SearchService,
    SemanticModel,
    Table,
    VerifiedQuery,
    World,
)

FOLDER: Final = Path(__file__).parent / "company"
DATABASE: Final = "LARKFIELD"
SCHEMA: Final = "SUPPORT"
SEARCH_SERVICE: Final = "SUPPORT_SEARCH"
SEMANTIC_MODEL: Final = "@LARKFIELD.SUPPORT.MODELS/orders.yaml"
_DOCUMENT_COLUMNS: Final[tuple[tuple[str, ColumnType], ...]] = (
    ("DOC_ID", "TEXT"),
    ("KIND", "TEXT"),
    ("TITLE", "TEXT"),
    ("CONTENT", "TEXT"),
    ("CUSTOMER", "TEXT"),
    ("PRODUCT", "TEXT"),
    ("STATUS", "TEXT"),
    ("UPDATED_AT", "TIMESTAMP_NTZ"),
    ("URL", "TEXT"),
)


@cache
def sample_company() -> World:
    """The whole company. Read once, then the same object."""
    people = cast("Mapping[str, Sequence[Mapping[str, object]]]", _json("people.json"))
    tickets = list(read_records(FOLDER / "tickets.txt"))
    documents = [*tickets, *read_records(FOLDER / "articles.txt")]
    return World(
        name="Larkfield (sample company)",
        mailboxes=tuple(_mailbox(entry) for entry in people["mailboxes"]),
        mails=tuple(_mails()),
        box_users=tuple(BoxUser(**cast("Mapping[str, str]", entry)) for entry in people["box_users"]),
        folders=tuple(_folder(entry) for entry in cast("Sequence[Mapping[str, object]]", _json("folders.json"))),
        files=tuple(_files()),
        tables=(_documents(documents), _tickets(tickets), _table("ORDERS", "orders.csv")),
        search_services=(_search_service(),),
        semantic_models=(_semantic_model(),),
        customer_tables=tuple(_customer_tables()),
        questions=tuple(_question(record) for record in read_records(FOLDER / "questions.txt")),
    )


def _json(name: str) -> object:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def _mailbox(entry: Mapping[str, object]) -> Mailbox:
    owner = Person(name=str(entry["name"]), address=str(entry["address"]))
    licensed, in_scope = bool(entry.get("licensed", True)), bool(entry.get("in_scope", True))
    return Mailbox(id=str(entry["id"]), owner=owner, licensed=licensed, in_scope=in_scope)


def _folder(entry: Mapping[str, object]) -> Folder:
    members = frozenset(cast("Sequence[str]", entry.get("members", ())))
    description = str(entry.get("description", ""))
    parent = str(entry.get("parent", "0"))
    return Folder(id=str(entry["id"]), name=str(entry["name"]), parent=parent, description=description, members=members)


def _mails() -> Iterator[Mail]:
    """Every file is a conversation."""
    known: dict[str, Mail] = {}
    for file in sorted((FOLDER / "mails").glob("*.txt")):
        for record in read_records(file):
            mail = _mail(record, file.stem, known)
            known[mail.id] = mail
            yield mail


def _mail(record: Record, conversation: str, known: Mapping[str, Mail]) -> Mail:
    """A mail of Ann's unless another mailbox is named; what its owner wrote lies under Sent Items."""
    mailbox, sender = record.find("Mailbox", DEMO.entra.user), _person(record.get("From"))
    files = [Attachment(name=name, text=_attached_text(record, name)) for name in record.list("Attach")]
    items = [Attachment(name=known[name].subject, kind="item", item=known[name]) for name in record.list("Attach-Mail")]
    links = [Attachment(name=name, kind="reference") for name in record.list("Attach-Link")]
    return Mail(
        id=record.get("Id"),
        mailbox=mailbox,
        folder=record.find("Folder", "Sent Items" if sender.address == mailbox else "Inbox"),
        conversation=conversation,
        subject=record.get("Subject"),
        sender=sender,
        to=_people(record, "To"),
        cc=_people(record, "Cc"),
        sent_at=_moment(record.get("Sent")),
        body=record.text,
        importance="high" if record.find("Importance") == "high" else "normal",
        is_read=record.find("Read", "yes") == "yes",
        attachments=(*files, *items, *links),
    )


def _attached_text(record: Record, name: str) -> str:
    """The text of an attachment, kept under its name with `.text` behind it."""
    file = record.file.parent / "attachments" / f"{name}.text"
    if not file.is_file():
        raise RecordProblem(f"{record.file}: there is no text for the attachment {name!r}")
    return file.read_text(encoding="utf-8")


def _person(text: str) -> Person:
    name, address = parseaddr(text)
    return Person(name=name or address, address=address)


def _people(record: Record, name: str) -> tuple[Person, ...]:
    return tuple(_person(value) for value in record.list(name))


def _files() -> Iterator[File]:
    """Every file of `files/` is one in Box, its name without the `.text` at its end."""
    for path in sorted((FOLDER / "files").rglob("*.text")):
        for record in read_records(path):
            yield _file(record, path.name.removesuffix(".text"))


def _file(record: Record, name: str) -> File:
    return File(
        id=record.get("Id"),
        name=name,
        folder=record.get("Folder"),
        owner=record.get("Owner"),
        text=record.text,
        description=record.find("Description"),
        tags=tuple(record.list("Tag")),
        comments=tuple(_comment(value) for value in record.list("Comment")),
        created_at=_moment(record.get("Created")),
        modified_at=_moment(record.get("Modified")),
        shared_link=record.find("Link") or None,
        is_fresh=record.find("Fresh") == "yes",
    )


def _comment(value: str) -> Comment:
    """`90001 | 30011 | 2026-05-04T09:00:00Z | Text`: id, author, moment, text."""
    number, author, at, text = (part.strip() for part in value.split("|", 3))
    return Comment(id=number, author=author, text=text, created_at=_moment(at))


def _documents(records: Sequence[Record]) -> Table:
    """Tickets and articles in one table, which the search service is built over."""
    rows = tuple(_document(record) for record in records)
    columns = tuple(Column(name=name, type=kind) for name, kind in _DOCUMENT_COLUMNS)
    return Table(database=DATABASE, schema=SCHEMA, name="SUPPORT_DOCUMENTS", columns=columns, rows=rows)


def _tickets(records: Sequence[Record]) -> Table:
    """Tickets as figures are made from: no text, one row each."""
    names = ("Id", "Title", "Customer", "Product", "Priority", "Status", "Opened", "Closed")
    columns = (
        Column(name="TICKET_ID", type="TEXT"),
        Column(name="SUBJECT", type="TEXT"),
        *(Column(name=name.upper(), type="TEXT") for name in names[2:6]),
        Column(name="OPENED_ON", type="DATE"),
        Column(name="CLOSED_ON", type="DATE"),
    )
    rows = tuple(tuple(record.find(name) or None for name in names) for record in records)
    return Table(database=DATABASE, schema=SCHEMA, name="TICKETS", columns=columns, rows=rows)


def _document(record: Record) -> tuple[Cell, ...]:
    name, title = record.get("Id"), record.get("Title")
    kind = "ticket" if name.startswith("T-") else "article"
    return (
        name,
        kind,
        title,
        f"{title}\n\n{record.text}",
        record.find("Customer") or None,
        record.find("Product") or None,
        record.find("Status") or None,
        f"{_moment(record.get('Updated')):%Y-%m-%d %H:%M:%S}",
        f"https://support.larkfield.example.com/{kind}s/{name}",
    )


def _search_service() -> SearchService:
    names = tuple(name for name, _ in _DOCUMENT_COLUMNS)
    return SearchService(
        database=DATABASE,
        schema=SCHEMA,
        name=SEARCH_SERVICE,
        table="SUPPORT_DOCUMENTS",
        search_column="CONTENT",
        columns=names,
        attribute_columns=tuple(name for name in names if name not in {"TITLE", "CONTENT", "URL"}),
    )


def _table(name: str, file: str) -> Table:
    """A table from CSV, whose first line says `NAME:TYPE` for every column. Nothing between commas is NULL."""
    with (FOLDER / file).open(encoding="utf-8", newline="") as opened:
        head, *rows = csv.reader(opened)
    columns = tuple(_column(part) for part in head)
    cells = tuple(tuple(_cell(value, column) for value, column in zip(row, columns, strict=True)) for row in rows)
    return Table(database=DATABASE, schema=SCHEMA, name=name, columns=columns, rows=cells)


def _column(head: str) -> Column:
    name, _, kind = head.partition(":")
    return Column(name=name, type=cast("ColumnType", kind))


def _cell(value: str, column: Column) -> Cell:
    if value == "":
        return None
    match column.type:
        case "NUMBER":
            return int(value)
        case "FLOAT":
            return float(value)
        case "BOOLEAN":
            return value == "true"
        case _:
            return value


def _semantic_model() -> SemanticModel:
    queries = tuple(
        VerifiedQuery(
            name=record.get("Name"),
            question=record.get("Question"),
            interpretation=record.get("Interpretation"),
            statement=record.text,
        )
        for record in read_records(FOLDER / "verified_queries.txt")
    )
    return SemanticModel(file=SEMANTIC_MODEL, verified_queries=queries)


def _customer_tables() -> Iterator[CustomerTable]:
    """Customers with what was said to them, as the company's own database holds them."""
    customers = list(read_records(FOLDER / "customers.txt"))
    yield CustomerTable(
        name="customers",
        columns=MappingProxyType({name: kind for name, kind, _ in _CUSTOMER_COLUMNS} | {"notes": "TEXT NOT NULL"}),
        rows=tuple(
            (*(_customer_cell(record, head) for _, _, head in _CUSTOMER_COLUMNS), record.text) for record in customers
        ),
        searched=("name", "contact", "city", "segment", "notes"),
    )
    yield CustomerTable(
        name="interactions",
        columns=MappingProxyType(
            {
                "id": "INTEGER PRIMARY KEY",
                "customer_id": "INTEGER NOT NULL REFERENCES customers (id)",
                "kind": "TEXT NOT NULL",
                "created_at": "TEXT NOT NULL",
                "note": "TEXT NOT NULL",
            }
        ),
        rows=tuple(
            (int(record.get("Id")), int(record.get("Customer")), record.get("Kind"), record.get("At"), record.text)
            for record in read_records(FOLDER / "interactions.txt")
        ),
        searched=("kind", "note"),
    )


_CUSTOMER_COLUMNS: Final = (
    ("id", "INTEGER PRIMARY KEY", "Id"),
    ("name", "TEXT NOT NULL", "Name"),
    ("contact", "TEXT NOT NULL", "Contact"),
    ("email", "TEXT NOT NULL UNIQUE", "Email"),
    ("phone", "TEXT", "Phone"),
    ("city", "TEXT NOT NULL", "City"),
    ("country", "TEXT NOT NULL", "Country"),
    ("segment", "TEXT NOT NULL", "Segment"),
    ("status", "TEXT NOT NULL", "Status"),
    ("account_manager", "TEXT NOT NULL", "Account-Manager"),
    ("customer_since", "TEXT NOT NULL", "Since"),
    ("renewal_on", "TEXT", "Renewal"),
    ("annual_value_eur", "INTEGER", "Annual-Value"),
    ("updated_at", "TEXT NOT NULL", "Updated"),
)


def _customer_cell(record: Record, head: str) -> Cell:
    value = record.find(head)
    if value == "":
        return None
    return int(value) if head in {"Id", "Annual-Value"} else value


def _question(record: Record) -> Question:
    sources = {"outlook": "Outlook", "box": "Box", "snowflake": "Snowflake", "customer_db": "Customer"}
    expected = {key: tuple(record.list(name)) for key, name in sources.items() if record.list(name)}
    return Question(id=record.get("Id"), text=record.text, expected=MappingProxyType(expected))


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise RecordProblem(f"{text!r} has no time zone")
    return moment.astimezone(UTC)
