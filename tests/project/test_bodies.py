"""Bodies as they come over the wire, before a view sees them (`torii_settings.body`)."""

from io import BytesIO
from typing import Any

import pytest

from torii_settings.body import read_body
from torii_settings.refusals import Refusal

LIMIT = 1000


@pytest.fixture(autouse=True)
def limit(settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = LIMIT


def environ(body: bytes, **headers: str) -> dict[str, Any]:
    """Return the environment of a request with a body."""
    return {"wsgi.input": BytesIO(body)} | headers


def test_a_body_in_chunks_is_given_the_length_that_django_reads_by() -> None:
    request = environ(b"body", HTTP_TRANSFER_ENCODING="chunked")
    read_body(request)
    assert (request["CONTENT_LENGTH"], request["wsgi.input"].read()) == ("4", b"body")


def test_a_stream_without_a_body_is_left_alone() -> None:
    request = {"wsgi.input": None}
    read_body(request)
    read_body(request | {"CONTENT_LENGTH": "0"})


@pytest.mark.parametrize("headers", [{"CONTENT_LENGTH": "1001"}, {"HTTP_TRANSFER_ENCODING": "chunked"}])
def test_what_is_too_large_is_read_to_its_end_and_refused(headers: dict[str, str]) -> None:
    request = environ(b" " * (LIMIT + 1), **headers)
    with pytest.raises(Refusal, match="larger than 1000 bytes") as refused:
        read_body(request)
    assert (refused.value.status, refused.value.closes) == (413, False)
    assert request["wsgi.input"].read() == b""


def test_a_client_that_waits_for_leave_to_send_is_refused_at_once() -> None:
    request = environ(b" " * (LIMIT + 1), CONTENT_LENGTH="1001", HTTP_EXPECT="100-continue")
    with pytest.raises(Refusal) as refused:
        read_body(request)
    assert refused.value.closes
    assert len(request["wsgi.input"].read()) == LIMIT + 1


def test_a_body_shorter_than_it_says_is_refused() -> None:
    with pytest.raises(Refusal, match="ended after 4 of 5 bytes") as refused:
        read_body(environ(b"body", CONTENT_LENGTH="5"))
    assert (refused.value.status, refused.value.closes) == (400, True)
