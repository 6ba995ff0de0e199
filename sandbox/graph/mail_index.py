"""The messages of one mailbox, newest first, and which of them a KQL expression means."""

from __future__ import annotations

import operator
import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from sandbox.behaviour import Clock
from sandbox.graph.kql import All, Any, Node, Not, Restriction, Words
from sandbox.words import EXACT, WordIndex, quoted, words_of
from sandbox.world import Mail, Person

_COLUMNS: Final = ("subject", "body", "sender", "recipient", "copied", "hidden", "files")
_DEFAULT: Final = ("sender", "subject", "body")
_TEXT: Final[dict[str, tuple[str, ...]]] = {
    "subject": ("subject",),
    "body": ("body",),
    "from": ("sender",),
    "to": ("recipient",),
    "cc": ("copied",),
    "bcc": ("hidden",),
    "recipients": ("recipient", "copied", "hidden"),
    "participants": ("sender", "recipient", "copied", "hidden"),
    "attachment": ("files",),
}
_COMPARISONS: Final[dict[str, Callable[[int, int], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    ":": operator.eq,
    "=": operator.eq,
    "<>": operator.ne,
}
_SIZE: Final = re.compile(r"\d+")


class UnreadableValue(Exception):
    """A date or a number that is none; the message says which."""


class MailIndex:
    """Numbers of messages are their places in `mails`."""

    def __init__(self, mails: Sequence[Mail], clock: Clock) -> None:
        self.mails = tuple(sorted(mails, key=lambda mail: mail.sent_at, reverse=True))
        self._oldest_first = [mail.sent_at for mail in reversed(self.mails)]
        self._clock = clock
        self._words = WordIndex(_COLUMNS, (_row(mail) for mail in self.mails), tokenizer=EXACT)

    def search(self, node: Node) -> list[int]:
        """The numbers of the messages that match, newest first. Raises UnreadableValue."""
        return sorted(self._matching(node))

    def _matching(self, node: Node) -> set[int]:
        match node:
            case All(parts):
                return set.intersection(*(self._matching(part) for part in parts))
            case Any(parts):
                return set.union(*(self._matching(part) for part in parts))
            case Not(part):
                return self._all() - self._matching(part)
            case Words(text, is_prefix):
                return self._with_words(text, _DEFAULT, is_prefix=is_prefix)
            case Restriction():
                return self._restricted(node)

    def _restricted(self, asked: Restriction) -> set[int]:
        columns = _TEXT.get(asked.property)
        if columns is not None:
            found = self._with_words(asked.value, columns, is_prefix=asked.is_prefix)
            return self._all() - found if asked.operator == "<>" else found
        if asked.property in {"received", "sent"}:
            return self._on_days(asked)
        if asked.property == "size":
            return self._of_size(asked)
        return self._with(_flag(asked))

    def _with_words(self, text: str, columns: Sequence[str], *, is_prefix: bool) -> set[int]:
        if not words_of(text):
            return self._all()
        star = " *" if is_prefix else ""
        return self._words.matching(f"{{{' '.join(columns)}}} : {quoted(text)}{star}")

    def _on_days(self, asked: Restriction) -> set[int]:
        """Mail arrives the second it is sent here, so that both dates are one."""
        first, end = _span(asked.value, self._clock())
        match asked.operator:
            case ">":
                return self._between(end, None)
            case ">=":
                return self._between(first, None)
            case "<":
                return self._between(None, first)
            case "<=":
                return self._between(None, end)
            case "<>":
                return self._all() - self._between(first, end)
            case _:
                return self._between(first, end)

    def _between(self, first: datetime | None, end: datetime | None) -> set[int]:
        low = bisect_left(self._oldest_first, first) if first else 0
        high = bisect_left(self._oldest_first, end) if end else len(self.mails)
        return set(range(len(self.mails) - high, len(self.mails) - low))

    def _of_size(self, asked: Restriction) -> set[int]:
        low, _, high = asked.value.partition("..")
        if not _SIZE.fullmatch(low) or (high and not _SIZE.fullmatch(high)):
            raise UnreadableValue(f"The value '{asked.value}' of the property 'size' is not a number.")
        if high:
            return self._with(lambda mail: int(low) <= size_bytes(mail) <= int(high))
        compare = _COMPARISONS[asked.operator]
        return self._with(lambda mail: compare(size_bytes(mail), int(low)))

    def _with(self, has: Callable[[Mail], bool]) -> set[int]:
        return {number for number, mail in enumerate(self.mails) if has(mail)}

    def _all(self) -> set[int]:
        return set(range(len(self.mails)))


def size_bytes(mail: Mail) -> int:
    """About what the message takes in the store."""
    return 1_000 + len(mail.body.encode()) + sum(2_000 + len(part.text.encode()) for part in mail.attachments)


def _row(mail: Mail) -> tuple[str, ...]:
    files = "\n".join(attachment.name for attachment in mail.attachments)
    return (
        mail.subject,
        mail.body,
        _people(mail.sender),
        _people(*mail.to),
        _people(*mail.cc),
        _people(*mail.bcc),
        files,
    )


def _people(*people: Person) -> str:
    return "\n".join(f"{person.name} {person.address}" for person in people)


def _flag(asked: Restriction) -> Callable[[Mail], bool]:
    """The remaining properties; one that does not exist matches nothing."""
    value = asked.value.lower()
    match asked.property:
        case "hasattachments" | "hasattachment":
            return lambda mail: bool(mail.attachments) == (value in {"true", "yes", "1"})
        case "importance":
            return lambda mail: mail.importance == value
        case "kind":
            return lambda _mail: value == "email"
        case _:
            return lambda _mail: False


def _span(value: str, now: datetime) -> tuple[datetime, datetime]:
    """The moments that a value means, from the first up to, not including, the end."""
    low, dots, high = value.partition("..")
    if dots:
        return _one_span(low, now)[0], _one_span(high, now)[1]
    return _one_span(low, now)


def _one_span(value: str, now: datetime) -> tuple[datetime, datetime]:
    """A named time, a day, or a second. Raises UnreadableValue."""
    today = datetime(now.year, now.month, now.day, tzinfo=UTC)
    named = _named_spans(today).get(value.lower())
    if named is not None:
        return named
    try:
        if re.fullmatch(r"\d{1,2}/\d{1,2}/\d{4}", value):
            month, day, year = (int(part) for part in value.split("/"))
            first = datetime(year, month, day, tzinfo=UTC)
            return first, first + timedelta(days=1)
        if "T" in value:
            moment = datetime.fromisoformat(value)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return moment, moment + timedelta(seconds=1)
        first = datetime.combine(date.fromisoformat(value), datetime.min.time(), UTC)
    except ValueError as error:
        raise UnreadableValue(f"The value '{value}' is not a date.") from error
    return first, first + timedelta(days=1)


def _named_spans(today: datetime) -> dict[str, tuple[datetime, datetime]]:
    day, week_day = timedelta(days=1), today.weekday()
    monday = today - week_day * day
    month, year = today.replace(day=1), today.replace(month=1, day=1)
    last_month = (month - day).replace(day=1)
    return {
        "today": (today, today + day),
        "yesterday": (today - day, today),
        "this week": (monday, monday + 7 * day),
        "last week": (monday - 7 * day, monday),
        "this month": (month, (month + 31 * day).replace(day=1)),
        "last month": (last_month, month),
        "this year": (year, year.replace(year=year.year + 1)),
        "last year": (year.replace(year=year.year - 1), year),
    }
