"""What is said at the start: where everything is, and with what one comes in."""

from __future__ import annotations

from pathlib import Path

from sandbox.world import World


def announcement(world: World, base_url: str, database: Path) -> str:
    """For a person, in the order in which they need it: settings of the product first, then each source's."""
    warehouse_rows = sum(len(table.rows) for table in world.tables)
    customer_rows = sum(len(table.rows) for table in world.customer_tables)
    lines = [
        f"{world.name} is served on {base_url}",
        f"  {len(world.mails)} mails, {len(world.files)} files, {warehouse_rows} rows in the warehouse",
        f"  and {customer_rows} in the customer database",
        "",
        "Settings of the product:",
        f"  ENTRA_URL={base_url}/entra",
        f"  GRAPH_URL={base_url}/graph",
        f"  BOX_URL={base_url}/box",
        f"  SNOWFLAKE_URL={base_url}/snowflake",
        f"  CUSTOMER_SQLITE_FOLDER={database.parent}",
        "",
        *_credentials(world),
        "Customer database:",
        f"  file           {database}",
        f"  tables         {', '.join(table.name for table in world.customer_tables)}",
        "",
        f"What happened so far: GET {base_url}/control. Trouble: POST {base_url}/control/faults",
        '  {"source": "box", "kind": "503"}. Ctrl-C ends it.',
    ]
    return "\n".join(lines)


def _credentials(world: World) -> list[str]:
    """What a source's owner types in."""
    known = world.credentials
    service = world.search_services[0]
    return [
        "Outlook:",
        f"  tenant_id      {known.entra.tenant_id}",
        f"  client_id      {known.entra.client_id}",
        f"  client_secret  {known.entra.client_secret}",
        f"  user           {known.entra.user}",
        "Box:",
        f"  client_id      {known.box.client_id}",
        f"  client_secret  {known.box.client_secret}",
        f"  subject        enterprise {known.box.enterprise_id}, or user {known.box.user_id}",
        "Snowflake:",
        f"  account_url    https://{known.snowflake.account}.snowflakecomputing.com",
        f"  pat            {known.snowflake.pat}",
        f"  role           {known.snowflake.role}, warehouse {known.snowflake.warehouse}",
        f"  search         {service.database}.{service.schema}.{service.name}",
        f"                 id column {service.columns[0]}, title column TITLE, url column URL",
        *(f"  semantic model {model.file}" for model in world.semantic_models),
    ]
