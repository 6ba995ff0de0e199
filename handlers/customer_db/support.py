"""What an agent may do with a support database: customers with their history, articles, figures, and notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from errors import NotFound
from handlers.base import Hints, Tool
from handlers.customer_db.config import CustomerDbConfig, InteractionTable, TicketTable
from handlers.customer_db.opened import INTERACTIONS, KNOWLEDGE, TICKETS, Opened
from handlers.customer_db.source import DatabaseSource
from services.customer_database import rows
from services.customer_database.adding import add_row, moment_for
from services.customer_database.counts import count_days, count_values
from services.customer_database.database import Session
from services.customer_database.rows import Found

_READS: Final = Hints(read_only=True, idempotent=True)
CustomerKey = Annotated[
    str,
    Field(
        min_length=1,
        max_length=rows.LONGEST_ID,
        description="The customer's key, as in the answers of these tools; in an id that search gave, what stands "
        "behind the colon.",
    ),
]


class Arguments(BaseModel):
    """Arguments of a tool; an unknown one is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)


class GetCustomerContext(Arguments):
    customer_id: CustomerKey
    limit: int = Field(10, ge=1, le=50, description="At most so many tickets, and so many interactions.")


class SearchKnowledgeBase(Arguments):
    term: str = Field(min_length=1, max_length=1_000, description="What to look for, in plain words.")
    limit: int = Field(5, ge=1, le=20, description="At most so many articles.")


class SaveInteraction(Arguments):
    customer_id: CustomerKey
    kind: Annotated[str, StringConstraints(min_length=1, max_length=50, pattern=r"^[^\x00-\x1f\x7f]+$")] = Field(
        description="How it happened, such as call, email or chat."
    )
    text: Annotated[str, StringConstraints(min_length=1, max_length=10_000, pattern=r"^[^\x00]+$")] = Field(
        description="What was said, for whoever reads the customer's history next."
    )


class GetAnalytics(Arguments):
    days: int = Field(30, ge=1, le=366, description="How many days back the days are counted, today included.")


class CustomerRow(BaseModel):
    """A customer."""

    id: str = Field(description="The customer's key.")
    title: str = Field(description="The customer's name, or whatever stands for it.")
    values: Mapping[str, str] = Field(description="What is known, by column.")


class TicketRow(BaseModel):
    """A support ticket."""

    id: str = Field(description="The ticket's key.")
    subject: str = Field(description="What it is about.")
    status: str = Field(description="Where it stands.")
    created_at: str = Field(description="When it was opened.")


class InteractionRow(BaseModel):
    """A note of a conversation."""

    id: str = Field(description="The note's key.")
    kind: str = Field(description="How it happened.")
    text: str = Field(description="What was said.")
    created_at: str = Field(description="When it happened.")


class CustomerContext(BaseModel):
    """A customer with the latest of what happened."""

    customer: CustomerRow = Field(description="The customer.")
    tickets: Sequence[TicketRow] = Field(description="The latest tickets, newest first.")
    interactions: Sequence[InteractionRow] = Field(description="The latest notes, newest first.")


class Article(BaseModel):
    """An article."""

    id: str = Field(description="The article's key.")
    title: str = Field(description="Its title.")
    text: str = Field(description="Its text.")


class Articles(BaseModel):
    """Articles, best first."""

    articles: Sequence[Article] = Field(description="At most as many as were asked for.")


class SavedInteraction(BaseModel):
    """A note that has been kept."""

    id: str = Field(description='The key of the new note, or "" if the database does not tell it.')


class Analytics(BaseModel):
    """Numbers of tickets."""

    by_status: Mapping[str, int] = Field(description="How many tickets there are of each status.")
    by_day: Mapping[str, int] = Field(
        description="How many tickets were opened on each day, days without any left out."
    )


async def _get_context(source: DatabaseSource, arguments: GetCustomerContext) -> CustomerContext:
    customer = await source.find(arguments.customer_id)
    config = source.config
    async with source.database.reading() as (session, opened):
        tickets = await _recent(session, opened, TICKETS, config.tickets, customer.key, arguments.limit)
        notes = await _recent(session, opened, INTERACTIONS, config.interactions, customer.key, arguments.limit)
    return CustomerContext(
        customer=CustomerRow(id=customer.key, title=customer.title, values=customer.values),
        tickets=[_ticket(found, config.tickets) for found in tickets if config.tickets],
        interactions=[_note(found, config.interactions) for found in notes if config.interactions],
    )


