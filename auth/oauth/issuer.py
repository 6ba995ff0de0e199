"""The issuer: the name that agents keep what they hold under. They refuse a server that answers under another one (RFC
8414, section 3.3; RFC 9207), so it must not change because somebody edits a setting."""

from __future__ import annotations

from datetime import datetime

from database.engine import Database
from repositories.grants import Grants
from repositories.oauth import Issuers


async def settle_issuer(database: Database, url: str, now: datetime) -> str | None:
    """Makes this the issuer while no agent could notice. The issuer that agents know instead, where one could."""
    async with database.reading() as session:
        known = await Issuers(session).find()
    if known == url:
        return None
    async with database.writing() as session:
        if known is not None and await Grants(session).any_live(now):
            return known
        await Issuers(session).adopt(url, now)
    return None


async def change_issuer(database: Database, url: str, now: datetime) -> int:
    """Makes this the issuer whoever notices, and ends every grant: agents must connect again. How many it ended."""
    async with database.writing() as session:
        ended = await Grants(session).revoke_every(now)
        await Issuers(session).adopt(url, now)
    return len(ended)
