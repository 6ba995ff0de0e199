"""Snowflake: documents out of a Cortex Search service or a table, and answers from Cortex Analyst."""

from handlers.snowflake.handler import SNOWFLAKE as HANDLER

__all__ = ["HANDLER"]
