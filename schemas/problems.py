"""Errors as RFC 9457 problem details."""

from __future__ import annotations

from http import HTTPStatus

from pydantic import Field

from errors import GatehouseError, Invalid
from schemas.fields import Reply


class ProblemField(Reply):
    """One wrong field. What was typed is not repeated: it may be a secret."""

    field: str = Field(description="Dotted path from the body's root.", examples=["config.url"])
    message: str


class Problem(Reply):
    """Every error of the API has this shape, as application/problem+json."""

    type: str = Field(description="Stable, meant for programs.", examples=["urn:gatehouse:not_found"])
    title: str
    status: int
    detail: str = Field(description="What happened and what to do about it, for people.")
    errors: list[ProblemField] | None = Field(default=None, description="The wrong fields, if it is about fields.")
    method: str | None = None
    path: str | None = None
    host: str | None = None
    request_id: str | None = Field(default=None, description="Stands in the log beside everything about this request.")


def problem_of(error: GatehouseError) -> Problem:
    fields = [ProblemField(field=one.field, message=one.message) for one in getattr(error, "problems", ())]
    return Problem(
        type=f"urn:gatehouse:{error.code}",
        title=error.title,
        status=error.status,
        detail=error.message,
        errors=fields if isinstance(error, Invalid) and fields else None,
    )


def plain_problem(status: HTTPStatus, detail: str) -> Problem:
    """For what HTTP itself refuses: a method, a media type."""
    return Problem(
        type=f"urn:gatehouse:{status.name.lower()}", title=status.phrase.capitalize(), status=status, detail=detail
    )
