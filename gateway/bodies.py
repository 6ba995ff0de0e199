"""Bodies of requests that are looked at before the application gets them."""

from __future__ import annotations

from starlette.types import Message, Receive


class Body:
    """A request's body, read in full or as much of it as shows that it is too large: then the application says so."""

    def __init__(self, messages: list[Message], receive: Receive) -> None:
        self.content = b"".join(message.get("body", b"") for message in messages)
        self._messages = messages
        self._receive = receive

    @classmethod
    async def read(cls, receive: Receive, most_bytes: int) -> Body:
        messages: list[Message] = []
        size = 0
        while size <= most_bytes:
            message = await receive()
            messages.append(message)
            size += len(message.get("body", b""))
            if message["type"] != "http.request" or not message.get("more_body", False):
                break
        return cls(messages, receive)

    async def receive(self) -> Message:
        """For the application: what was read once more, then what comes after it."""
        return self._messages.pop(0) if self._messages else await self._receive()
