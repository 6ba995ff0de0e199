"""Secrets at rest: AES-GCM, bound to the table and the row they belong to.

A sealed value is `version (1 byte) | key id (4) | nonce (12) | ciphertext and tag`. The key id is the beginning of the
key's SHA-256, so that old rows stay readable while a newer key is first in the list.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = b"\x01"
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12
_HEADER_BYTES = len(_VERSION) + _KEY_ID_BYTES


class CannotOpen(Exception):
    """The value was sealed for another row, by a key that is not listed, or has been changed since."""


class Sealer:
    """Seals with the first key, opens with any."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys:
            raise ValueError("at least one key is needed")
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}
        self._current = _key_id(keys[0])

    def seal(self, table: str, row_id: UUID, fields: Mapping[str, str]) -> bytes:
        """The fields as bytes that only `open` with the same table and row gives back."""
        nonce = os.urandom(_NONCE_BYTES)
        clear = json.dumps(dict(fields), separators=(",", ":")).encode()
        return (
            _VERSION + self._current + nonce + self._ciphers[self._current].encrypt(nonce, clear, _bond(table, row_id))
        )

    def open(self, table: str, row_id: UUID, sealed: bytes) -> dict[str, str]:
        """The fields that were sealed. Raises CannotOpen."""
        cipher = self._ciphers.get(sealed[1:_HEADER_BYTES])
        if sealed[:1] != _VERSION or cipher is None:
            raise CannotOpen("no key in SECRETS_KEYS fits")
        nonce, body = sealed[_HEADER_BYTES : _HEADER_BYTES + _NONCE_BYTES], sealed[_HEADER_BYTES + _NONCE_BYTES :]
        try:
            clear = cipher.decrypt(nonce, body, _bond(table, row_id))
        except (InvalidTag, ValueError) as error:  # the latter for a value that was cut short
            raise CannotOpen("the sealed value does not belong to this row") from error
        fields: dict[str, str] = json.loads(clear)
        return fields

    def is_current(self, sealed: bytes) -> bool:
        """Whether the first key of the list sealed it."""
        return sealed[1:_HEADER_BYTES] == self._current

    def knows(self, sealed: bytes) -> bool:
        """Whether any key of the list sealed it."""
        return sealed[:1] == _VERSION and sealed[1:_HEADER_BYTES] in self._ciphers


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"gatehouse sealing key " + key).digest()[:_KEY_ID_BYTES]


def _bond(table: str, row_id: UUID) -> bytes:
    return f"{table}/{row_id}".encode()
