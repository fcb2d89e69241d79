"""The database backend: Django's own for PostgreSQL, for many small statements."""
