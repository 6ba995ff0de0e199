"""Tests of what the gateway and the portal both call."""
