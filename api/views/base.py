"""What every endpoint is: opened by a key, strict about what it is asked, and a problem whatever goes wrong."""

from typing import Any, ClassVar

from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from api.authentication import ApiRequest
from api.paging import Pages
from api.parameters import PageParameters, Parameters, read_parameters
from api.problems import respond
from members.models import Scope


class ApiView(APIView):
    """An endpoint. `parameters` are what it may be asked, `given` what it was.

    `scope` is what a key needs access to (`api.authentication.MayEnter`); what needs no key has none.
    """

    scope: ClassVar[Scope]
    parameters: ClassVar[type[Parameters]] = Parameters
    cache_control = "no-store"
    given: dict[str, Any]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer; what goes wrong while the answer is written is a problem too.

        The length is told here, since machines' requests skip the middleware that would (`torii_settings.middleware`).
        """
        try:
            response = super().dispatch(request, *args, **kwargs)
            if isinstance(response, Response):
                response.render()
        except Exception as error:  # noqa: BLE001 - the translator tells ours from the caller's faults
            response = respond(error)
        response.headers.setdefault("Cache-Control", self.cache_control if response.status_code < 400 else "no-store")
        if response.status_code != 204 and isinstance(response, HttpResponse):
            response.headers["Content-Length"] = str(len(response.content))
        return response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse another method before anything else; then let in by the key, and read the parameters."""
        if request.method not in self.allowed_methods:
            raise MethodNotAllowed(request.method or "")
        super().initial(request, *args, **kwargs)
        self.given = read_parameters(request.query_params, self.parameters)

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """Answer with what may be done here, in `Allow`."""
        return Response(status=204)


EVERYTHING = Q()


class ListView(ApiView):
    """A list, a page at a time."""

    parameters = PageParameters
    request: ApiRequest

    def page(
        self,
        rows: QuerySet[Any],
        serializer: type[Serializer[Any]],
        *,
        ordering: tuple[str, ...] = ("id",),
        condition: Q = EVERYTHING,
        context: Any = None,
    ) -> Response:
        """Answer with the page that is asked for; `context` makes a serializer's context from it.

        It holds those of `rows` that meet `condition`, which few of them may do; then they are in the order of age.
        """
        filters = sorted((name, values) for name, values in self.request.query_params.lists() if name not in PAGING)
        scope = f"{self.request.organization.pk} {self.request.path} {filters}"
        pages = Pages(self.request, ordering, self.given["limit"], scope)
        found = pages.read(rows, condition)
        shown = serializer(found, many=True, context=context(found) if context else {})
        return Response(pages.document(shown.data))


PAGING = ("cursor", "limit")


def get_or_404(rows: QuerySet[Any], **lookup: Any) -> Any:
    """Return the one of `rows` that the look-up finds. Raises Http404."""
    found: Model | None = rows.filter(**lookup).first()
    if found is None:
        raise Http404
    return found


@csrf_exempt
def no_endpoint(request: HttpRequest) -> HttpResponse:
    """Answer 404 for an address at which nothing is; addresses have no slash at their end."""
    response = respond(Http404())
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Length"] = str(len(response.content))
    return response
