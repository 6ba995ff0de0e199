"""A company as the vendors hold it: frozen data, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from sandbox.credentials import DEMO, Credentials

Cell = str | int | float | bool | None
Format = Literal["txt", "md", "html", "csv", "docx", "pdf", "xlsx", "pptx", "eml", "png"]
ColumnType = Literal["NUMBER", "FLOAT", "TEXT", "BOOLEAN", "DATE", "TIMESTAMP_NTZ", "VARIANT"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who writes or gets mail."""

    name: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """Something that came with a mail: a file, another mail, or a link to a file kept elsewhere."""

    name: str
    kind: Literal["file", "item", "reference"] = "file"
    text: str = ""
    """What can be read in it; its bytes are made from this in the format that the name ends with."""
    item: Mail | None = None
    """The attached mail, where `kind` is "item"."""
    is_inline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One message in one mailbox."""

    id: str
    """Our own name for it. The ids that Graph gives out are derived from this."""
    mailbox: str
    """The address of the mailbox it lies in."""
    folder: str = "Inbox"
    conversation: str
    subject: str
    sender: Person
    to: tuple[Person, ...]
    cc: tuple[Person, ...] = ()
    bcc: tuple[Person, ...] = ()
    sent_at: datetime
    body: str
    """Plain text, paragraphs apart by an empty line; the HTML that Graph gives by default is made from it."""
    importance: Literal["low", "normal", "high"] = "normal"
    is_read: bool = True
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """A user of the tenant. Without a licence there is no mailbox; outside the app's scope it is not ours to read."""

    id: str
    """The directory's GUID."""
    owner: Person
    licensed: bool = True
    in_scope: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxUser:
    """A managed user, or the application's service account, who has no address of their own."""

    id: str
    name: str
    login: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder in Box. The root of everybody's tree has the id "0" and is not listed."""

    id: str
    name: str
    parent: str = "0"
    description: str = ""
    members: frozenset[str] = frozenset()
    """Ids of the users who see it and all below it, beside those who see its parent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A remark under a file."""

    id: str
    author: str
    """The id of a user."""
    text: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file in Box, current version only."""

    id: str
    name: str
    folder: str
    owner: str
    """The id of a user."""
    text: str
    """What can be read in it; its bytes are made from this in the format that the name ends with."""
    description: str = ""
    tags: tuple[str, ...] = ()
    comments: tuple[Comment, ...] = ()
    created_at: datetime
    modified_at: datetime
    shared_link: str | None = None
    is_fresh: bool = False
    """Uploaded this moment: the first download is answered "not yet"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a warehouse table."""

    name: str
    type: ColumnType


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of the warehouse. Dates are `YYYY-MM-DD`, timestamps `YYYY-MM-DD HH:MM:SS`, variants JSON text."""

    database: str
    schema: str
    name: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchService:
    """A Cortex Search service over one table."""

    database: str
    schema: str
    name: str
    table: str
    """The name of a table in the same schema."""
    search_column: str
    columns: tuple[str, ...]
    attribute_columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedQuery:
    """A question that a semantic model is known to answer rightly."""

    name: str
    question: str
    statement: str
    interpretation: str
    """How Analyst says it understood the question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SemanticModel:
    """What Cortex Analyst knows: a file on a stage, and the questions verified for it."""

    file: str
    """`@DATABASE.SCHEMA.STAGE/model.yaml`."""
    verified_queries: tuple[VerifiedQuery, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerTable:
    """A table of the customer database, as SQLite takes it. The first column is its integer or text key."""

    name: str
    columns: Mapping[str, str]
    """Names and SQLite types, in order."""
    rows: tuple[tuple[Cell, ...], ...]
    searched: tuple[str, ...] = ()
    """Columns that a full-text index `<name>_fts` holds; none for no index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question somebody might ask, and where its answer lies."""

    id: str
    text: str
    expected: Mapping[str, tuple[str, ...]]
    """Our own ids of what answers it, by source: outlook, box, snowflake, customer_db."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything the stand-ins serve."""

    name: str
    credentials: Credentials = DEMO
    mailboxes: tuple[Mailbox, ...]
    mails: tuple[Mail, ...] = ()
    box_users: tuple[BoxUser, ...]
    folders: tuple[Folder, ...] = ()
    files: tuple[File, ...] = ()
    tables: tuple[Table, ...] = ()
    search_services: tuple[SearchService, ...] = ()
    semantic_models: tuple[SemanticModel, ...] = ()
    customer_tables: tuple[CustomerTable, ...] = ()
    questions: tuple[Question, ...] = ()
    relevant: Mapping[str, Mapping[str, int]] = field(default_factory=lambda: MappingProxyType({}))
    """Graded judgements of a collection: document id to gain, by question id."""
