"""Graph mail."""
