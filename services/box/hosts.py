"""Where Box may be asked."""

from __future__ import annotations

from services.egress import HostPolicy

DOWNLOADS = ".boxcloud.com"
"""`dl.boxcloud.com` and its numbered siblings (Box docs, "Allowing domain access"): files and representations."""


def host_policy(base_url: str) -> HostPolicy:
    """Box's API, and for what it sends us on to: its download hosts, or itself again, which is where a stand-in keeps
    its downloads. Nothing else ever sees the token."""
    return HostPolicy(origins=(base_url,), redirects_to=(DOWNLOADS, base_url))
