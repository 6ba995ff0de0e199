"""Messages, their ids, bodies, folders and attachments."""

from __future__ import annotations

import email
import email.policy
import re
from base64 import b64decode

import pytest

from sandbox.app import create_app
from sandbox.credentials import DEMO
from sandbox.documents.render import file_bytes
from tests.sandbox.callers import GRAPH, IMMUTABLE, Caller, calling

pytestmark = pytest.mark.anyio

AS_TEXT = 'outlook.body-content-type="text"'


async def found(caller: Caller, search: str, **options: str) -> dict[str, object]:
    """The only message that matches."""
    answer = await caller.graph("/messages", search=search, **options)
    found: list[dict[str, object]] = answer.json()["value"]
    (message,) = found
    return message


async def test_a_list_without_a_search_is_the_newest_ten(caller):
    answer = await caller.graph("/messages")
    moments = [message["receivedDateTime"] for message in answer.json()["value"]]
    assert len(moments) == 10
    assert moments == sorted(moments, reverse=True)
    assert "@odata.nextLink" in answer.json()


async def test_only_what_is_selected_comes_back(caller):
    message = await found(caller, '"corrosion grease"', select="subject,from")
    assert set(message) == {"@odata.etag", "id", "subject", "from"}
    assert message["from"] == {"emailAddress": {"name": "Priya Nair", "address": "priya.nair@larkfield.example.com"}}


async def test_a_property_that_messages_do_not_have_cannot_be_selected(caller):
    answer = await caller.graph("/messages", select="subject,colour")
    assert answer.status_code == 400
    assert "'colour'" in answer.json()["error"]["message"]


async def test_bodies_are_html_unless_text_is_preferred(caller):
    message = await found(caller, '"corrosion grease"')
    path = f"/messages/{message['id']}"
    html = (await caller.graph(path)).json()["body"]
    assert html["contentType"] == "html"
    assert html["content"].startswith("<html>")
    answer = await caller.graph(path, prefer=AS_TEXT)
    assert answer.json()["body"]["contentType"] == "text"
    assert answer.json()["body"]["content"].startswith("Dear Ingrid,\r\n\r\nthat is corrosion")
    assert answer.headers["preference-applied"] == AS_TEXT


async def test_a_preview_is_the_first_255_characters(caller):
    message = await found(caller, '"corrosion grease"', select="bodyPreview")
    assert str(message["bodyPreview"]).startswith("Dear Ingrid,")
    assert len(str(message["bodyPreview"]).replace("\r\n", "\n")) == 255


async def test_ids_of_both_kinds_differ_and_translate_into_each_other(caller, client):
    usual = await found(caller, '"corrosion grease"', select="id")
    immutable = await found(caller, '"corrosion grease"', select="id", prefer=f"{IMMUTABLE}, {AS_TEXT}")
    assert usual["id"] != immutable["id"]
    request = {"inputIds": [usual["id"], "AAMknope"], "sourceIdType": "restId", "targetIdType": "restImmutableEntryId"}
    headers = (await caller.graph("/messages", top="1")).request.headers
    path = f"{GRAPH}/users/{DEMO.entra.user}/translateExchangeIds"
    answer = await client.post(path, json=request, headers={"authorization": headers["authorization"]})
    known, unknown = answer.json()["value"]
    assert known == {"sourceId": usual["id"], "targetId": immutable["id"]}
    assert unknown["errorDetails"]["code"] == "ErrorItemNotFound"


async def test_an_immutable_id_needs_its_preference_and_an_ordinary_one_works_with_both(caller):
    immutable = (await found(caller, '"corrosion grease"', prefer=IMMUTABLE))["id"]
    usual = (await found(caller, '"corrosion grease"'))["id"]
    assert (await caller.graph(f"/messages/{immutable}")).json()["error"]["code"] == "ErrorItemNotFound"
    assert (await caller.graph(f"/messages/{immutable}", prefer=IMMUTABLE)).json()["id"] == immutable
    assert (await caller.graph(f"/messages/{usual}", prefer=IMMUTABLE)).json()["id"] == immutable


async def test_another_process_gives_out_the_same_ids(caller, world):
    before = await caller.graph("/messages", prefer=IMMUTABLE, select="id")
    async with calling(create_app(world), None) as other:
        after = await other.graph("/messages", prefer=IMMUTABLE, select="id")
    assert after.json()["value"] == before.json()["value"]


