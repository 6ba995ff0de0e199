"""Settings: where they come from, what follows from what, and how a bad one is told."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from config import SettingsProblem, load_settings
from tests.config.conftest import problem

ROOT = Path(__file__).parent.parent.parent
JWT_SECRET = "j-canary-" + "x" * 32
KEY = "k-canary-sealing-key-aaaaaaaaaaaaaaaaaaaaaa"  # 43 characters of base64 are 32 bytes
PRODUCTION = {
    "ENV": "production",
    "PORTAL_URL": "https://portal.example.com",
    "MCP_GATEWAY_URL_POOLS": "https://g1.example.com",
    "DATABASE_URL": "postgresql+asyncpg://gate:d-canary-password@db.example.com/gatehouse",
    "JWT_SECRET": JWT_SECRET,
    "SECRETS_KEYS": KEY,
}


def test_without_any_setting_it_serves_on_8000_with_five_gateways_and_sqlite():
    settings = load_settings()
    assert settings.port == 8000
    assert settings.host == "127.0.0.1"
    assert settings.portal_url == "http://localhost:8000"
    assert settings.mcp_gateway_url_pools == tuple(f"http://localhost:{port}" for port in range(8001, 8006))
    assert settings.database_url.get_secret_value() == "sqlite+aiosqlite:///data/gatehouse.db"
    assert settings.signup == "open"
    assert settings.domain_quarantine == timedelta(0)
    assert settings.migrate_on_start
    assert settings.servers_per_account == 5


def test_addresses_follow_the_port(environment):
    environment(PORT="9100")
    settings = load_settings()
    assert settings.portal_url == "http://localhost:9100"
    assert settings.mcp_gateway_url_pools[0] == "http://localhost:9101"
    assert len(settings.mcp_gateway_url_pools) == 5


def test_a_port_near_the_last_one_leaves_fewer_gateways(environment):
    environment(PORT="65533")
    assert load_settings().mcp_gateway_url_pools == ("http://localhost:65534", "http://localhost:65535")


def test_given_addresses_do_not_follow_the_port(environment):
    environment(PORT="9100", PORTAL_URL="http://gate.localhost:9100/", MCP_GATEWAY_URL_POOLS="http://localhost:7001")
    settings = load_settings()
    assert settings.portal_url == "http://gate.localhost:9100"
    assert settings.mcp_gateway_url_pools == ("http://localhost:7001",)


def test_the_environment_wins_over_the_env_file_and_that_over_the_default(environment, tmp_path: Path):
    (tmp_path / ".env").write_text("PORT=9200\nLOG_LEVEL=warning\nUNKNOWN=ignored\n")
    environment(PORT="9300")
    settings = load_settings()
    assert (settings.port, settings.log_level, settings.host) == (9300, "warning", "127.0.0.1")


def test_an_empty_variable_means_the_default(environment):
    environment(PORTAL_URL="", DATABASE_URL="", SIGNUP="", JWT_SECRET="", SECRETS_KEYS="", MCP_GATEWAY_URL_POOLS="")
    settings = load_settings()
    assert settings.portal_url == "http://localhost:8000"
    assert settings.signup == "open"
    assert settings.jwt_secret.get_secret_value()


@pytest.mark.parametrize(
    ("given", "understood"),
    [
        ("30d", timedelta(days=30)),
        ("12 h", timedelta(hours=12)),
        ("5m", timedelta(minutes=5)),
        ("90s", timedelta(seconds=90)),
        ("90", timedelta(seconds=90)),
    ],
)
def test_durations_are_numbers_with_a_unit(environment, given: str, understood: timedelta):
    environment(DOMAIN_QUARANTINE=given)
    assert load_settings().domain_quarantine == understood


def test_gateways_are_kept_in_order_in_one_spelling_and_once(environment):
    environment(MCP_GATEWAY_URL_POOLS=" https://G2.example.com:443/ , https://g1.example.com,https://g2.example.com ")
    assert load_settings().mcp_gateway_url_pools == ("https://g2.example.com", "https://g1.example.com")


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("postgresql://u:p@db.example.com/x", "postgresql+asyncpg"),
        ("postgres://u:p@db.example.com/x", "postgresql+asyncpg"),
        ("sqlite:///x.db", "sqlite+aiosqlite"),
    ],
)
def test_a_database_url_without_a_driver_gets_the_asynchronous_one(environment, given: str, driver: str):
    environment(DATABASE_URL=given)
    url = load_settings().database_url.get_secret_value()
    assert url.startswith(f"{driver}://")
    assert "***" not in url


def test_production_takes_what_it_is_given(environment):
    environment(**PRODUCTION)
    settings = load_settings()
    assert settings.production
    assert settings.signup == "invite"
    assert settings.domain_quarantine == timedelta(days=30)
    assert not settings.migrate_on_start
    assert not Path("data").exists(), "production keeps no secrets of its own"


@pytest.mark.parametrize("missing", ["DATABASE_URL", "JWT_SECRET", "SECRETS_KEYS"])
def test_production_asks_for_every_secret(environment, missing: str):
    environment(**{**PRODUCTION, missing: ""})
    assert problem() == f"{missing} is missing; production does not make one up."


BAD = {
    "PORT": ["0", "65536", "eighty", "-1", "8000.5"],
    "ENV": ["staging", "Production"],
    "PORTAL_URL": ["localhost:8000", "ftp://x.example.com", "http://x.example.com/path", "http://x.example.com?a=b"],
    "MCP_GATEWAY_URL_POOLS": ["g1.example.com", "https://g1.example.com,https://", "http://x.example.com:99999", "*"],
    "DATABASE_URL": ["mysql://u:p@h/x", "no url", "postgresql://u:p@h:port/x"],
    "JWT_SECRET": ["short", "x" * 31],
    "SECRETS_KEYS": ["short", f"{KEY},short", "!" * 43],
    "SIGNUP": ["yes"],
    "SERVERS_PER_ACCOUNT": ["0", "1001", "many"],
    "DOMAIN_QUARANTINE": ["30 days", "-1d", "forever"],
    "TRUSTED_PROXIES": ["10.0.0.0/33", "proxy.example.com"],
    "CORS_ORIGINS": ["*", "https://a.example.com,*", "a.example.com", "https://a.example.com/path"],
    "CUSTOMER_DATABASES": ["postgresql://reader:secret@crm.example.com/crm"],
    "INSTANCES": ["0", "65"],
    "RATE_LIMITS": ["maybe"],
    "PASSWORD_COST": ["3", "17"],
    "LOG_LEVEL": ["loud"],
    "DEBUG": ["perhaps"],
    "SHUTDOWN_GRACE": ["soon"],
    "MIGRATE_ON_START": ["later"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_a_bad_value_is_told_in_one_sentence_that_names_the_variable(environment, name: str, value: str):
    environment(**{name: value})
    told = problem()
    assert told.startswith(f"{name}: "), told
    assert told.endswith(".")
    assert "\n" not in told


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"PORTAL_URL": "http://portal.example.com"}, "PORTAL_URL"),
        ({"DEBUG": "true"}, "DEBUG"),
        ({"PASSWORD_COST": "11"}, "PASSWORD_COST"),
        ({"MCP_GATEWAY_URL_POOLS": "https://portal.example.com"}, "MCP_GATEWAY_URL_POOLS"),
    ],
)
def test_production_refuses_what_would_not_be_safe(environment, changes: dict[str, str], named: str):
    environment(**{**PRODUCTION, **changes})
    told = problem()
    assert named in told
    assert "\n" not in told


@pytest.mark.parametrize(
    "changes",
    [
        {"JWT_SECRET": "s3cr3t-canary"},
        {"SECRETS_KEYS": "s3cr3t-canary"},
        {"DATABASE_URL": "mysql://u:s3cr3t-canary@h/x"},
        {"DATABASE_URL": "postgresql://u:begins@h:s3cr3t-canary@db.example.com/x"},
        {"PORTAL_URL": "https://u:s3cr3t-canary@portal.example.com"},
        {"PORTAL_URL": "https://u:s3cr3t-canary@portal.example.com:99999"},
        {"MCP_GATEWAY_URL_POOLS": "https://u:s3cr3t-canary@g1.example.com"},
        {"CUSTOMER_DATABASES": "postgresql://u:s3cr3t-canary@crm.example.com/crm"},
    ],
)
def test_no_message_quotes_a_secret(environment, changes: dict[str, str]):
    environment(**changes)
    assert "s3cr3t" not in problem()


def test_no_representation_shows_a_secret(environment):
    environment(**PRODUCTION)
    shown = f"{load_settings()!r} {load_settings()}"
    for canary in (JWT_SECRET, KEY, "d-canary-password"):
        assert canary not in shown


def test_settings_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        load_settings().port = 1  # type: ignore[misc]  # that it is refused is the point


def test_generated_secrets_are_kept_for_the_next_start_and_for_nobody_else():
    first, second = load_settings(), load_settings()
    assert first.jwt_secret == second.jwt_secret
    assert first.secrets_keys == second.secrets_keys
    for name in ("jwt_secret", "secrets_keys"):
        assert stat.S_IMODE((Path("data") / name).stat().st_mode) == 0o600
    assert sorted(path.name for path in Path("data").iterdir()) == ["jwt_secret", "secrets_keys"], "no drafts are left"


def test_given_secrets_are_not_written_down(environment):
    environment(JWT_SECRET=JWT_SECRET, SECRETS_KEYS=KEY)
    load_settings()
    assert list(Path("data").iterdir()) == [], "the folder is there for the database, and empty"


@pytest.mark.parametrize(("name", "content"), [("jwt_secret", ""), ("jwt_secret", "short"), ("secrets_keys", "x")])
def test_a_damaged_secret_file_stops_the_start(name: str, content: str):
    load_settings()
    (Path("data") / name).write_text(content)
    assert problem().startswith(f"{name.upper()}: ")


def test_a_data_folder_that_cannot_be_made_stops_the_start(environment, tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    environment(DATA_DIR=str(tmp_path / "file" / "data"))
    assert problem().startswith("DATA_DIR: ")


def test_processes_that_start_at_once_agree_on_one_secret(tmp_path: Path):
    program = (
        "from config import load_settings; settings = load_settings();"
        "print(settings.jwt_secret.get_secret_value(), settings.secrets_keys[0].get_secret_value())"
    )
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}  # noqa: TID251 - a bare one for the children
    started = [
        subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", program], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    said = {process.communicate(timeout=60)[0] for process in started}
    assert len(said) == 1
    assert len(said.pop().split()) == 2


@pytest.mark.parametrize(
    ("pool", "told"),
    [
        ("http://portal.example.com,https://g1.example.com", "MCP_GATEWAY_URL_POOLS contains the host of PORTAL_URL"),
        ("https://g1.example.com,http://g1.example.com", "MCP_GATEWAY_URL_POOLS names a host twice"),
    ],
)
def test_a_host_means_one_thing_whatever_the_scheme(environment, pool: str, told: str):
    environment(PORTAL_URL="https://portal.example.com", MCP_GATEWAY_URL_POOLS=pool)
    with pytest.raises(SettingsProblem, match=told):
        load_settings()
