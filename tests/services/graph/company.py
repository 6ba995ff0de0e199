"""A company with a few mailboxes, for the stand-in of Graph."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sandbox.credentials import DEMO
from sandbox.world import Attachment, Mail, Mailbox, Person, World

ANN = Person(name="Ann Meyer", address=DEMO.entra.user)
BEN = Person(name="Ben Ode", address="ben.ode@larkfield.example.com")
CAT = Person(name="Cat Roe", address="cat.roe@partner.example.net")
UNLICENSED = Person(name="Old Hand", address="old.hand@larkfield.example.com")
OUT_OF_SCOPE = Person(name="The Board", address="board@larkfield.example.com")
ANNS_ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
NEWEST = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)

MAILBOXES = (
    Mailbox(id=ANNS_ID, owner=ANN),
    Mailbox(id="7c9e6679-7425-40de-944b-e07fc1f90ae7", owner=BEN),
    Mailbox(id="550e8400-e29b-41d4-a716-446655440000", owner=UNLICENSED, licensed=False),
    Mailbox(id="6ba7b810-9dad-11d1-80b4-00c04fd430c8", owner=OUT_OF_SCOPE, in_scope=False),
)


def mail(id: str, subject: str, body: str, *, hours_ago: int = 0, attachments: tuple[Attachment, ...] = ()) -> Mail:
    """A message from Ben in Ann's mailbox."""
    return Mail(
        id=id,
        mailbox=ANN.address,
        conversation=f"thread-{id}",
        subject=subject,
        sender=BEN,
        to=(ANN,),
        cc=(CAT,),
        sent_at=NEWEST - timedelta(hours=hours_ago),
        body=body,
        attachments=attachments,
    )


LEASE = mail(
    "lease",
    "Warehouse lease in Tilburg",
    "Dear Ann,\n\nthe landlord accepts our offer for the warehouse in Tilburg: five years from March, with a break "
    "clause after three. The deposit is two months of rent. Please sign the lease by Friday.\n\nBen",
    hours_ago=30,
)
PLAN = mail(
    "plan",
    "Quarterly plan",
    "Ann, the quarterly plan is attached. Hiring is frozen until the depot in Tilburg opens.",
    hours_ago=20,
    attachments=(
        Attachment(name="plan.txt", text="Open the depot in March.\nHire six drivers in April."),
        Attachment(
            name="Re: drivers",
            kind="item",
            item=mail("inner", "Re: drivers", "We have eleven applications from drivers with a truck licence."),
        ),
        Attachment(name="Budget on the intranet", kind="reference"),
        Attachment(name="logo.png", text="Larkfield", is_inline=True),
    ),
)
LUNCH = mail("lunch", "Lunch?", "The usual place at noon?", hours_ago=1)
REMINDER = mail(
    "reminder",
    "Reminder: quarterly plan",
    "Comments on the quarterly plan are due on Monday, also about INV-2026-017.",
    hours_ago=2,
)
MAILS = (LEASE, PLAN, LUNCH, REMINDER)


def company(mails: tuple[Mail, ...] = MAILS) -> World:
    """The company with these messages."""
    return World(name="Larkfield", mailboxes=MAILBOXES, mails=mails, box_users=())
