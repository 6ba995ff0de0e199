"""`python -m sandbox`: the stand-ins on loopback, with the sample company or a collection in them."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from sandbox.announcement import announcement
from sandbox.app import create_app
from sandbox.behaviour import Behaviour
from sandbox.corpus import CorpusProblem, load_corpus
from sandbox.database import write_database
from sandbox.faults import KINDS, Fault, UnknownFault, parse_fault
from sandbox.sample import sample_company
from sandbox.server import HOST, PortTaken, listening, serve_until_stopped

DEFAULT_PORT = 8900


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 after SIGINT or SIGTERM, 1 with one sentence about what is wrong."""
    asked = _parser().parse_args(arguments)
    try:
        world = load_corpus(asked.corpus) if asked.corpus else sample_company()
        with listening(asked.port) as opened:
            port = opened.getsockname()[1]
            database = asked.database or Path(tempfile.gettempdir()) / f"sandbox-{port}.sqlite3"
            write_database(world, database)
            sandbox = create_app(
                world,
                quotas=not asked.no_quotas,
                behaviour=Behaviour(latency=timedelta(milliseconds=asked.latency_ms)),
                faults=asked.fault,
            )
            print(announcement(world, f"http://{HOST}:{port}", database), flush=True)  # noqa: T201 - its whole output
            asyncio.run(serve_until_stopped(sandbox, opened))
    except KeyboardInterrupt:
        return 0
    except (CorpusProblem, PortTaken, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - told to who started it
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument(
        "--corpus", type=Path, metavar="DIR", help="serve this collection instead of the sample company"
    )
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help=f"default {DEFAULT_PORT}; 0 takes a free one")
    parser.add_argument("--host", type=_loopback, default=HOST, help="loopback, and nothing else")
    parser.add_argument("--latency-ms", type=int, default=0, metavar="N", help="what every answer takes at least")
    parser.add_argument("--database", type=Path, metavar="PATH", help="where the customer database is written")
    parser.add_argument("--no-quotas", action="store_true", help="do not enforce the vendors' limits")
    parser.add_argument(
        "--fault",
        type=_fault,
        action="append",
        default=[],
        metavar="SOURCE=KIND",
        help=f"entra, outlook, box or snowflake, or one of its routes (box/search=429); {', '.join(KINDS)}",
    )
    return parser


def _fault(text: str) -> Fault:
    try:
        return parse_fault(text)
    except UnknownFault as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _loopback(text: str) -> str:
    if text not in {HOST, "localhost"}:
        raise argparse.ArgumentTypeError("The sandbox's credentials are public: it listens on loopback only.")
    return HOST


if __name__ == "__main__":
    sys.exit(main())
