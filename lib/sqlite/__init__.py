"""The database backend for SQLite: Django's own, with cursors that keep nothing of a statement that failed."""
