"""Tests of services/graph, and a small company whose mail they and the tests of the Outlook handler read."""
