"""Where the cloud keeps what it answers for: one port, SQLite and PostgreSQL behind it."""
