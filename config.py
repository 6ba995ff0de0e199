"""The settings, read once at the start: environment over .env over defaults. Only main.py, alembic/env.py, the command
line, the sandbox and the benches import this."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from kept_secrets import SecretIsEmpty, decode_key, kept_secret, new_key

DEFAULT_PORT = 8000
DEFAULT_POOL_SIZE = 5
LAST_PORT = 65_535
SECRET_CHARACTERS = 32
MINIMUM_PASSWORD_COST = 12
MOST_A_MINUTE = 1_000_000

_ASYNC_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
}
_CUSTOMER_PORTS = {
    **dict.fromkeys(("postgresql", "postgresql+asyncpg"), 5432),
    **dict.fromkeys(("mysql", "mysql+asyncmy", "mariadb", "mariadb+asyncmy"), 3306),
}
_DURATION = re.compile(r"(\d+)\s*([smhd]?)")
_UNITS = {"": "seconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Environment(StrEnum):
    DEVELOPMENT = "development"
    PRODUCTION = "production"


class SignupMode(StrEnum):
    OPEN = "open"
    INVITE = "invite"
    CLOSED = "closed"


class ClientDocuments(StrEnum):
    ANY = "any"
    WELLKNOWN = "wellknown"
    OFF = "off"


class SettingsProblem(Exception):
    """A setting that cannot be used; the message is one sentence that names the variable."""


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _parse_duration(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value.strip().lower())
    if match is None:
        raise ValueError("write a number with s, m, h or d after it, as in 30d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def origin(value: str, *, what: str) -> str:
    """The URL in its one spelling, without a trailing slash. Raises ValueError unless it is a plain origin."""
    shown = value.rpartition("@")[2]  # a password may stand before it
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{what} {shown!r} is not a URL") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise ValueError(f"{what} {shown!r} must look like https://host or http://localhost:8001")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"{what} {shown!r} must not have a path, a query or a fragment")
    default = 443 if parts.scheme == "https" else 80
    suffix = "" if port in (None, default) else f":{port}"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host.lower()}{suffix}"


Listed = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


class Settings(BaseSettings):
    """Frozen; one instance per process. Every field is an environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    env: Environment = Field(
        default=Environment.DEVELOPMENT, description="development or production; production asks for every secret."
    )
    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: int = Field(default=DEFAULT_PORT, ge=1, le=LAST_PORT, description="The portal's port.")
    portal_url: str = Field(
        default="", description="The portal's address as people type it. Empty: http://localhost:<PORT>."
    )
    mcp_gateway_url_pools: Listed = Field(
        default=(),
        description="Gateway base URLs, comma-separated; each MCP server gets one. Empty: five ports after PORT on "
        "localhost.",
    )
    database_url: SecretStr = Field(
        default=SecretStr(""),
        description="sqlite+aiosqlite:///path or postgresql+asyncpg://user:password@host/name. Empty: a SQLite file in "
        "DATA_DIR.",
    )
    data_dir: Path = Field(default=Path("data"), description="Where the embedded database, keys and samples are kept.")
    migrate_on_start: bool = Field(
        default=True, description="Bring the database up to date when starting. Empty: yes in development only."
    )
    jwt_secret: SecretStr = Field(
        default=SecretStr(""),
        description="Signs the portal's sessions, at least 32 characters. Empty in development: kept in DATA_DIR.",
    )
    secrets_keys: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=(),
        description="Keys that seal the sources' secrets, comma-separated, newest first; each is 32 bytes as URL-safe "
        "base64. Empty in development: kept in DATA_DIR.",
    )
    signup: SignupMode = Field(
        default=SignupMode.OPEN,
        description="Who may sign up: open, invite or closed. Empty: open; in production invite.",
    )
    servers_per_account: int = Field(default=5, ge=1, le=1000, description="MCP servers one account may have.")
    domain_quarantine: Annotated[timedelta, BeforeValidator(_parse_duration)] = Field(
        default=timedelta(0),
        description="How long a released gateway domain is kept from other accounts, as in 30d. Empty: 30d in "
        "production, else 0.",
    )
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=(),
        description="Addresses or networks of reverse proxies whose X-Forwarded-Host, -Proto and -For are believed.",
    )
    cors_origins: Listed = Field(
        default=(), description="Web origins that may call the API with credentials, comma-separated; never *."
    )
    customer_databases: Listed = Field(
        default=(),
        description="Databases that users may connect wherever they are, as SQLAlchemy URLs without credentials, "
        "comma-separated. Others are reached on the public internet and in EGRESS_ALLOW.",
    )
    customer_sqlite_folder: Path | None = Field(
        default=None,
        description="SQLite files below this folder may be connected; it must lie apart from DATA_DIR. Empty: none.",
    )
    egress_allow: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=(),
        description="Private networks that customers' databases may be in, comma-separated. Loopback only outside "
        "production. Empty: public addresses only.",
    )
    oauth_client_documents: ClientDocuments = Field(
        default=ClientDocuments.ANY,
        description="Which agents may name themselves by the address of a document: any, wellknown (those of large "
        "vendors) or off. Others register.",
    )
    entra_url: str = Field(
        default="https://login.microsoftonline.com", description="Where Microsoft Entra gives out tokens."
    )
    graph_url: str = Field(default="https://graph.microsoft.com", description="Where Microsoft Graph answers.")
    box_url: str = Field(default="https://api.box.com", description="Where Box answers.")
    snowflake_url: str = Field(
        default="",
        description="Where Snowflake answers instead of the account URLs that users give. Empty: the account URLs.",
    )
    answer_reuse_s: int = Field(
        default=30,
        ge=0,
        le=300,
        description="Seconds for which a source's answer is given again to whoever asks the same server the same. "
        "0: never.",
    )
    metrics_token: SecretStr = Field(
        default=SecretStr(""),
        description="Opens /metrics, for Prometheus, to whoever brings it as a bearer token; at least 32 characters. "
        "Empty: there is no /metrics.",
    )
    openai_api_key: SecretStr = Field(
        default=SecretStr(""),
        description="For semantic re-ranking, on servers whose owner switches it on. Empty: there is none.",
    )
    openai_url: str = Field(default="https://api.openai.com", description="Where OpenAI answers.")
    openai_embedding_model: str = Field(
        default="text-embedding-3-small", description="The model that questions, titles and snippets are compared with."
    )
    instances: int = Field(
        default=1, ge=1, le=64, description="Processes that serve the same database; vendors' limits are divided by it."
    )
    rate_limits: bool = Field(
        default=True, description="off switches every limit on how often somebody may ask off; for benches."
    )
    rate_per_token: int = Field(
        default=1_200, ge=1, le=MOST_A_MINUTE, description="Requests a minute of one API key, agent's grant or session."
    )
    rate_per_user: int = Field(
        default=2_400, ge=1, le=MOST_A_MINUTE, description="Requests a minute of everything that acts for one account."
    )
    rate_per_server: int = Field(
        default=3_600, ge=1, le=MOST_A_MINUTE, description="Requests a minute at one MCP server, whoever sends them."
    )
    rate_per_address: int = Field(
        default=1_200,
        ge=1,
        le=MOST_A_MINUTE,
        description="Requests a minute from one network (IPv4 /24, IPv6 /56) without a token or with a wrong one.",
    )
    redis_url: SecretStr = Field(
        default=SecretStr(""),
        description="redis:// or rediss://, where processes count requests together. Empty: each counts for itself.",
    )
    requests_at_once: int = Field(
        default=512,
        ge=8,
        le=10_000,
        description="Requests one process has in flight at most, those included that wait for sources; the rest get a "
        "503 at once.",
    )
    audit_retention: Annotated[timedelta, BeforeValidator(_parse_duration)] = Field(
        default=timedelta(days=90),
        description="How long the audit trail tells addresses and programs; the events themselves stay.",
    )
    purge_after: Annotated[timedelta, BeforeValidator(_parse_duration)] = Field(
        default=timedelta(days=30),
        description="How long what was deleted or has ended keeps its row, which names nobody, before that goes too.",
    )
    password_cost: int = Field(
        default=12, ge=4, le=16, description="bcrypt's cost; each step doubles the time. At least 12 in production."
    )
    shutdown_grace: Annotated[timedelta, BeforeValidator(_parse_duration)] = Field(
        default=timedelta(seconds=8), description="How long requests under way may take when the process is stopped."
    )
    node_channel_fd: int | None = Field(
        default=None, description="Set by PM2 for its own use: the pipe on which it waits to hear that we are ready."
    )
    log_level: str = Field(default="info", description="debug, info, warning or error.")
    debug: bool = Field(default=False, description="Readable instead of JSON logs, at level debug. Not in production.")

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.lower() not in ("debug", "info", "warning", "error"):
            raise ValueError("choose debug, info, warning or error")
        return value.lower()

    @field_validator("trusted_proxies", "egress_allow", mode="before")
    @classmethod
    def _networks(cls, value: object) -> object:
        parts = _split(value)
        if not isinstance(parts, tuple):
            return value
        try:
            return tuple(ip_network(part, strict=False) for part in parts)
        except ValueError as error:
            raise ValueError("list addresses or networks, as in 10.0.0.1,192.168.0.0/16") from error

    @field_validator("entra_url", "graph_url", "box_url", "snowflake_url", "openai_url")
    @classmethod
    def _vendors_are_urls(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment):
            raise ValueError("write it like https://host, or http://127.0.0.1:8900/graph for a stand-in")
        return value.rstrip("/")

    @field_validator("portal_url")
    @classmethod
    def _portal_is_an_origin(cls, value: str) -> str:
        return origin(value, what="the address") if value else value

    @field_validator("mcp_gateway_url_pools")
    @classmethod
    def _gateways_are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(origin(part, what="the gateway") for part in value))

    @field_validator("cors_origins")
    @classmethod
    def _cors_names_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "*" in value:
            raise ValueError("* cannot be used: replies carry the reader's session; list the origins")
        return tuple(origin(part, what="the origin") for part in value)

    @field_validator("customer_databases")
    @classmethod
    def _are_servers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any("@" in part for part in value):
            raise ValueError("name the databases without user and password: whoever connects one enters those")
        if not all(map(_is_database_server, value)):
            raise ValueError("write each as postgresql://host:5432/name or mysql://host, without options")
        return value

    @field_validator("database_url")
    @classmethod
    def _known_engine(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if not text:
            return value
        try:
            url = make_url(text)
        except (ArgumentError, ValueError) as error:  # the latter quotes a part of the URL, perhaps of the password
            raise ValueError("not a database URL") from error
        drivername = _ASYNC_DRIVERS.get(url.drivername, url.drivername)
        if drivername not in _ASYNC_DRIVERS.values():
            raise ValueError("use sqlite+aiosqlite:///path or postgresql+asyncpg://user:password@host/name")
        return SecretStr(url.set(drivername=drivername).render_as_string(hide_password=False))

    @field_validator("redis_url")
    @classmethod
    def _redis_is_a_url(cls, value: SecretStr) -> SecretStr:
        parts = urlsplit(value.get_secret_value())
        if value.get_secret_value() and (parts.scheme not in ("redis", "rediss") or not parts.hostname):
            raise ValueError("write it like redis://host:6379/0 or rediss://:password@host:6379/0")
        return value

    @field_validator("jwt_secret", "metrics_token")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < SECRET_CHARACTERS:
            raise ValueError(f"at least {SECRET_CHARACTERS} characters are needed")
        return value

    @field_validator("secrets_keys")
    @classmethod
    def _keys_decode(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for key in value:
            decode_key(key.get_secret_value())
        return value

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Defaults that follow other settings."""
        given = {name: value for name, value in data.items() if value not in ("", None)}
        port = str(given.get("port", DEFAULT_PORT))
        if port.isdecimal():
            given.setdefault("portal_url", f"http://localhost:{port}")
            ports = range(int(port) + 1, min(int(port) + DEFAULT_POOL_SIZE, LAST_PORT) + 1)
            given.setdefault("mcp_gateway_url_pools", ",".join(f"http://localhost:{number}" for number in ports))
        production = given.get("env", "development") == Environment.PRODUCTION
        given.setdefault("signup", SignupMode.INVITE if production else SignupMode.OPEN)
        given.setdefault("domain_quarantine", timedelta(days=30) if production else timedelta(0))
        given.setdefault("migrate_on_start", not production)
        if not production:
            data_dir = Path(str(given.get("data_dir", "data")))
            given.setdefault("database_url", f"sqlite+aiosqlite:///{data_dir / 'gatehouse.db'}")
        return given

    @model_validator(mode="after")
    def _every_host_means_one_thing(self) -> Settings:
        hosts = [urlsplit(url).netloc for url in self.mcp_gateway_url_pools]
        if urlsplit(self.portal_url).netloc in hosts:
            raise ValueError(f"MCP_GATEWAY_URL_POOLS contains the host of PORTAL_URL ({self.portal_url}); use another")
        if len(set(hosts)) < len(hosts):
            raise ValueError("MCP_GATEWAY_URL_POOLS names a host twice, with http and with https; choose one")
        return self

    @model_validator(mode="after")
    def _production_is_complete(self) -> Settings:
        if self.env is not Environment.PRODUCTION:
            return self
        if not self.portal_url.startswith("https://"):
            raise ValueError("PORTAL_URL must begin with https:// in production: sessions would travel in the clear")
        if self.debug:
            raise ValueError("DEBUG cannot be used in production")
        if self.password_cost < MINIMUM_PASSWORD_COST:
            raise ValueError(f"PASSWORD_COST must be at least {MINIMUM_PASSWORD_COST} in production")
        if any(network.is_loopback for network in self.egress_allow):
            raise ValueError("EGRESS_ALLOW must not name loopback in production: our own ports are there")
        for name in ("database_url", "jwt_secret", "secrets_keys"):
            value = getattr(self, name)
            if not value or (isinstance(value, SecretStr) and not value.get_secret_value()):
                raise ValueError(f"{name.upper()} is missing; production does not make one up")
        return self

    @model_validator(mode="after")
    def _our_data_is_no_source(self) -> Settings:
        own = make_url(self.database_url.get_secret_value() or "sqlite://")
        for part in self.customer_databases:
            listed = make_url(part)
            if _place(listed) == _place(own) and listed.database in (None, "", own.database):
                raise ValueError("CUSTOMER_DATABASES names our own database, the one of DATABASE_URL; name others")
        if self.customer_sqlite_folder is not None:
            folder = self.customer_sqlite_folder.resolve()
            file = own.database if own.drivername.startswith("sqlite") and own.database else self.data_dir
            ours = (self.data_dir.resolve(), Path(file).resolve())
            if any(folder.is_relative_to(path) or path.is_relative_to(folder) for path in ours):
                raise ValueError("CUSTOMER_SQLITE_FOLDER must lie apart from DATA_DIR and from our own database")
        return self

    @property
    def production(self) -> bool:
        return self.env is Environment.PRODUCTION


def _is_database_server(text: str) -> bool:
    """Whether this is the URL of a server that users may connect to, or of one of its databases."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        return False
    is_server = url.drivername in _CUSTOMER_PORTS and re.fullmatch(r"[A-Za-z0-9._:-]+", url.host or "") is not None
    return is_server and not url.query and (url.port or 1) <= LAST_PORT


def _place(url: URL) -> tuple[str, int | None]:
    """Host and port, this machine under one name."""
    host = (url.host or "").lower()
    return "localhost" if host in ("127.0.0.1", "::1") else host, url.port or _CUSTOMER_PORTS.get(url.drivername)


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process, with the secrets that development generates. Raises SettingsProblem."""
    try:
        settings = Settings(**overrides)
        return settings if settings.production else Settings(**{**overrides, **_kept_secrets(settings)})
    except ValidationError as error:
        raise SettingsProblem(_explain(error)) from error


def _kept_secrets(settings: Settings) -> dict[str, str]:
    """Those secrets that were not given, out of DATA_DIR. Raises SettingsProblem."""
    given = {"jwt_secret": settings.jwt_secret.get_secret_value(), "secrets_keys": settings.secrets_keys}
    make = {"jwt_secret": lambda: secrets.token_urlsafe(48), "secrets_keys": new_key}
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        return {name: kept_secret(settings.data_dir / name, make[name]) for name, value in given.items() if not value}
    except SecretIsEmpty as error:
        raise SettingsProblem(str(error)) from error
    except OSError as error:
        raise SettingsProblem(f"DATA_DIR: {error.filename} cannot be used ({error.strerror}).") from error


def _explain(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    name = str(first["loc"][0]).upper() if first["loc"] else ""
    message = first["msg"].removeprefix("Value error, ").rstrip(".")
    return f"{name}: {message}." if name else f"{message}."
