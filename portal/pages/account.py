"""The account: name, address, password, where it is signed in, which agents it let in, and its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response

from errors import GatehouseError
from portal.pages.devices import device_name
from portal.pages.screen import Own, OwnScreen
from portal.refusals import Refusal, parse
from portal.texts.catalogue import t
from repositories.paging import Window
from schemas.accounts import ChangeEmail, ChangePassword, Rename

_SHOWN: Final = Window(100)

router = APIRouter(prefix="/account", include_in_schema=False)


@router.get("")
async def account(screen: Own) -> Response:
    return await _page(screen, {})


@router.post("/name")
async def rename(screen: Own) -> Response:
    try:
        form = parse(Rename, {"name": screen.typed.get("name")})
        await screen.portal.accounts.rename(screen.person, form.name)
    except GatehouseError as error:
        return await _page(screen, {"name": Refusal.of(error)})
    return screen.go("/account", t("account.name.done"))


@router.post("/email")
async def change_email(screen: Own) -> Response:
    typed = screen.typed
    try:
        form = parse(ChangeEmail, {"email": typed.get("email"), "password": typed.get("password")})
        user = await screen.portal.accounts.change_email(screen.person, form)
    except GatehouseError as error:
        return await _page(screen, {"email": Refusal.of(error)})
    return screen.go("/account", t("account.email.done", email=user.email))


@router.post("/password")
async def change_password(screen: Own) -> Response:
    typed = screen.typed
    try:
        form = parse(ChangePassword, {"current": typed.get("current"), "new": typed.get("new")})
        opened = await screen.portal.sessions.change_password(screen.person, form)
    except GatehouseError as error:
        return await _page(screen, {"password": Refusal.of(error)})
    return screen.signed_in(screen.go("/account", t("account.password.done")), opened)


@router.post("/sessions/others")
async def end_other_sessions(screen: Own) -> Response:
    await screen.portal.sessions.revoke_others(screen.person)
    return screen.go("/account", t("account.sessions.others_done"))


@router.post("/sessions/{session_id}")
async def end_session(session_id: UUID, screen: Own) -> Response:
    await screen.portal.sessions.revoke(screen.person, session_id)
    return screen.go("/account", t("account.sessions.one_done"))


@router.post("/agents/{grant_id}")
async def disconnect_agent(grant_id: UUID, screen: Own) -> Response:
    await screen.portal.grants.revoke_mine(screen.person, grant_id)
    return screen.go("/account", t("account.agents.done"))


@router.get("/delete")
async def delete_page(screen: Own) -> Response:
    return await _delete_page(screen)


@router.post("/delete")
async def delete(screen: Own) -> Response:
    """Asks for the password: a browser that was left open must not be enough."""
    try:
        await screen.portal.accounts.confirm_password(screen.person, screen.typed.get("password"))
        await screen.portal.accounts.delete(screen.person)
    except GatehouseError as error:
        return await _delete_page(screen, Refusal.of(error))
    return screen.signed_out(screen.go("/signin", t("account.delete.done")))


async def _page(screen: OwnScreen, refusals: Mapping[str, Refusal]) -> Response:
    """`refusals` by the section of the page whose form was refused."""
    person, portal = screen.person, screen.portal
    user = await portal.accounts.get(person)
    sessions = await portal.sessions.list_live(person, _SHOWN)
    agents = await portal.grants.list_mine(person, _SHOWN)
    status = next((refusal.status for refusal in refusals.values()), 200)
    values = {
        "user": user,
        "typed": screen.typed,
        "refusals": refusals,
        "sessions": sessions.items,
        "device_name": device_name,
        "agents": agents.items,
    }
    return screen.page("account.html", values, status)


async def _delete_page(screen: OwnScreen, refusal: Refusal | None = None) -> Response:
    servers = await screen.portal.servers.list_mine(screen.person, _SHOWN)
    sources = await screen.portal.sources.list_mine(screen.person, _SHOWN)
    values = {
        "servers": [one for one in servers.items if one.server.user_id == screen.person.user_id],
        "sources": sources.items,
        "refusal": refusal,
    }
    return screen.page("account_delete.html", values, refusal.status if refusal else 200)
