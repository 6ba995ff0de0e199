"""What texts mean, as vectors.

OpenAI API reference, "Create embeddings": one request takes up to 2,048 texts; base64 holds little-endian floats of 4
bytes and is a third of the size.
"""

from __future__ import annotations

import base64
import binascii
import json
import sys
from array import array
from collections.abc import Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Final

import httpx2
from pydantic import BaseModel, Field, SecretStr, ValidationError

from errors import SourceError, SourceRateLimited, SourceTimeout, SourceUnauthorized, SourceUnavailable
from services.egress import Egress, HostPolicy

MOST_TEXTS: Final = 256
_MOST_BYTES: Final = 32_000_000

Vector = Sequence[float]


class _Embedding(BaseModel):
    index: Annotated[int, Field(ge=0, lt=MOST_TEXTS)]
    embedding: str | list[float]


class _Reply(BaseModel):
    data: Annotated[list[_Embedding], Field(max_length=MOST_TEXTS)]


class Embeddings:
    """One model of one account."""

    def __init__(self, *, key: SecretStr, model: str, base_url: str, egress: Egress) -> None:
        """`base_url` without a trailing slash: `https://api.openai.com`."""
        self._key = key
        self._model = model
        self._url = f"{base_url}/v1/embeddings"
        self._http = egress.client(HostPolicy(origins=(base_url,)))

    async def embed(self, texts: Sequence[str], within: timedelta) -> Sequence[Vector]:
        """One vector per text, in their order, by one request that is not repeated. Texts are at most `MOST_TEXTS` and
        not empty. Raises SourceTimeout, SourceUnauthorized, SourceRateLimited or SourceUnavailable."""
        reply = await self._post({"model": self._model, "input": list(texts), "encoding_format": "base64"}, within)
        if reply.status_code != HTTPStatus.OK:
            raise _refusal(reply.status_code)
        return _vectors(reply.content, len(texts))

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _post(self, body: dict[str, object], within: timedelta) -> httpx2.Response:
        try:
            return await self._http.post(
                self._url,
                json=body,
                headers={"Authorization": f"Bearer {self._key.get_secret_value()}"},
                timeout=within.total_seconds(),
            )
        except httpx2.TimeoutException as error:
            raise SourceTimeout("OpenAI did not answer in time.") from error
        except httpx2.RequestError as error:
            raise SourceUnavailable("OpenAI cannot be reached, or broke off its answer.") from error


def _vectors(content: bytes, count: int) -> Sequence[Vector]:
    try:
        if len(content) > _MOST_BYTES:
            raise ValueError("too long")
        found = {each.index: _numbers(each.embedding) for each in _Reply.model_validate(json.loads(content)).data}
        vectors = [found[index] for index in range(count)]
        if len({len(vector) for vector in vectors}) != 1:
            raise ValueError("of different lengths")
    except (ValidationError, ValueError, KeyError, binascii.Error, RecursionError) as error:
        raise SourceUnavailable("OpenAI answered with something that is no list of embeddings.") from error
    return vectors


def _numbers(embedding: str | list[float]) -> Vector:
    """Servers that speak OpenAI's protocol do not all know base64."""
    if not isinstance(embedding, str):
        return embedding
    numbers = array("f")
    numbers.frombytes(base64.b64decode(embedding, validate=True))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _refusal(status: int) -> SourceError:
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return SourceUnauthorized("OpenAI refused the key. Set another OPENAI_API_KEY.")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return SourceRateLimited("OpenAI asks for fewer requests, or the account has no credit left.")
    return SourceUnavailable(f"OpenAI answered with status {status}.")
