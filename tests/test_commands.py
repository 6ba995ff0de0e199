"""The command line, run as people run it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from database.sealing import Sealer
from kept_secrets import decode_key, new_key
from tests.instances import command, instance
from tests.portal import vault
from tests.stand import PASSWORD, settings_for, stand

pytestmark = pytest.mark.anyio


@pytest.fixture
def url(sqlite_url: str) -> str:
    """At the newest revision."""
    return sqlite_url


async def test_help_names_every_command(tmp_path: Path):
    code, said = await command(tmp_path, "", "--help")
    assert code == 0
    for name in (
        "serve",
        "migrate",
        "create-user",
        "invite",
        "reset-password",
        "rotate-keys",
        "change-issuer",
        "domains",
        "refresh-clients",
        "purge",
        "verify-audit",
    ):
        assert name in said


async def test_an_unknown_command_is_refused(tmp_path: Path):
    code, said = await command(tmp_path, "", "explode")
    assert code == 2
    assert "Traceback" not in said


async def test_migrate_makes_the_tables_that_production_asks_for(tmp_path: Path):
    path = tmp_path / "gatehouse.db"
    told = {
        "ENV": "production",
        "PORTAL_URL": "https://portal.example.com",
        "JWT_SECRET": "x" * 32,
        "SECRETS_KEYS": new_key(),
        "PASSWORD_COST": "12",
    }
    url = f"sqlite+aiosqlite:///{path}"
    async with instance(tmp_path, url, **told) as refused:
        assert await refused.ended() == 2
    assert "python main.py migrate" in refused.said
    code, _ = await command(tmp_path, url, "migrate", **told)
    assert code == 0
    async with instance(tmp_path, url, **told) as served:
        await served.ready()


async def test_the_first_user_made_is_the_operator_and_the_password_comes_from_standard_input(url: str, tmp_path: Path):
    arguments = ("create-user", "ann@example.com", "--name", "Ann", "--password-stdin")
    code, said = await command(tmp_path, url, *arguments, typed=f"{PASSWORD}\n")
    assert (code, said.strip()) == (0, "Made the account ann@example.com, which runs this installation.")
    code, said = await command(tmp_path, url, *arguments, typed=f"{PASSWORD}\n")
    assert code == 1
    assert said.strip() == "There is an account with this e-mail address already."
    code, said = await command(
        tmp_path, url, "create-user", "bob", "--name", "B", "--password-stdin", typed="s-canary\n"
    )
    assert code == 1
    assert said.startswith("email: ")
    assert "canary" not in said
    async with stand(settings_for(url, tmp_path)) as gatehouse:
        body = {"email": "ann@example.com", "password": PASSWORD}
        reply = await gatehouse.http.post("/api/v1/signin", json=body)
        assert reply.json()["user"]["is_operator"] is True


async def test_reset_password_prints_a_link_that_works_once(url: str, tmp_path: Path):
    async with stand(settings_for(url, tmp_path)) as gatehouse:
        ann = await gatehouse.person()
    code, said = await command(tmp_path, url, "reset-password", ann.email)
    assert code == 0
    link = said.strip().splitlines()[-1]
    token = link.partition("?token=")[2]
    async with stand(settings_for(url, tmp_path)) as gatehouse:
        body = {"token": token, "password": "another long password"}
        assert (await gatehouse.http.post("/api/v1/reset-password", json=body)).status_code == 204
    code, said = await command(tmp_path, url, "reset-password", "nobody@example.com")
    assert (code, said.strip()) == (1, "There is no account with this e-mail address.")


async def test_invite_prints_a_link_that_makes_an_account(url: str, tmp_path: Path):
    code, said = await command(tmp_path, url, "invite")
    assert code == 0
    token = said.strip().splitlines()[-1].partition("?invitation=")[2]
    async with stand(settings_for(url, tmp_path, signup="invite")) as gatehouse:
        body = {"email": "ann@example.com", "password": PASSWORD, "name": "Ann", "invitation": token}
        assert (await gatehouse.http.post("/api/v1/signup", json=body)).status_code == 201


async def test_rotated_keys_seal_everything_anew_and_the_old_one_is_needed_no_longer(url: str, tmp_path: Path):
    """Sealed with one key; started and rotated with two; served with the second alone."""
    old, new = new_key(), new_key()
    async with stand(settings_for(url, tmp_path, secrets_keys=old), vault.registry()) as gatehouse:
        ann = await gatehouse.person()
        made = [await ann.http.post("/api/v1/sources", json=vault.vault(pin=pin)) for pin in ("one", "two")]
        sources = [reply.json()["id"] for reply in made]
        sample = (await gatehouse.sample(ann))["id"]
    code, said = await command(tmp_path, url, "rotate-keys", SECRETS_KEYS=new)
    assert code == 2
    assert said.startswith("SECRETS_KEYS: 2 sources were sealed with a key that is not listed")
    code, said = await command(tmp_path, url, "rotate-keys", SECRETS_KEYS=f"{new},{old}")
    assert (code, said.startswith("Sealed 2 sources")) == (0, True)
    code, said = await command(tmp_path, url, "rotate-keys", SECRETS_KEYS=f"{new},{old}")
    assert (code, said.startswith("Sealed 0 sources")) == (0, True)
    async with stand(settings_for(url, tmp_path, secrets_keys=new), vault.registry()) as gatehouse:
        http = gatehouse.client(Authorization=f"Bearer {ann.token}")
        for id_ in [*sources, sample]:
            assert (await http.post(f"/api/v1/sources/{id_}/check")).json()["ok"]
    with closing(sqlite3.connect(url.partition("///")[2])) as connection:
        for (sealed,) in connection.execute("SELECT sealed FROM sources WHERE sealed IS NOT NULL"):
            assert not Sealer([decode_key(old)]).knows(sealed)


async def test_domains_are_listed_with_who_holds_them(url: str, tmp_path: Path):
    async with stand(settings_for(url, tmp_path)) as gatehouse:
        ann = await gatehouse.person()
        held, gone = await gatehouse.server(ann), await gatehouse.server(ann)
    pool = "http://localhost:8001,https://free.example.com"
    code, said = await command(tmp_path, url, "domains", MCP_GATEWAY_URL_POOLS=pool)
    assert code == 0
    assert said.splitlines() == [
        f"localhost:8001\theld by server {held['id']}",
        "free.example.com\tfree",
        f"localhost:8002\tnot in the pool, answers 421; held by server {gone['id']}",
    ]


async def test_verify_audit_tells_where_a_chain_breaks(url: str, tmp_path: Path):
    async with stand(settings_for(url, tmp_path)) as gatehouse:
        ann = await gatehouse.person()
        await gatehouse.sample(ann)
    code, said = await command(tmp_path, url, "verify-audit")
    assert (code, said.strip()) == (0, "1 chains, 0 broken.")
    with closing(sqlite3.connect(url.partition("///")[2])) as connection, connection:
        connection.execute("UPDATE audit_events SET outcome = 'refused' WHERE position = 1")
    code, said = await command(tmp_path, url, "verify-audit")
    assert code == 1
    assert "changed or missing at position 1" in said


async def test_a_purge_says_what_it_took_and_can_be_repeated(url: str, tmp_path: Path):
    async with stand(settings_for(url, tmp_path)) as gatehouse:
        await gatehouse.person("operator")
        ann = await gatehouse.person("canary")
        await gatehouse.sample(ann)
        await ann.http.delete("/api/v1/me")
    code, said = await command(tmp_path, url, "purge")
    assert (code, said.strip()) == (0, "Nothing else is due."), "it was deleted just now"
    code, said = await command(tmp_path, url, "purge", "--older-than", "0")
    assert code == 0
    assert "1\tsources" in said
    assert "1\taccounts" in said
    code, said = await command(tmp_path, url, "purge", "--older-than", "0")
    assert (code, said.strip()) == (0, "Nothing else is due.")
    assert (await command(tmp_path, url, "verify-audit"))[0] == 0
    assert (await command(tmp_path, url, "purge", "--older-than", "soon"))[0] == 2


async def test_what_is_done_to_the_installation_is_told_to_its_operator(url: str, tmp_path: Path):
    moved = {"PORTAL_URL": "https://elsewhere.example.com"}
    async with stand(settings_for(url, tmp_path)) as gatehouse:
        ann = await gatehouse.person()
    assert (await command(tmp_path, url, "change-issuer", **moved))[0] == 0
    async with stand(settings_for(url, tmp_path, portal_url=moved["PORTAL_URL"])) as gatehouse:
        browser = gatehouse.client(moved["PORTAL_URL"], Accept="text/html")
        await browser.post("/api/v1/signin", json={"email": ann.email, "password": PASSWORD})
        page = (await browser.get("/admin")).text
    assert "Issuer changed" in page
    assert "https://elsewhere.example.com</bdi>" in page
