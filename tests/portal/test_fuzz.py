"""Requests that nobody thought of, made up from the API's own description: none is answered with a 5xx."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import schemathesis
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.result import Ok

from tests.stand import Person, Stand, settings_for, stand

Send = Callable[..., httpx2.Response]


@pytest.fixture
def fuzzed(database_url: str, tmp_path: Path) -> Iterator[tuple[BlockingPortal, Stand]]:
    """A Gatehouse in a thread of its own: hypothesis calls from outside of every loop."""
    pool = ",".join(f"https://g{number}.example.com" for number in range(1_000))
    changed = settings_for(database_url, tmp_path, rate_limits=False, mcp_gateway_url_pools=pool)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(stand(changed)) as running:
        yield portal, running


async def own_things(gatehouse: Stand, person: Person) -> dict[str, str]:
    source = await gatehouse.sample(person)
    server = await gatehouse.server(person, [source])
    key = (await person.http.post(f"/api/v1/mcp-servers/{server['id']}/keys", json={"name": "x"})).json()
    (session,) = (await person.http.get("/api/v1/me/sessions")).json()["items"]
    ids = {"source_id": source["id"], "server_id": server["id"], "key_id": key["id"], "session_id": session["id"]}
    await person.http.delete(f"/api/v1/mcp-servers/{server['id']}/keys/{key['id']}")
    return ids


def fuzz(operation: Any, send: Send, ids: dict[str, str], examples: int) -> int:
    """How many of the replies were not errors. Raises AssertionError with the request that broke something."""
    fine = 0

    @given(case=operation.as_strategy())
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def run(case: Any) -> None:
        nonlocal fine
        for own in (False, True):  # an id that was made up, then one that is there
            if own and not case.path_parameters:
                return
            if own:
                case.path_parameters = {name: ids.get(name, value) for name, value in case.path_parameters.items()}
            reply = send(case)
            assert reply.status_code < 500 or reply.status_code in (502, 504), (operation.label, reply.text)
            assert reply.status_code < 400 or reply.headers["content-type"] == "application/problem+json"
            fine += reply.is_success

    run()
    return fine


@pytest.mark.parametrize("examples", [5, pytest.param(100, marks=pytest.mark.slow)])
def test_no_request_that_the_description_allows_or_almost_allows_breaks_anything(
    fuzzed: tuple[BlockingPortal, Stand], examples: int
):
    portal, gatehouse = fuzzed
    spec = portal.call(gatehouse.http.get, "/api/openapi.json").json()
    fine = 0
    for result in schemathesis.openapi.from_dict(spec).get_all_operations():
        assert isinstance(result, Ok), "every operation can be read"
        operation = result.ok()
        ann = portal.call(gatehouse.person)
        ids = portal.call(own_things, gatehouse, ann)

        def send(case: Any, ann: Person = ann) -> httpx2.Response:
            request = case.as_transport_kwargs(base_url="http://localhost:8000")
            request.pop("cookies", None)
            headers = {**dict(request.pop("headers", {})), "Authorization": f"Bearer {ann.token}"}
            known = ("method", "url", "params", "json", "data", "content")
            wanted = {name: value for name, value in request.items() if name in known and value is not None}
            return portal.call(lambda: ann.http.request(**wanted, headers=headers))

        fine += fuzz(operation, send, ids, examples)
    assert fine > 10, "only errors would prove little"
