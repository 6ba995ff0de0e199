"""How good the merged answer is: every question of a collection through the gateway, against one index over everything.

`python -m bench.relevance --corpus DIR`. DIR holds corpus.jsonl, queries.jsonl and qrels.tsv, as `sandbox.corpus` reads
them. Stand-ins serve it as Outlook, Box, Snowflake and a database; the official SDK's client asks each question once.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from bench.central import central_rankings
from bench.collection import Collection, read_collection, serve_stand_ins
from bench.figures import percentile, print_json, print_table
from bench.measures import fused, mean, ndcg, recall
from bench.processes import NotStarted, running
from bench.recording import Recorder
from bench.serving import PORTAL, Wanted, furnish
from bench.sockets import listening
from config import Settings, load_settings
from federation.federation import LONGEST_QUERY
from handlers.registry import discover
from main import Gatehouse
from sandbox.corpus import SOURCES, CorpusProblem
from sandbox.database import write_database
from sandbox.forms import collection_forms
from serving import Server
from web import logs

DEPTH: Final = 100
_DATABASE: Final = "collection.db"
_STAND_INS: Final = {"outlook": ("entra", "graph"), "box": ("box",), "snowflake": ("snowflake",)}
"""Whose requests each kind of source makes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What came back for one question, as the collection's ids."""

    merged: Sequence[str]
    lists: Mapping[str, Sequence[str]]
    """What each source returned, by its kind."""
    took_ms: float
    missing: int
    """Sources that did not answer."""


