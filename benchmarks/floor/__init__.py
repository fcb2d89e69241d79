"""A peer: the least that Django can do. One query finds the key, one the row; no middleware, no rules."""
