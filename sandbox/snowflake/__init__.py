"""Snowflake's REST APIs: SQL statements, Cortex Search, Cortex Analyst, with a programmatic access token.

The warehouse is SQLite in memory. The SQL it takes is one SELECT (or WITH ... SELECT, or CALL SYSTEM$WAIT) in
Snowflake's spelling: names in one to three parts, unquoted ones folded to upper case; `::` casts, ILIKE, DATE literals;
joins, CTEs, aggregates and window functions as SQLite has them; the functions of `functions.py`. What else Snowflake
knows (QUALIFY, LATERAL FLATTEN, INTERVAL, time zones, semi-structured paths) is refused as a compilation error.
"""