async def _recent(
    session: Session, opened: Opened, name: str, part: TicketTable | InteractionTable | None, id: str, limit: int
) -> Sequence[Found]:
    if part is None:
        return ()
    view = opened.views[name]
    owner, moment = part.customer_column, part.created_column
    return await rows.recent(session, opened.reader, view, owner=owner, id=id, moment=moment, limit=limit)


def _ticket(found: Found, part: TicketTable) -> TicketRow:
    status, created_at = (found.values.get(name, "") for name in (part.status_column, part.created_column))
    return TicketRow(id=found.key, subject=found.title, status=status, created_at=created_at)


def _note(found: Found, part: InteractionTable) -> InteractionRow:
    text, created_at = (found.values.get(name, "") for name in (part.text_column, part.created_column))
    return InteractionRow(id=found.key, kind=found.title, text=text, created_at=created_at)


async def _search_articles(source: DatabaseSource, arguments: SearchKnowledgeBase) -> Articles:
    async with source.database.reading() as (session, opened):
        view = opened.views[KNOWLEDGE]
        found = await rows.search(session, opened.reader, view, arguments.term, arguments.limit)
    return Articles(articles=[Article(id=each.key, title=each.title, text=each.text) for each in found])


async def _save_interaction(source: DatabaseSource, arguments: SaveInteraction) -> SavedInteraction:
    part = source.config.interactions
    if part is None:
        raise NotFound("There is no such tool.")
    customer = await source.find(arguments.customer_id)
    async with source.database.writing() as (session, opened):
        view = opened.views[INTERACTIONS]
        values = {
            part.customer_column: rows.typed_value(view.column(part.customer_column), customer.key),
            part.kind_column: arguments.kind,
            part.text_column: arguments.text,
            part.created_column: moment_for(view, part.created_column, source.clock()),
        }
        return SavedInteraction(id=await add_row(session, view, values))


async def _get_analytics(source: DatabaseSource, arguments: GetAnalytics) -> Analytics:
    part = source.config.tickets
    if part is None:
        raise NotFound("There is no such tool.")
    since = source.clock().date() - timedelta(days=arguments.days - 1)
    async with source.database.reading() as (session, opened):
        view = opened.views[TICKETS]
        by_status = await count_values(session, opened.reader, view, part.status_column)
        by_day = await count_days(session, view, part.created_column, since=since, most=arguments.days)
    return Analytics(by_status=by_status, by_day=by_day)


GET_CONTEXT: Final = Tool(
    name="get_customer_context",
    title="Get a customer's context",
    description="One customer with the latest support tickets and the latest notes of conversations.",
    arguments=GetCustomerContext,
    answer=CustomerContext,
    hints=_READS,
    run=_get_context,
)
SEARCH_KNOWLEDGE: Final = Tool(
    name="search_knowledge_base",
    title="Search the knowledge base",
    description="The articles that answer a question best.",
    arguments=SearchKnowledgeBase,
    answer=Articles,
    hints=_READS,
    run=_search_articles,
)
ANALYTICS: Final = Tool(
    name="get_analytics",
    title="Get figures about tickets",
    description="How many support tickets there are of each status, and how many were opened on each of the last days.",
    arguments=GetAnalytics,
    answer=Analytics,
    hints=_READS,
    run=_get_analytics,
)
SAVE_INTERACTION: Final = Tool(
    name="save_interaction",
    title="Save an interaction",
    description="Adds a note of a conversation to a customer's history. Nothing that is there is changed.",
    arguments=SaveInteraction,
    answer=SavedInteraction,
    hints=Hints(read_only=False),
    run=_save_interaction,
)


def list_support_tools(config: CustomerDbConfig) -> Sequence[Tool[Any, Any]]:
    """The tools for which the settings name the tables."""
    return (
        *((GET_CONTEXT,) if config.tickets or config.interactions else ()),
        *((SEARCH_KNOWLEDGE,) if config.knowledge_base else ()),
        *((ANALYTICS,) if config.tickets else ()),
        *((SAVE_INTERACTION,) if config.interactions and config.allow_writes else ()),
    )
