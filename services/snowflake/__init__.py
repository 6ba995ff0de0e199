"""Snowflake's REST interfaces as typed calls: the SQL API, Cortex Search and Cortex Analyst.

`Account` speaks HTTP for the other three. What lives here knows statements, services and questions, but not what they
are asked for; that is the handler's business.
"""
