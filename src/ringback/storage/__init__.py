"""The stores: ``contract`` is the port, SQLite and PostgreSQL implement it."""
