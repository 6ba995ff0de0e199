"""Microsoft's SDK, as far as it is used: it builds the requests, and its pipeline sends them.

Importing this takes up to a second and brings 23 MB, so it is done at the first request, in a thread. The SDK's own
sending, models and retries stay unused: its models cost 105 ms of event loop for 25 messages, and its retry handler
waits up to three minutes for each of three retries. Ours are in retries.py.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import httpx
from kiota_abstractions.authentication import AnonymousAuthenticationProvider
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_abstractions.request_information import RequestInformation
from kiota_http.kiota_client_factory import KiotaClientFactory
from kiota_http.middleware import BaseMiddleware, ParametersNameDecodingHandler

if TYPE_CHECKING:
    # Following these into 16,741 modules would cost mypy a minute, and nothing of theirs is handed out untyped.
    GraphRequestAdapter: Any
    GraphServiceClient: Any
    MessageItemRequestBuilder: Any
    MessagesRequestBuilder: Any
    AttachmentsRequestBuilder: Any
else:
    with warnings.catch_warnings():
        # The SDK still defines classes that warn of themselves while they are defined.
        warnings.simplefilter("ignore", DeprecationWarning)
        from msgraph import GraphRequestAdapter, GraphServiceClient
        from msgraph.generated.users.item.messages.item.attachments.attachments_request_builder import (
            AttachmentsRequestBuilder,
        )
        from msgraph.generated.users.item.messages.item.attachments.item import (  # noqa: F401 - imported here, not later
            attachment_item_request_builder,
        )
        from msgraph.generated.users.item.messages.item.message_item_request_builder import MessageItemRequestBuilder
        from msgraph.generated.users.item.messages.messages_request_builder import MessagesRequestBuilder
        from msgraph.generated.users.item.user_item_request_builder import (  # noqa: F401 - likewise
            UserItemRequestBuilder,
        )
        from msgraph.generated.users.users_request_builder import UsersRequestBuilder  # noqa: F401 - likewise

_PREFER = 'outlook.body-content-type="text", IdType="ImmutableId"'
"""Bodies as text, and ids that survive a move to another folder; on every request, or the ids would not fit together
(Graph docs, "Get immutable identifiers for Outlook resources")."""


class Sdk:
    """Requests about the mail of one user."""

    def __init__(self, http: httpx.AsyncClient, base_url: str, user: str) -> None:
        """`base_url` without a trailing slash: `https://graph.microsoft.com`. The client's transport gets wrapped."""
        pipeline: list[BaseMiddleware] = [ParametersNameDecodingHandler()]
        # By Kiota's factory, because the transport that Graph's own puts around ours does not close it.
        self._http = KiotaClientFactory.create_with_custom_middleware(pipeline, client=http)
        # Anonymous, because the token of each request must be known to us: a refused one has to be given back.
        self._adapter = GraphRequestAdapter(AnonymousAuthenticationProvider(), client=self._http)
        self._adapter.base_url = f"{base_url}/v1.0"
        self._messages = GraphServiceClient(request_adapter=self._adapter).users.by_user_id(user).messages

    def messages(self, *, select: Sequence[str], top: int, search: str | None = None) -> RequestInformation:
        """The newest messages, or the newest that match `search`, which is KQL.

        All of it goes into double quotes, with `"` and `\\` escaped (Graph docs, "Use the $search query parameter")."""
        parameters = MessagesRequestBuilder.MessagesRequestBuilderGetQueryParameters(select=list(select), top=top)
        if search is not None:
            escaped = search.replace("\\", "\\\\").replace('"', '\\"')
            parameters.search = f'"{escaped}"'
        return _built(self._messages, parameters)

    def page(self, url: str) -> RequestInformation:
        """A further page, by the whole link that the page before gave. The caller has checked where it leads."""
        return _built(self._messages.with_url(url), None)

    def message(self, id: str, *, select: Sequence[str]) -> RequestInformation:
        """One message."""
        item = self._messages.by_message_id(id)
        return _built(item, MessageItemRequestBuilder.MessageItemRequestBuilderGetQueryParameters(select=list(select)))

    def attachments(self, message_id: str, *, select: Sequence[str], top: int) -> RequestInformation:
        """What is attached to a message, without the contents."""
        parameters = AttachmentsRequestBuilder.AttachmentsRequestBuilderGetQueryParameters(select=list(select), top=top)
        return _built(self._messages.by_message_id(message_id).attachments, parameters)

    def attachment_content(self, message_id: str, attachment_id: str) -> RequestInformation:
        """An attachment's bytes. The SDK has no builder for it, so that its address is built from the item's."""
        item = self._messages.by_message_id(message_id).attachments.by_attachment_id(attachment_id)
        request = _built(item, None)
        request.url_template = f"{str(request.url_template).partition('{?')[0]}/$value"
        return request

    async def send(self, request: RequestInformation, *, token: str) -> httpx.Response:
        """The response with its body still to be read, and to be closed by the caller. Raises httpx's errors."""
        request.headers.add("Prefer", _PREFER)
        request.headers.add("Authorization", f"Bearer {token}")
        self._adapter.set_base_url_for_request_information(request)
        native: httpx.Request = await self._adapter.convert_to_native_async(request)
        return await self._http.send(native, stream=True)


def _built(builder: Any, parameters: Any) -> RequestInformation:
    configuration = None if parameters is None else RequestConfiguration(query_parameters=parameters)
    request: RequestInformation = builder.to_get_request_information(configuration)
    return request
