"""A kind of source for tests of secrets: it is reached at an address, as somebody, with a password."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field, SecretStr

from errors import NotFound, SourceUnauthorized
from handlers.base import (
    KEEPS_SECRETS,
    Bulkhead,
    Document,
    Handler,
    Hit,
    Lent,
    SearchQuery,
    SourceConfig,
)
from handlers.registry import Registry, discover

RIGHT_PASSWORD = "open sesame"


class VaultConfig(SourceConfig):
    address: str = Field(title="Address", description="Where the vault is.", min_length=1, max_length=100)
    owner: str = Field("nobody", title="Owner", description="As whom we connect.")
    rooms: tuple[str, ...] = Field(("hall",), title="Rooms", description="A list: also where we connect.")
    password: SecretStr = Field(title="Password", description="Opens the vault.")
    pin: SecretStr | None = Field(None, title="PIN", description="For vaults that want one as well.")
    label: Annotated[str, KEEPS_SECRETS] = Field("", title="Label", description="Decides nothing.")


class Vault:
    """Opens with the right password; remembers with what it was tried."""

    tried: Sequence[Mapping[str, str | None]] = ()

    def __init__(self, config: VaultConfig) -> None:
        self._config = config

    async def check(self) -> str:
        pin = self._config.pin.get_secret_value() if self._config.pin else None
        password = self._config.password.get_secret_value()
        Vault.tried = [*Vault.tried, {"address": self._config.address, "password": password, "pin": pin}]
        if password != RIGHT_PASSWORD:
            raise SourceUnauthorized("The vault refused the password. Enter it again under Sources.")
        return f"{self._config.owner} at {self._config.address}"

    async def search(self, query: SearchQuery) -> Sequence[Hit]:
        await self.check()
        return [Hit(id="1", title="A treasure", text=f"d-canary-document about {query.text}")]

    async def fetch(self, id: str) -> Document:
        await self.check()
        if id != "1":
            raise NotFound("There is no such thing in the vault.")
        return Document(id="1", title="A treasure", text="d-canary-document")

    async def aclose(self) -> None:
        pass


def _connect(config: VaultConfig, _lent: Lent) -> Vault:
    return Vault(config)


HANDLER = Handler(
    key="vault",
    slug="vault",
    title="Vault",
    description="For tests.",
    config=VaultConfig,
    connect=_connect,
    bulkhead=lambda config: Bulkhead(key=f"vault {config.address}", size=4),
)


def registry() -> Registry:
    """Every kind of source there is, and vaults."""
    return Registry([*discover(), HANDLER])


def vault(**config: object) -> dict[str, object]:
    """A body that makes one."""
    return {"name": "Vault", "type": "vault", "config": {"address": "here", "password": RIGHT_PASSWORD, **config}}
