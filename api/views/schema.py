"""The OpenAPI document. It is the same for everybody, so nobody needs a key for it, and it is made once a process."""

from functools import cache
from typing import Any

from django.http import HttpResponse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.serializers import ChoiceField

from api.openapi import SCHEMA, operation
from api.parameters import Parameters
from api.views.base import ApiView

RENDERERS = (OpenApiJsonRenderer2, OpenApiJsonRenderer, OpenApiYamlRenderer2, OpenApiYamlRenderer)


class SchemaParameters(Parameters):
    """Which form the document is to have, whatever `Accept` says."""

    format = ChoiceField(choices=["json", "yaml"], required=False, help_text="The form, whatever `Accept` says.")


class SchemaView(ApiView):
    """GET /schema."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()
    renderer_classes = RENDERERS
    parameters = SchemaParameters
    cache_control = "public, max-age=300"

    @operation(
        "get_schema",
        SCHEMA,
        "Read the OpenAPI document",
        {"type": "object", "additionalProperties": {}},
        parameters=SchemaParameters,
        also=("invalid_parameter",),
        keyed=False,
    )
    def get(self, request: Request) -> HttpResponse:
        """This description of the API, as JSON unless YAML is asked for. Needs no key."""
        renderer = request.accepted_renderer
        if "format" in self.given:
            renderer = next(each() for each in RENDERERS if each.format == self.given["format"])
        return HttpResponse(rendered(renderer.format), content_type=renderer.media_type)


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return made


@cache
def rendered(form: str) -> bytes:
    """Return the document as JSON or YAML."""
    renderer = next(each() for each in RENDERERS if each.format == form)
    return bytes(renderer.render(document(), renderer_context={}))
