"""Who may come in: well-known on purpose, worth nothing outside a sandbox on loopback."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class EntraCredentials:
    """An app registration, and the mailbox that demonstrations use."""

    tenant_id: str = "6c1d2f7e-4b0a-4f63-9d58-2a7e90c4b111"
    tenant_domain: str = "larkfield.example.com"
    client_id: str = "b8a3c9d4-17e5-4c2f-8e60-5f3d71a2c222"
    client_secret: str = "sandbox-entra-secret"  # noqa: S105 - opens a stand-in on loopback, nothing else
    user: str = "ann.meyer@larkfield.example.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxCredentials:
    """A custom app with client credentials, authorised in the enterprise and for one of its users."""

    client_id: str = "sandboxbox0client0id0000000000ab"
    client_secret: str = "sandbox-box-secret"  # noqa: S105 - opens a stand-in on loopback, nothing else
    enterprise_id: str = "871234"
    service_account: str = "30001"
    """The user id that the enterprise's token acts as."""
    user_id: str = "30010"
    """A user that the app may act as."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnowflakeCredentials:
    """A service user with a programmatic access token, and what its role may use."""

    account: str = "larkfield-main"
    user: str = "GATEHOUSE_SVC"
    pat: str = "sandbox-snowflake-pat"
    role: str = "SEARCH_READER"
    warehouse: str = "SEARCH_WH"
    pat_without_policy: str = "sandbox-snowflake-pat-without-network-policy"
    """A good token of a user whom no network policy covers: refused for that reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """All of them."""

    entra: EntraCredentials = field(default_factory=EntraCredentials)
    box: BoxCredentials = field(default_factory=BoxCredentials)
    snowflake: SnowflakeCredentials = field(default_factory=SnowflakeCredentials)


DEMO = Credentials()
