"""Cortex Analyst: answers the questions that were verified for a semantic model, suggests them otherwise.

"Cortex Analyst REST API" (Snowflake docs). It does not run the SQL it writes.
"""

from __future__ import annotations

import uuid
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.snowflake.errors import refusal
from sandbox.words import words_of
from sandbox.world import SemanticModel, VerifiedQuery, World

ALIKE: Final = 0.6
"""Share of words that a question must have in common with a verified one, of those that either has."""
_SMALL_WORDS_TEXT: Final = (
    "a an and are by did do does for from have how in is it me of on our show tell the there to us was we were what "
    "which who with"
)
_SMALL_WORDS: Final = frozenset(_SMALL_WORDS_TEXT.split())
_VERIFIED_AT: Final = 1_767_600_000


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)

    type: str
    text: str = ""


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True)

    role: Literal["user", "analyst"] = "user"
    content: tuple[_Part, ...]


class _Ask(BaseModel):
    model_config = ConfigDict(frozen=True)

    messages: tuple[_Message, ...]
    semantic_model_file: str = ""
    stream: bool = False


class Analyst:
    """POST /api/v2/cortex/analyst/message, without streaming."""

    def __init__(self, world: World) -> None:
        self._models = {model.file.upper(): model for model in world.semantic_models}

    async def message(self, request: Request) -> Response:
        try:
            asked = _Ask.model_validate_json(await request.body())
        except ValidationError as error:
            raise refusal(400, "390142", "Incoming request does not contain a valid payload.") from error
        if not asked.messages or asked.messages[-1].role != "user":
            raise refusal(400, "392700", "The last message must have the role 'user'.")
        if asked.stream:
            raise refusal(400, "392700", "The sandbox does not stream.")
        model = self._models.get(asked.semantic_model_file.upper())
        if model is None:
            text = "The semantic model file does not exist or you are not authorized to read it."
            raise refusal(404, "392704", text)
        question = " ".join(part.text for part in asked.messages[-1].content if part.type == "text")
        return JSONResponse(_answer(model, question))


def _answer(model: SemanticModel, question: str) -> dict[str, object]:
    verified = find_verified(model, question)
    if verified is None:
        content: list[dict[str, object]] = [
            {"type": "text", "text": "I could not tell what you are asking for. You could ask one of these."},
            {"type": "suggestions", "suggestions": [query.question for query in model.verified_queries]},
        ]
    else:
        used = {
            "name": verified.name,
            "question": verified.question,
            "sql": verified.statement,
            "verified_at": _VERIFIED_AT,
            "verified_by": "Data team",
        }
        content = [
            {"type": "text", "text": verified.interpretation},
            {"type": "sql", "statement": verified.statement, "confidence": {"verified_query_used": used}},
        ]
    category = "AMBIGUOUS" if verified is None else "CLEAR_SQL"
    return {
        "request_id": str(uuid.uuid4()),
        "message": {"role": "analyst", "content": content},
        "warnings": [],
        "response_metadata": {"model_names": ["sandbox"], "question_category": category},
    }


def find_verified(model: SemanticModel, question: str) -> VerifiedQuery | None:
    """The verified question most like this one, if any is like it at all."""
    best = max(model.verified_queries, key=lambda query: _likeness(query.question, question), default=None)
    return best if best is not None and _likeness(best.question, question) >= ALIKE else None


def _likeness(one: str, other: str) -> float:
    first, second = set(words_of(one)) - _SMALL_WORDS, set(words_of(other)) - _SMALL_WORDS
    return len(first & second) / len(first | second) if first | second else 0.0
