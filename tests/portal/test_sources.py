"""Sources: made, read, replaced, checked, deleted; and where their secrets go."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from database.sealing import CannotOpen
from federation.connections import SEALED_TABLE
from repositories.sources import Sources
from tests.portal.vault import RIGHT_PASSWORD, Vault, vault
from tests.stand import Person, Stand

pytestmark = pytest.mark.anyio


async def make(person: Person, **config: Any) -> dict[str, Any]:
    reply = await person.http.post("/api/v1/sources", json=vault(**config))
    assert reply.status_code == 201, reply.text
    made: dict[str, Any] = reply.json()
    return made


async def secrets_of(gatehouse: Stand, source: dict[str, Any]) -> dict[str, str]:
    async with gatehouse.gatehouse.database.reading() as session:
        rows = {str(row.id): row for row in await Sources(session).list_sealed()}
    row = rows.get(source["id"])
    if row is None or row.sealed is None:
        return {}
    return gatehouse.gatehouse.sealer.open(SEALED_TABLE, UUID(source["id"]), row.sealed)


async def test_a_source_is_answered_with_everything_but_its_secrets(vaults_on_both: Stand):
    ann = await vaults_on_both.person()
    made = await make(ann, owner="Ann", pin="1234")
    assert set(made) == {
        "id", "key", "name", "type", "config", "secrets", "status", "message", "checked_at", "created_at", "updated_at",
    }  # fmt: skip
    assert made["key"].startswith("vault-")
    assert 4 <= len(made["key"].removeprefix("vault-")) <= 7
    assert made["config"] == {"address": "here", "owner": "Ann", "rooms": ["hall"], "label": ""}
    assert made["secrets"] == ["password", "pin"]
    assert (made["status"], made["checked_at"]) == ("unchecked", None)
    assert (await ann.http.get(f"/api/v1/sources/{made['id']}")).json() == made
    assert (await ann.http.get("/api/v1/sources")).json() == {"items": [made], "next": None}
    assert await secrets_of(vaults_on_both, made) == {"password": RIGHT_PASSWORD, "pin": "1234"}


async def test_a_replacement_keeps_the_secrets_it_leaves_out(vaults_on_both: Stand):
    ann = await vaults_on_both.person()
    made = await make(ann, owner="Ann", rooms=["hall", "attic"], pin="1234")
    body = {"name": "New", "type": "vault", "config": {"address": " here ", "owner": "Ann", "rooms": ["hall", "attic"],
                                                      "label": "changed"}}  # fmt: skip
    reply = await ann.http.put(f"/api/v1/sources/{made['id']}", json=body)
    assert reply.status_code == 200, reply.text
    assert reply.json()["name"] == "New"
    assert reply.json()["config"]["label"] == "changed"
    assert reply.json()["secrets"] == ["password", "pin"]
    assert await secrets_of(vaults_on_both, made) == {"password": RIGHT_PASSWORD, "pin": "1234"}


async def test_a_replacement_puts_absent_settings_back_to_their_defaults(vaults: Stand):
    ann = await vaults.person()
    made = await make(ann, label="mine")
    body = {"name": "Vault", "type": "vault", "config": {"address": "here"}}
    assert (await ann.http.put(f"/api/v1/sources/{made['id']}", json=body)).json()["config"]["label"] == ""


@pytest.mark.parametrize(
    ("change", "named"),
    [({"address": "elsewhere"}, "address"), ({"owner": "somebody else"}, "owner"), ({"rooms": ["attic"]}, "rooms"),
     ({"address": "elsewhere", "owner": "x"}, "address, owner")],
)  # fmt: skip
async def test_secrets_are_asked_again_when_it_changes_where_or_as_whom_we_connect(
    vaults: Stand, change: dict[str, Any], named: str
):
    """Or whoever may edit a source could send its password to a host of their own."""
    ann = await vaults.person()
    made = await make(ann, pin="1234")
    config = {"address": "here", **change}
    url = f"/api/v1/sources/{made['id']}"
    reply = await ann.http.put(url, json={"name": "New", "type": "vault", "config": config})
    assert reply.status_code == 422
    assert [error["field"] for error in reply.json()["errors"]] == ["config.password", "config.pin"]
    assert f"{named} changed" in reply.json()["errors"][0]["message"]
    partly = await ann.http.put(url, json={"name": "New", "type": "vault", "config": {**config, "password": "p"}})
    assert [error["field"] for error in partly.json()["errors"]] == ["config.pin"]
    assert (await ann.http.get(url)).json() == made, "nothing was changed"
    whole = {**config, "password": "new", "pin": "5678"}
    assert (await ann.http.put(url, json={"name": "New", "type": "vault", "config": whole})).status_code == 200
    assert await secrets_of(vaults, made) == {"password": "new", "pin": "5678"}


async def test_leaving_the_default_out_is_no_change(vaults: Stand):
    ann = await vaults.person()
    made = await make(ann, owner="nobody", rooms=["hall"])
    body = {"name": "Vault", "type": "vault", "config": {"address": "here"}}
    assert (await ann.http.put(f"/api/v1/sources/{made['id']}", json=body)).status_code == 200


async def test_an_optional_secret_is_taken_away_by_null_and_a_required_one_is_not(vaults: Stand):
    ann = await vaults.person()
    made = await make(ann, pin="1234")
    url = f"/api/v1/sources/{made['id']}"
    body = {"name": "Vault", "type": "vault", "config": {"address": "here", "pin": None}}
    assert (await ann.http.put(url, json=body)).json()["secrets"] == ["password"]
    body["config"] = {"address": "here", "password": None}
    reply = await ann.http.put(url, json=body)
    assert [error["field"] for error in reply.json()["errors"]] == ["config.password"]


async def test_a_changed_secret_takes_effect_at_once_and_the_status_begins_anew(vaults: Stand):
    ann = await vaults.person()
    made = await make(ann, password="wrong")
    url = f"/api/v1/sources/{made['id']}"
    checked = (await ann.http.post(f"{url}/check")).json()
    assert (checked["ok"], checked["code"]) == (False, "source_unauthorized")
    assert "Enter it again under Sources" in checked["message"]
    shown = (await ann.http.get(url)).json()
    assert shown["status"] == "reconnect"
    assert checked["message"].endswith(shown["message"]), "there it stands beside the name"
    assert shown["checked_at"] is not None
    body = {"name": "Vault", "type": "vault", "config": {"address": "here", "password": RIGHT_PASSWORD}}
    assert (await ann.http.put(url, json=body)).json()["status"] == "unchecked"
    checked = (await ann.http.post(f"{url}/check")).json()
    assert (checked["ok"], checked["account"]) == (True, "nobody at here")
    assert (await ann.http.get(url)).json()["status"] == "ok"
    trail = (await ann.http.get("/api/v1/activity")).json()["items"]
    told = [event["outcome"] for event in trail if event["action"] == "source.checked"]
    assert sorted(told) == ["ok", "source_unauthorized"]


async def test_a_new_name_alone_leaves_the_status_as_it_is(vaults: Stand):
    ann = await vaults.person()
    made = await make(ann)
    url = f"/api/v1/sources/{made['id']}"
    await ann.http.post(f"{url}/check")
    body = {"name": "Other", "type": "vault", "config": {"address": "here"}}
    assert (await ann.http.put(url, json=body)).json()["status"] == "ok"


async def test_the_type_of_a_source_cannot_change(vaults: Stand):
    ann = await vaults.person()
    made = await make(ann)
    body = {"name": "x", "type": "customer_db", "config": {"url": "sample"}}
    reply = await ann.http.put(f"/api/v1/sources/{made['id']}", json=body)
    assert reply.status_code == 422
    assert [error["field"] for error in reply.json()["errors"]] == ["type"]


async def test_settings_are_tried_before_they_are_saved(vaults: Stand):
    ann = await vaults.person()
    good = {"type": "vault", "config": {"address": "here", "password": RIGHT_PASSWORD}}
    reply = (await ann.http.post("/api/v1/sources/check", json=good)).json()
    assert (reply["ok"], reply["account"], reply["code"], reply["message"]) == (True, "nobody at here", None, None)
    assert reply["took_ms"] >= 0
    bad = {"type": "vault", "config": {"address": "here", "password": "p-canary"}}
    reply = await ann.http.post("/api/v1/sources/check", json=bad)
    assert (reply.status_code, reply.json()["ok"], reply.json()["code"]) == (200, False, "source_unauthorized")
    assert "canary" not in reply.text
    assert [tried["password"] for tried in Vault.tried] == [RIGHT_PASSWORD, "p-canary"]
    assert (await ann.http.get("/api/v1/sources")).json()["items"] == []
    assert (await vaults.http.post("/api/v1/sources/check", json=good)).status_code == 401


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"name": "x", "type": "vault", "config": {"password": "p-canary"}}, ["config.address"]),
        ({"name": "x", "type": "vault", "config": {"address": ["p-canary"], "password": "p"}}, ["config.address"]),
        ({"name": "x", "type": "vault", "config": {"address": "x", "password": {"p-canary": 1}}}, ["config.password"]),
        ({"name": "x", "type": "vault", "config": {"address": "x", "password": "p", "pin": 5}}, ["config.pin"]),
        ({"name": "x", "type": "p-canary", "config": {"password": "p-canary"}}, ["type"]),
        ({"name": "x", "config": {"password": "p-canary"}}, ["type"]),
        ({"name": "x", "type": "vault", "config": "p-canary"}, ["config"]),
        ({"name": "x", "type": "vault"}, ["config"]),
        ({"type": "vault", "config": {"address": "x", "password": "p-canary"}}, ["name"]),
        (["p-canary"], ["body"]),
    ],
)
async def test_what_does_not_fit_is_named_and_never_repeated(vaults: Stand, body: object, fields: list[str]):
    ann = await vaults.person()
    for method, url in (("POST", "/api/v1/sources"), ("PUT", f"/api/v1/sources/{(await make(ann))['id']}")):
        if method == "PUT" and fields == ["config.address"] and "address" not in str(body):
            continue
        reply = await ann.http.request(method, url, json=body)
        assert reply.status_code == 422, reply.text
        assert [error["field"] for error in reply.json()["errors"]] == fields
        assert "canary" not in reply.text


async def test_a_setting_nobody_knows_is_refused_by_its_name(vaults: Stand):
    ann = await vaults.person()
    reply = await ann.http.post("/api/v1/sources", json=vault(adress="typo"))
    assert reply.status_code == 422
    assert [error["field"] for error in reply.json()["errors"]] == ["config.adress"]


async def test_a_deleted_source_is_gone_its_secrets_destroyed_and_its_servers_go_on(vaults_on_both: Stand):
    ann = await vaults_on_both.person()
    made, other = await make(ann, owner="o-canary"), await make(ann)
    server = await vaults_on_both.server(ann, [made, other])
    url = f"/api/v1/sources/{made['id']}"
    assert (await ann.http.delete(url)).status_code == 204
    for method, path in (("GET", url), ("DELETE", url), ("POST", f"{url}/check")):
        assert (await ann.http.request(method, path)).status_code == 404
    assert [one["id"] for one in (await ann.http.get("/api/v1/sources")).json()["items"]] == [other["id"]]
    shown = (await ann.http.get(f"/api/v1/mcp-servers/{server['id']}")).json()
    assert shown["source_ids"] == [other["id"]]
    async with vaults_on_both.gatehouse.database.engine.connect() as connection:
        row = (
            await connection.execute(text("SELECT sealed, config, name FROM sources WHERE deleted_at IS NOT NULL"))
        ).one()
    assert row[0] is None
    assert "canary" not in repr(row)


async def test_a_source_that_was_deleted_while_it_was_asked_keeps_no_status(vaults: Stand):
    """The answer comes after the end; nothing may be written into the emptied row."""
    ann = await vaults.person()
    made = await make(ann)
    await ann.http.delete(f"/api/v1/sources/{made['id']}")
    async with vaults.gatehouse.database.writing() as session:
        await Sources(session).set_status(UUID(made["id"]), 1, "reconnect", "m-canary")
    async with vaults.gatehouse.database.engine.connect() as connection:
        assert (await connection.execute(text("SELECT status_message FROM sources"))).scalar() is None


async def test_a_sealed_value_that_was_moved_to_another_row_opens_for_nobody(vaults_on_both: Stand):
    ann = await vaults_on_both.person()
    one, other = await make(ann, password="first"), await make(ann, password="second")
    async with vaults_on_both.gatehouse.database.writing() as session:
        rows = {str(row.id): row for row in await Sources(session).list_sealed()}
        first, second = rows[one["id"]], rows[other["id"]]
        first.sealed, second.sealed = second.sealed, first.sealed
    with pytest.raises(CannotOpen):
        await secrets_of(vaults_on_both, one)
    reply = await ann.http.post(f"/api/v1/sources/{one['id']}/check")
    assert reply.json()["ok"] is False
    assert "Enter them again under Sources" in reply.json()["message"]
    assert not Vault.tried, "nothing was sent anywhere"
    config = {"address": "here"}
    body = {"name": "Vault", "type": "vault", "config": config}
    reply = await ann.http.put(f"/api/v1/sources/{one['id']}", json=body)
    assert [error["field"] for error in reply.json()["errors"]] == ["config.password"], "it is asked for again"
    config["password"] = RIGHT_PASSWORD
    assert (await ann.http.put(f"/api/v1/sources/{one['id']}", json=body)).status_code == 200
    assert (await ann.http.post(f"/api/v1/sources/{one['id']}/check")).json()["ok"] is True


async def test_kinds_of_sources_describe_themselves(vaults: Stand):
    ann = await vaults.person()
    items = {item["type"]: item for item in (await ann.http.get("/api/v1/source-types")).json()["items"]}
    assert {"customer_db", "vault"} <= set(items)
    assert set(items["vault"]) == {"type", "title", "description", "config_schema", "secrets"}
    assert items["vault"]["secrets"] == ["password", "pin"]
    assert items["vault"]["config_schema"]["properties"]["password"]["format"] == "password"
    assert (await vaults.http.get("/api/v1/source-types")).status_code == 401


@pytest.mark.parametrize(
    "id_", ["11111111-2222-4333-8444-555555555555", "abc", "0", "%00", "..", "' OR 1=1 --", "a" * 500, "😀"]
)
async def test_an_id_that_is_nobodys_is_not_found(vaults: Stand, id_: str):
    ann = await vaults.person()
    for method in ("GET", "DELETE"):
        reply = await ann.http.request(method, f"/api/v1/sources/{id_}")
        assert reply.status_code in (404, 405), "`..` is the list"
