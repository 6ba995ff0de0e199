"""What maintainers run by hand; nothing imports it."""
