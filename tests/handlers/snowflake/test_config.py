"""Which settings are taken, which are not, and what the owner is told."""

from __future__ import annotations

import warnings

import pytest
from pydantic import ValidationError

from handlers.snowflake import HANDLER
from handlers.snowflake.config import SnowflakeConfig
from tests.handlers.snowflake.example import SERVICE_SETTINGS, TABLE_SETTINGS


def problems(settings, **changes) -> dict[str, str]:
    """The refused fields, each with what is said about it."""
    try:
        SnowflakeConfig.model_validate({**settings, **changes})
    except ValidationError as error:
        return {".".join(map(str, entry["loc"])): entry["msg"] for entry in error.errors(include_input=False)}
    return {}


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://myorg-main.snowflakecomputing.com", "https://myorg-main.snowflakecomputing.com"),
        ("HTTPS://MyOrg-Main.SnowflakeComputing.com/", "https://myorg-main.snowflakecomputing.com"),
        ("https://xy12345.eu-central-1.snowflakecomputing.com", "https://xy12345.eu-central-1.snowflakecomputing.com"),
        (
            "https://myorg-main.privatelink.snowflakecomputing.com",
            "https://myorg-main.privatelink.snowflakecomputing.com",
        ),
        ("https://org-my_account.snowflakecomputing.com", "https://org-my_account.snowflakecomputing.com"),
        ("https://xy12345.cn-northwest-1.aws.snowflakecomputing.cn", None),
    ],
)
def test_an_account_url_is_the_accounts_own_address(url, kept):
    assert SnowflakeConfig.model_validate({**SERVICE_SETTINGS, "account_url": url}).account_url == kept or kept is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "myorg-main",
        "myorg-main.snowflakecomputing.com",
        "http://myorg-main.snowflakecomputing.com",
        "https://snowflakecomputing.com",
        "https://.snowflakecomputing.com",
        "https://app.snowflake.com/myorg/main",
        "https://myorg-main.snowflakecomputing.com.example.com",
        "https://evilsnowflakecomputing.com",
        "https://myorg-main.snowflakecomputing.com:8443",
        "https://myorg-main.snowflakecomputing.com/api",
        "https://myorg-main.snowflakecomputing.com?x=1",
        "https://myorg-main.snowflakecomputing.com#x",
        "https://user:word@myorg-main.snowflakecomputing.com",
        "https://example.com/.snowflakecomputing.com",
        "https://example.com\\.snowflakecomputing.com",
        "https://example.com%2f.snowflakecomputing.com",
        "https://127.0.0.1",
        "https://a\nb.snowflakecomputing.com",
        "https://\uff4dyorg.snowflakecomputing.com",
        "file:///etc/passwd",
    ],
)
def test_no_other_address_is_taken(url):
    assert "account_url" in problems(SERVICE_SETTINGS, account_url=url)


@pytest.mark.parametrize(
    ("settings", "changes", "field", "word"),
    [
        (SERVICE_SETTINGS, {"table": "pages"}, "table", "not both"),
        (SERVICE_SETTINGS, {"search_service": None}, "table", "name the search service or the table"),
        (SERVICE_SETTINGS, {"search_service": ""}, "table", "name the search service or the table"),
        (TABLE_SETTINGS, {"text_columns": []}, "text_columns", "text columns"),
        (TABLE_SETTINGS, {"warehouse": None}, "warehouse", "search the table"),
        (SERVICE_SETTINGS, {"semantic_model_file": "@D.S.ST/m.yaml"}, "warehouse", "Cortex Analyst"),
        (SERVICE_SETTINGS, {"url_template": "https://e.example.com/{id}"}, "url_template", "not both"),
        (SERVICE_SETTINGS, {"database": "my docs"}, "database", "double quotes"),
        (SERVICE_SETTINGS, {"search_service": "docs.public.handbook"}, "search_service", "alone"),
        (SERVICE_SETTINGS, {"id_column": 'a" or "b'}, "id_column", "alone"),
        (SERVICE_SETTINGS, {"pat": "two words"}, "pat", "one line"),
        (SERVICE_SETTINGS, {"pat": "n\u00e4ive"}, "pat", "one line"),
        (SERVICE_SETTINGS, {"pat": ""}, "pat", "one line"),
    ],
)
def test_what_does_not_go_together_is_told_at_the_field_to_mend(settings, changes, field, word):
    found = problems(settings, **changes)
    assert list(found) == [field]
    assert word in found[field]


@pytest.mark.parametrize(
    "template",
    [
        "https://docs.example.com/",
        "https://docs.example.com",
        "https://{id}.example.com/",
        "https://{id}/x",
        "javascript:alert('{id}')",
        "//docs.example.com/{id}",
        'https://docs.example.com/"{id}',
        "https://user@docs.example.com/{id}",
    ],
)
def test_a_page_address_is_a_web_page_with_a_place_for_the_id(template):
    assert "url_template" in problems({**TABLE_SETTINGS, "url_template": template})


@pytest.mark.parametrize("path", ["@DB.S.STAGE/m.yaml", '@db.s."My Stage"/a/b.yml'])
def test_a_semantic_model_is_a_file_on_a_stage(path):
    assert problems(TABLE_SETTINGS, semantic_model_file=path) == {}


@pytest.mark.parametrize("path", ["model.yaml", "@STAGE/m.yaml", "@DB.S.STAGE", "@DB.S.STAGE/m.txt", "@D.S.T/a'b.yaml"])
def test_nothing_else_is_a_semantic_model(path):
    assert "semantic_model_file" in problems(TABLE_SETTINGS, semantic_model_file=path)


def test_inputs_left_empty_in_a_form_count_as_not_given():
    optional = ("role", "table", "order_column", "url_column", "url_template", "semantic_model_file", "warehouse")
    config = SnowflakeConfig.model_validate({**SERVICE_SETTINGS, **dict.fromkeys(optional, "")})
    assert [getattr(config, name) for name in optional] == [None] * len(optional)


def test_a_change_that_leads_the_token_elsewhere_asks_for_it_again():
    assert HANDLER.secret_fields() == {"pat"}
    assert HANDLER.binding_fields() == {"account_url", "role"}


def test_the_setting_called_schema_is_in_the_json_schema():
    with warnings.catch_warnings(action="error"):
        assert "schema" in SnowflakeConfig.model_json_schema()["properties"]
