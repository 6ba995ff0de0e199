"""Every page, at the widths of a desk and of a phone, in both colour schemes: accessible, nothing too wide, nothing
that the security policy refuses."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import ViewportSize

from tests.browser.axe import serious_findings
from tests.browser.conftest import Visit

DESK: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}
LONG = "Verträge der ganzen Firma " * 3 + "UndEinWortOhneJedenZwischenraumDasNirgendsBrichtWeilEsNieEndet"[:22]
RIGHT_TO_LEFT = "صندوق البريد 7 (ann)"

STRANGERS = (
    "/",
    "/signin",
    "/signup",
    "/reset",
    "/reset?token=x",
    "/join?token=x",
    "/nothing/here",
    "/api/docs",
    "/guides/box",
)
OWN = (
    *("/welcome", "/sources", "/sources?q=zzz", "/sources/new", "/sources/new/outlook", "/sources/new/snowflake"),
    *("/sources/new/customer_db", "/servers", "/servers/new", "/account", "/account/delete", "/admin"),
    *("/playground", "/activity", "/activity?action=tool.called&from=2026-01-01"),
)


def look_at(visit: Visit, path: str) -> list[str]:
    """What is wrong with this page, in every dress."""
    found: list[str] = []
    for scheme in ("light", "dark"):
        visit.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for size in (DESK, PHONE):
            visit.page.set_viewport_size(size)
            visit.page.goto(path)
            where = f"{path} {scheme} {size['width']}"
            found += [f"{where}: {finding}" for finding in serious_findings(visit.page)]
            if visit.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                found.append(f"{where}: wider than the window")
    return found


@pytest.mark.parametrize("path", STRANGERS)
def test_a_page_for_strangers_is_accessible_and_fits(visit: Callable[..., Visit], path: str):
    assert look_at(visit(), path) == []


def test_the_pages_of_an_account_are_accessible_and_fit(visit: Callable[..., Visit]):
    """With names that are long, or run from right to left."""
    ann = visit()
    ann.sign_up(RIGHT_TO_LEFT)
    for name in (LONG, RIGHT_TO_LEFT):
        ann.page.goto("/sources/new/customer_db")
        ann.page.get_by_label("Name", exact=True).first.fill(name)
        ann.page.get_by_label("Database URL").fill("sample")
        ann.page.get_by_role("button", name="Connect and save").click()
        ann.page.wait_for_url("**/welcome")
    ann.page.goto("/sources")
    edit = ann.page.get_by_role("link", name="Edit").first.get_attribute("href") or ""
    found = [problem for path in (*OWN, edit, f"{edit}/delete") for problem in look_at(ann, path)]
    assert found == []


def test_the_colours_that_the_reader_chose_are_kept(visit: Callable[..., Visit]):
    ann = visit(scripts=False)
    ann.sign_up()
    for name, scheme in (("Dark", "dark"), ("Light", "light")):
        ann.page.goto("/account")
        ann.page.get_by_role("button", name=name, exact=True).click()
        for path in ("/account", "/sources", "/nothing"):
            ann.page.goto(path)
            assert ann.page.locator("html").get_attribute("data-scheme") == scheme
    ann.page.goto("/account")
    ann.page.get_by_role("button", name="Like the system").click()
    assert ann.page.locator("html").get_attribute("data-scheme") is None
