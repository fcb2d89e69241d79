"""Where anybody who finds a key in public reports it; it is deleted at once. No key is needed, and none is repeated."""

from django.views.decorators.debug import sensitive_variables
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from api.openapi import LEAKED_KEYS, operation
from api.parameters import read_body
from api.problems import Problem
from api.serializers import LeakResultSerializer, LeakSerializer
from api.views.base import ApiView
from apikeys import leaks, limits
from apikeys.secret import KeyText
from audit.actor import Origin

SHAPE = (
    "A key is torii_scim_ or torii_api_, then 8 small letters or digits, an underscore, and 49 letters or digits, the "
    "last 6 of which are a checksum. What was sent is none: send its whole text, and nothing else."
)


class LeakedKeyView(ApiView):
    """POST /leaked-keys."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()

    @operation(
        "report_leaked_key",
        LEAKED_KEYS,
        "Report a leaked key",
        LeakResultSerializer,
        request=LeakSerializer,
        also=("malformed_key", "too_many_requests", "database_unavailable", "change_too_slow"),
        keyed=False,
    )
    @sensitive_variables()
    def post(self, request: Request) -> Response:
        """Delete a key, of either type, that was found where anybody could see it.

        Needs no key: whoever has the text of one may end it. All Admins of its organization are told, and where it was
        found if that is said.
        """
        origin = Origin.of(request._request)
        limits.count_report(origin.ip)
        sent = read_body(request.data, LeakSerializer)
        text = KeyText.parse(sent["key"])
        if text is None:
            raise Problem("malformed_key", SHAPE)
        # Where it was found goes into the audit log and into mails, which the key must not.
        found_at = sent.get("found_at", "")
        deleted = leaks.report(text, "" if text.text in found_at else found_at, origin)
        return Response({"result": "deleted" if deleted else "not_found"})
