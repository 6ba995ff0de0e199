"""The further tool: a question to Cortex Analyst, answered with what was understood, the SQL and its rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from handlers.snowflake.single_select import NotASelect, single_select
from services.rendering import as_text
from services.snowflake.analyst import CortexAnalyst
from services.snowflake.cells import Cell
from services.snowflake.refusals import NotGranted, StatementRejected
from services.snowflake.statements import Result, Statement, Statements

MOST_ROWS: Final = 200
MOST_CHARACTERS: Final = 50_000
"""Of all cells together: clients take 100,000 to 150,000 in an answer."""
LONGEST_CELL: Final = 2_000
SQL_TIMEOUT: Final = timedelta(seconds=15)

_LARGEST_INTEGER: Final = 2**53
"""Beyond it JavaScript, in which many clients are written, rounds."""

AnswerCell = str | int | float | bool | None


class Question(BaseModel):
    """What is asked."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)

    question: str = Field(
        min_length=1,
        max_length=1_000,
        description="One question in words about figures, like: What was the revenue per region last quarter?",
    )


class AnalystAnswer(BaseModel):
    """How the question was understood, and the figures."""

    text: str = Field(description="How the question was understood, or why it could not be answered.")
    sql: str | None = Field(description="The query that answers it, if there is one.")
    columns: Sequence[str] = Field(description="The columns of the rows.")
    rows: Sequence[Sequence[AnswerCell]] = Field(
        description="The result, at most 200 rows. Numbers too long for JSON, dates and times are strings."
    )
    is_complete: bool = Field(description="False if rows or parts of long values were left out.")
    suggestions: Sequence[str] = Field(description="Questions that can be answered instead.")
    warnings: Sequence[str] = Field(description="What to mind when reading the answer.")


class AnalystDesk:
    """Has a question put into SQL, and runs it if it is a query and nothing else."""

    def __init__(self, analyst: CortexAnalyst, statements: Statements) -> None:
        self._analyst = analyst
        self._statements = statements

    async def answer(self, question: str) -> AnalystAnswer:
        """Raises SourceErrors; SQL that cannot be run is told as a warning."""
        understood = await self._analyst.interpret(question)
        warnings = list(understood.warnings)
        result = Result((), (), is_complete=True)
        if understood.sql is not None:
            try:
                result = await self._run(understood.sql)
            except NotASelect:
                warnings.append("The SQL was not run: it is not a single SELECT statement.")
            except (StatementRejected, NotGranted) as error:
                warnings.append(f"The SQL gave no rows: {error.message}")
        rows, is_complete = _fitting(result.rows)
        return AnalystAnswer(
            text=understood.text,
            sql=understood.sql,
            columns=[column.name for column in result.columns],
            rows=rows,
            is_complete=result.is_complete and is_complete,
            suggestions=understood.suggestions,
            warnings=warnings,
        )

    async def _run(self, sql: str) -> Result:
        statement = Statement(sql=single_select(sql), tag="gatehouse/analyst", timeout=SQL_TIMEOUT, max_rows=MOST_ROWS)
        return await self._statements.run(statement)


def _fitting(rows: Sequence[Sequence[Cell]]) -> tuple[list[list[AnswerCell]], bool]:
    """As many rows as an answer holds, and whether nothing was cut."""
    fitting: list[list[AnswerCell]] = []
    is_complete = True
    left = MOST_CHARACTERS
    for row in rows:
        cells = [_plain(cell) for cell in row]
        left -= sum(min(len(cell), LONGEST_CELL) if isinstance(cell, str) else 1 for cell in cells)
        if left < 0:
            return fitting, False
        is_complete = is_complete and not any(isinstance(cell, str) and len(cell) > LONGEST_CELL for cell in cells)
        fitting.append([_cut(cell) for cell in cells])
    return fitting, is_complete


def _plain(cell: Cell) -> AnswerCell:
    """The cell as JSON has it, unless that would change it: then as text."""
    match cell:
        case None | bool() | str():
            return cell
        case int() if abs(cell) <= _LARGEST_INTEGER:
            return cell
        case float() if math.isfinite(cell):
            return cell
        case Decimal() if Decimal(repr(float(cell))) == cell:
            return float(cell)
        case _:
            return as_text(cell)


def _cut(cell: AnswerCell) -> AnswerCell:
    return f"{cell[: LONGEST_CELL - 1]}…" if isinstance(cell, str) and len(cell) > LONGEST_CELL else cell
