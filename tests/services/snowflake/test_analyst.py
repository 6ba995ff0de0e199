"""Cortex Analyst: what is asked, and what is made of the answer."""

from __future__ import annotations

import pytest
from starlette.responses import JSONResponse

from errors import SourceRateLimited, SourceUnavailable
from services.snowflake.analyst import CortexAnalyst
from services.snowflake.refusals import NotGranted, StatementRejected
from tests.services.snowflake.stand_in import StandIn, account_for, refused

pytestmark = pytest.mark.anyio

MODEL = "@DB.S.STAGE/model.yaml"


def analyst_of(stand_in: StandIn) -> CortexAnalyst:
    return CortexAnalyst(account_for(stand_in), MODEL)


def answer(*content: dict[str, object], **more: object) -> JSONResponse:
    return JSONResponse({"request_id": "r", "message": {"role": "analyst", "content": list(content)}, **more})


async def test_a_question_is_asked_of_the_semantic_model():
    stand_in = StandIn(answer({"type": "text", "text": "Understood."}))
    await analyst_of(stand_in).interpret("revenue by store?")
    asked = stand_in.asked[0]
    assert (asked.method, asked.path) == ("POST", "/api/v2/cortex/analyst/message")
    assert asked.body == {
        "messages": [{"role": "user", "content": [{"type": "text", "text": "revenue by store?"}]}],
        "semantic_model_file": MODEL,
    }


async def test_text_sql_and_warnings_are_told_apart():
    stand_in = StandIn(
        answer(
            {"type": "text", "text": "We took revenue as net."},
            {"type": "sql", "statement": "SELECT 1", "confidence": {"verified_query_used": None}},
            {"type": "chart", "chart_spec": "{}"},
            {"type": "of_tomorrow", "anything": [1]},
            warnings=[{"message": "The model is large."}],
        )
    )
    understood = await analyst_of(stand_in).interpret("q")
    assert understood.text == "We took revenue as net."
    assert understood.sql == "SELECT 1"
    assert understood.suggestions == []
    assert understood.warnings == ["The model is large."]


@pytest.mark.parametrize("kind", ["suggestion", "suggestions"])
async def test_suggestions_come_under_either_name(kind):
    understood = await analyst_of(StandIn(answer({"type": kind, "suggestions": ["a?", "b?"]}))).interpret("q")
    assert understood.suggestions == ["a?", "b?"]
    assert understood.sql is None


async def test_a_question_whose_answer_was_lost_is_not_paid_for_twice():
    stand_in = StandIn(JSONResponse({"message": {}}))
    with pytest.raises(SourceUnavailable):
        await analyst_of(stand_in).interpret("q")
    assert len(stand_in) == 1


@pytest.mark.parametrize(
    ("status", "kind", "word"),
    [(404, NotGranted, "stage"), (400, StatementRejected, "semantic model"), (429, SourceRateLimited, "later")],
)
async def test_a_refusal_is_told_in_terms_of_the_model(status, kind, word):
    with pytest.raises(kind) as raised:
        await analyst_of(StandIn(refused(status))).interpret("q")
    assert word in raised.value.message
