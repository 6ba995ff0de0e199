"""Requests to Box, built and sent by its SDK. Everything here blocks: it is meant for threads.

The SDK brings the requests' form, the headers that Box wants and its way with a session. Its managers are not used,
because they build models from every reply: 20 ms with the interpreter's lock held for 100 hits, where we take 1 ms;
a reply that is no JSON counts as empty there, and one of another shape raises TypeError, KeyError or AttributeError.
Its retries are off: a sleeping thread cannot be called back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from box_sdk_gen import BoxClient, BoxDeveloperTokenAuth
from box_sdk_gen.box.errors import BoxSDKError
from box_sdk_gen.networking.base_urls import BaseUrls
from box_sdk_gen.networking.box_network_client import BoxNetworkClient
from box_sdk_gen.networking.fetch_options import FetchOptions, ResponseFormat
from box_sdk_gen.networking.network import NetworkSession
from box_sdk_gen.networking.retries import BoxRetryStrategy
from box_sdk_gen.networking.timeout_config import TimeoutConfig
from requests import RequestException
from requests.adapters import HTTPAdapter

from errors import SourceUnavailable
from services.box.replies import Limits, Reply
from services.box.session import OneRequest, Refused, failure

CONNECT_TIMEOUT: Final = timedelta(seconds=3)
READ_TIMEOUT: Final = timedelta(seconds=8)
"""Between two pieces of an answer; also how long a thread may outlive its caller."""


class Sdk:
    """Safe to use from many threads at once: they share the adapter and values that never change."""

    def __init__(self, adapter: HTTPAdapter, base_url: str) -> None:
        """`base_url` without a trailing slash: `https://api.box.com`."""
        self._adapter = adapter
        self._base_url = base_url
        self._urls = BaseUrls(base_url=base_url, upload_url=base_url, oauth_2_url=f"{base_url}/oauth2")
        self._never_again = BoxRetryStrategy(max_attempts=1, max_retries_on_exception=0)
        self._timeouts = TimeoutConfig(
            connection_timeout_ms=_milliseconds(CONNECT_TIMEOUT), read_timeout_ms=_milliseconds(READ_TIMEOUT)
        )

    def ask_for_token(self, form: Mapping[str, str], limits: Limits) -> Reply:
        """The token endpoint's answer to this form."""
        options = FetchOptions(
            url=f"{self._base_url}/oauth2/token",
            method="POST",
            data=dict(form),
            content_type="application/x-www-form-urlencoded",
            response_format=ResponseFormat.BINARY,
        )
        return self._send(options, token=None, limits=limits)

    def get(
        self, target: str, *, params: Mapping[str, str], headers: Mapping[str, str], token: str, limits: Limits
    ) -> Reply:
        """The answer to one GET, whatever its status. `target`: a path of the API (`/2.0/users/me`), or a whole address
        that Box gave us; the adapter knows which hosts may be asked.

        Raises NotReached, SourceTimeout, or SourceUnavailable for an answer that broke off.
        """
        options = FetchOptions(
            url=f"{self._base_url}{target}" if target.startswith("/") else target,
            method="GET",
            params=dict(params),
            headers=dict(headers),
            response_format=ResponseFormat.BINARY,
        )
        return self._send(options, token=token, limits=limits)

    def _send(self, options: FetchOptions, *, token: str | None, limits: Limits) -> Reply:
        session = OneRequest(self._adapter, limits)
        network = NetworkSession(
            network_client=BoxNetworkClient(session),
            retry_strategy=self._never_again,
            base_urls=self._urls,
            timeout_config=self._timeouts,
        )
        options.network_session = network
        try:
            if token is None:
                network.network_client.fetch(options)
            else:
                BoxClient(auth=BoxDeveloperTokenAuth(token), network_session=network).make_request(options)
            return session.reply()
        except Refused as refused:
            return refused.reply
        except BoxSDKError as error:
            if isinstance(error.error, RequestException):
                raise failure(error.error) from error
            raise SourceUnavailable("Box answered with something that cannot be read.") from error
        finally:
            session.release()


def _milliseconds(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)
