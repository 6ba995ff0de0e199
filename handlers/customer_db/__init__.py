"""Customer databases: the built-in sample, and tables of PostgreSQL, MySQL, MariaDB and SQLite that are only read."""

from handlers.customer_db.handler import CUSTOMER_DB as HANDLER

__all__ = ["HANDLER"]
