"""Real clients, over sockets, from an address that somebody pasted to an answer."""
