"""Throw-away database servers on loopback, for tests that need a real one."""