@dataclass(frozen=True, slots=True)
class Run:
    """All questions asked."""

    answers: Mapping[str, Asked]
    """By id of question."""
    calls: Mapping[str, float]
    """Requests per question, by source."""

    def alone(self, kind: str) -> Mapping[str, Sequence[str]]:
        """What one source returned for each question."""
        return {id_: asked.lists.get(kind, ()) for id_, asked in self.answers.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0, or 1 with one sentence about what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench.relevance", description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True, metavar="DIR", help="the collection")
    folder = parser.parse_args(arguments).corpus
    try:
        collection = read_collection(folder)
        with running(serve_stand_ins, folder) as stand_ins:
            run = asyncio.run(ask_everything(collection, stand_ins.told))
    except (CorpusProblem, NotStarted) as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    central = central_rankings(collection.documents, collection.world.questions, DEPTH)
    figures = measure(collection, run, central)
    show(collection, run, central, figures)
    print_json(figures)
    return 0


async def ask_everything(collection: Collection, vendors: str) -> Run:
    """Each question once, one after the other. `vendors` is the stand-ins' origin."""
    recorder = Recorder()
    names = collection.native_ids()
    answers = {}
    with tempfile.TemporaryDirectory(prefix="gatehouse-relevance-") as folder:
        async with _agent(collection, vendors, Path(folder), recorder) as agent, httpx2.AsyncClient() as control:
            (await control.delete(f"{vendors}/control/counters")).raise_for_status()
            for question in collection.world.questions:
                recorder.take()
                started = time.perf_counter()
                reply = await agent.call_tool("search", {"query": shortened(question.text)})
                took_ms = (time.perf_counter() - started) * 1000
                answers[question.id] = _read(reply.structured_content or {}, recorder.take(), names, took_ms)
            traffic = (await control.get(f"{vendors}/control")).json()["sources"]
    count = len(collection.world.questions)
    asked = {
        kind: sum(traffic[name]["requests"] for name in stand_ins) / count for kind, stand_ins in _STAND_INS.items()
    }
    # The database is a real one and counts nothing: it is asked once per question.
    return Run(answers, {**asked, "customer_db": 1.0})


def measure(collection: Collection, run: Run, central: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """The figures, under the names they are published with."""
    alone = [
        _ndcg(collection, {id_: asked.lists.get(kind, ()) for id_, asked in run.answers.items()}) for kind in SOURCES
    ]
    merged = {id_: asked.merged for id_, asked in run.answers.items()}
    return {
        "queries": len(run.answers),
        "ndcg_at_10": _ndcg(collection, merged),
        "central_bm25_ndcg_at_10": _ndcg(collection, central),
        "best_single_source_ndcg_at_10": max(alone),
        "rrf_ndcg_at_10": _ndcg(collection, {id_: fused(asked.lists.values()) for id_, asked in run.answers.items()}),
        "recall_at_100": _recall(collection, merged),
        "upstream_calls_per_query": round(sum(run.calls.values()), 2),
        "p95_ms": round(percentile([asked.took_ms for asked in run.answers.values()], 95), 1),
    }


def show(collection: Collection, run: Run, central: Mapping[str, Sequence[str]], figures: Mapping[str, float]) -> None:
    """The table for people."""
    whole = figures["central_bm25_ndcg_at_10"] or 1.0

    def row(name: str, rankings: Mapping[str, Sequence[str]], calls: float | None = None) -> list[object]:
        found = _ndcg(collection, rankings)
        share, asked = f"{found / whole:.3f}", "" if calls is None else f"{calls:.2f}"
        return [name, f"{found:.4f}", share, f"{_recall(collection, rankings):.4f}", asked]

    answers = run.answers.items()
    rows = [
        row("gateway", {id_: asked.merged for id_, asked in answers}, sum(run.calls.values())),
        row("one BM25 index over all", central),
        row("reciprocal rank fusion", {id_: fused(asked.lists.values()) for id_, asked in answers}),
        *(
            row(f"{kind} alone", {id_: one.lists.get(kind, ()) for id_, one in answers}, run.calls[kind])
            for kind in SOURCES
        ),
    ]
    title = f"{len(collection.documents):,} documents over four sources, {len(run.answers):,} questions"
    print_table(title, ["", "nDCG@10", "of central", "recall@100", "requests per question"], rows)
    missing = sum(asked.missing for asked in run.answers.values())
    if missing:
        sys.stdout.write(f"{missing} times a source did not answer; these figures are too low.\n\n")


def shortened(question: str) -> str:
    """As much of it as the gateway takes, whole words only."""
    text = " ".join(question.split())
    return text if len(text) <= LONGEST_QUERY else text[: LONGEST_QUERY + 1].rsplit(" ", 1)[0][:LONGEST_QUERY]


@asynccontextmanager
async def _agent(collection: Collection, vendors: str, folder: Path, recorder: Recorder) -> AsyncIterator[Client]:
    """A client at a gateway that serves the collection on a socket, in this process."""
    write_database(collection.world, folder / "customers" / _DATABASE)
    wanted = Wanted(sources=collection_forms(collection.world, _DATABASE))
    with listening() as opened:
        opened.setblocking(False)
        gatehouse = Gatehouse(_settings(folder, vendors, opened.getsockname()[1]), recorder.registry(discover()))
        async with gatehouse.running(), _served(gatehouse, opened):
            (made,) = await furnish(gatehouse, [wanted], opened.getsockname())
            headers = {"Authorization": f"Bearer {made.key}"}
            async with (
                httpx2.AsyncClient(headers=headers, timeout=60) as http,
                Client(streamable_http_client(f"http://{made.host}/mcp", http_client=http)) as client,
            ):
                yield client


@asynccontextmanager
async def _served(gatehouse: Gatehouse, opened: socket.socket) -> AsyncIterator[None]:
    server = Server(gatehouse)
    serving = asyncio.create_task(server.serve([opened]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        with suppress(asyncio.CancelledError):
            await serving


def _settings(folder: Path, vendors: str, port: int) -> Settings:
    """One process as in development; neither environment nor .env reach its data."""
    return load_settings(
        env="development",
        data_dir=folder / "data",
        database_url=f"sqlite+aiosqlite:///{folder / 'data' / 'gatehouse.db'}",
        portal_url=PORTAL,
        mcp_gateway_url_pools=(f"http://127.0.0.1:{port}",),
        signup="open",
        rate_limits=False,
        answer_reuse_s=0,
        password_cost=4,
        instances=1,
        openai_api_key="",
        entra_url=f"{vendors}/entra",
        graph_url=f"{vendors}/graph",
        box_url=f"{vendors}/box",
        snowflake_url=f"{vendors}/snowflake",
        customer_sqlite_folder=folder / "customers",
    )


def _read(
    answer: Mapping[str, Any],
    lists: Mapping[str, Sequence[str]],
    names: Mapping[tuple[str, str], str],
    took_ms: float,
) -> Asked:
    """A merged duplicate stands right behind the one that is shown."""
    kinds = {report["key"]: report["type"] for report in answer.get("sources", ())}
    origins = [origin for result in answer.get("results", ()) for origin in (result, *(result.get("also") or ()))]
    native = [origin["id"].partition(":") for origin in origins]
    return Asked(
        merged=[names[kinds[key], id_] for key, _, id_ in native],
        lists={kind: [names[kind, id_] for id_ in ids] for kind, ids in lists.items()},
        took_ms=took_ms,
        missing=sum(1 for report in answer.get("sources", ()) if report["status"] != "ok"),
    )


def _ndcg(collection: Collection, rankings: Mapping[str, Sequence[str]]) -> float:
    return round(mean(ndcg(ranking, collection.gains(id_)) for id_, ranking in rankings.items()), 4)


def _recall(collection: Collection, rankings: Mapping[str, Sequence[str]]) -> float:
    return round(mean(recall(ranking, collection.gains(id_), DEPTH) for id_, ranking in rankings.items()), 4)


if __name__ == "__main__":
    logs.configure("error", readable=True)
    sys.exit(main())
