"""The settings of a customer database, as its owner fills them in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
    model_validator,
)
from sqlalchemy import text
from sqlalchemy.sql.elements import BindParameter
from sqlalchemy.sql.visitors import iterate

from handlers.base import KEEPS_SECRETS, SourceConfig
from services.customer_database.addresses import Address, parse_address

SAMPLE: Final = "sample"
ID_MARK: Final = "{id}"
RESERVED_NAMES: Final = frozenset(
    ("search", "fetch", "get_customer_context", "search_knowledge_base", "save_interaction", "get_analytics")
)
_PYTHON: Final[Mapping[str, type]] = {"string": str, "integer": int, "number": float, "boolean": bool}
_SELECT: Final = re.compile(r"\s*(?:select|with)\b", re.IGNORECASE)
_PAGE: Final = re.compile(r"https?://[^/\s?#{}\\@]+(?:[/?#][^\s\x00-\x1f\x7f\"<>\\]*)?")
_UNSEEN: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)


def _database_or_sample(url: str) -> str:
    if url != SAMPLE:
        parse_address(url)
    return url


def _page_with_id(template: str) -> str:
    if template and (not _PAGE.fullmatch(template) or ID_MARK not in template.split("/", 3)[-1]):
        raise ValueError("write an address that begins with https:// and has {id} where the key belongs")
    return template


def _plain(text: str) -> str:
    """Text that agents will read as ours: without control, bidirectional, zero-width and tag characters."""
    return _UNSEEN.sub("", text)


def _empty_is_none(value: object) -> object:
    """An input of a form that was left empty."""
    return None if value == "" else value


def _as_typed(value: object, validate: ValidatorFunctionWrapHandler) -> object:
    """A secret with the spaces at its ends, which every other setting loses."""
    secret: object = validate(value)
    return SecretStr(value) if isinstance(value, str) and secret is not None else secret


Name = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
OptionalName = Annotated[Name | None, BeforeValidator(_empty_is_none)]
OneLine = Annotated[
    str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$"), AfterValidator(_plain)
]
Prose = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_plain)]


class Part(BaseModel):
    """A part of the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)


class TicketTable(Part):
    """Where support tickets are kept."""

    table: Name = Field("tickets", title="Table", description="The table or view of tickets.")
    key_column: Name = Field("id", title="Key column", description="Tells tickets apart.")
    customer_column: Name = Field("customer_id", title="Customer column", description="Holds the customer's key.")
    title_column: Name = Field("subject", title="Subject column", description="What the ticket is about.")
    status_column: Name = Field("status", title="Status column", description="Counted in the analytics: open, closed.")
    created_column: Name = Field("created_at", title="Date column", description="When the ticket was opened.")


class InteractionTable(Part):
    """Where conversations with customers are noted."""

    table: Name = Field("interactions", title="Table", description="The table of interactions. Notes are added here.")
    key_column: Name = Field("id", title="Key column", description="Filled by the database itself when a row is added.")
    customer_column: Name = Field("customer_id", title="Customer column", description="Holds the customer's key.")
    kind_column: Name = Field("kind", title="Kind column", description="How it happened: call, email, chat.")
    text_column: Name = Field("note", title="Text column", description="What was said.")
    created_column: Name = Field("created_at", title="Date column", description="When it happened.")


class KnowledgeTable(Part):
    """Where articles that answer questions are kept."""

    table: Name = Field("articles", title="Table", description="The table or view of articles.")
    key_column: Name = Field("id", title="Key column", description="Tells articles apart.")
    title_column: Name = Field("title", title="Title column", description="The article's title.")
    text_columns: tuple[Name, ...] = Field(
        ("body",), min_length=1, max_length=20, title="Text columns", description="What is searched and shown."
    )


class QueryParameter(Part):
    """One value that an agent gives to a query."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")] = Field(
        title="Name", description="Written :name in the SQL. Small letters, digits and _."
    )
    type: Literal["string", "integer", "number", "boolean"] = Field(
        "string", title="Type", description="What kind of value it takes."
    )
    description: Prose = Field(title="Description", description="Tells the agent what to put here.")
    required: bool = Field(
        True, title="Required", description="Without a value, NULL is used where it is not required."
    )


class QueryTemplate(Part):
    """A query of yours that agents may run, with values of theirs."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")] = Field(
        title="Name", description="The tool's name. Small letters, digits and _."
    )
    title: OneLine = Field(title="Title", description="The tool's name for people.")
    description: Prose = Field(title="Description", description="Tells the agent what the query answers.")
    sql: Annotated[str, StringConstraints(min_length=1, max_length=10_000)] = Field(
        title="SQL", description="One SELECT statement, with :name where a value belongs. It can only read."
    )
    parameters: tuple[QueryParameter, ...] = Field(
        (), max_length=20, title="Parameters", description="The values that the query takes."
    )

    @property
    def parameter_types(self) -> Mapping[str, type]:
        """The Python type of every parameter."""
        return {parameter.name: _PYTHON[parameter.type] for parameter in self.parameters}

    @model_validator(mode="after")
    def _reads_with_declared_values(self) -> Self:
        check_template(self.sql, [parameter.name for parameter in self.parameters])
        return self


