"""Where a redirect may lead, and what goes along."""

from __future__ import annotations

from errors import SourceUnavailable
from services.egress.guard import NOT_FOLLOWED
from services.egress.policy import HostPolicy, Target

MOST_HOPS = 5
FOLLOWED_STATUSES = frozenset({301, 302, 303, 307, 308})
_SAFE_METHODS = frozenset({"GET", "HEAD"})
_TRAVELS = frozenset({"accept", "accept-encoding", "accept-language", "range", "user-agent"})
"""Headers that another origin may see. Everything else may be a credential, whatever it is called."""


def check_hop(policy: HostPolicy, *, method: str, target: Target, hops: int) -> None:
    """Raises SourceUnavailable unless this is a read, led to where the policy says, a few times at most."""
    if method not in _SAFE_METHODS or not policy.follows(target):
        raise SourceUnavailable(NOT_FOLLOWED)
    if hops >= MOST_HOPS:
        raise SourceUnavailable("The service sent us in circles.")


def travels(header: str, *, same_origin: bool) -> bool:
    """Whether a header of the first request is sent along to the next address."""
    name = header.lower()
    return name in _TRAVELS or (same_origin and name != "host")
