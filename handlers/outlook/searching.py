"""Climbs a plan's ladder in one mailbox, with few requests and within the time that others leave us."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from errors import SourceRateLimited, SourceUnavailable
from handlers.base import Clock
from handlers.outlook.planning import Ladder, plan
from handlers.outlook.ranking import best_first
from handlers.outlook.words import find_terms
from services.graph.mailbox import Mailbox
from services.graph.values import Message

PAGE: Final = 100
"""Messages per query. They come with their text, so that more would be slow: Graph answers 504 on heavy pages."""
_ENOUGH: Final = 50
"""So many are a choice to rank; fewer are asked for more."""
_MOST_REQUESTS: Final = 3
_PATIENCE: Final = timedelta(seconds=2)
"""After so long no further request is begun: a source's budget is 4 s unless its owner changes it."""


async def find_messages(mailbox: Mailbox, text: str, clock: Clock) -> list[Message]:
    """What the mailbox has about this, best first, at most three pages of it; nothing if there is no word in it.

    Requests follow one another, so that as many searches may run at once as Graph allows requests. Raises as `Mailbox`
    does, unless something was found before it went wrong.
    """
    terms = find_terms(text)
    if not terms:
        return []
    climb = _Climb(mailbox, plan(terms), clock)
    await climb.to_the_end()
    return best_first(climb.found, terms)


class _Climb:
    """One search under way."""

    def __init__(self, mailbox: Mailbox, ladder: Ladder, clock: Clock) -> None:
        self._mailbox = mailbox
        self._ladder = ladder
        self._clock = clock
        self._messages: dict[str, Message] = {}
        self._asked: set[int] = set()
        self._requests = 0

    @property
    def found(self) -> list[Message]:
        return list(self._messages.values())

    async def to_the_end(self) -> None:
        until = self._clock() + _PATIENCE
        rung: int | None = self._ladder.start
        while rung is not None and self._requests < _MOST_REQUESTS and self._clock() < until:
            try:
                is_full = await self._ask(rung)
            except (SourceUnavailable, SourceRateLimited):
                if not self._messages:
                    raise
                return
            rung = self._next(rung, is_full=is_full)

    async def _ask(self, rung: int) -> bool:
        """Whether there was a whole page, so that there may be better ones among those that we did not get."""
        self._asked.add(rung)
        self._requests += 1
        page = await self._mailbox.search(self._ladder.rungs[rung], top=PAGE)
        count = self._take(page.messages)
        # Graph may put fewer into a page than it was asked for.
        while page.next_link and count < PAGE and self._requests < _MOST_REQUESTS:
            self._requests += 1
            page = await self._mailbox.next_page(page.next_link)
            count += self._take(page.messages)
        return count >= PAGE

    def _take(self, messages: tuple[Message, ...]) -> int:
        for message in messages:
            self._messages.setdefault(message.id, message)
        return len(messages)

    def _next(self, rung: int, *, is_full: bool) -> int | None:
        if is_full:
            rung -= 1
        elif len(self._messages) < _ENOUGH:
            rung += 1
        else:
            return None
        return rung if rung in range(len(self._ladder.rungs)) and rung not in self._asked else None
