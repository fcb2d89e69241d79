"""SCIM filters (RFC 7644 §3.4.2.2), evaluated by the database on PostgreSQL and SQLite alike."""

from scim.filters.compiler import compile_filter

__all__ = ["compile_filter"]
