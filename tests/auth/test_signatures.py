"""Signatures of what we hand out and get back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from auth.signatures import Signatures

OURS, OTHERS = Signatures("a secret for tests, long enough"), Signatures("another secret for tests")


@given(st.text(), st.text())
def test_only_what_was_signed_fits(purpose: str, text: str):
    signature = OURS.sign(purpose, text)
    assert OURS.fits(purpose, text, signature)
    assert not OURS.fits(purpose, text + "x", signature)
    assert not OURS.fits(purpose + "x", text, signature)
    assert not OTHERS.fits(purpose, text, signature)


def test_purpose_and_text_do_not_run_into_each_other():
    assert OURS.sign("a", "bc") != OURS.sign("ab", "c")


@given(st.text())
def test_whatever_comes_instead_of_a_signature_does_not_fit(given_: str):
    assert not OURS.fits("form", "text", given_)
