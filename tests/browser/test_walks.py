"""What people do, from the first visit to a connected source: with scripts, without them, by the keyboard alone."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.stand import PASSWORD

Open = Callable[..., Visit]


def fill_in_box(page: Page, *, id: str) -> None:
    page.goto("/sources/new/box")
    page.get_by_label("Name", exact=True).fill("Contracts")
    page.get_by_label("Client ID").fill("abc")
    page.get_by_label("Client secret").fill("a-secret-of-box")
    page.get_by_label("Enterprise or user ID").fill(id)


def test_the_first_steps_lead_to_a_connected_source(visit: Open):
    ann = visit()
    ann.page.goto("/")
    ann.page.get_by_role("link", name="Make an account").click()
    ann.sign_up()
    ann.page.get_by_role("button", name="Try it with sample data").click()
    expect(ann.page.get_by_role("status")).to_contain_text("Ten invented customers are connected.")
    expect(ann.page.locator("[aria-current=step]")).to_contain_text("Make an MCP server")
    ann.page.goto("/")
    expect(ann.page).to_have_url("/welcome")


def test_a_test_of_the_connection_says_in_place_what_is_wrong_and_keeps_what_was_typed(visit: Open):
    ann = visit()
    ann.sign_up()
    fill_in_box(ann.page, id="not a number")
    ann.page.get_by_role("button", name="Test connection").click()
    check = ann.page.locator("#check")
    expect(check).to_contain_text("Enterprise or user ID: This does not have the form that is described here.")
    expect(ann.page.get_by_label("Client secret")).to_have_value("a-secret-of-box")
    ann.page.get_by_label("Enterprise or user ID").fill("123")
    ann.page.get_by_role("button", name="Test connection").click()
    expect(check).to_contain_text("No connection")
    expect(check).to_contain_text("Box cannot be reached.")


def test_a_broken_source_is_seen_and_mended_in_two_clicks(visit: Open):
    ann = visit()
    ann.sign_up()
    fill_in_box(ann.page, id="123")
    ann.page.get_by_role("button", name="Connect and save").click()
    expect(ann.page.get_by_text("Saved, but not connected yet.")).to_be_visible()
    ann.page.goto("/sources")
    ann.page.get_by_role("link", name="Repair Contracts").click()
    expect(ann.page.get_by_label("Client secret")).to_have_value("")
    ann.page.get_by_label("Client secret").fill("the-new-one")
    ann.page.get_by_role("button", name="Save", exact=True).click()
    expect(ann.page.get_by_text("This source needs you")).to_be_visible()


def test_a_source_is_checked_in_place(visit: Open):
    ann = visit()
    ann.sign_up()
    ann.page.get_by_role("button", name="Try it with sample data").click()
    ann.page.goto("/sources")
    ann.page.evaluate("document.body.dataset.same = 'yes'")
    ann.page.get_by_role("button", name="Check now Sample customers").click()
    expect(ann.page.locator("article [role=status]")).to_contain_text("OK")
    assert ann.page.evaluate("document.body.dataset.same") == "yes", "no other page was opened"
    expect(ann.page.locator("article time[data-when]")).to_have_count(0)


def test_queries_are_added_and_taken_away_without_losing_what_was_typed(visit: Open):
    ann = visit()
    ann.sign_up()
    ann.page.goto("/sources/new/customer_db")
    ann.page.get_by_label("Password").fill("typed before")
    ann.page.locator("summary", has_text="Queries").click()
    for _ in range(2):
        ann.page.get_by_role("button", name="Add to Queries").click()
    ann.page.locator("[name='config.queries.1.sql']").fill("SELECT 2")
    ann.page.get_by_role("button", name="Take away Queries 1").click()
    expect(ann.page.locator("[name='config.queries.0.sql']")).to_have_value("SELECT 2")
    expect(ann.page.locator("[name='config.queries.1.sql']")).to_have_count(0)
    expect(ann.page.get_by_label("Password")).to_have_value("typed before")


def test_without_scripts_forms_are_forms(visit: Open):
    """Sign-up, a source by its form with a test before, a check, and signing out."""
    ann = visit(scripts=False)
    email = ann.sign_up()
    page = ann.page
    page.goto("/sources/new/customer_db")
    page.get_by_label("Name", exact=True).fill("Customers")
    page.get_by_label("Database URL").fill("sample")
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#check")).to_contain_text("Connected as")
    expect(page.get_by_label("Database URL")).to_have_value("sample")
    page.get_by_role("button", name="Connect and save").click()
    expect(page.get_by_role("status")).to_contain_text("Customers is connected as")
    page.goto("/sources")
    expect(page.locator("article time").first).to_contain_text("UTC")
    page.get_by_role("button", name="Check now Customers").click()
    expect(page.get_by_role("status")).to_contain_text("Customers is connected as")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url("/signin")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url("/welcome")


def focused(page: Page) -> str:
    """What has the focus, as a reader is told it."""
    text: str = page.evaluate(
        "document.activeElement.labels?.[0]?.innerText ?? document.activeElement.innerText ?? document.activeElement.id"
    )
    return text.strip()


def tab_to(page: Page, name: str) -> None:
    """By the keyboard; what has the focus is always marked."""
    for _ in range(60):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "(style => style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1)"
            "(getComputedStyle(document.activeElement))"
        ), f"the focus cannot be seen on {focused(page)!r}"
        if focused(page).startswith(name):
            return
    raise AssertionError(f"the keyboard does not reach {name!r}")


def test_the_main_path_goes_by_the_keyboard_alone(visit: Open):
    ann = visit()
    page = ann.page
    page.goto("/signup")
    page.keyboard.type("Ann Example")
    tab_to(page, "E-mail address")
    page.keyboard.type("keyboard@example.com")
    tab_to(page, "Password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/welcome")
    tab_to(page, "Connect a source")
    page.keyboard.press("Enter")
    page.wait_for_url("**/sources/new?guide=1")
    tab_to(page, "Customer database")
    page.keyboard.press("Enter")
    page.wait_for_url("**/sources/new/customer_db")
    tab_to(page, "Name")
    page.keyboard.type("Customers")
    tab_to(page, "Database URL")
    page.keyboard.type("sample")
    page.keyboard.press("Enter")
    page.wait_for_url("**/welcome")
    expect(page.get_by_role("status")).to_contain_text("Customers is connected as")


def test_an_expired_session_leads_through_signing_in_back_to_where_one_was(visit: Open):
    ann = visit()
    email = ann.sign_up()
    ann.page.goto("/sources/new/box")
    ann.context.clear_cookies()
    ann.page.get_by_role("button", name="Test connection").click()
    ann.page.wait_for_url("**/signin?next=%2Fsources%2Fnew%2Fbox")
    ann.page.get_by_label("E-mail address").fill(email)
    ann.page.get_by_label("Password").fill(PASSWORD)
    ann.page.get_by_role("button", name="Sign in").click()
    ann.page.wait_for_url("**/sources/new/box")
