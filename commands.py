"""The command line: `python main.py --help`."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from pydantic import ValidationError

from auth import audit
from auth.audit import Event
from auth.oauth import issuer
from config import SettingsProblem, load_settings, origin
from doctor import examine
from errors import GatehouseError, Invalid, NotFound
from federation.connections import SEALED_TABLE
from federation.pool import authority
from listening import THIS_MACHINE, StartProblem
from main import Gatehouse, utc_now
from repositories.audit import AuditEvents
from repositories.domains import Domains
from repositories.sources import Sources
from schemas.accounts import SignUp
from schemas.fields import explain
from serving import serve
from web import logs

_MOST_DAYS: Final = 36_500

Work = Callable[[Gatehouse, argparse.Namespace], Awaitable[int]]


def run(arguments: Sequence[str]) -> int:
    """The exit code: 0 done, 1 refused or found wanting, 2 settings or a database with which nothing can start."""
    options = _parser().parse_args(arguments)
    try:
        settings = load_settings()
        logs.configure("debug" if settings.debug else settings.log_level, readable=settings.debug)
        if options.work is None:
            serve(settings)
            return 0
        return asyncio.run(_once(options, Gatehouse(settings)))
    except (SettingsProblem, StartProblem) as problem:
        _say(str(problem), error=True)
        return 2
    except GatehouseError as error:
        _say(error.message, error=True)
        return 1


async def _once(options: argparse.Namespace, gatehouse: Gatehouse) -> int:
    work: Work = options.work
    if work in (migrate, examine):  # these two are for when nothing can start
        return await work(gatehouse, options)
    async with gatehouse.opened():
        return await work(gatehouse, options)


async def migrate(gatehouse: Gatehouse, _options: argparse.Namespace) -> int:
    await gatehouse.migrate()
    await gatehouse.database.aclose()
    _say("The database is up to date.")
    return 0


async def create_user(gatehouse: Gatehouse, options: argparse.Namespace) -> int:
    password = sys.stdin.readline().rstrip("\n") if options.password_stdin else getpass.getpass("Password: ")
    try:
        form = SignUp(email=options.email, name=options.name, password=password)
    except ValidationError as error:
        raise Invalid(explain(error)) from None
    user = await gatehouse.portal.accounts.create(form.email, form.name, form.password)
    _say(f"Made the account {user.email}{', which runs this installation' if user.is_operator else ''}.")
    return 0


async def reset_password(gatehouse: Gatehouse, options: argparse.Namespace) -> int:
    made = await gatehouse.portal.links.make_reset(options.email)
    _say(f"Hand on this link. It works once, until {made.row.expires_at:%Y-%m-%d %H:%M} UTC:\n{made.url}")
    return 0


async def invite(gatehouse: Gatehouse, _options: argparse.Namespace) -> int:
    made = await gatehouse.portal.links.invite_from_command_line()
    _say(f"Hand on this link. It makes one account, until {made.row.expires_at:%Y-%m-%d %H:%M} UTC:\n{made.url}")
    return 0


async def rotate_keys(gatehouse: Gatehouse, _options: argparse.Namespace) -> int:
    """Seals every source's secrets with the first key again. One row per transaction: it may be stopped and resumed."""
    async with gatehouse.database.reading() as session:
        waiting = [row.id for row in await Sources(session).list_sealed() if not _is_current(gatehouse, row.sealed)]
    for source_id in waiting:
        async with gatehouse.database.writing() as session:
            row = await Sources(session).find_sealed_locked(source_id)
            if row is not None and row.sealed is not None:
                fields = gatehouse.sealer.open(SEALED_TABLE, row.id, row.sealed)
                row.sealed = gatehouse.sealer.seal(SEALED_TABLE, row.id, fields)
    if waiting:
        gatehouse.audit.record(Event(user_id=None, actor="system", action="secrets.resealed", results=len(waiting)))
    _say(f"Sealed {len(waiting)} sources with the first key of SECRETS_KEYS. Other keys are no longer needed.")
    return 0


async def change_issuer(gatehouse: Gatehouse, _options: argparse.Namespace) -> int:
    """Agents keep what they hold under the old address, so all of it ends."""
    url = gatehouse.settings.portal_url
    ended = await issuer.change_issuer(gatehouse.database, url, utc_now())
    gatehouse.audit.record(Event(user_id=None, actor="system", action="issuer.changed", target=url[:80]))
    _say(f"Agents know this installation as {url} from now on. {ended} were disconnected and must connect anew.")
    return 0


async def list_domains(gatehouse: Gatehouse, _options: argparse.Namespace) -> int:
    async with gatehouse.database.reading() as session:
        held = {row.domain: row for row in await Domains(session).list_held()}
    for domain in gatehouse.pool.domains:
        _say(f"{domain}\t{'held by server ' + str(held[domain].server_id) if domain in held else 'free'}")
    for domain in sorted(held.keys() - set(gatehouse.pool.domains)):
        _say(f"{domain}\tnot in the pool, answers 421; held by server {held[domain].server_id}")
    return 0


async def add_domain(gatehouse: Gatehouse, options: argparse.Namespace) -> int:
    """Takes back a retirement as well. Running processes serve the domain within two seconds."""
    url = _gateway_url(options.url)
    if url == gatehouse.settings.portal_url:
        raise Invalid("That is the portal's own address. Give the gateway a host of its own.")
    await _change_pool(gatehouse, url, retired=False)
    _say(f"{authority(url)} is in the pool.")
    if urlsplit(url).hostname in THIS_MACHINE:
        _say("It is on this machine: restart the server, so that it listens on that port.")
    return 0


