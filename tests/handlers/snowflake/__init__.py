"""Tests of handlers/snowflake."""
