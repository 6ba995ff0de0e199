"""Password hashing. The only module that imports passlib (installed as libpass)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

import anyio
import anyio.to_thread
from passlib.context import CryptContext  # noqa: TID251 - this is the one place

_THREADS: Final = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the password fits, and a better hash to store if the old one was weaker than today's."""

    fits: bool
    better_hash: str | None = None


class Passwords:
    """bcrypt over SHA-256, so that a password may be longer than bcrypt's 72 bytes.

    Hashing takes about a quarter of a second at cost 12. It runs in a few threads of its own: a flood of sign-ins waits
    in line there and stalls nothing else.
    """

    def __init__(self, cost: int) -> None:
        self._context = CryptContext(schemes=["bcrypt_sha256"], bcrypt_sha256__rounds=cost)
        self._line = anyio.CapacityLimiter(_THREADS)
        self._nobody = self._context.hash("nobody has this password")

    async def hash(self, password: str) -> str:
        return await anyio.to_thread.run_sync(partial(self._context.hash, password), limiter=self._line)

    async def verify(self, password: str, stored: str | None) -> Verdict:
        """Without a stored hash it does the same work in vain, so that time does not tell who has an account."""
        verify = partial(self._context.verify_and_update, password, stored or self._nobody)
        fits, better = await anyio.to_thread.run_sync(verify, limiter=self._line)
        return Verdict(fits=bool(fits) and stored is not None, better_hash=better if stored else None)
