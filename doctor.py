"""`python main.py doctor`: looks at everything an installation needs, and says what to do about what it finds."""

from __future__ import annotations

import argparse
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from sqlalchemy.exc import SQLAlchemyError

from config import SignupMode
from database.migrations import is_current
from listening import THIS_MACHINE
from main import Gatehouse
from repositories.domains import Domains
from repositories.sources import Sources
from repositories.users import Users
from web.assets import missing_packages


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `advice` is what to do about it, None if it is well."""

    about: str
    seen: str
    advice: str | None = None


async def examine(gatehouse: Gatehouse, _options: argparse.Namespace) -> int:
    """0 if everything is well, else 1. Changes nothing."""
    ill = 0
    async for finding in _findings(gatehouse):
        ill += finding.advice is not None
        sys.stdout.write(f"{'!!' if finding.advice else 'ok'}  {finding.about}: {finding.seen}\n")
        if finding.advice:
            sys.stdout.write(f"      {finding.advice}\n")
    await gatehouse.database.aclose()
    sys.stdout.write("Everything is well.\n" if not ill else f"{ill} to look at.\n")
    return 1 if ill else 0


async def _findings(gatehouse: Gatehouse) -> AsyncIterator[Finding]:
    yield _environment(gatehouse)
    yield _proxy(gatehouse)
    yield _pages()
    database = await _database(gatehouse)
    yield database
    if database.advice is None:
        for look in (_accounts, _secrets, _pool):
            yield await look(gatehouse)


def _environment(gatehouse: Gatehouse) -> Finding:
    settings = gatehouse.settings
    seen = f"{settings.env}, portal at {settings.portal_url}, sign-up {settings.signup}"
    plain = [url for url in settings.mcp_gateway_url_pools if url.startswith("http://")]
    if settings.production and plain:
        return Finding("settings", seen, f"Agents' keys would travel in the clear to {', '.join(plain)}: use https.")
    if not settings.production and urlsplit(settings.portal_url).hostname not in THIS_MACHINE:
        return Finding("settings", seen, "The portal is not on this machine: set ENV=production.")
    return Finding("settings", seen)


def _proxy(gatehouse: Gatehouse) -> Finding:
    settings = gatehouse.settings
    if not settings.trusted_proxies:
        advice = "Set TRUSTED_PROXIES to the address of the reverse proxy." if settings.production else None
        return Finding("proxy headers", "X-Forwarded-* are believed from nobody", advice)
    networks = ", ".join(str(network) for network in settings.trusted_proxies)
    wide = [network for network in settings.trusted_proxies if network.prefixlen == 0]
    advice = "Everybody may pretend to be any host and address: name the proxies only." if wide else None
    return Finding("proxy headers", f"X-Forwarded-* are believed from {networks}", advice)


def _pages() -> Finding:
    if missing := missing_packages():
        advice = "Pages are plain until they are there: run `make setup`, or `npm ci --ignore-scripts`."
        return Finding("pages", f"node_modules lacks {', '.join(missing)}", advice)
    return Finding("pages", "styles, scripts and icons are there")


async def _database(gatehouse: Gatehouse) -> Finding:
    kind = gatehouse.database.engine.dialect.name
    try:
        current = await is_current(gatehouse.database.engine)
    except (OSError, SQLAlchemyError) as error:
        cause = type(getattr(error, "orig", None) or error).__name__
        return Finding("database", f"{kind}, not reachable ({cause})", "Check DATABASE_URL, and that the server runs.")
    if not current:
        return Finding("database", f"{kind}, behind this version", "Run `python main.py migrate`.")
    if kind == "sqlite" and gatehouse.settings.instances > 1:
        return Finding(
            "database", f"{kind}, up to date", "Several machines need PostgreSQL; on one machine this is fine."
        )
    return Finding("database", f"{kind}, up to date")


async def _accounts(gatehouse: Gatehouse) -> Finding:
    async with gatehouse.database.reading() as session:
        operators = await Users(session).count_operators()
    if operators:
        return Finding("operator", f"{operators} account{'s' if operators > 1 else ''}")
    invited = gatehouse.settings.signup is not SignupMode.OPEN
    how = "Run `python main.py invite` and open the link." if invited else "Sign up: the first account becomes it."
    return Finding("operator", "there is none", how)


async def _secrets(gatehouse: Gatehouse) -> Finding:
    async with gatehouse.database.reading() as session:
        sealed = [source.sealed for source in await Sources(session).list_sealed() if source.sealed is not None]
    lost = sum(not gatehouse.sealer.knows(one) for one in sealed)
    old = sum(not gatehouse.sealer.is_current(one) for one in sealed)
    seen = f"{len(sealed)} sources have some"
    if lost:
        return Finding("secrets", seen, f"{lost} were sealed with a key that is missing from SECRETS_KEYS: add it.")
    if old:
        return Finding("secrets", seen, f"{old} are sealed with an older key: run `python main.py rotate-keys`.")
    return Finding("secrets", seen)


async def _pool(gatehouse: Gatehouse) -> Finding:
    await gatehouse.pool.refresh(gatehouse.database)
    async with gatehouse.database.reading() as session:
        held = {row.domain for row in await Domains(session).list_held()}
    free = len(set(gatehouse.pool.domains) - held)
    stray = held - set(gatehouse.pool.domains)
    seen = f"{len(gatehouse.pool.domains)} gateways, {free} free"
    if stray:
        return Finding(
            "pool", seen, f"Servers hold domains that are not in it, and answer 421: {', '.join(sorted(stray))}."
        )
    if not free:
        return Finding("pool", seen, "Nobody can make a server: `python main.py domains add https://...`.")
    return Finding("pool", seen)
