"""The settings of a mailbox, as its owner fills them in."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints

from handlers.base import SourceConfig

_GUID = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
# What may stand in a path: no slash, question mark, hash, percent sign or backslash, and no leading dollar sign, which
# Graph would take for a function.
_ADDRESS = r"[^\s@/\\?#%$\x00-\x1f\x7f][^\s@/\\?#%\x00-\x1f\x7f]{0,63}@[A-Za-z0-9][A-Za-z0-9.-]{0,252}"


class OutlookConfig(SourceConfig):
    """An app registration, and the mailbox it may read."""

    tenant_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$")] = Field(
        title="Tenant ID",
        description="Directory (tenant) ID on the Overview page of the app's registration in Entra, "
        "or a domain of the tenant.",
    )
    client_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")] = Field(
        title="Client ID",
        description="Application (client) ID on the same page.",
    )
    client_secret: Annotated[SecretStr, Field(min_length=1, max_length=512)] = Field(
        title="Client secret",
        description="The Value of a client secret under Certificates & secrets, not its Secret ID.",
    )
    user: Annotated[str, StringConstraints(pattern=rf"^(?:{_GUID}|{_ADDRESS})$")] = Field(
        title="Mailbox",
        description="The address of the mailbox to search, a shared one too, or its owner's Object ID in Entra.",
    )
