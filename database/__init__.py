"""The engine, transactions, sealing and the models. No query lives here; those are in repositories/."""
