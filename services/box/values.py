"""What Box tells, as frozen values, and the reading of its replies. Fields that nobody asked for are not kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, AliasPath, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from errors import SourceUnavailable
from services.box.replies import Reply

FILE_FIELDS: Final = (
    "id",
    "type",
    "name",
    "description",
    "modified_at",
    "size",
    "extension",
    "path_collection",
    "shared_link",
    "owned_by",
)
"""With `fields`, Box returns nothing but these and the few of its "mini" form (Box docs, "Request extra fields")."""

EVERYTHING: Final = "0"
"""The id of the folder that is the root of everybody's tree."""


def _in_utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class Person(_Told):
    """A user of Box, or an app's service account."""

    id: str
    name: str = ""
    login: str = ""


class Folder(_Told):
    """A folder, by its name."""

    id: str
    name: str = ""


class Representation(_Told):
    """Another form of a file, which Box makes when it is asked for (Box docs, "Representations")."""

    kind: Annotated[str, Field(validation_alias="representation")] = ""
    """`markdown`, `extracted_text`."""
    state: Annotated[str, Field(validation_alias=AliasPath("status", "state"))] = "none"
    """success: it can be had; viewable: so can what there is of it; pending: it is being made; none: it will be, once
    its info is asked for. Anything else (`error`): it will not be."""
    info_url: Annotated[str, Field(validation_alias=AliasPath("info", "url"))] = ""
    url_template: Annotated[str, Field(validation_alias=AliasPath("content", "url_template"))] = ""

    @property
    def is_ready(self) -> bool:
        return self.state in {"success", "viewable"} and bool(self.url_template)

    @property
    def may_become_ready(self) -> bool:
        return self.state in {"none", "pending"} and bool(self.info_url)

    @property
    def content_url(self) -> str:
        """Where its content is. A form without pages has an empty asset path (Box docs, "Get text representation")."""
        return self.url_template.replace("{+asset_path}", "")


class File(_Told):
    """A file, and what was asked about it."""

    id: str
    type: str
    name: str = ""
    description: str | None = None
    modified_at: Annotated[AwareDatetime | None, AfterValidator(_in_utc)] = None
    size: int | None = None
    """Bytes."""
    extension: str | None = None
    version: Annotated[str | None, Field(validation_alias="version_number")] = None
    owner: Annotated[Person | None, Field(validation_alias="owned_by")] = None
    shared_link: Annotated[str | None, Field(validation_alias=AliasPath("shared_link", "url"))] = None
    path: Annotated[tuple[Folder, ...], Field(validation_alias=AliasPath("path_collection", "entries"))] = ()
    """The folders it lies in as far as the account may see them, from the root down, the root included."""
    representations: Annotated[
        tuple[Representation, ...], Field(validation_alias=AliasPath("representations", "entries"))
    ] = ()

    def is_inside(self, folder_id: str) -> bool:
        """Whether it lies in this folder, however deep."""
        return any(folder.id == folder_id for folder in self.path)

    def representation(self, kind: str) -> Representation | None:
        """Its form of this kind, if Box offers one."""
        return next((each for each in self.representations if each.kind == kind), None)


class SearchPage(_Told):
    """One page of hits, best first. It may hold fewer than were asked for, though there are more."""

    entries: tuple[File, ...]
    """Files, and other items where a search asks for them."""
    total_count: int = 0
    """Of all pages, roughly."""


ToldT = TypeVar("ToldT", bound=BaseModel)


def read(kind: type[ToldT], reply: Reply) -> ToldT:
    """The value that a reply holds. Raises SourceUnavailable for anything else: a cut answer, a page of a proxy."""
    if not reply.complete:
        raise SourceUnavailable(f"Box's answer was larger than {len(reply.content) // 1_000_000} MB and was dropped.")
    try:
        return kind.model_validate_json(reply.content)
    except ValidationError as error:
        raise SourceUnavailable("Box answered with something that cannot be read.") from error
