"""Tests of text extraction. Every file is built in code."""
