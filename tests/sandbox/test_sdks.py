"""The vendors' own SDKs, against the stand-ins on a real socket."""

from __future__ import annotations

import importlib
import json

import httpx
import pytest
from anyio import to_thread
from box_sdk_gen import (
    BaseUrls,
    BoxAPIError,
    BoxCCGAuth,
    BoxClient,
    BoxRetryStrategy,
    CCGConfig,
    FetchOptions,
    NetworkSession,
    ResponseFormat,
    SearchForContentContentTypes,
    SearchForContentType,
)
from kiota_abstractions.authentication import (
    AccessTokenProvider,
    AllowedHostsValidator,
    BaseBearerTokenAuthenticationProvider,
)
from kiota_abstractions.base_request_configuration import RequestConfiguration

from sandbox.credentials import DEMO
from sandbox.documents.render import file_bytes
from sandbox.faults import Fault

pytestmark = [
    pytest.mark.anyio,
    # msgraph-sdk's generated modules use names that kiota has given up.
    pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning"),
]


def imported(name: str):
    """A module of msgraph-sdk. By name, because type checking would follow an import through 16,000 files."""
    return importlib.import_module(name)


class Secret(AccessTokenProvider):
    """What azure-identity does, on plain http."""

    def __init__(self, base_url: str) -> None:
        self._url = f"{base_url}/entra/{DEMO.entra.tenant_id}/oauth2/v2.0/token"

    async def get_authorization_token(self, uri: str, additional_authentication_context=None) -> str:
        form = {
            "client_id": DEMO.entra.client_id,
            "client_secret": DEMO.entra.client_secret,
            "grant_type": "client_credentials",
            "scope": "https://graph.microsoft.com/.default",
        }
        async with httpx.AsyncClient() as client:
            return str((await client.post(self._url, data=form)).json()["access_token"])

    def get_allowed_hosts_validator(self) -> AllowedHostsValidator:
        return AllowedHostsValidator(["127.0.0.1"])


@pytest.fixture
async def graph(base_url):
    # The SDK wraps the client's transport and does not close what it wrapped.
    async with httpx.AsyncHTTPTransport() as transport, httpx.AsyncClient(transport=transport, timeout=10) as client:
        factory = imported("msgraph_core").GraphClientFactory.create_with_default_middleware(client=client)
        provider = BaseBearerTokenAuthenticationProvider(Secret(base_url))
        adapter = imported("msgraph").GraphRequestAdapter(provider, client=factory)
        adapter.base_url = f"{base_url}/graph/v1.0"
        yield imported("msgraph").GraphServiceClient(request_adapter=adapter)


async def send(graph, information):
    return await graph.request_adapter.send_primitive_async(information, "bytes", {})


async def test_msgraph_searches_pages_and_reads(graph):
    messages = graph.users.by_user_id(DEMO.entra.user).messages
    query = type(messages).MessagesRequestBuilderGetQueryParameters(
        search='"from:\\"Femke Postma\\""', select=["id", "subject"], top=1
    )
    configuration = RequestConfiguration(query_parameters=query)
    configuration.headers.add("Prefer", 'IdType="ImmutableId"')
    page = json.loads(await send(graph, messages.to_get_request_information(configuration)))
    assert [message["subject"] for message in page["value"]] == ["Re: Draft 3: four percent for thirty-six months"]
    second = messages.with_url(page["@odata.nextLink"]).to_get_request_information(configuration)
    page = json.loads(await send(graph, second))
    assert [message["subject"] for message in page["value"]] == ["Re: Your renewal for 2027 to 2029"]
    one = messages.by_message_id(page["value"][0]["id"])
    headers = RequestConfiguration[object]()
    headers.headers.add("Prefer", 'IdType="ImmutableId", outlook.body-content-type="text"')
    body = json.loads(await send(graph, one.to_get_request_information(headers)))["body"]
    assert body["contentType"] == "text"
    assert "will not get past my board" in body["content"]


