"""`/healthz`: this process answers. `/readyz`: the service is well, or which part of it isn't and why."""

from django.http import HttpRequest, JsonResponse

from torii_settings.readiness import overall, parts

PARTS = parts()


def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200: the process is alive."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 if every part is well, with what to look at all the same; 503 if one isn't."""
    body, is_well = overall(PARTS)
    return JsonResponse(body, status=200 if is_well else 503)
