"""What is asked of Box, and what is made of its answers."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from errors import NotFound, SourceUnauthorized, SourceUnavailable
from services.box.client import MOST_JSON_BYTES, Box, Content, NotReady
from services.box.values import Folder, Representation
from tests.services.box.stand_in import TOKEN, StandIn, cut, error, file_json, page, says, slowly, whole

pytestmark = pytest.mark.anyio


TEXT = "/dl/extracted_text/content/"
LOOK = "/2.0/internal_files/1/versions/11/representations/extracted_text"


async def form(vendor: StandIn, box: Box, state: str) -> Representation:
    """The file's plain text, in this state."""
    vendor.offer("extracted_text", state)
    found = (await box.file("1", representations=())).representation("extracted_text")
    assert found is not None
    return found


async def test_a_search_asks_for_files_by_all_that_can_be_searched(vendor: StandIn, box: Box):
    await box.search("quarterly plan", limit=50, offset=100, folder="500")
    asked = vendor.last("/2.0/search")
    assert asked.query == {
        "query": "quarterly plan",
        "type": "file",
        "content_types": "name,description,file_content,comments,tags",
        "fields": "id,type,name,description,modified_at,size,extension,path_collection,shared_link,owned_by",
        "limit": "50",
        "offset": "100",
        "ancestor_folder_ids": "500",
    }
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"


async def test_without_a_folder_none_is_named(vendor: StandIn, box: Box):
    await box.search("quarterly plan", limit=50)
    assert "ancestor_folder_ids" not in vendor.last("/2.0/search").query


async def test_a_hit_is_told_as_frozen_values(vendor: StandIn, box: Box):
    shared = {"url": "https://example.app.box.com/s/abc", "access": "company"}
    vendor.script["/2.0/search"] = says(200, page(file_json("7", shared_link=shared), total=41))
    found = await box.search("report", limit=1)
    (file,) = found.entries
    assert found.total_count == 41
    assert (file.id, file.name, file.size, file.extension) == ("7", "Report 7.docx", 12_345, "docx")
    assert file.modified_at == datetime(2026, 10, 2, 9, 0, tzinfo=UTC)
    assert file.modified_at.tzinfo is UTC
    assert file.owner is not None
    assert file.owner.name == "Ann Meyer"
    assert file.shared_link == "https://example.app.box.com/s/abc"
    assert file.path == (Folder(id="0", name="All Files"), Folder(id="500", name="Contracts"))
    with pytest.raises(ValidationError):
        file.name = "other"  # type: ignore[misc]  # that is what is tried


async def test_a_hit_of_which_little_is_known_is_a_hit_still(vendor: StandIn, box: Box):
    vendor.script["/2.0/search"] = says(200, page({"type": "file", "id": "7", "modified_at": None, "owned_by": None}))
    (file,) = (await box.search("report", limit=1)).entries
    assert (file.name, file.modified_at, file.owner, file.path) == ("", None, None, ())


async def test_an_account_has_a_name(box: Box):
    assert (await box.me()).name == "Search app"


async def test_a_folder_that_is_not_shown_is_for_the_owner_to_mend(vendor: StandIn, box: Box):
    vendor.script["/2.0/search"] = error(404, "not_found")
    for call in (box.folder("500"), box.search("report", limit=1, folder="500")):
        with pytest.raises(SourceUnauthorized, match="invite the app's service account"):
            await call


async def test_a_file_tells_its_other_forms(vendor: StandIn, box: Box):
    vendor.offer("markdown", "none")
    vendor.offer("extracted_text", "success")
    file = await box.file("1", representations=("markdown", "extracted_text"))
    assert vendor.last("/2.0/files/1").headers["x-rep-hints"] == "[markdown][extracted_text]"
    assert vendor.last("/2.0/files/1").query["fields"].endswith(",version_number,representations")
    assert file.version == "3"
    markdown, plain = file.representation("markdown"), file.representation("extracted_text")
    assert markdown is not None
    assert (markdown.is_ready, markdown.may_become_ready) == (False, True)
    assert plain is not None
    assert plain.is_ready
    assert plain.content_url == f"{vendor.origin}{TEXT}"
    assert file.representation("jpg") is None


@pytest.mark.parametrize("id", ["", "0x1", "-1", "1/2", "..", "%00", "1\r\nX: y", "1?a=b", "\u0661", "1" * 21])
async def test_what_cannot_be_an_id_is_not_asked_for(vendor: StandIn, box: Box, id: str):
    with pytest.raises(NotFound):
        await box.file(id, representations=())
    assert vendor.asked == []


@pytest.mark.parametrize("status", [403, 404, 405, 410])
async def test_a_file_that_may_not_be_read_is_not_there(vendor: StandIn, box: Box, status: int):
    vendor.script["/2.0/files/8"] = error(status, "access_denied_insufficient_permissions")
    with pytest.raises(NotFound):
        await box.file("8", representations=())


async def test_a_scope_that_is_missing_is_no_missing_file(vendor: StandIn, box: Box):
    challenge = 'Bearer realm="Service", error="insufficient_scope"'
    vendor.script["/2.0/files/8"] = says(403, www_authenticate=challenge)
    with pytest.raises(SourceUnauthorized, match="Read all files and folders"):
        await box.file("8", representations=())


async def test_another_file_than_the_one_asked_for_is_refused(vendor: StandIn, box: Box):
    vendor.script["/2.0/files/8"] = says(200, file_json("9"))
    with pytest.raises(SourceUnavailable):
        await box.file("8", representations=())


