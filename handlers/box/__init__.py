"""Box: the files that one app may read, found by Box's own search and read as Box turns them into text."""

from handlers.box.handler import BOX as HANDLER

__all__ = ["HANDLER"]
