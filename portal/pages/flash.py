"""One sentence about what was just done, kept for the page that follows."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict, dataclass
from typing import Final, Literal

from starlette.responses import Response

from auth.signatures import Signatures

_PURPOSE: Final = "flash"
_LONGEST: Final = 400
_LIFETIME_S: Final = 300


Look = Literal["ok", "wait", "bad"]


@dataclass(frozen=True, slots=True)
class Flash:
    text: str
    kind: Look = "ok"


class Flashes:
    """Writes and reads them as a signed cookie, so that nobody else puts words into our pages."""

    def __init__(self, signatures: Signatures, *, secure: bool) -> None:
        self._signatures = signatures
        self._secure = secure
        self.cookie: Final = "__Host-flash" if secure else "flash"

    def leave(self, response: Response, flash: Flash) -> None:
        told = Flash(flash.text[:_LONGEST], flash.kind)
        payload = urlsafe_b64encode(json.dumps(asdict(told)).encode()).decode()
        value = f"{payload}.{self._signatures.sign(_PURPOSE, payload)}"
        response.set_cookie(
            self.cookie, value, max_age=_LIFETIME_S, path="/", secure=self._secure, httponly=True, samesite="lax"
        )

    def read(self, cookie: str | None) -> Flash | None:
        """None for one that is not ours."""
        payload, _, signature = (cookie or "").rpartition(".")
        if not payload or not self._signatures.fits(_PURPOSE, payload, signature):
            return None
        return Flash(**json.loads(urlsafe_b64decode(payload)))

    def drop(self, response: Response) -> None:
        response.delete_cookie(self.cookie, path="/", secure=self._secure, httponly=True, samesite="lax")
