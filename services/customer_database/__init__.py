"""How a customer's own database is reached: its address, its catalogue, searching it, and only ever reading it.

PostgreSQL, MySQL and MariaDB over the network, SQLite files from one folder. Nothing here knows a handler, a hit or a
document; names, values and rows go in and out.
"""
