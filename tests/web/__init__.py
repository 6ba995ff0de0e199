"""Tests of the edge and of what every host shares."""
