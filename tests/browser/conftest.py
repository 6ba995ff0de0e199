"""One Gatehouse for all browser tests of a run, one browser per module; each test has its own account and profile."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from config import Settings
from tests.browser import chromium
from tests.browser.house import open_house
from tests.browser.watching import Watched, watch
from tests.stand import PASSWORD, ports, settings_for
from web.assets import missing_packages


@dataclass(frozen=True, slots=True)
class Visit:
    """A browser profile at the portal, and everything that went wrong in it."""

    context: BrowserContext
    page: Page
    watched: Watched

    def sign_up(self, name: str = "Ann Example", *, email: str | None = None) -> str:
        """By the form, as a person would; the address."""
        email = email or f"ann-{secrets.token_hex(4)}@example.com"
        self.page.goto("/signup")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("E-mail address").fill(email)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Make account").click()
        self.page.wait_for_url("**/welcome")
        return email


@pytest.fixture(scope="module")
def browser(sqlite_template: Path) -> Iterator[Browser]:
    """Per module, because an event loop runs in this thread as long as it is open: neither async tests nor fixtures
    that run a loop of their own (`sqlite_template`, so it comes first) could go on beside it."""
    path = chromium.find()
    if path is None:
        pytest.skip(chromium.HINT)
    if missing_packages():
        pytest.skip(f"{missing_packages()[0]} is missing: npm ci --ignore-scripts")
    with chromium.launched(path) as launched:
        yield launched


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Settings]:
    """The settings of a running Gatehouse."""
    folder = tmp_path_factory.mktemp("house")
    database = folder / "gatehouse.db"
    database.write_bytes(sqlite_template.read_bytes())
    own, *gateways = ports(41)
    settings = settings_for(
        f"sqlite+aiosqlite:///{database}",
        folder,
        port=own,
        portal_url=f"http://localhost:{own}",
        mcp_gateway_url_pools=",".join(f"http://localhost:{port}" for port in gateways),
        rate_limits=False,
    )
    with open_house(settings):
        yield settings


@pytest.fixture
def visit(browser: Browser, house: Settings) -> Iterator[Callable[..., Visit]]:
    """Opens a fresh profile: `visit()`, `visit(scripts=False)`. Afterwards nothing may have gone wrong in any of
    them."""
    opened: list[Visit] = []

    def open_profile(*, scripts: bool = True) -> Visit:
        context = browser.new_context(
            base_url=house.portal_url, viewport={"width": 1280, "height": 800}, java_script_enabled=scripts
        )
        context.set_default_timeout(15_000)
        page = context.new_page()
        opened.append(Visit(context, page, watch(page)))
        return opened[-1]

    yield open_profile
    for one in opened:
        one.context.close()
        assert one.watched.problems == []
