"""OpenAI's embeddings endpoint on loopback: the same words give the same vector, and every request is kept."""

from __future__ import annotations

import base64
import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

SAME = {"automobile": "car", "purchased": "bought"}
"""What means the same here."""
KEY = "sk-canary-5b1e"


@dataclass
class OpenAI:
    asked: list[Any] = field(default_factory=list)
    """Bodies."""
    keys: list[str] = field(default_factory=list)
    status: int = 200
    reply: bytes | None = None
    """Instead of embeddings."""
    as_floats: bool = False

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/v1/embeddings", self.embed, methods=["POST"])])

    async def embed(self, request: Request) -> Response:
        body = json.loads(await request.body())
        self.asked.append(body)
        self.keys.append(request.headers["authorization"])
        if self.reply is not None or self.status != 200:
            return Response(self.reply or b"canary of the vendor", status_code=self.status)
        data = [
            {"object": "embedding", "index": index, "embedding": self._written(vector_of(text))}
            for index, text in enumerate(body["input"])
        ]
        return JSONResponse({"object": "list", "data": data[::-1], "model": body["model"]})

    def _written(self, vector: list[float]) -> str | list[float]:
        packed = struct.pack(f"<{len(vector)}f", *vector)
        return vector if self.as_floats else base64.b64encode(packed).decode()


def vector_of(text: str) -> list[float]:
    vector = [0.0] * 64
    for word in text.lower().split():
        vector[crc32(SAME.get(word, word).encode()) % 64] += 1.0
    return vector


@contextmanager
def served(openai: OpenAI) -> Iterator[str]:
    """The origin it answers on."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        config = uvicorn.Config(openai.app(), log_config=None, log_level="critical", lifespan="off", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{opened.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)
