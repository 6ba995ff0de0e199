"""The settings of a Snowflake source, as its owner fills them in."""

from __future__ import annotations

import re
import warnings
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from handlers.base import KEEPS_SECRETS, SourceConfig
from services.snowflake.names import stored_name

HOST_SUFFIXES: Final = (".snowflakecomputing.com", ".snowflakecomputing.cn")
"""Private connectivity's names end so too (`….privatelink.snowflakecomputing.com`); whether their addresses may be
dialled is for the egress rules to say. Snowflake's drivers know `.cn` as the domain of accounts in China."""
ID_MARK: Final = "{id}"

_ACCOUNT_URL: Final = re.compile(
    r"https://(?:[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+snowflakecomputing\.(?:com|cn)/?"
)
_PAGE: Final = re.compile(r"https?://[^/\s?#{}\\@]+(?:[/?#][^\s\x00-\x1f\x7f\"<>\\]*)?")
_STAGE_FILE: Final = re.compile(
    r'@(?:(?:[A-Za-z_][A-Za-z0-9_$]*|"(?:[^"\x00-\x1f\x7f]|"")+")\.){2}'
    r'(?:[A-Za-z_][A-Za-z0-9_$]*|"(?:[^"\x00-\x1f\x7f]|"")+")/[^\x00-\x1f\x7f\'"\\]+\.ya?ml'
)
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,4096}")


def _account_url(url: str) -> str:
    if not _ACCOUNT_URL.fullmatch(url.lower()):
        raise ValueError(
            "write the account's own address, like https://myorg-myaccount.snowflakecomputing.com, "
            "without a port or a path"
        )
    return url.lower().rstrip("/")


def _usable_token(token: SecretStr) -> SecretStr:
    if not _TOKEN.fullmatch(token.get_secret_value()):
        raise ValueError("paste the token as Snowflake showed it, in one line without spaces")
    return token


def _name(written: str) -> str:
    stored_name(written)
    return written


def _page_with_id(template: str) -> str:
    if not _PAGE.fullmatch(template) or ID_MARK not in template.split("/", 3)[-1]:
        raise ValueError("write an address that begins with https:// and has {id} where the ID belongs")
    return template


def _stage_file(path: str) -> str:
    if not _STAGE_FILE.fullmatch(path):
        raise ValueError("write it like @MY_DB.MY_SCHEMA.MY_STAGE/model.yaml")
    return path


def _empty_is_none(value: object) -> object:
    """An input of a form that was left empty."""
    return None if value == "" else value


Name = Annotated[str, StringConstraints(min_length=1, max_length=520), AfterValidator(_name)]
OptionalName = Annotated[Name | None, BeforeValidator(_empty_is_none)]
OptionalPage = Annotated[
    Annotated[str, StringConstraints(max_length=1_000), AfterValidator(_page_with_id)] | None,
    BeforeValidator(_empty_is_none),
]
OptionalStageFile = Annotated[
    Annotated[str, StringConstraints(max_length=1_000), AfterValidator(_stage_file)] | None,
    BeforeValidator(_empty_is_none),
]


