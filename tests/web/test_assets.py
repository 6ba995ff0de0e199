"""Stylesheets and scripts: kept for good by browsers, and changed when their content is."""

from __future__ import annotations

import gzip
import re

import pytest

from tests.stand import Stand
from web.assets import asset_path, missing_packages, published

pytestmark = pytest.mark.anyio


async def test_an_asset_is_kept_for_good_under_the_address_of_its_content(gatehouse: Stand):
    path = asset_path("gatehouse.css")
    assert re.fullmatch(r"/assets/[0-9a-f]{12}/gatehouse\.css", path)
    reply = await gatehouse.http.get(path, headers={"Accept-Encoding": "identity"})
    assert reply.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert reply.headers["content-type"] == "text/css; charset=utf-8"
    assert reply.headers["vary"] == "Accept-Encoding"
    assert "content-encoding" not in reply.headers
    other = path.replace(path.split("/")[2], "0" * 12)
    assert (await gatehouse.http.get(other)).status_code == 404


async def test_it_is_sent_compressed_to_those_who_take_it(gatehouse: Stand):
    async with gatehouse.http.stream("GET", asset_path("gatehouse.css"), headers={"Accept-Encoding": "gzip"}) as reply:
        body = b"".join([part async for part in reply.aiter_raw()])
    assert reply.headers["content-encoding"] == "gzip"
    assert gzip.decompress(body) == published()["gatehouse.css"].plain


async def test_nothing_else_can_be_done_with_it(gatehouse: Stand):
    for method in ("POST", "PUT", "DELETE"):
        reply = await gatehouse.http.request(method, asset_path("mark.svg"))
        assert (reply.status_code, reply.headers["allow"]) == (405, "GET, HEAD")


async def test_the_first_load_of_a_page_is_small(gatehouse: Stand):
    if missing_packages():
        pytest.skip(f"{missing_packages()[0]} is missing: npm ci --ignore-scripts")
    ann = await gatehouse.person()
    gatehouse.http.cookies.set("session", ann.token)
    page = await gatehouse.http.get("/sources")
    paths = {asset.path: asset for asset in published().values()}
    loaded = [asset for path, asset in paths.items() if path in page.text]
    assert {"text/css; charset=utf-8", "text/javascript; charset=utf-8"} <= {asset.media_type for asset in loaded}
    assert sum(len(asset.compressed) for asset in loaded) + len(gzip.compress(page.content)) < 250_000


async def test_no_page_names_another_host_or_has_anything_inline(gatehouse: Stand):
    ann = await gatehouse.person()
    gatehouse.http.cookies.set("session", ann.token)
    for path in ("/", "/welcome", "/sources", "/sources/new/customer_db", "/account", "/admin", "/signin", "/nothing"):
        page = await gatehouse.http.get(path, headers={"Accept": "text/html"}, follow_redirects=True)
        assert not re.findall(r"""(?:src|href|action)\s*=\s*["']?(?:https?:)?//(?!localhost)""", page.text), path
        assert not re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", page.text), path
        policy = page.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
