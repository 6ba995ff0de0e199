"""Who asks, and may they: passwords, tokens, keys, limits and the audit trail. Knows no route and no page."""
