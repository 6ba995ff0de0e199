"""The Snowflake services against stand-ins at the transport."""
