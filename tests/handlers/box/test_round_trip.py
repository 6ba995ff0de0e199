"""What a search returned can be fetched later: after a restart, and by another process."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest

from handlers.base import Document, Lent, SearchQuery
from tests.handlers.box.conftest import Connect
from tests.handlers.box.world import SERVICE_ACCOUNT

pytestmark = pytest.mark.anyio

ELSEWHERE = """
import asyncio, json, pathlib, sys
from datetime import UTC, datetime
from handlers.base import DatabaseRules, Endpoints, Lent
from handlers.box import HANDLER

async def main(box_url, folder, settings, ids):
    lent = Lent(
        clock=lambda: datetime.now(UTC),
        folder=pathlib.Path(folder),
        databases=DatabaseRules(),
        endpoints=Endpoints(box=box_url),
    )
    source = HANDLER.connect(HANDLER.config.model_validate(settings), lent)
    fetched = {id: (await source.fetch(id)).text for id in ids}
    await source.aclose()
    print(json.dumps(fetched))

asyncio.run(main(*json.loads(sys.argv[1])))
"""


async def found_and_fetched(connect: Connect) -> dict[str, Document]:
    async with connect() as source:
        hits = await source.search(SearchQuery(text="agreement lease plan", limit=20))
    async with connect() as restarted:
        return {hit.id: await restarted.fetch(hit.id) for hit in hits}


async def test_ids_outlive_the_source_that_told_them(connect: Connect):
    documents = await found_and_fetched(connect)
    assert set(documents) == {"9001", "9002", "9003"}
    assert all(key == document.id and document.text for key, document in documents.items())


async def test_ids_mean_the_same_in_another_process(connect: Connect, lent: Lent):
    documents = await found_and_fetched(connect)
    told = json.dumps([lent.endpoints.box, str(lent.folder), SERVICE_ACCOUNT, list(documents)])
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", ELSEWHERE, told, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(process.communicate(), timeout=30)
    assert process.returncode == 0
    assert json.loads(output) == {key: document.text for key, document in documents.items()}
