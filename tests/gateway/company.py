"""The sample company's four sources, connected by the product's own handlers over real sockets, and put into trouble
one by one: the vendors' stand-ins by their faults, the customers' PostgreSQL by a relay before it and by users of it
that work badly."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, cast, get_args

import httpx2

from sandbox.app import Sandbox, create_app
from sandbox.behaviour import Source
from sandbox.faults import Fault, Kind
from sandbox.forms import source_forms
from sandbox.sample import sample_company
from sandbox.server import serve
from tests.gateway.vendor import STATUS
from tests.gateway.wire import LEGACY, MODERN, call
from tests.servers.postgres import PostgresServer
from tests.servers.relay import DRIP_S, SLOW_S, Manner, Relay, relayed
from tests.stand import Person, Stand, settings_for, stand

WORLD = sample_company()
NAMES = ("outlook", "box", "snowflake", "customer_db")
QUERIES = {LEGACY[-1]: "Medivar", MODERN: "MEDIVAR"}
"""One for each era, because the same question at the same time is asked once for both. Each is found everywhere."""
BUDGET_MS = 400
"""Of a source that will use it up. The others have their usual 4 s, which no machine is too busy for."""
DEADLINE_MS = 6_000
OVER_S = 2.0
"""Generous: the promise is 250 ms, and many of these run at once. `bench.fanout` holds us to it."""

_VENDORS: Mapping[str, Source] = {"outlook": "graph", "box": "box", "snowflake": "snowflake"}
_FAULTS: Mapping[str, Kind] = {"slow": "slow-headers", **{kind: kind for kind in get_args(Kind)}}
_PASSWORD = "password-canary-5f1c"
_CANARY = "server-canary-83d0"
_SECRETS = (
    WORLD.credentials.entra.client_secret,
    WORLD.credentials.box.client_secret,
    WORLD.credentials.snowflake.pat,
    _PASSWORD,
    _CANARY,
    "127.0.0.1",
)
"""What no answer may tell."""

Case = Mapping[str, str]
"""What each of the sources meets."""


def status_of(name: str, kind: str) -> str:
    """What a source in this trouble is reported as. A database has no word for too many requests: that it takes no
    more connections is being out of service."""
    return "unavailable" if (name, kind) == ("customer_db", "429") else STATUS[kind]


@dataclass(frozen=True, slots=True)
class CustomerDatabase:
    """The company's customers in PostgreSQL, for `reader` to read, `crowded` to be turned away as one connection too
    many, and with a view `broken`, which makes the server fail in the middle of a query."""

    name: str
    port: int

    @classmethod
    def written(cls, server: PostgresServer) -> CustomerDatabase:
        table = next(table for table in WORLD.customer_tables if table.name == "customers")
        name = server.create_database()
        columns = ", ".join(f"{column} text" for column in table.columns)
        rows = ", ".join(f"({', '.join(map(_literal, row))})" for row in table.rows)
        others = ", ".join(column for column in table.columns if column not in ("id", "name"))
        server.execute(
            f"CREATE TABLE customers ({columns}); INSERT INTO customers VALUES {rows};"  # noqa: S608 - rows of the world's own
            "CREATE FUNCTION fail() RETURNS text LANGUAGE plpgsql AS $$ BEGIN"
            f" RAISE EXCEPTION '{_CANARY}'; END $$;"
            f"CREATE VIEW broken AS SELECT id, fail() AS name, {others} FROM customers;"
            f"CREATE ROLE reader_of_{name} LOGIN PASSWORD '{_PASSWORD}';"
            f"CREATE ROLE crowded_of_{name} LOGIN PASSWORD '{_PASSWORD}' CONNECTION LIMIT 0;"
            f"GRANT SELECT ON customers, broken TO reader_of_{name}, crowded_of_{name}",
            database=name,
        )
        return cls(name, server.port)

    def at(self, port: int) -> str:
        """As an operator lists it."""
        return f"postgresql://127.0.0.1:{port}/{self.name}"

    def form(self, kind: str, *, relayed: int, closed: int) -> dict[str, Any]:
        """The body that makes a source which meets this trouble, by itself or by the relay at the port `relayed`."""
        ports = {"401": self.port, "429": self.port, "500": self.port, "refused": closed}
        user = "crowded" if kind == "429" else "reader"
        config = {
            "url": f"postgresql://{user}_of_{self.name}@127.0.0.1:{ports.get(kind, relayed)}/{self.name}",
            "password": "wrong" if kind == "401" else _PASSWORD,
            "table": "broken" if kind == "500" else "customers",
            "key_column": "id",
            "title_column": "name",
            "text_columns": ["name", "contact", "city", "segment", "notes"],
        }
        return {"name": f"Customers {kind}", "type": "customer_db", "config": config}


@dataclass
class Company:
    """A server over the four sources, which meet whatever trouble is ordered."""

    house: Stand
    owner: Person
    server: dict[str, Any]
    sandbox: Sandbox
    relay: Relay
    forms: Mapping[str, dict[str, Any]]
    """What makes each source, by its name and, for a customer database that is in trouble by itself, its kind."""
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The same as they are saved."""
    healthy: dict[str, Mapping[str, set[str]]] = field(default_factory=dict)
    """By era, what each source finds when there is no trouble: its own ids."""

    @cached_property
    def client(self) -> httpx2.AsyncClient:
        return self.house.client(str(self.server["url"]).removesuffix("/mcp"))

    async def connect(self) -> None:
        """All sources, each asked once so that none signs in for the first time in the middle of a case."""
        for place in self.forms:
            await self._save(place)
        await self.take(dict.fromkeys(NAMES, "ok"))
        for version, result in zip(QUERIES, await asyncio.gather(*map(self._search, QUERIES)), strict=True):
            answer = result["structuredContent"]
            assert {report["status"] for report in answer["sources"]} == {"ok"}
            self.healthy[version] = self._found(answer)
            assert all(self.healthy[version][name] for name in NAMES)

    async def run(self, case: Case) -> None:
        """One case, in both eras at once."""
        await self.take(case)
        await asyncio.gather(*(self.ask(version, case) for version in QUERIES))
        if case["box"] == "hung":
            # A call to Box that was given up keeps its thread until Box has said nothing for 8 s, and only some are
            # kept. In earnest a source is paused before they are used up.
            await self._renew("box")

    async def take(self, case: Case) -> None:
        """The sources meet this from now on, and none is paused for what it did before."""
        self.sandbox.faults.clear()
        for name, vendor in _VENDORS.items():
            if case[name] != "ok":
                fault = _FAULTS[case[name]]
                pace_s = DRIP_S if fault == "drip" else SLOW_S
                self.sandbox.faults.add(Fault(source=vendor, kind=fault, retry_after_s=30, pace_s=pace_s))
        manner = case["customer_db"]
        self.relay.manner = cast("Manner", manner) if manner in get_args(Manner) else "ok"
        chosen = {name: self.sources[_place(name, kind)] for name, kind in case.items()}
        form = {"name": "x", "access": "public", "deadline_ms": DEADLINE_MS, "results": 100,
                "source_ids": [source["id"] for source in chosen.values()]}  # fmt: skip
        path = f"/api/v1/mcp-servers/{self.server['id']}"
        (await self.owner.http.put(path, json=form)).raise_for_status()
        for name, source in chosen.items():
            budget_ms = BUDGET_MS if STATUS[case[name]] == "timeout" else None
            change = await self.owner.http.patch(f"{path}/sources/{source['id']}", json={"budget_ms": budget_ms})
            change.raise_for_status()
        self.house.gatehouse.federation._calls._breakers.clear()

    async def ask(self, version: str, case: Case) -> None:
        """One search, and everything that is promised about its answer."""
        started = time.monotonic()
        result = await self._search(version)
        took_s = time.monotonic() - started
        answer = result["structuredContent"]
        told = result["content"][0]["text"]
        assert json.loads(told) == answer
        reports = {report["type"]: report for report in answer["sources"]}
        assert {name: report["status"] for name, report in reports.items()} == {
            name: status_of(name, kind) for name, kind in case.items()
        }, reports
        healthy = {name for name, kind in case.items() if STATUS[kind] == "ok"}
        expected = {name: self.healthy[version][name] if name in healthy else set() for name in NAMES}
        assert self._found(answer) == expected, case
        assert {name: report["results"] for name, report in reports.items()} == {
            name: len(ids) for name, ids in expected.items()
        }, case
        assert all(bool(report.get("message")) is (name not in healthy) for name, report in reports.items()), case
        assert not [secret for secret in _SECRETS if secret in told], case
        assert result.get("isError", False) is (not healthy), case
        for name, report in reports.items():
            if report["status"] == "timeout":
                assert BUDGET_MS <= report["took_ms"] < BUDGET_MS + OVER_S * 1000, (name, case)
        assert took_s < DEADLINE_MS / 1000 + OVER_S, case

    async def come_to_rest(self) -> None:
        """Waits for what was given up in the last cases: it must end by itself, and leave no connection open."""
        calls = self.house.gatehouse.federation._calls
        async with asyncio.timeout(10):
            while calls.under_way:  # noqa: ASYNC110 - calls that nobody waits for tell nobody
                await asyncio.sleep(0.02)

    async def _search(self, version: str) -> dict[str, Any]:
        arguments = {"query": QUERIES[version]}
        reply = await call(self.client, version, "tools/call", {"name": "search", "arguments": arguments})
        result: dict[str, Any] = reply["result"]
        return result

    def _found(self, answer: Mapping[str, Any]) -> Mapping[str, set[str]]:
        """The sources' own ids of all hits, those that were merged into others included."""
        names = {report["key"]: report["type"] for report in answer["sources"]}
        found: dict[str, set[str]] = {name: set() for name in NAMES}
        for result in answer["results"]:
            for origin in (result, *(result.get("also") or ())):
                key, _, native = origin["id"].partition(":")
                found[names[key]].add(native)
        return found

    async def _save(self, place: str) -> None:
        reply = await self.owner.http.post("/api/v1/sources", json=self.forms[place])
        reply.raise_for_status()
        self.sources[place] = reply.json()

    async def _renew(self, place: str) -> None:
        """The same source, saved and connected anew, and signed in: else the next case would wait for a sign-in that
        may be in trouble, for the 5 s that it may take."""
        (await self.owner.http.delete(f"/api/v1/sources/{self.sources[place]['id']}")).raise_for_status()
        self.sandbox.faults.clear()
        await self._save(place)
        checked = await self.owner.http.post(f"/api/v1/sources/{self.sources[place]['id']}/check")
        assert checked.json()["ok"]


