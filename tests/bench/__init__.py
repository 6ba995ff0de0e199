"""Tests of the benches: what they count, not how fast anything is."""