async def test_ids_that_exchange_never_gave_out(caller):
    malformed = await caller.graph("/messages/17")
    assert (malformed.status_code, malformed.json()["error"]["code"]) == (400, "ErrorInvalidIdMalformed")
    usual = str((await found(caller, '"corrosion grease"'))["id"])
    other = await caller.graph(f"/messages/{usual.swapcase().replace('aamKad', 'AAMkAD')}")
    assert (other.status_code, other.json()["error"]["code"]) == (404, "ErrorItemNotFound")


@pytest.mark.parametrize(
    ("user", "status", "code"),
    [
        ("nobody@larkfield.example.com", 404, "ErrorInvalidUser"),
        ("former.intern@larkfield.example.com", 404, "MailboxNotEnabledForRESTAPI"),
        ("sofie.lindgren@larkfield.example.com", 403, "ErrorAccessDenied"),
    ],
)
async def test_mailboxes_that_are_not_ours_to_read(caller, user, status, code):
    answer = await caller.graph("/messages", user=user)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_a_mailbox_may_be_named_by_its_id_or_its_address_in_any_case(caller, world):
    by_id = await caller.graph("/messages", user=world.mailboxes[0].id)
    by_address = await caller.graph("/messages", user=DEMO.entra.user.upper())
    assert by_id.json()["value"] == by_address.json()["value"]


async def test_mailboxes_hold_different_mail(caller):
    shared = await caller.graph("/messages", user="contracts@larkfield.example.com", select="subject")
    assert shared.json()["value"][0]["subject"] == "Agreements that end within ninety days"


async def test_mail_read_does_not_open_the_directory(caller):
    answer = await caller.graph("")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "Authorization_RequestDenied")


async def test_folders_and_what_lies_in_them(caller):
    folders = (await caller.graph("/mailFolders")).json()["value"]
    assert [folder["displayName"] for folder in folders] == ["Archive", "Deleted Items", "Inbox", "Sent Items"]
    archive = await caller.graph("/mailFolders/archive/messages", select="subject")
    assert len(archive.json()["value"]) == folders[0]["totalItemCount"] == 1
    assert (await caller.graph(f"/mailFolders/{folders[0]['id']}")).json() == folders[0]
    assert (await caller.graph("/mailFolders/nowhere")).status_code == 404


async def test_a_list_can_be_filtered_by_date_and_sorted_by_the_same(caller):
    options = {"filter": "receivedDateTime ge 2026-11-13T00:00:00Z and isRead eq false", "select": "subject"}
    answer = await caller.graph("/messages", orderby="receivedDateTime asc", **options)
    subjects = [message["subject"] for message in answer.json()["value"]]
    assert subjects == ["Re: Draft 3: four percent for thirty-six months", "Dates for wave 3"]


@pytest.mark.parametrize(
    ("filter", "count"),
    [
        ("receivedDateTime lt 2026-05-01T00:00:00Z", 2),
        ("hasAttachments eq true and receivedDateTime gt 2026-11-11T00:00:00Z", 4),
        ("internetMessageId eq '<newsletter-1@coldchainweekly.example.net>'", 1),
    ],
)
async def test_filters(caller, filter, count):
    assert len((await caller.graph("/messages", filter=filter)).json()["value"]) == count


async def test_a_conversation_is_one_by_its_id(caller):
    conversation = (await found(caller, '"corrosion grease"'))["conversationId"]
    answer = await caller.graph("/messages", filter=f"conversationId eq '{conversation}'", select="subject")
    assert len(answer.json()["value"]) == 3


@pytest.mark.parametrize(
    "options",
    [
        {"filter": "subject eq 'x'"},
        {"filter": "isRead ne true"},
        {"filter": "receivedDateTime ge soon"},
        {"filter": "whatever"},
        {"orderby": "subject"},
        {"top": "0"},
        {"top": "1001"},
        {"top": "ten"},
        {"skip": "-1"},
        {"skiptoken": "made-up"},
    ],
)
async def test_options_that_cannot_be_read(caller, options):
    assert (await caller.graph("/messages", **options)).status_code == 400


async def test_skipping_and_paging_without_a_search(caller, client):
    whole = (await caller.graph("/messages", top="10", select="id")).json()["value"]
    skipped = await caller.graph("/messages", top="4", skip="3", select="id")
    assert skipped.json()["value"] == whole[3:7]
    following = await client.get(skipped.json()["@odata.nextLink"], headers=skipped.request.headers)
    assert following.json()["value"][:3] == whole[7:]


