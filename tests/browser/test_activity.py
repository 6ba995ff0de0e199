"""The activity page in a browser: charts that are drawn, in both colour schemes and widths."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
from playwright.sync_api import expect

from config import Settings
from tests.browser.conftest import Visit
from tests.browser.test_pages import look_at
from tests.gateway.wire import request
from tests.stand import PASSWORD


def test_the_charts_are_drawn_and_the_page_is_accessible_and_fits(visit: Callable[..., Visit], house: Settings):
    ann = visit()
    email = ann.sign_up()
    with httpx2.Client(base_url=house.portal_url) as http:
        http.post("/api/v1/signin", json={"email": email, "password": PASSWORD}).raise_for_status()
        body = {"name": "Kunden", "type": "customer_db", "config": {"url": "sample"}}
        source = http.post("/api/v1/sources", json=body).raise_for_status().json()
        made = {"name": "Research", "source_ids": [source["id"]], "access": "public"}
        server = http.post("/api/v1/mcp-servers", json=made).raise_for_status().json()
        for question in ("hart", "osei", "keller"):
            headers, call = request("2025-11-25", "tools/call", {"name": "search", "arguments": {"query": question}})
            http.post(server["url"], json=call, headers=headers).raise_for_status()
    assert look_at(ann, "/activity") == []
    ann.page.set_viewport_size({"width": 1280, "height": 800})
    ann.page.goto("/activity?range=24h")
    charts = ann.page.get_by_role("img")
    expect(charts.first).to_have_attribute(
        "aria-label", "Chart of calls over time: 3 calls, 3 of them searches, 0 failed."
    )
    expect(charts).to_have_count(2)
    for number in range(2):
        inked = (
            charts.nth(number)
            .locator("canvas")
            .evaluate(
                "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data"
                ".some((value, index) => index % 4 === 3 && value > 0)"
            )
        )
        assert inked
        expect(charts.nth(number).locator(".u-legend")).to_be_visible()
    ann.page.get_by_text("As a table").first.click()
    expect(ann.page.locator(".figures[open] td").nth(1)).to_have_text("3")
