"""The endpoints. Each parses, calls the adapter and one verb of `members`, and renders; errors leave in one place.

django-scim2 dispatches and names the URLs; docs/decisions/0002-django-scim2.md lists what of it is overridden.
"""
