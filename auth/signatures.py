"""Signatures of texts that we hand out and get back: tokens in forms, messages in cookies."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from typing import Final

_LABEL: Final = b"gatehouse signatures"


class Signatures:
    """Made with a key of its own, derived from the secret; each purpose has signatures that mean nothing elsewhere."""

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), _LABEL, hashlib.sha256)

    def sign(self, purpose: str, text: str) -> str:
        """43 characters that stand in URLs, cookies and forms as they are."""
        return urlsafe_b64encode(self._digest(purpose, text)).decode().rstrip("=")

    def fits(self, purpose: str, text: str, signature: str) -> bool:
        given = signature.encode("utf-8", "surrogatepass")
        return hmac.compare_digest(self.sign(purpose, text).encode(), given)

    def _digest(self, purpose: str, text: str) -> bytes:
        """The length of the purpose keeps `a` + `bc` from being `ab` + `c`."""
        message = f"{len(purpose)}:{purpose}:{text}"
        return hmac.digest(self._key, message.encode("utf-8", "surrogatepass"), hashlib.sha256)
