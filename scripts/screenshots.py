"""Takes the pictures of the documentation out of a running demo: `make screenshots`."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser

from tests.browser import chromium

_ROOT: Final = Path(__file__).parent.parent
_FOLDER: Final = _ROOT / "docs" / "images"
_DESK: Final = (1280, 800)
_PHONE: Final = (390, 844)
_PORTS: Final = 6
_QUESTION: Final = "cold zone too warm: how soon must we telephone Medivar"
_QUESTIONS: Final = (_QUESTION, "invoices of this quarter", "who signed the service agreement")
"""What an agent asks before the pictures are taken, so that there is activity to see."""
_FIRST_SERVER: Final = "article.server h2 a"


@dataclass(frozen=True, slots=True)
class Picture:
    name: str
    path: str
    size: tuple[int, int] = _DESK
    scheme: Literal["light", "dark"] = "light"
    signed_in: bool = True
    follow: str = ""
    """Selects the link to click there, for a page whose address is not known beforehand."""
    ask: str = ""
    """The question to ask there."""


PICTURES: Final = (
    Picture("front", "/", signed_in=False),
    Picture("welcome", "/welcome"),
    Picture("sources", "/sources"),
    Picture("sources-dark", "/sources", scheme="dark"),
    Picture("sources-phone", "/sources", size=_PHONE),
    Picture("source-form", "/sources/new/box"),
    Picture("servers", "/servers"),
    Picture("server", "/servers", follow=_FIRST_SERVER),
    Picture("server-phone", "/servers", size=_PHONE, follow=_FIRST_SERVER),
    Picture("server-new", "/servers/new"),
    Picture("playground", "/playground", ask=_QUESTION),
    Picture("playground-dark", "/playground", scheme="dark", ask=_QUESTION),
    Picture("playground-phone", "/playground", size=_PHONE, ask=_QUESTION),
    Picture("activity", "/activity?range=24h"),
    Picture("activity-dark", "/activity?range=24h", scheme="dark"),
    Picture("account", "/account"),
    Picture("operator", "/admin"),
)


@dataclass(frozen=True, slots=True)
class Demo:
    """A running one, and who may sign in."""

    url: str
    email: str
    password: str
    server: str
    """The address of its MCP server."""
    key: str


def main() -> int:
    """The exit code: 0, or 2 with one sentence."""
    path = chromium.find()
    if path is None:
        sys.stderr.write(f"{chromium.HINT}\n")
        return 2
    _FOLDER.mkdir(parents=True, exist_ok=True)
    with _running_demo() as demo, chromium.launched(path) as browser:
        for question in _QUESTIONS:
            _search_as_an_agent(demo, question)
        for picture in PICTURES:
            _take(browser, demo, picture)
            sys.stdout.write(f"docs/images/{picture.name}.png\n")
    return 0


def _take(browser: Browser, demo: Demo, picture: Picture) -> None:
    context = browser.new_context(
        base_url=demo.url,
        viewport={"width": picture.size[0], "height": picture.size[1]},
        color_scheme=picture.scheme,
        device_scale_factor=1.5,
        locale="en-GB",
        timezone_id="UTC",
        reduced_motion="reduce",
    )
    page = context.new_page()
    if picture.signed_in:
        page.goto("/signin")
        page.get_by_label("E-mail address").fill(demo.email)
        page.get_by_label("Password").fill(demo.password)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda url: "/signin" not in url)
    page.goto(picture.path, wait_until="networkidle")
    if picture.follow:
        page.locator(picture.follow).first.click()
        page.wait_for_load_state("networkidle")
    if picture.ask:
        page.get_by_label("Question").fill(picture.ask)
        page.get_by_role("button", name="Search").click()
        page.locator(".hit").first.wait_for()
    page.screenshot(path=_FOLDER / f"{picture.name}.png")
    context.close()


def _search_as_an_agent(demo: Demo, question: str) -> None:
    command = [sys.executable, "examples/agent.py", demo.server, demo.key, question]
    subprocess.run(command, cwd=_ROOT, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own example


@contextmanager
def _running_demo() -> Iterator[Demo]:
    """`make demo` on free ports; its lines say who may sign in."""
    own, *gateways = _free_ports(_PORTS)
    environment = {
        **os.environ,  # noqa: TID251 - for the demo's own process, which reads its settings from there
        "ANSWER_REUSE_S": "0",  # each picture asks the same question, and shows what the sources really take
        "PORT": str(own),
        "PORTAL_URL": f"http://localhost:{own}",
        "MCP_GATEWAY_URL_POOLS": ",".join(f"http://localhost:{port}" for port in gateways),
    }
    command = [sys.executable, "-m", "sandbox.demo"]
    with subprocess.Popen(command, cwd=_ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            told = {}
            for line in process.stdout or ():
                match = re.match(
                    r"(Demo account|Demo password|MCP server|Key|Everything starts afresh).*?(?:: (.*))?$", line.strip()
                )
                if match is not None:
                    told[match[1]] = match[2]
                if "Everything starts afresh" in told:
                    break
            names = ("Demo account", "Demo password", "MCP server", "Key")
            yield Demo(f"http://localhost:{own}", *(told[name] for name in names))
        finally:
            process.terminate()


def _free_ports(count: int) -> list[int]:
    """Kept apart by holding all of them open at once."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    numbers = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return numbers


if __name__ == "__main__":
    sys.exit(main())
