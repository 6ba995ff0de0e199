"""Which IP addresses belong to the public internet, and which are never to be dialled."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
AddressRange = IPv4Network | IPv6Network

NEVER: Sequence[AddressRange] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # "this host": Linux dials itself
        "169.254.0.0/16",  # link-local; 169.254.169.254 hands out a cloud machine's credentials
        "224.0.0.0/4",
        "255.255.255.255/32",
        "100.100.100.200/32",  # metadata of Alibaba Cloud
        "168.63.129.16/32",  # the host agent of Azure, inside a public range
        "192.0.0.192/32",  # metadata of Oracle Cloud
        "::/128",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
        "fd00:ec2::/32",  # metadata of AWS
        "fd20:ce::254/128",  # metadata of Google Cloud
    )
)
"""Refused even where the operator allows a network that holds them."""

# Older patch releases of Python 3.11 call these global (tried on 3.11.7); IANA's registries do not.
_NOT_PUBLIC: Sequence[AddressRange] = tuple(
    ip_network(text)
    for text in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2001:db8::/32", "2620:4f:8000::/48", "3fff::/20")
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")


def parse(text: str) -> Address | None:
    """The address, if the text is one in its usual form; octal, hexadecimal and shortened forms are not, nor are zones
    (`fe80::1%eth0`). IPv4 addresses written as IPv6 (`::ffff:10.0.0.1`) come out as IPv4."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return address
    return None if address.scope_id else address.ipv4_mapped or address


def is_public(address: Address) -> bool:
    """Whether the address, and every IPv4 address packed into it, is part of the public internet."""
    return all(_is_public(face) for face in _faces(address))


def is_loopback(address: Address) -> bool:
    return all(face.is_loopback for face in _faces(address))


def is_forbidden(address: Address) -> bool:
    """Whether the address must not be dialled whatever the operator allows."""
    return any(_inside(face, NEVER) for face in _faces(address))


def is_inside(address: Address, ranges: Sequence[AddressRange]) -> bool:
    """Whether the address, with every IPv4 address packed into it, lies in these ranges."""
    return all(_inside(face, ranges) for face in _faces(address))


def _inside(address: Address, ranges: Sequence[AddressRange]) -> bool:
    return any(address in one for one in ranges)


def _is_public(address: Address) -> bool:
    if not address.is_global or address.is_multicast or _inside(address, NEVER) or _inside(address, _NOT_PUBLIC):
        return False
    return isinstance(address, IPv4Address) or address in _GLOBAL_UNICAST


def _faces(address: Address) -> Sequence[Address]:
    """The addresses that a packet to this one may end up at: itself, and the IPv4 ones that tunnels take out of it."""
    if isinstance(address, IPv4Address):
        return (address,)
    if address in _NAT64:
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    if address.sixtofour is not None:
        return (address, address.sixtofour)
    if address.teredo is not None:
        return (address, *address.teredo)
    return (address,)
