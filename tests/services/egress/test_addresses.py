from __future__ import annotations

import pytest

from services.egress.addresses import is_forbidden, is_public, parse


@pytest.mark.parametrize("text", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::101:101", "2002:101:101::"])
def test_public_addresses(text: str):
    address = parse(text)
    assert address is not None
    assert is_public(address)


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1", "10.0.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1", "192.0.0.8", "192.0.2.1",
        "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
        "0.0.0.0", "168.63.129.16",  # noqa: S104 - nothing is bound
        "::", "::1", "::7f00:1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001::1",
        "2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1", "fc00::1", "fe80::1", "fec0::1", "ff0e::1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(text: str):
    address = parse(text)
    assert address is not None
    assert not is_public(address)


@pytest.mark.parametrize("text", ["169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "fd00:ec2::254"])
def test_metadata_is_forbidden_however_it_is_packed(text: str):
    address = parse(text)
    assert address is not None
    assert is_forbidden(address)


@pytest.mark.parametrize(
    "text",
    ["0177.0.0.1", "127.1", "2130706433", "0x7f.0.0.1", "::1%lo", "\N{FULLWIDTH DIGIT ONE}.1.1.1", "1.1.1.1 ", ""],
)
def test_other_notations_are_no_addresses(text: str):
    assert parse(text) is None


def test_a_mapped_address_is_the_address_that_it_maps():
    assert str(parse("::ffff:1.2.3.4")) == "1.2.3.4"
