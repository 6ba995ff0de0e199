"""Figures for the operator. Labels are kinds of sources and statuses alone: nothing tells of a tenant."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

from schemas.answers import SourceStatus

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 10.0, 20.0, 60.0)


class Metrics:
    """Of one process, in a registry of its own."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry: Final = registry or CollectorRegistry()
        self._searches = Histogram(
            "gatehouse_search_seconds", "Searches over all sources.", buckets=_SECONDS, registry=self.registry
        )
        self._calls = Histogram(
            "gatehouse_source_call_seconds",
            "Calls to sources, by kind of source and status, as one who waited saw them.",
            ("type", "status"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._opened = Counter(
            "gatehouse_breaker_opened", "How often sources were paused.", ("type",), registry=self.registry
        )
        self._reused = Counter(
            "gatehouse_answers_reused", "Answers kept from a moment ago.", ("type",), registry=self.registry
        )
        self._joined = Counter(
            "gatehouse_calls_joined", "Callers who joined a call under way.", ("type",), registry=self.registry
        )

    def searched(self, took_s: float) -> None:
        self._searches.observe(took_s)

    def called(self, source_type: str, status: SourceStatus, took_s: float) -> None:
        self._calls.labels(source_type, status.value).observe(took_s)

    def breaker_opened(self, source_type: str) -> None:
        self._opened.labels(source_type).inc()

    def answer_reused(self, source_type: str) -> None:
        self._reused.labels(source_type).inc()

    def call_joined(self, source_type: str) -> None:
        self._joined.labels(source_type).inc()
