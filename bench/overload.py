"""What more callers than can be served do to a gateway and to its neighbour. `python -m bench.overload`; JSON last.

Many callers search at one gateway, each over a connection of its own, while another tenant's only caller searches at
another gateway of the same process, one search after the other.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import selectors
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from bench.figures import percentile, print_json, print_table
from bench.load import BadReply, Connection, Reply, Searches, ask, connected
from bench.processes import Running, Tell, running
from bench.serving import Made, Wanted, constant, serve_gateway

_HITS: Final = 10
_BUSY: Final = 16
"""Connections that are enough to keep the gateway busy, and not too many to be served."""

_NUMBERS: Final = itertools.count()  # no question is asked twice by one process: its answer would be kept


@dataclass(frozen=True, slots=True)
class Crowd:
    """Callers, and how long each waits after an answer and after a refusal."""

    callers: int
    after_answer_s: float = 0.0
    after_refusal_s: float = 0.0

    def __str__(self) -> str:
        if not self.after_refusal_s:
            return f"{self.callers} that never wait"
        if not self.after_answer_s:
            return f"{self.callers} that wait {self.after_refusal_s:g} s when told to"
        return f"{self.callers} that wait {self.after_answer_s:g} s each time"


CROWDS: Final = (
    Crowd(160, after_refusal_s=1),
    Crowd(640, after_refusal_s=1),
    Crowd(160, after_answer_s=0.3, after_refusal_s=0.3),
    Crowd(640, after_answer_s=0.3, after_refusal_s=0.3),
    Crowd(160),
    Crowd(640),
)


@dataclass(slots=True)
class Heard:
    """What one side of a run was answered, times in ms."""

    took_ms: list[float] = field(default_factory=list)
    refused_ms: list[float] = field(default_factory=list)

    def add(self, reply: Reply) -> None:
        """Raises BadReply for anything but an answer and a refusal that says when to come again."""
        if reply.is_ok:
            self.took_ms.append(reply.took_ms)
        elif reply.raw.startswith(b"HTTP/1.1 503") and b"\r\nretry-after: 1\r\n" in reply.raw:
            self.refused_ms.append(reply.took_ms)
        else:
            raise BadReply(f"a server answered {reply.raw[:40]!r}")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.overload", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each run (8)")
    parser.add_argument("--most-callers", type=int, default=640, help="leaves out larger crowds (640)")
    options = parser.parse_args(arguments)
    source = constant("inside", _HITS)
    wanted = [Wanted(sources=[source], tenant="crowd"), Wanted(sources=[source], tenant="neighbour")]
    with running(serve_gateway, wanted) as gateway:
        crowded, quiet = gateway.told
        alone = _capacity(crowded, options.seconds)
        runs = [
            _run(gateway, crowded, quiet, crowd, options.seconds)
            for crowd in CROWDS
            if crowd.callers <= options.most_callers
        ]
    _print(alone, runs)
    print_json({"alone_per_s": alone, "crowds": runs})


def press(tell: Tell[Any], made: Made, crowd: Crowd, seconds: float) -> None:
    """Tells when all callers are connected, then what they heard in so many seconds."""
    with ExitStack() as stack:
        callers = [Connection(stack.enter_context(connected(made.address))) for _ in range(crowd.callers)]
        tell(None)
        tell(_press(callers, Searches(host=made.host, key=made.key), crowd, seconds))


def _press(callers: Sequence[Connection], searches: Searches, crowd: Crowd, seconds: float) -> Heard:
    heard, end = Heard(), time.perf_counter() + seconds
    due = [(time.perf_counter(), number) for number in range(len(callers))]
    with selectors.DefaultSelector() as selector:
        for number, caller in enumerate(callers):
            selector.register(caller.socket, selectors.EVENT_READ, number)
        while (now := time.perf_counter()) < end:
            while due and due[0][0] <= now:
                callers[heapq.heappop(due)[1]].send(searches.request(next(_NUMBERS)))
            for key, _ in selector.select(max(0.0, min(end, due[0][0] if due else end) - now)):
                reply = callers[key.data].receive()
                if reply is not None:
                    heard.add(reply)
                    wait_s = crowd.after_answer_s if reply.is_ok else crowd.after_refusal_s
                    heapq.heappush(due, (time.perf_counter() + wait_s, key.data))
    return heard


def _capacity(made: Made, seconds: float) -> float:
    """Searches a second over a few connections with nobody else there."""
    searches, started, answered = Searches(host=made.host, key=made.key), time.perf_counter(), 0
    for _ in ask(made.address, map(searches.request, _NUMBERS), connections=_BUSY):
        answered += 1
        if time.perf_counter() - started >= seconds:
            break
    return round(answered / (time.perf_counter() - started), 1)


def _run(gateway: Running[Any], crowded: Made, quiet: Made, crowd: Crowd, seconds: float) -> Mapping[str, Any]:
    """The crowd's figures and its neighbour's, of one run."""
    beside = Heard()
    with ExitStack() as stack:
        caller = Connection(stack.enter_context(connected(quiet.address)))
        searches = Searches(host=quiet.host, key=quiet.key)
        _search(caller, searches)  # the neighbour is no stranger when the crowd comes
        pressing = stack.enter_context(running(press, crowded, crowd, seconds))
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            beside.add(_search(caller, searches))
        heard: Heard = pressing.hear()
    return {
        "crowd": str(crowd),
        "answered_per_s": round(len(heard.took_ms) / seconds, 1),
        "refused_per_s": round(len(heard.refused_ms) / seconds, 1),
        "refused_p50_ms": _percentile(heard.refused_ms, 50),
        "refused_p95_ms": _percentile(heard.refused_ms, 95),
        "neighbour_p50_ms": _percentile(beside.took_ms, 50),
        "neighbour_p95_ms": _percentile(beside.took_ms, 95),
        "neighbour_refused": round(len(beside.refused_ms) / (len(beside.took_ms) + len(beside.refused_ms)), 3),
        "resident_mb": round(gateway.resident_mb(), 1),
    }


def _search(caller: Connection, searches: Searches) -> Reply:
    caller.send(searches.request(next(_NUMBERS)))
    while (reply := caller.receive()) is None:
        pass
    return reply


def _percentile(values: Sequence[float], share: float) -> float | None:
    return round(percentile(values, share), 1) if values else None


def _print(alone: float, runs: Sequence[Mapping[str, Any]]) -> None:
    print_table(
        f"Callers at one gateway, which alone answers {alone} searches a second over {_BUSY} connections; times in ms",
        ["callers", "answered/s", "refused/s", "503 p50", "503 p95", "neighbour p50", "p95", "its refused", "MB"],
        [list(run.values()) for run in runs],
    )


if __name__ == "__main__":
    main()
