"""Tests of what people and their programs meet."""
