"""Forms that aren't sent as UTF-8: refused at the door.

Django refuses some of them while it looks for a form's token, and again while it renders the page that says so, which
ends in a 500. Others name a codec of Python's that decodes no text.
"""

from typing import Any

from django.utils.http import parse_header_parameters

from torii_settings.middleware import MACHINE_PATHS
from torii_settings.refusals import Refusal

# Django knows no other spelling.
UTF_8 = "utf-8"


def check_charset(environ: dict[str, Any]) -> None:
    """Raise Refusal, a 400, for what a browser's door is sent in another charset than UTF-8; machines' doors say so
    themselves.
    """
    content_type: str = environ.get("CONTENT_TYPE", "")
    if "charset" not in content_type.lower() or environ.get("PATH_INFO", "").startswith(MACHINE_PATHS):
        return
    _, parameters = parse_header_parameters(content_type)
    if parameters.get("charset", UTF_8).lower() != UTF_8:
        raise Refusal(400, "The form was sent in another charset than UTF-8; send it as UTF-8.")
