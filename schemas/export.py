"""Everything of an account in one piece."""

from __future__ import annotations

from schemas.accounts import User
from schemas.activity import Activity
from schemas.fields import Reply
from schemas.servers import Server
from schemas.sources import Source


class Export(Reply):
    """Secrets are not in it, and no documents: those are where the sources keep them."""

    user: User
    sources: list[Source]
    servers: list[Server]
    activity: list[Activity]
