"""The headers that keep a reply from being misused. Every reply has them; an application may say better."""

from __future__ import annotations

from typing import Final

_ALWAYS: Final = {
    "Cache-Control": "no-store",
    # For whatever is not a page: even a browser that is led to it runs and frames nothing. Pages bring their own.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_HSTS: Final = "max-age=31536000; includeSubDomains"


def safety_headers(*, strict_transport: bool) -> dict[str, str]:
    """`strict_transport`: browsers are to come back over https only."""
    return {**_ALWAYS, "Strict-Transport-Security": _HSTS} if strict_transport else dict(_ALWAYS)
