"""Texts become vectors, by one request, and whatever goes wrong is one of our errors."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from pydantic import SecretStr

from errors import SourceError, SourceRateLimited, SourceTimeout, SourceUnauthorized, SourceUnavailable
from services.egress import Egress
from services.openai.embeddings import Embeddings
from tests.services.openai.stand_in import KEY, OpenAI, served, vector_of

pytestmark = pytest.mark.anyio
PATIENCE = timedelta(seconds=10)


@asynccontextmanager
async def embeddings(origin: str) -> AsyncIterator[Embeddings]:
    made = Embeddings(key=SecretStr(KEY), model="a-model", base_url=origin, egress=Egress())
    try:
        yield made
    finally:
        await made.aclose()


@pytest.mark.parametrize("as_floats", [False, True])
async def test_every_text_has_its_vector_in_its_place(as_floats: bool):
    openai = OpenAI(as_floats=as_floats)
    with served(openai) as origin:
        async with embeddings(origin) as made:
            vectors = await made.embed(["a car", "a ship"], PATIENCE)
    assert [list(vector) for vector in vectors] == [vector_of("a car"), vector_of("a ship")]


async def test_all_texts_go_in_one_request_with_the_key_and_the_model():
    openai = OpenAI()
    with served(openai) as origin:
        async with embeddings(origin) as made:
            await made.embed(["one", "two"], PATIENCE)
    assert openai.asked == [{"model": "a-model", "input": ["one", "two"], "encoding_format": "base64"}]
    assert openai.keys == [f"Bearer {KEY}"]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, SourceUnauthorized),
        (403, SourceUnauthorized),
        (429, SourceRateLimited),
        (400, SourceUnavailable),
        (500, SourceUnavailable),
        (302, SourceUnavailable),
    ],
)
async def test_a_refusal_is_told_in_our_words_and_not_repeated(status: int, error: type[SourceError]):
    openai = OpenAI(status=status)
    with served(openai) as origin:
        async with embeddings(origin) as made:
            with pytest.raises(error) as told:
                await made.embed(["one"], PATIENCE)
    assert "canary" not in told.value.message
    assert len(openai.asked) == 1


@pytest.mark.parametrize(
    "reply",
    [
        b"<html>",
        b"{}",
        b'{"data": []}',
        b'{"data": [{"index": 0, "embedding": "%%%"}]}',
        b'{"data": [{"index": 0, "embedding": "AAA="}]}',
        b'{"data": [{"index": 0, "embedding": [1, null]}]}',
        b"[" * 100_000,
        json.dumps({"data": [{"index": 1, "embedding": [1.0]}]}).encode(),
    ],
)
async def test_what_is_no_list_of_embeddings_is_refused(reply: bytes):
    with served(OpenAI(reply=reply)) as origin:
        async with embeddings(origin) as made:
            with pytest.raises(SourceUnavailable):
                await made.embed(["one"], PATIENCE)


async def test_vectors_of_different_lengths_are_refused():
    reply = json.dumps({"data": [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0, 2.0]}]}).encode()
    with served(OpenAI(reply=reply)) as origin:
        async with embeddings(origin) as made:
            with pytest.raises(SourceUnavailable):
                await made.embed(["one", "two"], PATIENCE)


async def test_nobody_there_is_told():
    with served(OpenAI()) as origin:
        pass
    async with embeddings(origin) as made:
        with pytest.raises((SourceUnavailable, SourceTimeout)):
            await made.embed(["one"], timedelta(seconds=2))
