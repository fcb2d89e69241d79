"""`/favicon.ico`: what browsers ask for where a page, an error or a document names no icon."""

from django.http import HttpRequest, HttpResponseRedirect
from django.templatetags.static import static


def favicon(request: HttpRequest) -> HttpResponseRedirect:
    """Lead to the icon among the static files; whoever has it may keep that for a day."""
    return HttpResponseRedirect(static("favicon.ico"), headers={"Cache-Control": "public, max-age=86400"})
