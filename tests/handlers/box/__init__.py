"""The kind `box`, against the sandbox on real sockets, and against scripted stand-ins where it must go wrong."""