async def test_msgraph_fetches_the_bytes_of_an_attachment(graph, world):
    messages = graph.users.by_user_id(DEMO.entra.user).messages
    query = type(messages).MessagesRequestBuilderGetQueryParameters(search='"subject:CN-2026-019"', select=["id"])
    page = json.loads(
        await send(graph, messages.to_get_request_information(RequestConfiguration(query_parameters=query)))
    )
    attachments = messages.by_message_id(page["value"][0]["id"]).attachments
    (listed,) = json.loads(await send(graph, attachments.to_get_request_information()))["value"]
    information = attachments.by_attachment_id(listed["id"]).to_get_request_information()
    information.url_template = information.url_template.replace("{?", "/$value{?")
    (attachment,) = next(mail.attachments for mail in world.mails if mail.subject == "Credit note CN-2026-019")
    assert await send(graph, information) == file_bytes(attachment.name, attachment.text)


async def test_msgraph_waits_as_it_is_told_and_asks_again(graph, sandbox):
    sandbox.faults.add(Fault(source="graph", kind="429", retry_after_s=1, times=1))
    information = graph.users.by_user_id(DEMO.entra.user).messages.to_get_request_information()
    assert len(json.loads(await send(graph, information))["value"]) == 10
    assert sandbox.traffic.statuses("graph") == {200: 1, 429: 1}


@pytest.fixture
def box(base_url) -> BoxClient:
    urls = BaseUrls(base_url=f"{base_url}/box", upload_url=f"{base_url}/box", oauth_2_url=f"{base_url}/box")
    session = NetworkSession(base_urls=urls, retry_strategy=BoxRetryStrategy(max_attempts=2))
    config = CCGConfig(
        client_id=DEMO.box.client_id,
        client_secret=DEMO.box.client_secret,
        enterprise_id=DEMO.box.enterprise_id,
    )
    return BoxClient(auth=BoxCCGAuth(config), network_session=session)


async def test_boxsdk_searches_and_reads(box):
    def work():
        found = box.search.search_for_content(
            query="sub-processors Frankfurt",
            type=SearchForContentType.FILE,
            content_types=[SearchForContentContentTypes.NAME, SearchForContentContentTypes.FILE_CONTENT],
            fields=["id", "type", "name", "modified_at", "path_collection"],
            limit=5,
        )
        file = box.files.get_file_by_id(
            found.entries[0].id, fields=["name", "representations"], x_rep_hints="[markdown]"
        )
        (entry,) = file.representations.entries
        for _ in range(2):
            box.make_request(FetchOptions(url=entry.info.url, method="GET"))
        url = entry.content.url_template.replace("{+asset_path}", "")
        text = box.make_request(FetchOptions(url=url, method="GET", response_format=ResponseFormat.BINARY))
        return file.name, text.content.read()

    name, text = await to_thread.run_sync(work)
    assert name == "Kestrel Air Cargo - Data processing agreement.pdf"
    assert text.startswith(b"# Data processing agreement")


async def test_boxsdk_follows_a_download_and_asks_again_when_it_is_not_ready(box, world):
    (scan,) = (file for file in world.files if file.is_fresh)

    def work():
        return box.downloads.download_file(scan.id).read()

    assert await to_thread.run_sync(work) == file_bytes(scan.name, scan.text)


async def test_boxsdk_reads_a_file_with_everything(box):
    def work():
        return box.files.get_file_by_id("200401"), box.folders.get_folder_by_id("1001"), box.users.get_user_me()

    file, folder, user = await to_thread.run_sync(work)
    assert file.shared_link.url == "https://larkfield.app.box.example.com/s/l4datasheet"
    assert folder.item_collection.total_count == 17
    assert user.id == DEMO.box.service_account


async def test_boxsdk_renews_an_expired_token_by_itself(box, sandbox):
    def work():
        return box.users.get_user_me().id

    await to_thread.run_sync(work)
    sandbox.tokens.expire("box")
    assert await to_thread.run_sync(work) == DEMO.box.service_account
    assert sandbox.traffic.count("box", "token") == 2


async def test_boxsdk_tells_what_was_wrong(box, sandbox):
    def work():
        box.files.get_file_by_id("999999")

    with pytest.raises(BoxAPIError) as missing:
        await to_thread.run_sync(work)
    assert (missing.value.response_info.status_code, missing.value.response_info.code) == (404, "not_found")
    sandbox.secrets.revoke("box")
    with pytest.raises(BoxAPIError) as refused:
        await to_thread.run_sync(work)
    assert refused.value.response_info.status_code == 400
