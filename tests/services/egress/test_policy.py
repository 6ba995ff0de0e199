from __future__ import annotations

import pytest

from services.egress import HostPolicy
from services.egress.policy import Target, is_host


@pytest.mark.parametrize(
    "policy",
    [
        {"origins": ("api.box.com",)},
        {"origins": ("ftp://api.box.com",)},
        {"origins": ("https://user@api.box.com",)},
        {"suffixes": ("snowflakecomputing.com",)},
        {"suffixes": (".Snowflakecomputing.com",)},
        {"redirects_to": ("ftp://dl.boxcloud.com",)},
    ],
    ids=str,
)
def test_a_policy_that_means_nothing_is_refused_when_it_is_written(policy: dict[str, tuple[str, ...]]):
    with pytest.raises(ValueError, match=r"origin|suffix"):
        HostPolicy(**policy)  # type: ignore[arg-type] # one field at a time


def test_the_path_of_an_origin_does_not_matter():
    policy = HostPolicy(origins=("http://127.0.0.1:8900/graph/",))

    assert policy.admits(Target.of("http", "127.0.0.1", 8900))


def test_a_policy_without_hosts_admits_nothing():
    assert not HostPolicy().admits(Target.of("https", "www.example.org", None))


@pytest.mark.parametrize(
    "host", ["a", "db", "a.b", "a-b.c", "a_b.example.org", "1.example.org", "xn--bcher-kva.example"]
)
def test_plain_names_are_hosts(host: str):
    assert is_host(host)


@pytest.mark.parametrize(
    "host",
    ["", ".", "a.", ".a", "a..b", "-a.b", "a-.b", "1", "1.2", "a.1", "a.0x1", "A.b", "ä.b", "a b", "a\n", "x" * 64],
)
def test_other_texts_are_none(host: str):
    assert not is_host(host)


def test_a_name_longer_than_dns_allows_is_none():
    assert not is_host(".".join(["a" * 50] * 6))
