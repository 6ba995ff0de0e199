"""Where Box may be asked, and so who may see its token."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from services.box.hosts import host_policy
from services.egress.policy import Target

POLICY = host_policy("https://api.box.com")


def target(url: str) -> Target:
    parts = urlsplit(url)
    return Target.of(parts.scheme, parts.hostname or "", parts.port)


@pytest.mark.parametrize(
    "url", ["https://api.box.com/2.0/search", "https://dl.boxcloud.com/d/1", "https://dl20.boxcloud.com/d/1"]
)
def test_box_and_its_downloads_may_be_asked_and_followed_to(url: str):
    assert POLICY.admits(target(url))
    assert POLICY.follows(target(url))


@pytest.mark.parametrize(
    "url",
    [
        "http://api.box.com/",
        "https://api.box.com:8443/",
        "https://app.box.com/",
        "https://api.box.com.example.com/",
        "http://dl.boxcloud.com/",
        "https://boxcloud.com.example.com/",
        "https://notboxcloud.com/",
        "https://example.com/",
        "http://127.0.0.1:8900/",
        "https://169.254.169.254/",
    ],
)
def test_nobody_else_may(url: str):
    assert not POLICY.admits(target(url))
    assert not POLICY.follows(target(url))


def test_a_stand_in_keeps_its_downloads_itself():
    policy = host_policy("http://127.0.0.1:8900/box")
    assert policy.follows(target("http://127.0.0.1:8900/box/dl/1"))
    assert not policy.follows(target("http://127.0.0.1:8901/box/dl/1"))
