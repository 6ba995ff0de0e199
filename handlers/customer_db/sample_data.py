"""The built-in sample: its tables, and the ten invented customers in them."""

from __future__ import annotations

from typing import Final

# One row per customer, and beside it the row's text as a person would read it, which the full-text index is made of.
# The text begins with the word "customer", so that "active customers" is found by all of its words.
_TEXT = """
'customer id: ' || new.id || char(10) || 'name: ' || new.name || char(10) || 'email: ' || new.email || char(10)
|| 'phone: ' || coalesce(new.phone, '') || char(10) || 'status: ' || new.status || char(10)
|| 'created_at: ' || new.created_at || char(10) || 'updated_at: ' || new.updated_at
"""

SCHEMA: Final = (
    """
    CREATE TABLE customers (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        email TEXT NOT NULL UNIQUE COLLATE NOCASE,
        phone TEXT,
        status TEXT NOT NULL CHECK (status IN ('active', 'disabled')),
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL
    )
    """,
    "CREATE INDEX customers_by_status ON customers (status, id)",
    "CREATE VIRTUAL TABLE customer_texts USING fts5 (text, tokenize = 'porter unicode61')",
    f"""
    CREATE TRIGGER customer_added AFTER INSERT ON customers BEGIN
        INSERT INTO customer_texts (rowid, text) VALUES (new.id, {_TEXT});
    END
    """,  # noqa: S608 - own names
    f"""
    CREATE TRIGGER customer_changed AFTER UPDATE ON customers BEGIN
        UPDATE customer_texts SET text = {_TEXT} WHERE rowid = new.id;
    END
    """,  # noqa: S608 - own names
    """
    CREATE TRIGGER customer_removed AFTER DELETE ON customers BEGIN
        DELETE FROM customer_texts WHERE rowid = old.id;
    END
    """,
)

# name, email, phone, status, created_at, updated_at. The numbers are from ranges kept for fiction.
CUSTOMERS: Final = (
    (
        "Amelia Hart",
        "amelia.hart@example.com",
        "+1 202 555 0142",
        "active",
        "2025-01-14T09:12:00Z",
        "2026-05-02T15:30:00Z",
    ),
    (
        "Bruno Keller",
        "bruno.keller@example.com",
        "+1 202 555 0117",
        "active",
        "2025-02-03T11:45:00Z",
        "2025-11-20T08:05:00Z",
    ),
    (
        "Chiara Rossi",
        "chiara.rossi@example.com",
        "+44 1632 960014",
        "disabled",
        "2025-02-21T16:20:00Z",
        "2026-01-09T10:00:00Z",
    ),
    (
        "Daniel Osei",
        "daniel.osei@example.com",
        "+44 1632 960233",
        "active",
        "2025-03-18T08:30:00Z",
        "2026-03-27T12:40:00Z",
    ),
    (
        "Elena Petrova",
        "elena.petrova@example.com",
        "+1 202 555 0168",
        "active",
        "2025-04-09T13:05:00Z",
        "2025-04-09T13:05:00Z",
    ),
    (
        "Farid Haddad",
        "farid.haddad@example.com",
        "+1 202 555 0183",
        "disabled",
        "2025-05-30T10:10:00Z",
        "2025-12-15T17:25:00Z",
    ),
    (
        "Grace Lindqvist",
        "grace.lindqvist@example.com",
        "+44 1632 960871",
        "active",
        "2025-07-07T14:55:00Z",
        "2026-06-18T09:15:00Z",
    ),
    (
        "Harbour Coffee Roasters",
        "orders.harbour@example.com",
        "+1 202 555 0109",
        "active",
        "2025-08-25T07:40:00Z",
        "2026-07-01T11:11:00Z",
    ),
    (
        "Ibarra Plumbing",
        "office.ibarra@example.com",
        "+44 1632 960455",
        "disabled",
        "2025-10-12T12:00:00Z",
        "2026-02-14T16:45:00Z",
    ),
    (
        "Juniper Bookshop",
        "hello.juniper@example.com",
        "+1 202 555 0136",
        "active",
        "2026-01-05T09:00:00Z",
        "2026-08-11T13:20:00Z",
    ),
)
