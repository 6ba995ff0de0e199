"""The four sources of a world as the product's API takes them."""

from __future__ import annotations

from typing import Any

from sandbox.world import World


def source_forms(world: World, database: str) -> list[dict[str, Any]]:
    """Bodies for POST /api/v1/sources: Outlook, Box, Snowflake and the customer database, whose file `database` lies in
    CUSTOMER_SQLITE_FOLDER."""
    return [
        _outlook(world),
        _box(world),
        _snowflake(world, semantic_model_file=world.semantic_models[0].file),
        _customers(database, table="customers", title="name", texts=["name", "contact", "city", "segment", "notes"]),
    ]


def collection_forms(world: World, database: str) -> list[dict[str, Any]]:
    """The same for the world that `sandbox.corpus` makes of a collection."""
    return [
        _outlook(world),
        _box(world),
        _snowflake(world),
        _customers(database, table="documents", title="title", texts=["title", "author", "text"]),
    ]


def _outlook(world: World) -> dict[str, Any]:
    known = world.credentials.entra
    return {
        "name": f"Mail of {known.user}",
        "type": "outlook",
        "config": {
            "tenant_id": known.tenant_id,
            "client_id": known.client_id,
            "client_secret": known.client_secret,
            "user": known.user,
        },
    }


def _box(world: World) -> dict[str, Any]:
    known = world.credentials.box
    return {
        "name": "Contracts and documents",
        "type": "box",
        "config": {
            "client_id": known.client_id,
            "client_secret": known.client_secret,
            "subject_type": "enterprise",
            "subject_id": known.enterprise_id,
        },
    }


def _snowflake(world: World, **more: str) -> dict[str, Any]:
    known, service = world.credentials.snowflake, world.search_services[0]
    return {
        "name": "Support tickets and articles",
        "type": "snowflake",
        "config": {
            "account_url": f"https://{known.account}.snowflakecomputing.com",
            "pat": known.pat,
            "role": known.role,
            "warehouse": known.warehouse,
            "database": service.database,
            "schema": service.schema,
            "search_service": service.name,
            "id_column": service.columns[0],
            "title_column": "TITLE",
            "url_column": "URL",
            **more,
        },
    }


def _customers(database: str, *, table: str, title: str, texts: list[str]) -> dict[str, Any]:
    return {
        "name": "Customers",
        "type": "customer_db",
        "config": {
            "url": f"sqlite:///{database}",
            "table": table,
            "key_column": "id",
            "title_column": title,
            "text_columns": texts,
        },
    }
