"""The settings of a Box source, as its owner fills them in."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StringConstraints

from handlers.base import KEEPS_SECRETS, SourceConfig
from services.box.values import EVERYTHING

_PRINTABLE: Final = re.compile(r"[\x21-\x7e]{1,256}")


def _usable_secret(secret: SecretStr) -> SecretStr:
    if not _PRINTABLE.fullmatch(secret.get_secret_value()):
        raise ValueError("paste the secret as Box shows it, in one line without spaces")
    return secret


def _all_is_none(value: object) -> object:
    """An input of a form that was left empty, or Box's id for the root of everything."""
    return None if isinstance(value, str) and value.strip() in {"", EVERYTHING} else value


Number = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]


class BoxConfig(SourceConfig):
    """A Box app, and whom it acts as."""

    client_id: Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_-]+$")] = Field(
        title="Client ID",
        description="From the app's Configuration tab in the Box Developer Console.",
    )
    client_secret: Annotated[SecretStr, AfterValidator(_usable_secret)] = Field(
        title="Client secret",
        description="From the same place. Box shows it to people who have two-factor authentication switched on.",
    )
    subject_type: Literal["enterprise", "user"] = Field(
        "enterprise",
        title="Acts as",
        description="With enterprise, the app's service account, who sees the folders it was invited to and nothing "
        "else. With user, one user, with all that they see.",
    )
    subject_id: Number = Field(
        title="Enterprise or user ID",
        description="The enterprise ID (Developer Console, your account's icon, Copy Enterprise ID), or the ID of the "
        "user to act as: the number that Box calls their account ID.",
    )
    folder: Annotated[Annotated[Number | None, BeforeValidator(_all_is_none)], KEEPS_SECRETS] = Field(
        None,
        title="Folder ID",
        description="Keeps searching and reading to this folder and all below it: the number at the end of its address "
        "in Box. Without one, everything that the account sees.",
    )
