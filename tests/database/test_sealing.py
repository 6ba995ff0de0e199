"""Secrets at rest: what opens, and everything that does not."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from database.sealing import CannotOpen, Sealer

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
ROW = UUID("11111111-2222-3333-4444-555555555555")
FIELDS = {"password": "p-canary 😀", "token": ""}


@pytest.fixture
def sealed() -> bytes:
    return Sealer([OLD]).seal("sources", ROW, FIELDS)


def test_what_is_sealed_opens_for_the_same_row(sealed: bytes):
    assert Sealer([OLD]).open("sources", ROW, sealed) == FIELDS
    assert b"canary" not in sealed
    assert b"password" not in sealed, "names are secret too"


def test_the_same_fields_never_seal_to_the_same_bytes(sealed: bytes):
    assert Sealer([OLD]).seal("sources", ROW, FIELDS) != sealed


def test_a_value_moved_to_another_row_does_not_open(sealed: bytes):
    with pytest.raises(CannotOpen):
        Sealer([OLD]).open("sources", uuid4(), sealed)


def test_a_value_moved_to_another_table_does_not_open(sealed: bytes):
    with pytest.raises(CannotOpen):
        Sealer([OLD]).open("servers", ROW, sealed)


def test_no_flipped_bit_goes_unnoticed(sealed: bytes):
    for position in range(len(sealed)):
        for bit in range(8):
            changed = bytearray(sealed)
            changed[position] ^= 1 << bit
            with pytest.raises(CannotOpen):
                Sealer([OLD]).open("sources", ROW, bytes(changed))


def test_no_shortened_value_opens(sealed: bytes):
    for length in range(len(sealed)):
        with pytest.raises(CannotOpen):
            Sealer([OLD]).open("sources", ROW, sealed[:length])


def test_an_unlisted_key_does_not_open_it(sealed: bytes):
    other = Sealer([NEW])
    assert not other.knows(sealed)
    with pytest.raises(CannotOpen):
        other.open("sources", ROW, sealed)


def test_every_key_of_the_list_opens_and_the_first_one_seals(sealed: bytes):
    both = Sealer([NEW, OLD])
    assert both.open("sources", ROW, sealed) == FIELDS
    assert both.knows(sealed)
    assert not both.is_current(sealed)
    again = both.seal("sources", ROW, FIELDS)
    assert both.is_current(again)
    assert Sealer([NEW]).open("sources", ROW, again) == FIELDS
    assert not Sealer([OLD]).knows(again)


def test_without_a_key_there_is_no_sealer():
    with pytest.raises(ValueError, match="at least one key"):
        Sealer([])


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_bytes_that_were_never_sealed_are_refused_and_nothing_else_happens(value: bytes):
    with pytest.raises(CannotOpen):
        Sealer([OLD]).open("sources", ROW, value)


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=200), max_size=5))
@settings(max_examples=100, deadline=None)
def test_any_text_comes_back_as_it_was(fields: dict[str, str]):
    sealer = Sealer([OLD])
    assert sealer.open("sources", ROW, sealer.seal("sources", ROW, fields)) == fields