async def test_translations_that_cannot_be_made(caller, client):
    await caller.graph("/messages", top="1")
    headers = {"authorization": f"Bearer {(await caller.entra()).json()['access_token']}"}
    body = {"inputIds": ["x"], "sourceIdType": "entryId", "targetIdType": "restId"}
    path = f"{GRAPH}/users/{DEMO.entra.user}/translateExchangeIds"
    assert (await client.post(path, json=body, headers=headers)).status_code == 400
    assert (await client.get(path, headers=headers)).status_code == 405


async def test_a_filter_that_does_not_begin_with_what_is_sorted_by_is_inefficient(caller):
    answer = await caller.graph("/messages", orderby="receivedDateTime desc", filter="isRead eq false")
    assert answer.json()["error"]["code"] == "InefficientFilter"


async def test_attachments_are_listed_without_bytes_when_they_are_not_selected(caller):
    message_id = (await found(caller, '"subject:excursion AND from:Cole"'))["id"]
    listed = await caller.graph(f"/messages/{message_id}/attachments", select="id,name,contentType,size,isInline")
    assert [(entry["name"], "contentBytes" in entry) for entry in listed.json()["value"]] == [
        ("excursion-report-zone-c.pdf", False),
        ("zone-c-readings.xlsx", False),
    ]
    whole = (await caller.graph(f"/messages/{message_id}/attachments")).json()["value"][0]
    assert len(b64decode(whole["contentBytes"])) == whole["size"]


async def test_the_value_of_a_file_is_its_bytes(caller, world):
    message_id = (await found(caller, '"subject:excursion AND from:Cole"'))["id"]
    attachment = (await caller.graph(f"/messages/{message_id}/attachments")).json()["value"][0]
    answer = await caller.graph(f"/messages/{message_id}/attachments/{attachment['id']}/$value")
    report, _ = next(mail.attachments for mail in world.mails if mail.id == "medivar-excursion-3")
    assert answer.content == file_bytes(report.name, report.text)
    assert answer.headers["content-type"] == "application/octet-stream"


async def test_an_attached_mail_is_expanded_on_request_and_its_value_is_mime(caller):
    message_id = (await found(caller, '"subject:phishing AND from:Brandt"'))["id"]
    (listed,) = (await caller.graph(f"/messages/{message_id}/attachments")).json()["value"]
    path = f"/messages/{message_id}/attachments/{listed['id']}"
    assert listed["@odata.type"] == "#microsoft.graph.itemAttachment"
    assert "item" not in (await caller.graph(path)).json()
    expanded = await caller.graph(path, expand="microsoft.graph.itemattachment/item")
    assert expanded.json()["item"]["subject"] == "Your Larkfield sensor subscription has expired"
    mime = email.message_from_bytes((await caller.graph(f"{path}/$value")).content, policy=email.policy.default)
    assert mime["subject"] == "Your Larkfield sensor subscription has expired"


async def test_there_are_no_bytes_behind_a_link(caller):
    message_id = (await found(caller, '"subject:wave AND from:Nair"'))["id"]
    (listed,) = (await caller.graph(f"/messages/{message_id}/attachments")).json()["value"]
    assert listed["@odata.type"] == "#microsoft.graph.referenceAttachment"
    assert (await caller.graph(f"/messages/{message_id}/attachments/{listed['id']}/$value")).status_code == 405
    assert (await caller.graph(f"/messages/{message_id}/attachments/AAMknope")).status_code == 404


async def test_the_value_of_a_message_is_the_whole_of_it(caller):
    message = await found(caller, '"subject:excursion AND from:Cole"')
    mime = email.message_from_bytes(
        (await caller.graph(f"/messages/{message['id']}/$value")).content, policy=email.policy.default
    )
    assert mime["message-id"] == message["internetMessageId"]
    names = [part.get_filename() for part in mime.iter_attachments()]
    assert names == ["excursion-report-zone-c.pdf", "zone-c-readings.xlsx"]


async def test_a_message_with_another_in_it(caller):
    message = await found(caller, '"subject:phishing AND from:Brandt"')
    mime = email.message_from_bytes(
        (await caller.graph(f"/messages/{message['id']}/$value")).content, policy=email.policy.default
    )
    (attached,) = mime.iter_attachments()
    assert attached.get_content()["subject"] == "Your Larkfield sensor subscription has expired"


async def test_a_web_link_names_the_message(caller):
    message = await found(caller, '"corrosion grease"')
    assert re.match(r"https://outlook\.office365\.com/owa/\?ItemID=AAMk", str(message["webLink"]))
