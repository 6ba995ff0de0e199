"""Tests of the egress guard. No name is ever asked of a real resolver, and every dial ends at a loopback listener."""
