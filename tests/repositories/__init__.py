"""Tests of repositories/."""
