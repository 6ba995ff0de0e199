"""Tests of services/openai."""
