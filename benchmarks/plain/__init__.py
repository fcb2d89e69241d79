"""A peer: django-scim2 as its documentation sets it up, with a bearer check of one query."""
