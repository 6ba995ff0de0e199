"""Servers in a browser: every page of one, and what people do there, with scripts and without."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.test_pages import LONG, RIGHT_TO_LEFT, look_at

Open = Callable[..., Visit]

PLACES = ("", "/sources", "/sources/choose", "/agents", "/members", "/keys", "/settings", "/delete")


def connect_sample(page: Page) -> None:
    page.goto("/welcome")
    page.get_by_role("button", name="Try it with sample data").click()
    expect(page.get_by_role("status")).to_contain_text("Ten invented customers are connected.")


def make(page: Page, name: str = "Research") -> str:
    """By the form; the path of the server's page."""
    page.goto("/servers/new")
    page.get_by_label("Name", exact=True).fill(name)
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="Make the server").click()
    expect(page.get_by_role("status").first).to_contain_text("Now connect an agent to it.")
    return "/" + page.url.partition("//")[2].partition("/")[2]


def test_the_pages_of_a_server_are_accessible_and_fit(visit: Open):
    """With names that are long, or run from right to left, and with every section filled."""
    ann = visit()
    ann.sign_up(RIGHT_TO_LEFT)
    found = look_at(ann, "/servers")
    connect_sample(ann.page)
    make(ann.page, RIGHT_TO_LEFT)
    path = make(ann.page, LONG)
    ann.page.goto(f"{path}/keys")
    ann.page.get_by_label("Name", exact=True).fill(LONG)
    ann.page.get_by_role("button", name="Make the key").click()
    ann.page.goto(f"{path}/members")
    ann.page.get_by_label("E-mail address").fill("somebody-with-a-rather-long-name@mail.department.example.com")
    ann.page.get_by_role("button", name="Make the link").click()
    ann.page.goto(f"{path}/sources")
    use = ann.page.get_by_role("link", name="Budget and tools").get_attribute("href") or ""
    paths = ("/servers", "/servers/new", *(path + place for place in PLACES), use)
    found += [problem for one in paths for problem in look_at(ann, one)]
    assert found == []


def test_a_source_is_switched_in_place(visit: Open):
    ann = visit()
    ann.sign_up()
    connect_sample(ann.page)
    ann.page.goto(f"{make(ann.page)}/sources")
    ann.page.evaluate("document.body.dataset.same = 'yes'")
    switch = ann.page.get_by_role("switch", name="Search Sample customers")
    expect(switch).to_be_checked()
    switch.press("Space")
    expect(switch).not_to_be_checked()
    expect(ann.page.get_by_text("Switched off")).to_be_visible()
    switch.click()
    expect(switch).to_be_checked()
    assert ann.page.evaluate("document.body.dataset.same") == "yes", "no other page was opened"


def test_many_sources_are_filtered_and_ticks_stay(visit: Open):
    ann = visit()
    ann.sign_up()
    body = {"type": "customer_db", "config": {"url": "sample"}}
    for number in range(10):
        made = ann.page.request.post("/api/v1/sources", data={"name": f"Source {number}", **body})
        assert made.ok
    ann.page.goto("/servers/new")
    ann.page.get_by_label("Source 3").check()
    find = ann.page.get_by_role("searchbox", name="Filter by name")
    find.fill("CE 7")
    expect(ann.page.get_by_role("checkbox")).to_have_count(1)
    find.press("Enter")
    expect(ann.page).to_have_url("/servers/new")
    find.fill("nothing")
    expect(ann.page.get_by_text("No source is called that.")).to_be_visible()
    find.fill("")
    expect(ann.page.get_by_label("Source 3")).to_be_checked()


def test_the_steps_of_one_client_are_open_at_a_time_and_can_be_copied(visit: Open):
    ann = visit()
    ann.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ann.sign_up()
    make(ann.page)
    address = ann.page.locator("#server-url").input_value()
    ann.page.locator("#with-claude_code > summary").click()
    expect(ann.page.locator("#with-chatgpt")).not_to_have_attribute("open", "")
    ann.page.locator("#with-claude_code").get_by_role("button", name="Copy").first.click()
    expect(ann.page.locator("#with-claude_code").get_by_text("Copied")).to_be_visible()
    copied = ann.page.evaluate("navigator.clipboard.readText()")
    assert copied == f"claude mcp add --transport http gatehouse {address}"


def test_without_scripts_a_server_is_made_used_and_deleted(visit: Open):
    ann = visit(scripts=False)
    ann.sign_up()
    connect_sample(ann.page)
    path = make(ann.page)
    ann.page.locator("#with-curl > summary").click()
    expect(ann.page.locator("#curl-1")).to_contain_text("curl -s http://localhost:")
    ann.page.goto(f"{path}/sources")
    ann.page.get_by_role("switch").click()
    expect(ann.page.get_by_role("switch")).not_to_be_checked()
    ann.page.goto(f"{path}/keys")
    ann.page.get_by_label("Name", exact=True).fill("Nightly")
    ann.page.get_by_role("button", name="Make the key").click()
    assert ann.page.locator("#new-key").input_value().startswith("gh_")
    ann.page.locator("summary", has_text="Revoke").click()
    ann.page.get_by_role("button", name="Revoke for good").click()
    expect(ann.page.get_by_role("status")).to_contain_text("The key is revoked.")
    ann.page.goto(f"{path}/delete")
    ann.page.get_by_role("button", name="Delete the server").click()
    expect(ann.page.get_by_text("No server yet")).to_be_visible()
