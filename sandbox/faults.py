"""The trouble a vendor can make, ordered by flag, by a test, or over `/control`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

from sandbox.behaviour import SOURCES, Source

Kind = Literal[
    "401",
    "403",
    "404",
    "429",
    "429-bare",
    "500",
    "503",
    "hung",
    "slow-headers",
    "drip",
    "cut",
    "wrong-type",
    "not-json",
    "refused",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
STATUSES: dict[Kind, int] = {"401": 401, "403": 403, "404": 404, "429": 429, "429-bare": 429, "500": 500, "503": 503}
_ABOUT_THE_CALLER = frozenset({401, 403, 404})
_NAMES: dict[str, Source] = {"outlook": "graph", **{source: source for source in SOURCES}}


class UnknownFault(Exception):
    """No such source or kind; the message names those there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong with a source's requests until it is taken back.

    | kind | what the caller meets |
    |---|---|
    | 401, 403, 404, 500, 503 | the vendor's own error of this status |
    | 429, 429-bare | with Retry-After, and without |
    | hung | the request is taken and never answered |
    | slow-headers | the right answer, its head one line per `pace_s` |
    | drip | the right answer, its body one byte per `pace_s` |
    | cut | the right answer, half of its body, and the connection ends |
    | wrong-type | 200 and a page of HTML, said to be one |
    | not-json | 200 and a page of HTML, said to be JSON |
    | refused | the connection is reset before a byte is answered (they share a port, so it cannot be closed for one) |
    """

    source: Source
    kind: Kind
    route: str | None = None
    """Only requests to this route (`search`, `token`, ...). Without it all, but for 401, 403 and 404 not the token
    endpoint, where they mean something else."""
    times: int | None = None
    """So often, then no more; None: until taken back."""
    retry_after_s: int = 1
    """Said with a 429."""
    pace_s: float = 1.0
    """Seconds between two pieces of what comes slowly."""

    @property
    def status(self) -> int | None:
        """The status it answers, where it is one of those."""
        return STATUSES.get(self.kind)

    def meets(self, source: Source, route: str) -> bool:
        """Whether a request to this route is in its way."""
        if self.source != source:
            return False
        if self.route is not None:
            return self.route == route
        return route != "token" or self.status not in _ABOUT_THE_CALLER


def parse_fault(text: str) -> Fault:
    """`box=503`, or `graph/messages=hung`; "outlook" means Graph. Raises UnknownFault."""
    target, _, kind = text.partition("=")
    name, _, route = target.partition("/")
    return Fault(source=source_named(name), kind=kind_named(kind), route=route or None)


def source_named(name: str) -> Source:
    """Raises UnknownFault."""
    if name not in _NAMES:
        raise UnknownFault(f"There is no source {name!r}: name one of {', '.join(_NAMES)}.")
    return _NAMES[name]


def kind_named(kind: str) -> Kind:
    """Raises UnknownFault."""
    for known in KINDS:
        if kind == known:
            return known
    raise UnknownFault(f"There is no fault {kind!r}: name one of {', '.join(KINDS)}.")


class Faults:
    """The faults that hold now. Of several in a request's way, the one added last."""

    def __init__(self, ordered: tuple[Fault, ...] = ()) -> None:
        self._held = list(ordered)

    def add(self, fault: Fault) -> None:
        self._held.append(fault)

    def clear(self, source: Source | None = None) -> None:
        """Takes back those of one source, or all."""
        self._held = [fault for fault in self._held if source is not None and fault.source != source]

    def held(self) -> tuple[Fault, ...]:
        """In the order they were added."""
        return tuple(self._held)

    def take(self, source: Source, route: str) -> Fault | None:
        """What goes wrong with this request, if anything; one that was to happen n times has one time fewer."""
        for index in range(len(self._held) - 1, -1, -1):
            fault = self._held[index]
            if not fault.meets(source, route):
                continue
            if fault.times == 1:
                del self._held[index]
            elif fault.times is not None:
                self._held[index] = replace(fault, times=fault.times - 1)
            return fault
        return None
