"""The secrets that development makes for itself and keeps in DATA_DIR, and the form of the keys that seal."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

SEALING_KEY_BYTES: Final = 32


class SecretIsEmpty(Exception):
    """A kept secret's file holds nothing; the message is one sentence that says what to do."""


def decode_key(text: str) -> bytes:
    """The 32 bytes of one SECRETS_KEYS entry. Raises ValueError."""
    try:
        key = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise ValueError("each key must be 32 bytes as URL-safe base64") from error
    if len(key) != SEALING_KEY_BYTES:
        raise ValueError("each key must be 32 bytes as URL-safe base64")
    return key


def new_key() -> str:
    """A fresh entry for SECRETS_KEYS."""
    return base64.urlsafe_b64encode(secrets.token_bytes(SEALING_KEY_BYTES)).decode().rstrip("=")


def kept_secret(path: Path, make: Callable[[], str]) -> str:
    """The secret in this file, made on first use with mode 0600. Two processes that start at once agree on one.
    Raises SecretIsEmpty and OSError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    if not path.exists():
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(make())
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # exclusive and whole: whoever comes second reads what the first one wrote
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    text = path.read_text().strip()
    if not text:
        raise SecretIsEmpty(f"{path.name.upper()}: {path} is empty; restore it, or delete it to have a new one made.")
    return text
