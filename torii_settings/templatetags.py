"""`{% request_id %}`: names the request on error pages, also on those that Django renders without a context."""

from django import template

from lib.request_id import current

register = template.Library()


@register.simple_tag
def request_id() -> str:
    """Return the id of the request."""
    return current()
