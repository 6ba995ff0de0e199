"""The consent page in a real browser, which has its own opinion of where a form may lead."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlencode

import httpx2
from playwright.sync_api import Browser, expect

from config import Settings
from tests.browser.conftest import Visit
from tests.browser.house import open_house
from tests.browser.test_pages import LONG, RIGHT_TO_LEFT, look_at
from tests.portal.oauth.flow import challenge_of
from tests.stand import PASSWORD, ports, settings_for

EMAIL = "ann@example.com"


@contextmanager
def listening() -> Iterator[tuple[int, list[str]]]:
    """An agent on this machine: its port, and the paths that a browser came to."""
    visited: list[str] = []

    class Agent(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            visited.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"You may close this page.")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Agent)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1], visited
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_page_is_accessible_and_fits_whether_one_server_is_named_or_one_is_to_be_chosen(
    visit: Callable[..., Visit], house: Settings
):
    ann = visit()
    email = ann.sign_up()
    with httpx2.Client(base_url=house.portal_url) as http:
        http.post("/api/v1/signin", json={"email": email, "password": PASSWORD}).raise_for_status()
        bodies = [{"name": name, "source_ids": []} for name in (LONG, RIGHT_TO_LEFT)]
        servers = [http.post("/api/v1/mcp-servers", json=body).raise_for_status().json() for body in bodies]
        body = {"redirect_uris": ["https://agent.example.com/callback"], "token_endpoint_auth_method": "none"}
        client_id = http.post("/register", json={**body, "client_name": LONG}).json()["client_id"]
    asked = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": "https://agent.example.com/callback",
        "code_challenge": challenge_of("x" * 43),
        "code_challenge_method": "S256",
        "scope": "mcp:read mcp:write offline_access",
    }
    assert look_at(ann, f"/authorize?{urlencode(asked)}") == []
    choices = ann.page.get_by_role("radio")
    expect(choices).to_have_count(2)
    ann.page.get_by_text(RIGHT_TO_LEFT, exact=True).click()
    expect(choices.and_(ann.page.locator(":checked"))).to_have_value(servers[1]["id"])
    assert look_at(ann, f"/authorize?{urlencode({**asked, 'resource': servers[0]['url']})}") == []
    expect(choices).to_have_count(0)
    expect(ann.page.get_by_role("main")).to_contain_text(servers[0]["domain"])


def test_a_browser_is_let_through_from_the_agent_to_the_agent(browser: Browser, sqlite_url: str, tmp_path: Path):
    """Over sign-in and consent, without a script, without a word from the page's policy."""
    portal, gateway = ports(2)
    settings = settings_for(sqlite_url, tmp_path, port=portal, mcp_gateway_url_pools=f"http://localhost:{gateway}")
    with open_house(settings), listening() as (port, visited):
        with httpx2.Client(base_url=settings.portal_url) as http:
            http.post("/api/v1/signup", json={"email": EMAIL, "password": PASSWORD, "name": "Ann"}).raise_for_status()
            http.post("/api/v1/signin", json={"email": EMAIL, "password": PASSWORD}).raise_for_status()
            http.post("/api/v1/mcp-servers", json={"name": "Mine", "source_ids": []}).raise_for_status()
            body = {"redirect_uris": ["http://127.0.0.1/callback"], "token_endpoint_auth_method": "none"}
            client_id = http.post("/register", json=body).json()["client_id"]
        asked = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": f"http://127.0.0.1:{port}/callback",
            "code_challenge": challenge_of("x" * 43),
            "code_challenge_method": "S256",
        }
        context = browser.new_context(java_script_enabled=False)
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.goto(f"{settings.portal_url}/authorize?{urlencode(asked)}")
        page.fill("input[name=email]", EMAIL)
        page.fill("input[name=password]", PASSWORD)
        page.click("form[action='/signin'] button")
        assert page.url.startswith(f"{settings.portal_url}/consent?")
        page.click("button[value=allow]")
        page.wait_for_url(f"http://127.0.0.1:{port}/**")
        context.close()
    assert [where for where in visited if where.startswith("/callback?code=gac_")]
    assert said == []
