"""The official conformance runner against a real Gatehouse: the runner itself comes from npm (`make` installs it)."""
