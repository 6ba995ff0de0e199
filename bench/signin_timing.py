"""Whether sign-in's time tells who has an account: `python -m bench.signin_timing`.

Tries a wrong password 200 times for an account that exists and 200 times for addresses that do not, in random order,
through the whole portal at the password cost of production, and compares the times with a Mann-Whitney U test. Prints
one line of JSON last: {"tries", "known_ms", "unknown_ms", "p"}; the times are medians. p below 0.01 means that one can
tell them apart.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import httpx2
import structlog

from config import MINIMUM_PASSWORD_COST, load_settings
from main import Gatehouse

_KNOWN: Final = "known@example.com"
_PASSWORD: Final = "correct horse battery staple"  # noqa: S105 - of an account that lives as long as the bench


async def measure(tries: int, folder: Path) -> dict[str, list[float]]:
    """Milliseconds of each try, for the account that exists and for those that do not."""
    settings = load_settings(data_dir=folder, password_cost=MINIMUM_PASSWORD_COST, rate_limits=False)
    gatehouse = Gatehouse(settings)
    took: dict[str, list[float]] = {"known": [], "unknown": []}
    transport = httpx2.ASGITransport(gatehouse.app)
    async with gatehouse.running(), httpx2.AsyncClient(transport=transport, base_url=settings.portal_url) as http:
        await http.post("/api/v1/signup", json={"email": _KNOWN, "password": _PASSWORD, "name": "Known"})
        order = ["known", "unknown"] * tries
        random.shuffle(order)
        for number, who in enumerate(order):
            email = _KNOWN if who == "known" else f"nobody{number:04}@example.com"
            started = time.perf_counter()
            reply = await http.post("/api/v1/signin", json={"email": email, "password": "another long password"})
            took[who].append((time.perf_counter() - started) * 1000)
            if reply.status_code != httpx2.codes.UNAUTHORIZED:
                raise RuntimeError(f"sign-in answered {reply.status_code}")
    return took


def mann_whitney_p(one: Sequence[float], other: Sequence[float]) -> float:
    """The two-sided p of the U test, by the normal approximation with corrections for ties and continuity: how likely
    two samples differ so much if both come from the same distribution."""
    everything = sorted([*one, *other])
    firsts: dict[float, int] = {}
    for place, value in enumerate(everything, 1):
        firsts.setdefault(value, place)
    ties = Counter(everything)
    ranks = sum(firsts[value] + (ties[value] - 1) / 2 for value in one)
    n, m, total = len(one), len(other), len(everything)
    u = ranks - n * (n + 1) / 2
    correction = sum(count**3 - count for count in ties.values()) / (total * (total - 1))
    deviation = math.sqrt(n * m / 12 * (total + 1 - correction))
    z = max(0.0, abs(u - n * m / 2) - 0.5) / deviation
    return math.erfc(z / math.sqrt(2))


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.signin_timing", description="Times of sign-in, compared.")
    parser.add_argument("--tries", type=int, default=200, help="of each kind")
    options = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    with tempfile.TemporaryDirectory() as folder:
        took = asyncio.run(measure(options.tries, Path(folder)))
    medians = {f"{who}_ms": round(statistics.median(times), 1) for who, times in took.items()}
    p = round(mann_whitney_p(took["known"], took["unknown"]), 4)
    sys.stdout.write(json.dumps({"tries": options.tries, **medians, "p": p}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
