"""Whether searching makes the process grow. `python -m bench.memory`; JSON last. Linux only."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

from bench.figures import print_json, print_table
from bench.load import Searches, ask
from bench.processes import running
from bench.serving import Wanted, constant, serve_gateway

SEARCHES: Final = 20_000
SETTLED_AFTER: Final = 2_000
"""By then caches are full and everything is loaded."""
_CONNECTIONS: Final = 16
_HITS: Final = 10


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--searches", type=int, default=SEARCHES, help=f"how many in all ({SEARCHES})")
    parser.add_argument("--settled-after", type=int, default=SETTLED_AFTER, help=f"growth counts ({SETTLED_AFTER})")
    options = parser.parse_args(arguments)
    every = options.settled_after
    with ExitStack() as stack:
        gateway = stack.enter_context(running(serve_gateway, [Wanted(sources=[constant("inside", _HITS)])]))
        [made] = gateway.told
        searches = Searches(host=made.host, key=made.key)
        numbers = itertools.count()
        resident = {0: gateway.resident_mb()}
        for done in range(every, options.searches + 1, every):
            requests = (searches.request(next(numbers)) for _ in range(every))
            for reply in ask(made.address, requests, connections=_CONNECTIONS):
                reply.answer()
            resident[done] = gateway.resident_mb()
    settled, end = resident[every], resident[max(resident)]
    print_table(
        "Resident memory of the gateway", ["searches", "MB"], [[done, round(mb, 1)] for done, mb in resident.items()]
    )
    print_json(
        {
            "searches": max(resident),
            "settled_after": every,
            "settled_mb": round(settled, 1),
            "end_mb": round(end, 1),
            "growth": round(end / settled - 1, 4),
        }
    )


if __name__ == "__main__":
    main()
