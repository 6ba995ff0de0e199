"""Pages for people: a thin face over the same actions as the API."""