async def retire_domain(gatehouse: Gatehouse, options: argparse.Namespace) -> int:
    """Nobody gets the domain any longer, and it answers 421. The server that holds it keeps its row and says so."""
    url = gatehouse.pool.urls.get(options.domain) or gatehouse.pool.urls.get(authority(_gateway_url(options.domain)))
    if url is None:
        raise NotFound("The pool has no such domain. `domains list` shows what it has.")
    await _change_pool(gatehouse, url, retired=True)
    _say(f"{authority(url)} left the pool.")
    return 0


async def refresh_clients(gatehouse: Gatehouse, _options: argparse.Namespace) -> int:
    refreshed = await gatehouse.oauth_clients.refresh()
    for one in refreshed:
        if one.problem is None:
            _say(f"{one.name}: {'; '.join(one.changes) or 'unchanged'}")
        else:
            _say(f"{one.name}: kept as it is. {one.problem}", error=True)
    return 1 if any(one.problem for one in refreshed) else 0


async def verify_audit(gatehouse: Gatehouse, _options: argparse.Namespace) -> int:
    async with gatehouse.database.unhurried().reading() as session:
        events = AuditEvents(session)
        chains = await events.chains()
        breaks = [found for chain in chains if (found := audit.verify(await events.chain(*chain))) is not None]
    for found in breaks:
        _say(f"{found.day} {found.writer}: changed or missing at position {found.position}", error=True)
    _say(f"{len(chains)} chains, {len(breaks)} broken.")
    return 1 if breaks else 0


async def purge(gatehouse: Gatehouse, options: argparse.Namespace) -> int:
    older_than = None if options.older_than is None else timedelta(days=options.older_than)
    for what, count in (await gatehouse.purging.run(older_than)).items():
        if count:
            _say(f"{count}\t{what}")
    if not await gatehouse.database.scrub():
        _say("The rows are gone, but the database's file could not be rewritten while others use it: run this again.")
        return 1
    _say("Nothing else is due.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python main.py", description="Gatehouse: one MCP search over the sources a person connects."
    )
    parser.set_defaults(work=None)
    commands = parser.add_subparsers(metavar="COMMAND")
    commands.add_parser("serve", help="serve the portal and the gateways (the default)").set_defaults(work=None)
    _add(commands, "migrate", migrate, "bring the database to this version")
    user = _add(commands, "create-user", create_user, "make an account, whatever SIGNUP says")
    user.add_argument("email")
    user.add_argument("--name", required=True)
    user.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    _add(commands, "invite", invite, "print a one-time link that makes an account")
    _add(commands, "reset-password", reset_password, "print a one-time link that sets a password").add_argument("email")
    _add(commands, "rotate-keys", rotate_keys, "seal all secrets with the first key of SECRETS_KEYS")
    _add(commands, "change-issuer", change_issuer, "take PORTAL_URL for the issuer; disconnects every agent")
    domains = commands.add_parser("domains", help="list, add and retire gateway domains")
    domains.set_defaults(work=list_domains)
    pool = domains.add_subparsers(metavar="ACTION")
    _add(pool, "list", list_domains, "list the gateway domains and who holds them (the default)")
    _add(pool, "add", add_domain, "add a gateway to the pool").add_argument("url", help="https://g3.example.com")
    _add(pool, "retire", retire_domain, "take a gateway out of the pool").add_argument("domain", help="g3.example.com")
    _add(commands, "doctor", examine, "check settings, database, proxy and pool, and say what to do")
    _add(commands, "refresh-clients", refresh_clients, "read the documents of well-known agents anew")
    purging = _add(commands, "purge", purge, "remove for good what was deleted, and what old events tell about people")
    purging.add_argument(
        "--older-than", type=_days, metavar="DAYS", help="deleted or ended so long ago; without it: PURGE_AFTER"
    )
    _add(commands, "verify-audit", verify_audit, "check that the audit trail is as it was written")
    return parser


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, work: Work, text: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    command.set_defaults(work=work)
    return command


async def _change_pool(gatehouse: Gatehouse, url: str, *, retired: bool) -> None:
    async with gatehouse.database.writing() as session:
        await Domains(session).change_pool(domain=authority(url), url=url, retired=retired, now=utc_now())
    gatehouse.audit.record(
        Event(
            user_id=None,
            actor="system",
            action="domain.retired" if retired else "domain.added",
            target=authority(url)[:80],
        )
    )


def _days(text: str) -> int:
    if not text.isdecimal() or int(text) > _MOST_DAYS:
        raise argparse.ArgumentTypeError(f"a whole number of days up to {_MOST_DAYS}")
    return int(text)


def _gateway_url(text: str) -> str:
    """A bare host means https."""
    try:
        return origin(text if "://" in text else f"https://{text}", what="the gateway")
    except ValueError as error:
        raise Invalid(f"{str(error).capitalize()}.") from error


def _is_current(gatehouse: Gatehouse, sealed: bytes | None) -> bool:
    return sealed is None or gatehouse.sealer.is_current(sealed)


def _say(text: str, *, error: bool = False) -> None:
    print(text, file=sys.stderr if error else sys.stdout)
