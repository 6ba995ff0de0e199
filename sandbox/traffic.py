"""What was asked of each stand-in, counted for tests and for `/control`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from sandbox.behaviour import SOURCES, Source


class Traffic:
    """Counters since the start, or since `clear`."""

    def __init__(self) -> None:
        self._routes: Counter[tuple[Source, str]] = Counter()
        self._statuses: Counter[tuple[Source, int]] = Counter()
        self._aborted: Counter[Source] = Counter()
        self._under_way: Counter[Source] = Counter()
        self._peak: Counter[Source] = Counter()

    @contextmanager
    def request(self, source: Source, route: str) -> Iterator[None]:
        """Counts a request, and that it is under way."""
        self._routes[source, route] += 1
        self._under_way[source] += 1
        self._peak[source] = max(self._peak[source], self._under_way[source])
        try:
            yield
        finally:
            self._under_way[source] -= 1

    def answered(self, source: Source, status: int) -> None:
        self._statuses[source, status] += 1

    def abandoned(self, source: Source) -> None:
        self._aborted[source] += 1

    def count(self, source: Source, route: str | None = None) -> int:
        """Requests to one route (`search`, `token`, ...), or to all of a source."""
        if route is not None:
            return self._routes[source, route]
        return sum(number for (seen, _), number in self._routes.items() if seen == source)

    def statuses(self, source: Source) -> dict[int, int]:
        """How often each status was answered."""
        return {status: number for (seen, status), number in sorted(self._statuses.items()) if seen == source}

    def aborted(self, source: Source) -> int:
        """Requests whose caller left before the answer was complete."""
        return self._aborted[source]

    def peak(self, source: Source) -> int:
        """The most requests that were ever under way at once."""
        return self._peak[source]

    def clear(self) -> None:
        """Forgets what was counted; requests under way stay so."""
        for counter in (self._routes, self._statuses, self._aborted, self._peak):
            counter.clear()

    def report(self) -> dict[str, dict[str, object]]:
        """All of it, by source, as JSON can say it."""
        return {
            source: {
                "requests": self.count(source),
                "routes": {route: number for (seen, route), number in sorted(self._routes.items()) if seen == source},
                "statuses": {str(status): number for status, number in self.statuses(source).items()},
                "token_requests": self.count(source, "token"),
                "aborted": self.aborted(source),
                "peak": self.peak(source),
            }
            for source in SOURCES
        }
