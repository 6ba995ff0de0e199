"""Every form of a session carries that session's token; without it nothing is done."""

from __future__ import annotations

import re

import pytest

from tests.gateway.test_hosts import portal_paths
from tests.portal.pages.conftest import Reader, Reading
from tests.stand import Stand

pytestmark = pytest.mark.anyio

WITHOUT_SESSION = {"/signin", "/signup", "/reset", "/scheme"}


def form_paths(gatehouse: Stand) -> list[str]:
    return [
        path
        for method, path in portal_paths(gatehouse)
        if method == "POST" and not path.startswith("/api/") and path not in WITHOUT_SESSION
    ]


async def test_no_form_is_taken_without_its_token(gatehouse: Stand, ann: Reader, reading: Reading):
    bob = await reading(await gatehouse.person("bob"))
    paths = form_paths(gatehouse)
    assert len(paths) > 15
    for path in paths:
        for token in ("", "x" * 43, await bob.form_token()):
            reply = await ann.http.post(path, data={"form_token": token, "token": token, "name": "x"})
            assert reply.status_code == 403, path
    assert (await ann.page("/account")).status_code == 200, "nothing was deleted, and nobody signed out"


async def test_a_token_dies_with_its_session(gatehouse: Stand, ann: Reader):
    token = await ann.form_token()
    fields = {"form_token": token, "current": "correct horse battery staple", "new": "another long password"}
    changed = await ann.http.post("/account/password", data=fields)
    assert changed.status_code == 303
    assert (await ann.http.post("/account/name", data={"form_token": token, "name": "x"})).status_code == 403


async def test_every_form_on_a_page_has_one(ann: Reader):
    for path in ("/welcome", "/sources", "/sources/new/box", "/servers/new", "/account", "/account/delete", "/admin"):
        page = await ann.page(path)
        forms = re.findall(r'<form[^>]*method="post"[^>]*action="([^"]+)"[^>]*>(.*?)</form>', page.text, re.DOTALL)
        assert forms, path
        for action, inside in forms:
            assert 'name="form_token"' in inside or action in WITHOUT_SESSION, (path, action)


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "multipart/form-data; boundary=x"])
async def test_pages_take_forms_and_nothing_else(ann: Reader, kind: str):
    reply = await ann.http.post("/account/name", content=b"name=x", headers={"Content-Type": kind})
    assert reply.status_code == 415
