"""Tests of federation/ranking."""
