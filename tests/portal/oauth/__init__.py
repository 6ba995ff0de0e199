"""The authorization server as agents and people meet it."""
