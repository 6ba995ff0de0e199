"""Tests of what agents meet."""
