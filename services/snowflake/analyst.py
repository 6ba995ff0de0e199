"""Cortex Analyst: a question in words becomes SQL on a semantic model. It does not run the SQL.

Facts: cortex-analyst.yaml of snowflakedb/snowflake-rest-api-specs, and docs.snowflake.com, "Cortex Analyst REST API".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from services.snowflake.account import Account, Reply, Request

_MESSAGE: Final = "/api/v2/cortex/analyst/message"
_TIMEOUT: Final = timedelta(seconds=60)
_MISSING: Final = (
    "Snowflake finds no such semantic model, or the role may not read it. Check the semantic model file in the "
    "settings, and grant the role READ on its stage."
)
_REJECTED: Final = (
    "Cortex Analyst could not work with the semantic model. Check the file for errors in Snowsight, and that the role "
    "may read its stage and select from its tables."
)


@dataclass(frozen=True, slots=True)
class Interpretation:
    """What Analyst made of a question. It gives SQL or suggestions, never both."""

    text: str
    sql: str | None
    suggestions: Sequence[str]
    """Questions that it could answer instead."""
    warnings: Sequence[str]


class _Content(Reply):
    """One part of a message. The documentation calls a type both `suggestion` and `suggestions`; `results`, `chart` and
    whatever comes later are passed over."""

    type: str
    text: str = ""
    statement: str | None = None
    suggestions: tuple[str, ...] = ()


class _Message(Reply):
    content: tuple[_Content, ...]


class _Warning(Reply):
    message: str = ""


class _Answer(Reply):
    message: _Message
    warnings: tuple[_Warning, ...] | None = None


class CortexAnalyst:
    """Analyst on one semantic model file, `@DB.SCHEMA.STAGE/path/model.yaml`."""

    def __init__(self, account: Account, semantic_model_file: str) -> None:
        self._account = account
        self._semantic_model_file = semantic_model_file

    async def interpret(self, question: str) -> Interpretation:
        """Takes seconds to tens of seconds, and costs credits: a question whose answer was lost is not asked again."""
        reply = await self._account.send(
            Request(
                method="POST",
                path=_MESSAGE,
                body={
                    "messages": [{"role": "user", "content": [{"type": "text", "text": question}]}],
                    "semantic_model_file": self._semantic_model_file,
                },
                is_repeatable=False,
                timeout=_TIMEOUT,
                missing=_MISSING,
                rejected=_REJECTED,
            )
        )
        answer = reply.read(_Answer)
        content = answer.message.content
        return Interpretation(
            text="\n\n".join(part.text for part in content if part.type == "text" and part.text),
            sql=next((part.statement for part in content if part.type == "sql" and part.statement), None),
            suggestions=[
                suggestion
                for part in content
                if part.type in ("suggestion", "suggestions")
                for suggestion in part.suggestions
            ],
            warnings=[warning.message for warning in answer.warnings or () if warning.message],
        )
