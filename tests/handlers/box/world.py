"""A small Box: what the service account sees, what one user sees, and what nobody of them does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sandbox.credentials import DEMO
from sandbox.world import BoxUser, Comment, File, Folder, World

ACCOUNT, ANN, BEN = DEMO.box.service_account, DEMO.box.user_id, "30099"
CONTRACTS, YEAR, PLANS, PRIVATE = "501", "502", "503", "504"
START = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)

LONG_QUESTION = (
    "Could you please tell me what we have agreed with the people from Northwind about how much notice either side "
    "has to give in writing before the maintenance of the turbines ends?"
)
NOTICE = "Either side may end the maintenance of the turbines with a notice of ninety days, given in writing."


def _file(id: str, name: str, folder: str, text: str, **told: object) -> File:
    moment = START + timedelta(days=int(id) % 100)
    parts: dict[str, object] = {"owner": ANN, "created_at": START, "modified_at": moment, **told}
    return File(id=id, name=name, folder=folder, text=text, **parts)  # type: ignore[arg-type]  # the caller's care


FILES = (
    _file(
        "9001",
        "Northwind agreement.docx",
        YEAR,
        f"# Agreement\n\nBetween Larkfield and Northwind.\n\n{NOTICE}\n\n| Part | Price |\n| Turbine | 40,000 |",
        shared_link="https://larkfield.app.box.com/s/northwind",
    ),
    _file("9002", "Harbour lease.pdf", CONTRACTS, "# Lease\n\nThe harbour shed is let until 2031 for 900 a month."),
    _file(
        "9003",
        "Quarterly plan.md",
        PLANS,
        "# Quarterly plan\n\nHire two engineers, sell the old crane.",
        description="What we mean to do before the summer",
        comments=(Comment(id="1", author=ANN, text="zeppelin was crossed out", created_at=START),),
        tags=("roadmap",),
    ),
    _file("9004", "Quarterly figures.xlsx", PLANS, "Quarter,Sales\nQ1,120\nQ2,140"),
    _file("9005", "Site photo.png", PLANS, "a picture of the quarterly party"),
    _file("9006", "Uploaded just now.png", PLANS, "quarterly", is_fresh=True),
    _file("9007", "Quarterly salaries.txt", PRIVATE, "Nobody but Ben may read this quarterly list.", owner=BEN),
    _file("9008", "Ann's notes.txt", PRIVATE, "My own quarterly notes."),
)
FOLDERS = (
    Folder(id=CONTRACTS, name="Contracts", members=frozenset({ACCOUNT, ANN})),
    Folder(id=YEAR, name="2026", parent=CONTRACTS),
    Folder(id=PLANS, name="Plans", members=frozenset({ACCOUNT})),
    Folder(id=PRIVATE, name="Private"),
)
USERS = (
    BoxUser(id=ACCOUNT, name="Gatehouse search", login="AutomationUser_1_x@boxdevedition.example.com"),
    BoxUser(id=ANN, name="Ann Meyer", login="ann.meyer@larkfield.example.com"),
    BoxUser(id=BEN, name="Ben Adler", login="ben.adler@larkfield.example.com"),
)
WORLD = World(name="small", mailboxes=(), box_users=USERS, folders=FOLDERS, files=FILES)

SERVICE_ACCOUNT = {
    "client_id": DEMO.box.client_id,
    "client_secret": DEMO.box.client_secret,
    "subject_type": "enterprise",
    "subject_id": DEMO.box.enterprise_id,
}
AS_ANN = {**SERVICE_ACCOUNT, "subject_type": "user", "subject_id": ANN}
