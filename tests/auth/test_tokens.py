"""The session JWT: one that we issued is read, and every attack on python-jose is refused."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jose import jwt  # noqa: TID251 - forges what auth/tokens.py must refuse

from auth.tokens import SessionClaims, SessionTokens, new_token, token_hash
from errors import Unauthenticated

SECRET = "a secret for tests, long enough to sign"
ISSUER = "https://portal.example.com"
NOW = datetime.now(UTC)
CLAIMS = SessionClaims(uuid4(), uuid4())
HEADER = {"typ": "session+jwt"}

tokens = SessionTokens(SECRET, ISSUER)


def payload(**changes: Any) -> dict[str, Any]:
    """What we sign ourselves; a change to None leaves the claim out."""
    whole = {
        "iss": ISSUER,
        "aud": "portal",
        "sub": str(CLAIMS.user_id),
        "jti": str(CLAIMS.session_id),
        "iat": int(NOW.timestamp()),
        "exp": int((NOW + timedelta(hours=1)).timestamp()),
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def forged(changes: dict[str, Any] | None = None, *, key: str = SECRET, alg: str = "HS256", **header: Any) -> str:
    return jwt.encode(payload(**(changes or {})), key, algorithm=alg, headers={**HEADER, **header})


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_a_token_of_ours_is_read():
    assert tokens.read(tokens.issue(CLAIMS, NOW, NOW + timedelta(hours=1))) == CLAIMS
    assert tokens.read(forged()) == CLAIMS, "the forgeries below differ from a good token in one thing only"


ATTACKS = {
    "another key": forged(key="another secret that is long enough too"),
    "an empty key": forged(key=""),
    "another HMAC": forged(alg="HS512"),
    "no expiry": forged({"exp": None}),
    "expired": forged({"exp": int(NOW.timestamp()) - 1}),
    "no audience": forged({"aud": None}),
    "another audience": forged({"aud": "gateway"}),
    "our audience among others": forged({"aud": ["portal", "gateway"]}),
    "our audience alone in a list": forged({"aud": ["portal"]}),
    "no issuer": forged({"iss": None}),
    "another issuer": forged({"iss": "https://evil.example.com"}),
    "no subject": forged({"sub": None}),
    "a subject that is no id": forged({"sub": "ann@example.com"}),
    "no session": forged({"jti": None}),
    "a session that is no id": forged({"jti": "1"}),
    "no issue date": forged({"iat": None}),
    "not valid yet": forged({"nbf": int(NOW.timestamp()) + 3600}),
    "another type": forged(typ="JWT"),
    "an access token's type": forged(typ="at+jwt"),
    "a critical header": forged(crit=["b64"]),
    "a key id": forged(kid="1"),
    "a key of its own": forged(jwk={"kty": "oct", "k": "AAAA"}),
    "a key's address": forged(jku="https://evil.example.com/keys"),
    "alg none": f"{part({'alg': 'none', **HEADER})}.{part(payload())}.",
    "alg None": f"{part({'alg': 'None', **HEADER})}.{part(payload())}.AAAA",
    "alg RS256 over our secret": f"{part({'alg': 'RS256', **HEADER})}.{part(payload())}.AAAA",
    "no alg": f"{part(HEADER)}.{part(payload())}.AAAA",
    "an alg that is a list": f"{part({'alg': ['HS256'], **HEADER})}.{part(payload())}.AAAA",
    "a header that is a list": f"{part([1])}.{part(payload())}.AAAA",
    "a payload that is a list": f"{part({'alg': 'HS256', **HEADER})}.{part([1])}.AAAA",
    "a header nested deep": f"{base64.urlsafe_b64encode(b'[' * 2500).decode().rstrip('=')}.{part({})}.AAAA",
    "no signature": forged().rpartition(".")[0] + ".",
    "two parts": forged().rpartition(".")[0],
    "four parts": forged() + ".AAAA",
    "a changed payload": ".".join([forged().split(".")[0], part(payload(sub=str(uuid4()))), forged().split(".")[2]]),
    "an API key": new_token("gh_").text,
    "nothing": "",
    "a dot": ".",
    "two dots": "..",
    "a space": forged() + " x",
    "not ASCII": "eyé.é.é",
    "a lone surrogate": "\ud800.a.b",
    "a NUL": "\x00.\x00.\x00",
    "huge": "a." * 1_000_000,
    "huge and ours": forged({"filler": "x" * 10_000}),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_token_that_is_not_whole_and_ours_is_refused(attack: str):
    with pytest.raises(Unauthenticated) as caught:
        tokens.read(ATTACKS[attack])
    assert caught.value.message == "This session is over. Sign in again.", "nobody learns what was wrong"


@given(st.text(max_size=300))
@settings(max_examples=300, deadline=None)
def test_garbage_is_refused_and_nothing_else_happens(text: str):
    with pytest.raises(Unauthenticated):
        tokens.read(text)


@given(st.integers(min_value=0), st.integers(min_value=0, max_value=7))
@settings(max_examples=300, deadline=None)
def test_no_flipped_bit_of_the_signed_parts_is_accepted(position: int, bit: int):
    whole = forged().encode()
    signed = len(whole.rpartition(b".")[0])
    changed = bytearray(whole)
    changed[position % signed] ^= 1 << bit
    with pytest.raises(Unauthenticated):
        tokens.read(changed.decode("latin-1"))


def test_random_tokens_have_256_bits_and_only_their_hash_is_kept():
    made = {new_token("gh_").text for _ in range(100)}
    assert len(made) == 100
    one = new_token("gh_")
    assert len(base64.urlsafe_b64decode(one.text.removeprefix("gh_") + "=")) == 32
    assert one.hash == token_hash(one.text)
    assert one.text not in one.hash