with warnings.catch_warnings():
    # pydantic's deprecated class method `schema` is not missed.
    warnings.filterwarnings("ignore", message='Field name "schema" in "SnowflakeConfig"', category=UserWarning)

    class SnowflakeConfig(SourceConfig):
        """A Snowflake account, and what of it is searched: a Cortex Search service, or a table."""

        account_url: Annotated[str, StringConstraints(max_length=300), AfterValidator(_account_url)] = Field(
            title="Account URL",
            description="The address of the Snowflake account: https://myorg-myaccount.snowflakecomputing.com.",
        )
        pat: Annotated[SecretStr, AfterValidator(_usable_token)] = Field(
            title="Programmatic access token",
            description="A token of a service user, restricted to a role that may only read.",
        )
        role: OptionalName = Field(
            None,
            title="Role",
            description="The role that the token is restricted to. Without one, the default role of the token's user.",
        )
        database: Annotated[Name, KEEPS_SECRETS] = Field(
            title="Database",
            description="Where the search service or the table stands. As everywhere in Snowflake, small letters in "
            'names count as capitals, unless the name stands in "double quotes".',
        )
        schema: Annotated[Name, KEEPS_SECRETS] = Field(  # type: ignore[assignment]  # see above
            title="Schema",
            description="The schema of the search service or the table.",
        )
        search_service: Annotated[OptionalName, KEEPS_SECRETS] = Field(
            None,
            title="Search service",
            description="The Cortex Search service to search. Give either this or a table.",
        )
        table: Annotated[OptionalName, KEEPS_SECRETS] = Field(
            None,
            validate_default=True,
            title="Table",
            description="A table or view to search by SQL, where there is no search service. It needs a warehouse.",
        )
        id_column: Annotated[Name, KEEPS_SECRETS] = Field(
            title="ID column",
            description="Tells documents apart. Rows with the same value are parts of one document. In a search "
            "service it must be one of its attributes; in a table it must hold text or whole numbers.",
        )
        title_column: Annotated[Name, KEEPS_SECRETS] = Field(
            title="Title column",
            description="The column shown as a result's title.",
        )
        text_columns: Annotated[tuple[Name, ...], KEEPS_SECRETS] = Field(
            (),
            max_length=20,
            validate_default=True,
            title="Text columns",
            description="The columns shown as a document's text, and in a table the ones that are searched. A search "
            "service shows the column that it searches, unless others are named here.",
        )
        order_column: Annotated[OptionalName, KEEPS_SECRETS] = Field(
            None,
            title="Order column",
            description="Where a document has several rows: the column by which to put them in order.",
        )
        url_column: Annotated[OptionalName, KEEPS_SECRETS] = Field(
            None,
            title="Page column",
            description="The column that holds the address where a reader can open the document.",
        )
        url_template: Annotated[OptionalPage, KEEPS_SECRETS] = Field(
            None,
            title="Page address",
            description="Instead of a page column: the address with {id} for the document's ID, like "
            "https://docs.example.com/{id}.",
        )
        semantic_model_file: Annotated[OptionalStageFile, KEEPS_SECRETS] = Field(
            None,
            title="Semantic model file",
            description="Adds a tool that answers questions with numbers, through Cortex Analyst: "
            "@MY_DB.MY_SCHEMA.MY_STAGE/model.yaml. It needs a warehouse.",
        )
        warehouse: Annotated[OptionalName, KEEPS_SECRETS] = Field(
            None,
            validate_default=True,
            title="Warehouse",
            description="The warehouse that runs SQL. A search service alone needs none.",
        )

        @field_validator("table")
        @classmethod
        def _either_service_or_table(cls, table: str | None, info: ValidationInfo) -> str | None:
            if "search_service" not in info.data:
                return table
            service = info.data["search_service"]
            if table is None and service is None:
                raise ValueError("name the search service or the table that is to be searched")
            if table is not None and service is not None:
                raise ValueError("give either a search service or a table, not both")
            return table

        @field_validator("text_columns")
        @classmethod
        def _needed_in_a_table(cls, columns: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
            if not columns and info.data.get("table") is not None:
                raise ValueError("name the text columns of the table: they are what is searched and shown")
            return columns

        @field_validator("url_template")
        @classmethod
        def _either_column_or_template(cls, template: str | None, info: ValidationInfo) -> str | None:
            if template is not None and info.data.get("url_column") is not None:
                raise ValueError("give either a page column or a page address, not both")
            return template

        @field_validator("warehouse")
        @classmethod
        def _needed_for_sql(cls, warehouse: str | None, info: ValidationInfo) -> str | None:
            if warehouse is None and info.data.get("table") is not None:
                raise ValueError("name the warehouse that is to search the table")
            if warehouse is None and info.data.get("semantic_model_file") is not None:
                raise ValueError("name the warehouse that is to run what Cortex Analyst writes")
            return warehouse

        @property
        def account(self) -> str:
            """The account's name, as its address has it: `myorg-myaccount`."""
            host = urlsplit(self.account_url).hostname or ""
            return host.rpartition(".snowflakecomputing.")[0]
