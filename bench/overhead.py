"""What the gateway costs beside the official SDK's server. `python -m bench.overhead`; JSON last.

In one run, taking turns: the SDK's server as it comes, which answers a constant; the gateway with auth, audit and one
source in its process; the gateway with one source that asks an HTTP server on loopback. All give answers of the same
shape.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from bench.bare import serve_bare
from bench.figures import percentile, print_json, print_table
from bench.hits import question
from bench.load import MODERN, Reply, Searches, ask
from bench.processes import running
from bench.serving import Made, Wanted, constant, serve_gateway, upstream
from bench.upstream import address_of, serve_upstream

HITS: Final = 10
CONNECTIONS: Final = (1, 16)
REPORTED: Final = ("bare", "gateway", "gateway_http")
"""What the JSON holds. The table also has the SDK's server with everything switched off that we do without, and the
gateway asked one question again and again."""

_NUMBERS: Final = itertools.count()  # no two questions of a run are alike


@dataclass(frozen=True, slots=True)
class Subject:
    """Something to measure."""

    address: tuple[str, int]
    searches: Searches

    def replies(self, connections: int) -> Generator[Reply]:
        requests = (self.searches.request(number) for number in _NUMBERS)
        return ask(self.address, requests, connections=connections)


@dataclass(slots=True)
class Measured:
    """One subject at one number of connections, over all rounds."""

    took_ms: list[float] = field(default_factory=list)
    rps: list[float] = field(default_factory=list)
    """Of each round."""

    def add(self, subject: Subject, connections: int, seconds: float) -> None:
        """One round: a tenth of it to warm up, then the time is taken. Raises BadReply where the answer has no hits."""
        with closing(subject.replies(connections)) as replies:
            next(replies).answer()
            _until(time.perf_counter() + seconds / 10, replies)
            started = time.perf_counter()
            took = _until(started + seconds, replies)
            self.rps.append(len(took) / (time.perf_counter() - started))
            self.took_ms += took

    def figures(self) -> Mapping[str, float]:
        return {
            "p50_ms": percentile(self.took_ms, 50),
            "p95_ms": percentile(self.took_ms, 95),
            "p99_ms": percentile(self.took_ms, 99),
            "rps": round(median(self.rps), 1),
        }


Results = Mapping[str, Mapping[int, Measured]]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.overhead", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="turns that each subject takes (10)")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a turn at each number of connections (1)")
    parser.add_argument("--hits", type=int, default=HITS, help=f"hits in an answer ({HITS})")
    parser.add_argument("--version", default=MODERN, help=f"protocol revision that is spoken ({MODERN})")
    options = parser.parse_args(arguments)
    with ExitStack() as stack:
        subjects = _subjects(stack, options.hits, options.version)
        results = measure(subjects, options.rounds, options.seconds)
    _print(results, options.version)
    print_json({name: {f"c{c}": results[name][c].figures() for c in CONNECTIONS} for name in REPORTED})


def measure(subjects: Mapping[str, Subject], rounds: int, seconds: float) -> Results:
    """Each subject in each round; who begins changes from round to round."""
    results = {name: {connections: Measured() for connections in CONNECTIONS} for name in subjects}
    names = list(subjects)
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            for connections, measured in results[name].items():
                measured.add(subjects[name], connections, seconds)
    return results


def _subjects(stack: ExitStack, hits: int, version: str) -> Mapping[str, Subject]:
    origin = stack.enter_context(running(serve_upstream)).told
    inside, outside = stack.enter_context(
        running(
            serve_gateway,
            [
                Wanted(sources=[constant("inside", hits)]),
                Wanted(sources=[upstream("outside", address_of(origin, "inside", hits=hits))]),
            ],
        )
    ).told
    gateway = _subject(inside, version)
    [reply] = ask(gateway.address, [gateway.searches.request(0)], connections=1)
    to_bare = Searches(host="bare.bench.example", key=None, version=version)
    bare = stack.enter_context(running(serve_bare, reply.answer())).told
    lean = stack.enter_context(running(serve_bare, reply.answer(), lean=True)).told
    return {
        "bare": Subject(bare, to_bare),
        "gateway": gateway,
        "gateway_http": _subject(outside, version),
        "bare, lean": Subject(lean, to_bare),
        "gateway, one question": _subject(inside, version, lambda _number: question(0)),
    }


def _subject(made: Made, version: str, asked: Callable[[int], str] = question) -> Subject:
    return Subject(made.address, Searches(host=made.host, key=made.key, version=version, question=asked))


def _until(end: float, replies: Iterator[Reply]) -> list[float]:
    """How long the replies took, in ms, until the end has come."""
    took = []
    for reply in replies:
        took.append(reply.took_ms)
        if time.perf_counter() >= end:
            break
    return took


def _print(results: Results, version: str) -> None:
    rows = []
    for name, by_connections in results.items():
        for connections, measured in by_connections.items():
            bare = results["bare"][connections]
            added = [percentile(measured.took_ms, 50) - percentile(bare.took_ms, 50)]
            share = [mine / theirs for mine, theirs in zip(measured.rps, bare.rps, strict=True)]
            figures = measured.figures()
            rows.append([name, connections, *figures.values(), *map(_rounded, added), _rounded(median(share))])
    print_table(
        f"Search over MCP {version}, times in ms",
        ["", "connections", "p50", "p95", "p99", "searches/s", "p50 added to bare", "share of bare's searches/s"],
        rows,
    )


def _rounded(value: float) -> float:
    return round(value, 2)


if __name__ == "__main__":
    main()
