"""SCIM filters (RFC 7644 §3.4.2.2), evaluated by the database on PostgreSQL and SQLite alike."""

from scim.filters.compiler import EVERYTHING, CompiledFilter, compile_filter

__all__ = ["EVERYTHING", "CompiledFilter", "compile_filter"]
