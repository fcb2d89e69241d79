"""The page for what went wrong on our side: 503 if the database can't do it now, 500 for anything else."""

import sys

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.defaults import server_error as our_fault

from lib.database_errors import Fault, report


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a request that has raised; Django calls this while it handles the exception."""
    error = sys.exception()
    fault = report(error) if error else None
    if fault is None:
        return our_fault(request)
    context = {"detail": fault.value, "base_url": settings.BASE_URL}
    page = HttpResponse(render_to_string("refused.html", context), status=409 if fault is Fault.CONFLICT else 503)
    if fault is not Fault.CONFLICT:
        page.headers["Retry-After"] = str(fault.retry_after)
    return page
