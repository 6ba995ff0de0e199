"""Tests of the Outlook handler, against the stand-in of Graph in tests/services/graph."""
