"""Tokens and quotas, as pieces."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sandbox.admission import Concurrency, OverQuota, Rate, Secrets, TokenExpired, Tokens, TokenUnknown

MINUTE = timedelta(minutes=1)


def test_a_rate_is_counted_in_a_window_that_moves(clock):
    rate = Rate(2, MINUTE, clock)
    rate.take("a")
    clock.pass_(40)
    rate.take("a")
    with pytest.raises(OverQuota) as over:
        rate.take("a")
    assert over.value.retry_after_s == 20
    clock.pass_(20)
    rate.take("a")
    with pytest.raises(OverQuota) as over:
        rate.take("a")
    assert over.value.retry_after_s == 40


def test_what_was_refused_does_not_count(clock):
    rate = Rate(1, MINUTE, clock)
    rate.take("a")
    for _ in range(5):
        with pytest.raises(OverQuota):
            rate.take("a")
    clock.pass_(60)
    rate.take("a")


def test_keys_do_not_share(clock):
    rate = Rate(1, MINUTE, clock)
    rate.take("a")
    rate.take("b")


def test_a_wait_is_never_nothing(clock):
    rate = Rate(1, MINUTE, clock)
    rate.take("a")
    clock.pass_(59.9)
    with pytest.raises(OverQuota) as over:
        rate.take("a")
    assert over.value.retry_after_s == 1


def test_a_slot_is_given_back_whatever_happens_in_it():
    concurrency = Concurrency(1, retry_after_s=3)
    with concurrency.slot("a"), pytest.raises(OverQuota) as over, concurrency.slot("a"):
        pass
    assert over.value.retry_after_s == 3
    with pytest.raises(ValueError, match="inside"), concurrency.slot("a"):
        raise ValueError("inside")
    with concurrency.slot("a"):
        pass


def test_tokens_open_one_source_and_end(clock):
    tokens = Tokens(clock)
    token = tokens.issue("box", app="app", subject="user", scope="", lifetime=MINUTE)
    assert tokens.check("box", token).subject == "user"
    with pytest.raises(TokenUnknown):
        tokens.check("graph", token)
    tokens.expire("graph")
    tokens.check("box", token)
    tokens.expire("box")
    with pytest.raises(TokenExpired):
        tokens.check("box", token)


def test_a_secret_of_entra_brings_tokens_for_graph(clock):
    tokens = Tokens(clock)
    secrets = Secrets(tokens)
    token = tokens.issue("graph", app="app", subject="tenant", scope="", lifetime=MINUTE)
    secrets.revoke("entra")
    assert not secrets.works("entra")
    assert secrets.works("box")
    with pytest.raises(TokenExpired):
        tokens.check("graph", token)
    secrets.restore("entra")
    assert secrets.works("entra")
