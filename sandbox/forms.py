"""The four sources of a world as the product's API takes them."""

from __future__ import annotations

from typing import Any

from sandbox.world import World


def source_forms(world: World, database: str) -> list[dict[str, Any]]:
    """Bodies for POST /api/v1/sources: Outlook, Box, Snowflake and the customer database, whose file `database` lies in
    CUSTOMER_SQLITE_FOLDER."""
    known = world.credentials
    service = world.search_services[0]
    return [
        {
            "name": f"Mail of {known.entra.user}",
            "type": "outlook",
            "config": {
                "tenant_id": known.entra.tenant_id,
                "client_id": known.entra.client_id,
                "client_secret": known.entra.client_secret,
                "user": known.entra.user,
            },
        },
        {
            "name": "Contracts and documents",
            "type": "box",
            "config": {
                "client_id": known.box.client_id,
                "client_secret": known.box.client_secret,
                "subject_type": "enterprise",
                "subject_id": known.box.enterprise_id,
            },
        },
        {
            "name": "Support tickets and articles",
            "type": "snowflake",
            "config": {
                "account_url": f"https://{known.snowflake.account}.snowflakecomputing.com",
                "pat": known.snowflake.pat,
                "role": known.snowflake.role,
                "warehouse": known.snowflake.warehouse,
                "database": service.database,
                "schema": service.schema,
                "search_service": service.name,
                "id_column": service.columns[0],
                "title_column": "TITLE",
                "url_column": "URL",
                "semantic_model_file": world.semantic_models[0].file,
            },
        },
        {
            "name": "Customers",
            "type": "customer_db",
            "config": {
                "url": f"sqlite:///{database}",
                "table": "customers",
                "key_column": "id",
                "title_column": "name",
                "text_columns": ["name", "contact", "city", "segment", "notes"],
            },
        },
    ]
