"""Use cases, one class per noun. Each opens its own transactions, so that no password is hashed and no vendor asked
while one is open, and tells the audit trail once a change is committed."""
