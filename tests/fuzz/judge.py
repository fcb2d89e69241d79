"""What is wrong with an answer, whatever was asked."""

import re
import zlib

from benchmarks.connection import Answer
from tests.fuzz.request import Request
from tests.fuzz.world import WORDS

# A request may ask for what isn't implemented. Any other 5xx says that we failed.
NOT_IMPLEMENTED = 501
TOOK = "took "
ENCODED = re.compile(rb"\r\ncontent-encoding: *gzip", re.IGNORECASE)


def fault(request: Request, answer: Answer, seconds: float, patience: float) -> str:
    """Return what is wrong with the answer to a request, empty if nothing is."""
    if answer.status == 0:
        return "no answer"
    if answer.status >= 500 and answer.status != NOT_IMPLEMENTED and not probed_too_often(request, answer):
        return f"status {answer.status}"
    if seconds > patience:
        return f"{TOOK}{seconds:.1f} s"
    told = answer.head.lower() + plain(answer).lower()
    others = [letter for letter, word in WORDS.items() if word.encode() in told and letter not in request.sees]
    return f"tells of organization {', '.join(others)}" if others else ""


def probed_too_often(request: Request, answer: Answer) -> bool:
    """Whether readiness was asked for more often at once than probes do, which has few places on purpose."""
    return answer.status == 503 and request.target.startswith("/readyz") and b"Too many requests" in answer.body


def plain(answer: Answer) -> bytes:
    """Return the body as it was before it was compressed."""
    if not ENCODED.search(answer.head) or not answer.body:
        return answer.body
    return zlib.decompressobj(wbits=31).decompress(answer.body)
