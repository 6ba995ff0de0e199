"""How often somebody may try. Counted in the database: shared by all processes, and a restart forgets nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from database.engine import Database
from errors import TooManyRequests
from repositories.attempts import Attempts

_SIGN_IN_WINDOW: Final = timedelta(minutes=15)
_SIGN_UP_WINDOW: Final = timedelta(minutes=10)
_FAILURES_PER_EMAIL: Final = 10
_FAILURES_PER_NETWORK: Final = 50
_SIGN_UPS_PER_NETWORK: Final = 60
_CLIENTS_PER_NETWORK: Final = 60
_FAILED_SIGN_INS: Final = "Too many failed sign-ins."


@dataclass(frozen=True, slots=True)
class _Limit:
    subject: str
    most: int
    window: timedelta


class Throttle:
    """Refuses attempts after too many. Only a hash of the e-mail address or the network is kept."""

    def __init__(self, database: Database, clock: Callable[[], datetime], *, active: bool) -> None:
        self._database = database
        self._clock = clock
        self._active = active

    async def before_sign_in(self, email_key: str, address: str) -> None:
        """Raises TooManyRequests after too many failures, whether or not there is such an account."""
        if not self._active:
            return
        now, limits = self._clock(), _sign_in_limits(email_key, address)
        async with self._database.reading() as session:
            counted = await Attempts(session).counts([limit.subject for limit in limits], now)
        full = {limit.subject for limit in limits if counted.get(limit.subject, (0, now))[0] >= limit.most}
        _refuse([counted[subject][1] - now for subject in full], _FAILED_SIGN_INS)

    async def sign_in_failed(self, email_key: str, address: str) -> None:
        """Counts it. Raises TooManyRequests when it is one too many: of guesses sent all at once, only as many learn
        their verdict as could have been made one after the other."""
        await self._count(_sign_in_limits(email_key, address), _FAILED_SIGN_INS)

    async def sign_in_succeeded(self, email_key: str) -> None:
        """The address starts afresh; the network does not, or one account of one's own would unlock all others."""
        async with self._database.writing() as session:
            await Attempts(session).forget(_subject("sign-in-email", email_key))

    async def sign_up(self, address: str) -> None:
        """Counts a sign-up. Raises TooManyRequests when the network has had its share."""
        limit = _Limit(_subject("sign-up-network", network_of(address)), _SIGN_UPS_PER_NETWORK, _SIGN_UP_WINDOW)
        await self._count([limit], "Too many new accounts from this network.")

    async def register_client(self, address: str) -> None:
        """Counts a registration of an agent, which needs no account. Raises TooManyRequests as above."""
        subject = _subject("register-client-network", network_of(address))
        limit = _Limit(subject, _CLIENTS_PER_NETWORK, _SIGN_UP_WINDOW)
        await self._count([limit], "Too many registrations of agents from this network.")

    async def _count(self, limits: Sequence[_Limit], message: str) -> None:
        """Counts in a transaction of its own, so that it outlives the refusal."""
        if not self._active:
            return
        now, waits = self._clock(), []
        async with self._database.writing() as session:
            attempts = Attempts(session)
            await attempts.sweep(now)
            for limit in limits:
                count, ends_at = await attempts.count(limit.subject, now, now + limit.window)
                if count > limit.most:
                    waits.append(ends_at - now)
        _refuse(waits, message)


def _refuse(waits: Sequence[timedelta], message: str) -> None:
    """Raises TooManyRequests if there is anything to wait for."""
    if waits:
        raise TooManyRequests(f"{message} Wait a while, then try again.", max(waits))


def _sign_in_limits(email_key: str, address: str) -> Sequence[_Limit]:
    return (
        _Limit(_subject("sign-in-email", email_key), _FAILURES_PER_EMAIL, _SIGN_IN_WINDOW),
        _Limit(_subject("sign-in-network", network_of(address)), _FAILURES_PER_NETWORK, _SIGN_IN_WINDOW),
    )


def _subject(what: str, whom: str) -> str:
    return f"{what}:{hashlib.sha256(whom.encode('utf-8', 'surrogatepass')).hexdigest()}"


def network_of(address: str) -> str:
    """The /24 of an IPv4 address, the /56 of an IPv6 one: what one person can easily have all of."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return str(ip_network(f"{parsed}/{24 if parsed.version == 4 else 56}", strict=False))  # noqa: PLR2004 - IP version
