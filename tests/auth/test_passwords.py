"""Password hashing: what fits, what does not, and how much work is done for whom."""

from __future__ import annotations

import asyncio
import time

import pytest
from passlib.hash import bcrypt  # noqa: TID251 - makes a hash as an older version would have

from auth.passwords import Passwords

pytestmark = pytest.mark.anyio

PASSWORDS = [
    "correct horse battery staple",
    "  leading and trailing  ",
    "a" * 72,
    "a" * 73,
    "a" * 1_024,
    "ü" * 36 + "x",
    "ü" * 37,
    "😀" * 1_024,
    "nul\x00in the middle",
    "\x00" * 12,
    "日本語のパスワードです。長い",
    "e\u0301 is not \u00e9",
]


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords(4)


@pytest.mark.parametrize("password", PASSWORDS, ids=ascii)
async def test_a_password_fits_and_nothing_close_to_it_does(passwords: Passwords, password: str):
    stored = await passwords.hash(password)
    assert (await passwords.verify(password, stored)).fits
    before_nul = password.partition("\x00")[0]
    for other in {password[:-1], password + "x", password.strip(), password.upper(), before_nul}:
        if other != password:
            assert not (await passwords.verify(other, stored)).fits


async def test_what_comes_after_72_bytes_counts(passwords: Passwords):
    stored = await passwords.hash("a" * 72 + "b")
    assert not (await passwords.verify("a" * 72 + "c", stored)).fits
    assert not (await passwords.verify("a" * 72, stored)).fits


async def test_the_same_password_never_gives_the_same_hash(passwords: Passwords):
    assert await passwords.hash("the same password") != await passwords.hash("the same password")


async def test_a_weaker_hash_is_replaced_when_its_password_comes_by(passwords: Passwords):
    stronger = Passwords(5)
    stored = await passwords.hash("correct horse battery staple")
    verdict = await stronger.verify("correct horse battery staple", stored)
    assert verdict.fits
    assert verdict.better_hash is not None
    assert (await stronger.verify("correct horse battery staple", verdict.better_hash)).better_hash is None
    assert (await stronger.verify("something else", stored)).better_hash is None


async def test_a_hash_of_plain_bcrypt_is_not_taken_for_one_of_ours(passwords: Passwords):
    with pytest.raises(ValueError, match="hash could not be identified"):
        await passwords.verify("correct horse", bcrypt.using(rounds=4).hash("correct horse"))


async def test_for_nobody_the_same_work_is_done_in_vain(monkeypatch: pytest.MonkeyPatch):
    passwords, checked = Passwords(4), []
    verify = passwords._context.verify_and_update

    def counting(password: str, stored: str):
        checked.append(stored)
        return verify(password, stored)

    monkeypatch.setattr(passwords._context, "verify_and_update", counting)
    stored = await passwords.hash("correct horse battery staple")
    assert (await passwords.verify("correct horse battery staple", stored)).fits
    verdict = await passwords.verify("nobody has this password", None)
    assert not verdict.fits, "not even with the password behind the hash that stands in for everybody"
    assert verdict.better_hash is None
    known, unknown = (text.split("$")[1:3] for text in checked)
    assert known == unknown, "the same scheme at the same cost"


async def test_a_flood_of_hashing_does_not_stall_the_loop():
    passwords = Passwords(8)
    flood = [asyncio.create_task(passwords.hash("correct horse battery staple")) for _ in range(20)]
    longest, last = 0.0, time.monotonic()
    while not all(task.done() for task in flood):
        await asyncio.sleep(0.001)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    assert longest < 0.25