@asynccontextmanager
async def company(database_url: str, folder: Path, customers: CustomerDatabase) -> AsyncIterator[Company]:
    """A Gatehouse with the company's sources connected."""
    sandbox = create_app(WORLD, quotas=False)
    async with AsyncExitStack() as stack:
        origin = stack.enter_context(serve(sandbox))
        way = await stack.enter_async_context(relayed(customers.port))
        closed = stack.enter_context(socket.socket())
        closed.bind(("127.0.0.1", 0))  # without listening: nobody else gets the port, and nobody is answered there
        ports = {"relayed": way.port, "closed": closed.getsockname()[1]}
        settings = settings_for(
            database_url,
            folder,
            entra_url=f"{origin}/entra",
            graph_url=f"{origin}/graph",
            box_url=f"{origin}/box",
            snowflake_url=f"{origin}/snowflake",
            customer_databases=tuple(customers.at(port) for port in (customers.port, *ports.values())),
        )
        house = await stack.enter_async_context(stand(settings))
        owner = await house.person()
        forms = {form["type"]: form for form in source_forms(WORLD, "company.db")}
        for kind in ("ok", "401", "429", "500", "refused"):
            forms[_place("customer_db", kind)] = customers.form(kind, **ports)
        running = Company(house, owner, await house.server(owner, access="public"), sandbox, way, forms)
        await running.connect()
        yield running
        await running.come_to_rest()


def _place(name: str, kind: str) -> str:
    """Where a source that meets this is found: one for all troubles, but for those that only settings can make."""
    return f"{name} {kind}" if name == "customer_db" and kind not in get_args(Manner) else name


def _literal(value: object) -> str:
    return "NULL" if value is None else "'" + str(value).replace("'", "''") + "'"
