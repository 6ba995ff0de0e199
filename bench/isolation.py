"""Whether one tenant's dead sources slow another tenant down. `python -m bench.isolation`; JSON last.

One tenant searches a source that answers after 50 ms, first alone, then while 200 searches of another tenant wait for
sources that never answer, then alone again.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from typing import Final

from bench.figures import percentile, print_json, print_table
from bench.load import Searches, ask
from bench.processes import Tell, running
from bench.serving import Made, Wanted, serve_gateway, upstream
from bench.upstream import HANGS, address_of, serve_upstream

_WELL_MS: Final = 50
_HITS: Final = 10
_BUDGET_S: Final = 4
_CONNECTIONS: Final = 4

_NUMBERS: Final = itertools.count()  # no question is asked twice: its answer would be kept


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.isolation", description=__doc__)
    parser.add_argument("--seconds", type=float, default=12.0, help="of each of the three times (12)")
    parser.add_argument("--hung", type=int, default=200, help="searches that wait at any moment (200)")
    options = parser.parse_args(arguments)
    with ExitStack() as stack:
        origin = stack.enter_context(running(serve_upstream)).told
        made = stack.enter_context(running(serve_gateway, list(_servers(origin, options.hung)))).told
        before = _measure(made[0], options.seconds)
        with running(wait_in_vain, made[1:]):
            during = _measure(made[0], options.seconds)
        after = _measure(made[0], options.seconds)
    alone = [*before, *after]
    _print({"before": before, "beside hung searches": during, "after": after})
    print_json(
        {
            "alone_p99_ms": percentile(alone, 99),
            "beside_hung_p99_ms": percentile(during, 99),
            "moved": round(percentile(during, 99) / percentile(alone, 99) - 1, 3),
        }
    )


def wait_in_vain(tell: Tell[None], servers: Sequence[Made]) -> None:
    """Keeps one search under way at each server, and begins the next one when the budget of the last is over: a server
    that turns a search away is not asked more often for it. Tells when all are under way."""
    asyncio.run(_wait_in_vain(tell, servers))


async def _wait_in_vain(tell: Tell[None], servers: Sequence[Made]) -> None:
    async with asyncio.TaskGroup() as group:
        for number, made in enumerate(servers):
            group.create_task(_search_again_and_again(made, wait_s=_BUDGET_S * number / len(servers)))
        await asyncio.sleep(_BUDGET_S)
        tell(None)


async def _search_again_and_again(made: Made, *, wait_s: float) -> None:
    """Waits first, so that the searches do not begin all at once."""
    await asyncio.sleep(wait_s)
    searches = Searches(host=made.host, key=made.key)
    reader, writer = await asyncio.open_connection(*made.address)
    for number in itertools.count():
        writer.write(searches.request(number))
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(_BUDGET_S))
            group.create_task(_read_reply(reader))


async def _read_reply(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))


def _servers(origin: str, hung: int) -> Iterator[Wanted]:
    """The first is the one that is measured. The others are many: each source is paused after five failures."""
    yield Wanted(sources=[upstream("Well", address_of(origin, "well", hits=_HITS, delay_ms=_WELL_MS))])
    for number in range(hung):
        yield Wanted(
            tenant="other",
            sources=[upstream(f"Hung {number}", address_of(origin, "hung", fault=HANGS))],
            budget_ms=_BUDGET_S * 1000,
        )


def _measure(made: Made, seconds: float) -> Sequence[float]:
    """How long each search took, in ms."""
    searches = Searches(host=made.host, key=made.key)
    requests = (searches.request(number) for number in _NUMBERS)
    end, took = time.perf_counter() + seconds, []
    with closing(ask(made.address, requests, connections=_CONNECTIONS)) as replies:
        for reply in itertools.islice(replies, _CONNECTIONS, None):  # the first of each connects
            took.append(reply.took_ms)
            if time.perf_counter() >= end:
                break
    reply.answer()
    return took


def _print(times: dict[str, Sequence[float]]) -> None:
    print_table(
        f"One tenant's searches of a source of {_WELL_MS} ms over {_CONNECTIONS} connections, in ms",
        ["", "searches", "p50", "p95", "p99"],
        [
            [name, len(took), *(round(percentile(took, share), 1) for share in (50, 95, 99))]
            for name, took in times.items()
        ],
    )


if __name__ == "__main__":
    main()
