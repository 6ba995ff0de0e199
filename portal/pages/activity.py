"""Activity: what agents did in the last hours and days, drawn and in tables, and the audit trail below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Response

from database.models import AuditEvent
from errors import Invalid
from portal.actions.activity import Summary
from portal.pages.actors import Names, names_for
from portal.pages.screen import Own
from portal.pages.typed import Typed
from portal.refusals import Refusal
from portal.texts.catalogue import t, texts
from repositories.audit import Filters
from repositories.figures import SourceFigures
from repositories.paging import Page, Window
from schemas.answers import SourceStatus

RANGES: Final[Mapping[str, timedelta]] = {
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}

_USUAL: Final = "7d"
_AT_ONCE: Final = 50
_DRAWN: Final = 12
"""Sources in a chart; the tables hold all of them."""
_DAY: Final = timedelta(days=1)
_LAST_DAY: Final = date(9998, 12, 31)

router = APIRouter(prefix="/activity", include_in_schema=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the address asks for, as it is written there. Unknown actions, outcomes and ranges are none."""

    server: str
    range: str
    action: str
    outcome: str
    since: str
    until: str

    @classmethod
    def of(cls, typed: Typed) -> Wanted:
        return cls(
            server=typed.get("server"),
            range=_one_of(typed.get("range"), RANGES, _USUAL),
            action=_one_of(typed.get("action"), _known("actions")),
            outcome=_one_of(typed.get("outcome"), _known("outcomes")),
            since=typed.get("from"),
            until=typed.get("to"),
        )

    @property
    def is_narrow(self) -> bool:
        """Whether the trail shows less than everything."""
        return bool(self.action or self.outcome or self.since or self.until)

    def filters(self) -> Filters:
        """Whole days of UTC, the last one included. Raises Invalid."""
        until = _midnight("to", self.until)
        return Filters(
            since=_midnight("from", self.since),
            until=None if until is None else until + _DAY,
            action=self.action or None,
            outcome=self.outcome or None,
            server_id=_server_id(self.server),
        )

    def address(self, **changes: str) -> str:
        """The page's own address, with something else."""
        query = {**_filled(self), **changes}
        return "/activity" + (f"?{urlencode(query)}" if query else "")


@router.get("")
async def activity(screen: Own) -> Response:
    portal, person, wanted = screen.portal, screen.person, Wanted.of(screen.typed)
    window, refusal = Window(_AT_ONCE, screen.typed.get("cursor") or None), None
    page: Page[AuditEvent] = Page([], None)
    filters = Filters()
    try:
        filters = wanted.filters()
        page = await portal.activity.list_mine(person, window, filters)
    except Invalid as error:
        refusal = Refusal.of(error, shown=("from", "to"))
    summary = await portal.activity.summarise_last(person, RANGES[wanted.range], filters.server_id)
    names = await names_for(screen, page.items, summary.agents)
    values = {
        "wanted": wanted,
        "ranges": tuple(RANGES),
        "actions": _known("actions"),
        "outcomes": _known("outcomes"),
        "names": names,
        "summary": summary,
        "totals": _totals(summary),
        "failures": _failures(summary.sources),
        "charts": _charts(summary, names),
        "events": page.items,
        "first": wanted.address() if window.cursor else "",
        "next": wanted.address(cursor=page.next) if page.next else "",
        "csv": "" if refusal else _csv(filters),
        "refusal": refusal,
        "says": says,
    }
    return screen.page("activity.html", values, refusal.status if refusal else 200)


def says(kind: str, name: str) -> str:
    """An action, outcome or status in plain words; one that has none as it is."""
    return texts().get(f"activity.{kind}.{name}", name)


def _known(kind: str) -> Mapping[str, str]:
    """Name to words, in the order of the words."""
    begin = f"activity.{kind}."
    found = {key.removeprefix(begin): text for key, text in texts().items() if key.startswith(begin)}
    return dict(sorted(found.items(), key=lambda pair: pair[1]))


def _one_of(given: str, known: Mapping[str, object], otherwise: str = "") -> str:
    return given if given in known else otherwise


def _filled(wanted: Wanted) -> dict[str, str]:
    given = {
        "server": wanted.server,
        "range": "" if wanted.range == _USUAL else wanted.range,
        "action": wanted.action,
        "outcome": wanted.outcome,
        "from": wanted.since,
        "to": wanted.until,
    }
    return {name: value for name, value in given.items() if value}


def _midnight(field: str, given: str) -> datetime | None:
    """When the day begins; None for an empty field. Raises Invalid."""
    if not given:
        return None
    try:
        day = date.fromisoformat(given)
    except ValueError:
        raise Invalid.field(field, t("activity.trail.no_day")) from None
    if not date.min < day <= _LAST_DAY:
        raise Invalid.field(field, t("activity.trail.no_day"))
    return datetime.combine(day, time(), UTC)


def _server_id(given: str) -> UUID | None:
    """None for all servers. Raises Invalid."""
    if not given:
        return None
    try:
        return UUID(given)
    except ValueError:
        raise Invalid.field("server", t("activity.no_server")) from None


def _csv(filters: Filters) -> str:
    """Where the API has the same events as a table."""
    given = {
        "format": "csv",
        "from": filters.since and filters.since.isoformat(),
        "to": filters.until and filters.until.isoformat(),
        "action": filters.action,
        "outcome": filters.outcome,
        "server_id": filters.server_id and str(filters.server_id),
    }
    return f"/api/v1/activity?{urlencode({name: value for name, value in given.items() if value})}"


def _totals(summary: Summary) -> Mapping[str, int]:
    return {
        "calls": sum(one.calls for one in summary.buckets),
        "searches": sum(one.searches for one in summary.buckets),
        "failed": sum(one.failed for one in summary.buckets),
    }


def _failures(sources: Sequence[SourceFigures]) -> Sequence[str]:
    """The statuses other than ok that occurred, in the order of their names."""
    found = {status for source in sources for status, count in source.by_status.items() if count}
    return [status.value for status in SourceStatus if status is not SourceStatus.OK and status.value in found]


def _charts(summary: Summary, names: Names) -> Mapping[str, Any]:
    """What web/static/charts.js draws."""
    buckets, drawn = summary.buckets, summary.sources[:_DRAWN]
    failing = [source for source in summary.sources if source.asked > source.by_status.get("ok", 0)][:_DRAWN]
    return {
        "calls": {
            "of": t("activity.calls.at"),
            "bucket_s": int(summary.bucket.total_seconds()),
            "at": [int((summary.first + summary.bucket * one.number).timestamp()) for one in buckets],
            "series": [
                _series("all", t("activity.calls.calls"), [one.calls for one in buckets]),
                _series("main", t("activity.calls.searches"), [one.searches for one in buckets]),
                _series("bad", t("activity.calls.failed"), [one.failed for one in buckets]),
            ],
        },
        "latency": {
            "of": t("activity.latency.source"),
            "names": [names.source(source.key) for source in drawn],
            "series": [
                _series("all", t("activity.latency.p95"), [source.p95_ms for source in drawn]),
                _series("main", t("activity.latency.p50"), [source.p50_ms for source in drawn]),
            ],
        },
        "errors": {
            "of": t("activity.latency.source"),
            "names": [names.source(source.key) for source in failing],
            "series": [
                _series(status, says("statuses", status), [source.by_status.get(status, 0) for source in failing])
                for status in _failures(failing)
            ],
        },
    }


def _series(ink: str, label: str, values: Sequence[int]) -> Mapping[str, Any]:
    """`ink` names a colour of the stylesheet."""
    return {"ink": ink, "label": label, "values": values}
