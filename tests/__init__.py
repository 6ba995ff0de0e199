"""The tests, mirroring the tree; what several of them share can be imported from here."""