class CustomerDbConfig(SourceConfig):
    """One table or view of a customer database, and what belongs to it."""

    url: Annotated[str, StringConstraints(min_length=1, max_length=1_000), AfterValidator(_database_or_sample)] = Field(
        title="Database URL",
        description="Like postgresql://user@host/database, mysql://user@host/database or sqlite:///file.db, without a "
        "password. The word sample connects ten invented customers to try things with, and needs nothing else.",
    )
    password: Annotated[SecretStr | None, BeforeValidator(_empty_is_none), WrapValidator(_as_typed)] = Field(
        None,
        title="Password",
        description="The database user's password. Best is a user who may only read the tables named here.",
    )
    table: Annotated[OptionalName, KEEPS_SECRETS] = Field(
        None,
        validate_default=True,
        title="Table",
        description="The table or view to search, with its schema if it needs one: crm.customers.",
    )
    key_column: Annotated[OptionalName, KEEPS_SECRETS] = Field(
        None,
        validate_default=True,
        title="Key column",
        description="The column that tells one row from every other, such as id.",
    )
    title_column: Annotated[OptionalName, KEEPS_SECRETS] = Field(
        None,
        validate_default=True,
        title="Title column",
        description="The column shown as a result's title, such as name.",
    )
    text_columns: Annotated[tuple[Name, ...], KEEPS_SECRETS] = Field(
        (),
        max_length=50,
        validate_default=True,
        title="Text columns",
        description="The columns that are searched and shown to agents. No other column is ever read. On PostgreSQL a "
        "tsvector column among them is searched by its index, which large tables need.",
    )
    updated_column: Annotated[OptionalName, KEEPS_SECRETS] = Field(
        None, title="Date column", description="When a row was last changed, if a column says so."
    )
    url_template: Annotated[str, StringConstraints(max_length=1_000), AfterValidator(_page_with_id), KEEPS_SECRETS] = (
        Field(
            "",
            title="Page address",
            description="Where a reader can open a row, with {id} for its key: https://crm.example.com/customers/{id}.",
        )
    )
    allow_writes: Annotated[bool, KEEPS_SECRETS] = Field(
        False,
        title="Allow writes",
        description="Also offer the tools that change data. Without it, nothing can be written.",
    )
    tickets: Annotated[TicketTable | None, KEEPS_SECRETS] = Field(
        None, title="Tickets", description="The support tickets, if there are any: adds tools that tell about them."
    )
    interactions: Annotated[InteractionTable | None, KEEPS_SECRETS] = Field(
        None, title="Interactions", description="Notes of conversations with customers, if there are any."
    )
    knowledge_base: Annotated[KnowledgeTable | None, KEEPS_SECRETS] = Field(
        None, title="Knowledge base", description="Articles that answer questions, if there are any."
    )
    queries: Annotated[tuple[QueryTemplate, ...], KEEPS_SECRETS] = Field(
        (), max_length=20, title="Queries", description="Queries of your own that agents may run as tools."
    )

    @property
    def is_sample(self) -> bool:
        """Whether this is the built-in one, for which the other settings have no meaning."""
        return self.url == SAMPLE

    @property
    def address(self) -> Address:
        """Where the real database is; not for the sample."""
        return parse_address(self.url)

    @field_validator("table", "key_column", "title_column", "text_columns")
    @classmethod
    def _needed_for_a_real_database(cls, value: object, info: ValidationInfo) -> object:
        if not value and info.data.get("url", SAMPLE) != SAMPLE:
            raise ValueError("this is needed, unless the database is the sample")
        return value

    @field_validator("queries")
    @classmethod
    def _named_apart(cls, queries: tuple[QueryTemplate, ...]) -> tuple[QueryTemplate, ...]:
        names = [query.name for query in queries]
        if len(set(names)) != len(names) or set(names) & RESERVED_NAMES:
            raise ValueError("every query needs a name that no other tool has")
        return queries


def check_template(sql: str, declared: Sequence[str]) -> None:
    """A first look that catches mistakes; what holds is the read-only transaction it runs in. Raises ValueError."""
    if not _SELECT.match(sql):
        raise ValueError("the SQL must be one statement that begins with SELECT or WITH")
    used = {part.key for part in iterate(text(sql)) if isinstance(part, BindParameter)}
    if used != set(declared) or len(declared) != len(used):
        raise ValueError("the SQL and the list of parameters must name the same values, each once in the list")
