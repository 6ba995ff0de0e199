"""Dynamic client registration: what becomes of what a client sends."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, TokenEndpointAuthMethod
from pydantic import AnyUrl

from auth.oauth.metadata import clean_name
from auth.oauth.registration import LARGEST_BYTES, read_registration
from auth.tokens import token_hash
from errors import InvalidClientMetadata, InvalidRedirectUri

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def fields(**changes: Any) -> dict[str, Any]:
    """What mcp-remote sends, more or less; a field set to None is left out."""
    sent = {
        "client_name": "MCP CLI Proxy",
        "redirect_uris": ["http://localhost:3334/oauth/callback"],
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        **changes,
    }
    return {name: value for name, value in sent.items() if value is not None}


def answered(**changes: Any) -> dict[str, Any]:
    return dict(read_registration(json.dumps(fields(**changes)).encode()).response(NOW))


def test_a_public_client_is_told_what_it_is_now():
    answer = answered(application_type="native", client_uri="https://agent.example.com/about")
    assert len(answer.pop("client_id")) >= 20
    assert answer == {
        "client_id_issued_at": int(NOW.timestamp()),
        "client_name": "MCP CLI Proxy",
        "redirect_uris": ["http://localhost:3334/oauth/callback"],
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "application_type": "native",
        "client_uri": "https://agent.example.com/about",
    }


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_confidential_client_is_shown_its_secret_of_which_only_a_hash_is_kept(method: str):
    registration = read_registration(fields(token_endpoint_auth_method=method))
    answer = registration.response(NOW)
    secret = answer["client_secret"]
    assert isinstance(secret, str)
    assert len(secret) >= 43, "256 bits"
    assert registration.secret is not None
    assert registration.secret.hash == token_hash(secret)
    assert answer["client_secret_expires_at"] == 0
    assert answer["token_endpoint_auth_method"] == method


@pytest.mark.parametrize("method", ["none", "client_secret_basic", "client_secret_post"])
def test_the_official_sdk_registers_and_reads_the_answer(method: TokenEndpointAuthMethod):
    sent = OAuthClientMetadata(
        redirect_uris=[AnyUrl("http://localhost:3030/callback")], token_endpoint_auth_method=method, client_name="SDK"
    )
    registration = read_registration(sent.model_dump_json(exclude_none=True).encode())
    read = OAuthClientInformationFull.model_validate(dict(registration.response(NOW)))
    assert read.client_id == registration.client_id
    assert read.redirect_uris == sent.redirect_uris
    assert read.token_endpoint_auth_method == method
    assert (read.client_secret is None) is (method == "none")
    assert read.application_type == "native"


def test_two_registrations_have_nothing_in_common():
    one, other = (answered(token_endpoint_auth_method="client_secret_post") for _ in range(2))
    assert one["client_id"] != other["client_id"]
    assert one["client_secret"] != other["client_secret"]


@pytest.mark.parametrize(
    ("sent", "granted"),
    [
        ({"token_endpoint_auth_method": None}, "client_secret_basic"),
        ({"token_endpoint_auth_method": ""}, "client_secret_basic"),
        (
            {
                "token_endpoint_auth_method": "private_key_jwt",
                "token_endpoint_auth_methods_supported": ["private_key_jwt", "none"],
            },
            "none",
        ),
        (
            {"token_endpoint_auth_method": "none", "token_endpoint_auth_methods_supported": ["client_secret_post"]},
            "none",
        ),
    ],
)
def test_the_method_is_the_one_asked_for_or_one_it_can_do_with(sent: dict[str, Any], granted: str):
    assert answered(**sent)["token_endpoint_auth_method"] == granted


@pytest.mark.parametrize("method", ["private_key_jwt", "client_secret_jwt", "tls_client_auth", "x"])
def test_a_method_that_we_do_not_have_is_refused_and_ours_are_named(method: str):
    with pytest.raises(InvalidClientMetadata, match="none, client_secret_basic, client_secret_post"):
        read_registration(fields(token_endpoint_auth_method=method))


@pytest.mark.parametrize(
    "sent",
    [
        {"scope": "mcp:read unheard-of"},
        {"unknown": {"nested": [1, 2]}},
        {"application_type": "desktop"},
        {"application_type": None},
        {"logo_uri": "javascript:alert(1)", "contacts": ["ann@example.com"]},
        {"client_uri": "javascript:alert(1)"},
        {"client_uri": 'https://agent.example.com/"onmouseover="alert(1)'},
        {"client_uri": "https://[broken"},
        {"client_uri": f"https://agent.example.com/{'a' * 500}"},
        {"grant_types": None, "response_types": None},
        {"grant_types": [], "response_types": []},
        {"grant_types": ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"]},
        {"software_statement": "eyJhbGciOiJub25lIn0.e30."},
    ],
    ids=", ".join,
)
def test_what_is_optional_does_not_cost_the_registration(sent: dict[str, Any]):
    answer = answered(**sent)
    assert set(answer) <= {
        "client_id",
        "client_id_issued_at",
        "client_name",
        "redirect_uris",
        "token_endpoint_auth_method",
        "grant_types",
        "response_types",
        "client_uri",
    }
    assert "javascript" not in str(answer)
    assert "onmouseover" not in str(answer)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"s-canary"',
        b"\xff\xfe",
        b"client_name=s-canary",
        json.dumps(fields(client_name={"s-canary": 1})).encode(),
        json.dumps(fields(client_name=7)).encode(),
        json.dumps(fields(grant_types=["client_credentials"])).encode(),
        json.dumps(fields(grant_types="authorization_code")).encode(),
        json.dumps(fields(response_types=["token"])).encode(),
        json.dumps(fields(padding="s-canary" * 3_000)).encode(),
        b'{"client_name": ' + b"[" * 7_000 + b"]" * 7_000 + b"}",
    ],
    ids=lambda message: message[:40].decode(errors="replace"),
)
def test_what_cannot_be_a_registration_is_refused_without_repeating_it(message: bytes):
    with pytest.raises(InvalidClientMetadata) as refusal:
        read_registration(message)
    assert (refusal.value.status, refusal.value.code.startswith("invalid_")) == (400, True)
    assert "canary" not in refusal.value.message


@pytest.mark.parametrize(
    "uris",
    [
        None,
        [],
        [""],
        "http://localhost/callback",
        [1],
        [None],
        ["javascript:alert(1)"],
        ["http://evil.example.net/callback"],
        ["https://agent.example.com/cb", "data:text/html,x"],
        [f"https://agent.example.com/{number}" for number in range(11)],
        ["https://agent.example.com/cb#fragment"],
        ["https://*.example.com/cb"],
    ],
    ids=str,
)
def test_one_bad_address_spoils_the_registration(uris: object):
    with pytest.raises(InvalidRedirectUri) as refusal:
        read_registration(fields(redirect_uris=uris))
    assert refusal.value.code == "invalid_redirect_uri"


def test_ten_addresses_are_kept_each_once():
    uris = [f"https://agent.example.com/{number}" for number in range(9)]
    assert answered(redirect_uris=[*uris, uris[0]])["redirect_uris"] == uris


def test_a_registration_may_be_as_large_as_that_and_no_larger():
    sent = fields(padding="")
    sent["padding"] = "x" * (LARGEST_BYTES - len(json.dumps(sent)))
    read_registration(json.dumps(sent).encode())
    sent["padding"] += "x"
    with pytest.raises(InvalidClientMetadata, match="16384"):
        read_registration(json.dumps(sent).encode())


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("Claude Code (gatehouse)", "Claude Code (gatehouse)"),
        ("  two \t words\n here ", "two words here"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("Cl\u200baude", "Claude"),
        ("\u202eedualC", "edualC"),
        ("\u2066Claude\u2069", "Claude"),
        ("a\x00b\x1b[31mc\x7f", "ab[31mc"),
        ("a\u2028b\u2029c\x85d", "a b c d"),
        ("tag\U000e0041\U000e0042", "tag"),
        ("private\ue000 use", "private use"),
        ("\u3164\u115f\u2800", ""),
        ("", ""),
        ("Агент 代理 🤖", "Агент 代理 🤖"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 199 + "…"),
        ("x" * 2_048, "x" * 199 + "…"),
        ("x" * 198 + "   y", "x" * 198 + " y"),
    ],
)
def test_a_name_is_cleaned_of_what_deceives_the_eye_and_cut(sent: str, shown: str):
    assert clean_name(sent) == shown
    assert len(clean_name(sent)) <= 200


@pytest.mark.parametrize("name", [None, "", "\u200b"])
def test_a_client_without_a_name_gets_one_that_says_so(name: str | None):
    assert answered(client_name=name)["client_name"] == "Unnamed agent"
