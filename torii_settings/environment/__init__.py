"""The variables that the service reads: one table of them, from which parsing, README and start-up errors come."""
