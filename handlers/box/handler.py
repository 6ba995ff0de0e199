"""The kind `box`: files that an app may read."""

from __future__ import annotations

from typing import Final

from handlers.base import Bulkhead, Handler, Lent, Source
from handlers.box.config import BoxConfig
from handlers.box.reading import Reader
from handlers.box.source import BoxSource
from services.box.client import Box
from services.box.hosts import host_policy
from services.box.sign_in import BoxApp

CALLS_AT_ONCE: Final = 6
"""Box counts requests per minute and none at a time: six calls at once keep the share of one account fair, and its
60 searches a minute from being spent in a second."""


def connect(config: BoxConfig, lent: Lent) -> Source:
    """The source of these settings; the first call signs in."""
    base_url = lent.endpoints.box
    box = Box(
        app=BoxApp(
            client_id=config.client_id,
            client_secret=config.client_secret,
            subject_type=config.subject_type,
            subject_id=config.subject_id,
        ),
        adapter=lent.egress.requests_adapter(host_policy(base_url)),
        base_url=base_url,
        clock=lent.clock,
        # Twice the calls, because a call that was given up keeps its thread until Box has been silent long enough.
        threads=2 * max(1, CALLS_AT_ONCE // lent.instances),
    )
    return BoxSource(box, Reader(box, lent.text), folder=config.folder)


def share_limit(config: BoxConfig) -> Bulkhead:
    """Box's limits are per user (Box docs, "Rate limits"). A service account belongs to one app in one enterprise."""
    app = f"{config.client_id}:" if config.subject_type == "enterprise" else ""
    return Bulkhead(key=f"box:{app}{config.subject_type}:{config.subject_id}", size=CALLS_AT_ONCE)


BOX: Final = Handler(
    key="box",
    slug="box",
    title="Box",
    description="Files that were shared with an app in Box, searched by name, description, content, comments and tags.",
    icon="package",
    config=BoxConfig,
    connect=connect,
    bulkhead=share_limit,
)
