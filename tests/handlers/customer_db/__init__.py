"""Tests of customer databases: the sample, and real ones of every kind."""
