"""How long many sources take together, and what a dead one costs. `python -m bench.fanout`; JSON last.

First 1, 2, 4 and 8 sources that answer after 200 ms each. Then four of which one never answers and one fails, again and
again: always within the budget, and with every hit of the two that are well? The sources are HTTP servers on loopback.

A source that keeps failing is paused after five failures. So that the hung one is really asked each time, there are as
many servers as it takes, with sources of their own. What pausing changes is shown at the end.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from bench.figures import percentile, print_json, print_table
from bench.load import Reply, Searches, ask
from bench.processes import running
from bench.serving import Made, Wanted, serve_gateway, upstream
from bench.upstream import FAILS, HANGS, address_of, serve_upstream

SOURCES: Final = {"one": 1, "two": 2, "four": 4, "eight": 8}
SLOW_MS: Final = 200
ALLOWED_OVER_MS: Final = 250
_ASKED_EACH: Final = 4
"""A breaker opens at the fifth failure in a row."""
_WELL: Final = ("Well", "Also well")
_HITS: Final = 5
_NUMBERS: Final = itertools.count()


@dataclass(frozen=True, slots=True)
class Hung:
    """What came of the runs with a hung and a failing source."""

    budget_ms: int
    replies: Sequence[Reply]

    def figures(self) -> Mapping[str, float]:
        return {
            "runs": len(self.replies),
            "within_budget": sum(map(self._is_right, self.replies)),
            "healthy_hits_lost": sum(map(_lost, self.replies)),
            "max_over_budget_ms": round(max(reply.took_ms for reply in self.replies) - self.budget_ms, 1),
        }

    def _is_right(self, reply: Reply) -> bool:
        """Answered in time, with a report that says of each source what is true."""
        told = {source["source"]: source["status"] for source in reply.answer()["sources"]}
        truth = {**dict.fromkeys(_WELL, "ok"), "Hung": "timeout", "Failing": "unavailable"}
        return reply.took_ms <= self.budget_ms + ALLOWED_OVER_MS and _base_names(told) == truth


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.fanout", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="searches of each number of sources (20)")
    parser.add_argument("--runs", type=int, default=1000, help="searches with a hung and a failing source (1000)")
    parser.add_argument("--budget-ms", type=int, default=300, help="budget of each source in these (300)")
    parser.add_argument("--at-once", type=int, default=8, help="so many of these at a time (8)")
    parser.add_argument("--paused-runs", type=int, default=40, help="searches of one server until it pauses them (40)")
    options = parser.parse_args(arguments)
    with ExitStack() as stack:
        origin = stack.enter_context(running(serve_upstream)).told
        wanted = [*_slow_servers(origin), *_broken_servers(origin, options.runs, options.budget_ms)]
        made = stack.enter_context(running(serve_gateway, wanted)).told
        slow, broken, paused = made[: len(SOURCES)], made[len(SOURCES) : -1], made[-1]
        took = _measure_slow(slow, options.rounds)
        runs = list(itertools.islice(itertools.cycle(broken), options.runs))
        hung = Hung(options.budget_ms, list(_ask_each(runs, options.at_once)))
        pausing = list(_ask_each([paused] * options.paused_runs, 1))
    _print(took, hung, pausing)
    print_json({**{f"{name}_ms": round(median(took[name]), 1) for name in SOURCES}, "hung": hung.figures()})


def _slow_servers(origin: str) -> Iterator[Wanted]:
    for name, count in SOURCES.items():
        names = [f"{name} {number}" for number in range(count)]
        yield Wanted(sources=[upstream(one, address_of(origin, one, hits=_HITS, delay_ms=SLOW_MS)) for one in names])


def _broken_servers(origin: str, runs: int, budget_ms: int) -> Iterator[Wanted]:
    """Enough for the runs, and one to see being paused."""
    well = [upstream(name, address_of(origin, name, hits=_HITS)) for name in _WELL]
    for number in range(-(-runs // _ASKED_EACH) + 1):
        hung = upstream(f"Hung {number}", address_of(origin, "hung", fault=HANGS))
        failing = upstream(f"Failing {number}", address_of(origin, "failing", fault=FAILS))
        yield Wanted(sources=[*well, hung, failing], budget_ms=budget_ms)


def _measure_slow(servers: Sequence[Made], rounds: int) -> Mapping[str, Sequence[float]]:
    """How long each search took, in ms, by the name of how many sources it asked."""
    took: dict[str, list[float]] = {name: [] for name in SOURCES}
    list(_ask_each(servers, 1))  # connects the sources
    for _ in range(rounds):
        for (name, count), reply in zip(SOURCES.items(), _ask_each(servers, 1), strict=True):
            if len(reply.answer()["results"]) != count * _HITS:
                raise RuntimeError("hits are missing")
            took[name].append(round(reply.took_ms, 1))
    return took


def _ask_each(servers: Sequence[Made], connections: int) -> Iterator[Reply]:
    """A new question to each of them; in their order where there is one connection."""
    requests = (Searches(host=made.host, key=made.key).request(next(_NUMBERS)) for made in servers)
    return ask(servers[0].address, requests, connections=connections)


def _lost(reply: Reply) -> int:
    """How many hits of the sources that are well are missing."""
    wanted = {f"{name}-{number}" for name in _WELL for number in range(_HITS)}
    return len(wanted - {str(result["id"]).partition(":")[2] for result in reply.answer()["results"]})


def _base_names(statuses: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without the numbers that tell the hung and the failing ones of different servers apart."""
    return {name.rstrip(" 0123456789"): status for name, status in statuses.items()}


def _print(took: Mapping[str, Sequence[float]], hung: Hung, pausing: Sequence[Reply]) -> None:
    one = median(took["one"])
    print_table(
        f"Sources of {SLOW_MS} ms, times of a search in ms",
        ["sources", "p50", "p95", "times one source"],
        [
            [SOURCES[name], round(median(values), 1), percentile(values, 95), round(median(values) / one, 3)]
            for name, values in took.items()
        ],
    )
    times = [reply.took_ms for reply in hung.replies]
    print_table(
        f"Four sources, one hung and one failing, budget {hung.budget_ms} ms",
        ["runs", "p50", "p99", "slowest", f"right and within {ALLOWED_OVER_MS} ms of the budget", "healthy hits lost"],
        [
            [
                len(times),
                *(round(percentile(times, share), 1) for share in (50, 99, 100)),
                hung.figures()["within_budget"],
                hung.figures()["healthy_hits_lost"],
            ]
        ],
    )
    statuses = [[source["status"] for source in reply.answer()["sources"]].count("paused") for reply in pausing]
    print_table(
        "The same asked of one server, one search after the other: both are paused after five failures",
        ["sources paused", "searches", "p50"],
        [
            [paused, len(times), round(median(times), 1)]
            for paused in sorted(set(statuses))
            if (times := [reply.took_ms for reply, of in zip(pausing, statuses, strict=True) if of == paused])
        ],
    )


if __name__ == "__main__":
    main()
