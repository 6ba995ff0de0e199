"""Tests of the kinds of sources, and the contract tests that all of them inherit."""
