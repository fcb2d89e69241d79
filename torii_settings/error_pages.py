"""The page for what went wrong on our side: 503 if the database can't do it now, 500 for anything else.

If the database would work too long for it, the page is a 400 and says how to ask for less.
"""

import sys

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.defaults import server_error as our_fault

from lib.database_errors import Fault, report

STATUSES = {Fault.CONFLICT: 409, Fault.QUERY_TIMED_OUT: 400}
# To follow a query that takes too long.
ASK_LESS = "Go back, and search for a whole name or address, or look at fewer at once."


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a request that has raised; Django calls this while it handles the exception."""
    error = sys.exception()
    fault = report(error) if error else None
    if fault is None:
        return our_fault(request)
    detail = f"{fault.value} {ASK_LESS}" if fault is Fault.QUERY_TIMED_OUT else fault.value
    context = {"detail": detail, "base_url": settings.BASE_URL}
    page = HttpResponse(render_to_string("refused.html", context), status=STATUSES.get(fault, 503))
    if page.status_code == 503:
        page.headers["Retry-After"] = str(fault.retry_after)
    return page
