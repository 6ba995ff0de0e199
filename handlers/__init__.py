"""Kinds of sources, one package each: a config model, a source class and a `HANDLER`.

What lives here turns a vendor's data into hits and documents. It sees no database of ours, no user, no request and no
sibling; what it needs from outside is lent to it (`base.Lent`).
"""