async def test_asking_for_a_form_tells_how_far_it_is(vendor: StandIn, box: Box):
    asked_for = await form(vendor, box, "none")
    vendor.script[LOOK] = says(200, {"representation": "extracted_text", "status": {"state": "success"}})
    by_now = await box.ask_for(asked_for)
    assert by_now.is_ready
    assert by_now.content_url == asked_for.content_url


async def test_a_text_is_read_with_the_token_up_to_its_limit(vendor: StandIn, box: Box):
    ready = await form(vendor, box, "success")
    vendor.script[TEXT] = says(200, b"0123456789", content_type="text/plain; charset=utf-8")
    text = await box.text(ready, most_bytes=10)
    assert text == Content(data=b"0123456789", content_type="text/plain; charset=utf-8", complete=True)
    assert vendor.last(TEXT).headers["authorization"] == f"Bearer {TOKEN}"
    beginning = await box.text(ready, most_bytes=4)
    assert beginning == Content(data=b"0123", content_type="text/plain; charset=utf-8", complete=False)
    with pytest.raises(FrozenInstanceError):
        beginning.complete = True  # type: ignore[misc]  # that is what is tried


@pytest.mark.parametrize("content_type", ["text/html; charset=utf-8", "application/json", "Text/HTML"])
async def test_a_page_of_a_proxy_is_no_text(vendor: StandIn, box: Box, content_type: str):
    ready = await form(vendor, box, "success")
    vendor.script[TEXT] = says(200, b"<html>", content_type=content_type)
    with pytest.raises(SourceUnavailable):
        await box.text(ready, most_bytes=100)


@pytest.mark.parametrize(
    "elsewhere",
    ["http://127.0.0.1:1/x", "https://evil.example.com/x", "https://boxcloud.com.example.com/", "file:///x"],
)
async def test_the_token_goes_to_box_alone(vendor: StandIn, box: Box, elsewhere: str):
    asked_for = await form(vendor, box, "none")
    before = len(vendor.asked)
    with pytest.raises(SourceUnavailable):
        await box.ask_for(asked_for.model_copy(update={"info_url": elsewhere}))
    with pytest.raises(SourceUnavailable):
        await box.text(asked_for.model_copy(update={"url_template": elsewhere}), most_bytes=100)
    assert len(vendor.asked) == before


async def test_a_download_follows_to_where_box_keeps_files(vendor: StandIn, box: Box):
    vendor.script["/2.0/files/1/content"] = says(302, location="/dl/d/1/download")
    vendor.script["/dl/d/1/download"] = says(200, b"bytes", content_type="application/pdf")
    file = await box.file("1", representations=())
    assert await box.download(file, most_bytes=100) == Content(
        data=b"bytes", content_type="application/pdf", complete=True
    )


async def test_a_download_follows_nowhere_else(vendor: StandIn, box: Box):
    vendor.script["/2.0/files/1/content"] = says(302, location="http://169.254.169.254/latest/meta-data")
    file = await box.file("1", representations=())
    with pytest.raises(SourceUnavailable):
        await box.download(file, most_bytes=100)


async def test_a_download_that_is_not_ready_says_when(vendor: StandIn, box: Box):
    file = await box.file("1", representations=())
    vendor.script["/2.0/files/1/content"] = says(202, retry_after="7")
    assert await box.download(file, most_bytes=100) == NotReady(retry_after=timedelta(seconds=7))
    vendor.script["/2.0/files/1/content"] = says(202)
    assert await box.download(file, most_bytes=100) == NotReady(retry_after=timedelta(seconds=1))


async def test_a_page_of_html_can_be_a_file_but_not_any_file(vendor: StandIn, box: Box):
    vendor.script["/2.0/files/1/content"] = says(200, b"<html>", content_type="text/html")
    document = await box.file("1", representations=())
    with pytest.raises(SourceUnavailable):
        await box.download(document, most_bytes=100)
    web_page = document.model_copy(update={"name": "page.html"})
    assert isinstance(await box.download(web_page, most_bytes=100), Content)


async def test_a_download_that_breaks_off_is_no_file(vendor: StandIn, box: Box):
    file = await box.file("1", representations=())
    vendor.script["/2.0/files/1/content"] = cut(whole(200, b"x" * 1_000, content_type="application/pdf"))
    with pytest.raises(SourceUnavailable):
        await box.download(file, most_bytes=10_000)


async def test_no_more_is_read_than_is_allowed(vendor: StandIn, box: Box):
    file = await box.file("1", representations=())
    endless = whole(200, b"x" * 400_000, content_type="application/pdf")
    vendor.script["/2.0/files/1/content"] = slowly(endless, pace_s=0.01, after=b"x" * 100_000)
    content = await box.download(file, most_bytes=50_000)
    assert content == Content(data=b"x" * 50_000, content_type="application/pdf", complete=False)


async def test_an_answer_larger_than_any_is_dropped(vendor: StandIn, box: Box):
    vendor.script["/2.0/search"] = says(200, page(file_json("1", description="x" * (MOST_JSON_BYTES + 1))))
    with pytest.raises(SourceUnavailable, match="larger than 8 MB"):
        await box.search("anything", limit=1)


async def test_cookies_are_not_kept(vendor: StandIn, box: Box):
    vendor.script["/2.0/users/me"] = says(200, {"type": "user", "id": "1"}, set_cookie="box_visitor_id=1; path=/")
    await box.me()
    await box.me()
    assert "cookie" not in vendor.last("/2.0/users/me").headers


async def test_nothing_of_the_environment_goes_along(
    vendor: StandIn, box: Box, monkeypatch: pytest.MonkeyPatch, tmp_path
):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password canary")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    await box.me()
    assert vendor.last("/2.0/users/me").headers["authorization"] == f"Bearer {TOKEN}"
