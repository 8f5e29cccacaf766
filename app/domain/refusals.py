"""A provider's no: what kind it is, and whether to try again, elsewhere or not at all. Pure.

One reading for both ways a no reaches us: an HTTP answer to our own request, and the words in which Terraform repeats
one. RunPod has no error code for "no capacity": it is HTTP 400 and a sentence.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final


class ProviderError(Exception):
    """The provider said no, or nothing; the message is for a person and holds no key."""

    def __init__(self, text: str, kind: str, detail: str = "") -> None:
        """`kind`: a `Kind`."""
        super().__init__(text)
        self.kind = kind
        self.detail = detail
        """The provider's own words, cleaned."""


class Kind(StrEnum):
    """What to make of a no."""

    AUTH = "auth"
    """401: the key."""
    PAYMENT = "payment"
    """402: the balance."""
    FORBIDDEN = "forbidden"
    """403: not with this key, or not from this pool."""
    CAPACITY = "capacity"
    """400 with words of capacity."""
    REQUEST = "request"
    """400 with other words: a rule was broken, or capacity in words that are new to us."""
    INVALID = "invalid"
    """422: the request is wrong, and stays wrong."""
    MISSING = "missing"
    CONFLICT = "conflict"
    BUSY = "busy"
    """429: too many requests."""
    SERVER = "server"
    NETWORK = "network"


class Then(StrEnum):
    """What to do after a create was refused."""

    ELSEWHERE = "elsewhere"
    """Try the next candidate."""
    AGAIN = "again"
    """Try the same once more, later: nothing is wrong with the candidate."""
    STOP = "stop"
    """No candidate would fare better."""


_STATUSES: Final = {
    401: Kind.AUTH,
    402: Kind.PAYMENT,
    403: Kind.FORBIDDEN,
    404: Kind.MISSING,
    408: Kind.NETWORK,
    409: Kind.CONFLICT,
    410: Kind.MISSING,
    422: Kind.INVALID,
    425: Kind.BUSY,
    429: Kind.BUSY,
}
_NO_CAPACITY = re.compile(
    r"no longer any instances|no instances? (?:are |is )?(?:currently )?available|not have the resources"
    r"|(?:out of|no|not enough|insufficient|lack of) (?:\w+ ){0,2}(?:capacity|stock|availability|resources|gpus?)\b"
    r"|capacity (?:is )?(?:exhausted|not available|unavailable)|currently unavailable|none available|sold out",
    re.IGNORECASE,
)
_NO_MONEY = re.compile(
    r"insufficient (?:balance|funds|credit)|balance is too low|not enough (?:balance|credit|funds)", re.IGNORECASE
)
_STATUS_IN_TEXT = re.compile(
    # A number of gigabytes is no status.
    r"(?:\bHTTP(?:/[\d.]+)?|\bstatus(?:[ _]?code)?[\"']?|\berror|\bAPI|\breturned|\banswered)\s*[:=(]?\s*"
    r"([1-5]\d\d)\b(?!\s*(?:[GMT]i?B|GPUs?|%))"
    r"|\b([45]\d\d)\s+(?:Bad Request|Unauthori[sz]ed|Payment|Forbidden|Not Found|Conflict|Unprocessable|Too Many"
    r"|Internal Server|Bad Gateway|Service Unavailable|Gateway)",
    re.IGNORECASE,
)
_LOST = re.compile(
    r"timed? ?out|deadline exceeded|context cancell?ed|connection (?:refused|reset|closed)|no such host"
    r"|unexpected EOF|TLS handshake",
    re.IGNORECASE,
)


def kind_of(status: int, words: str = "") -> Kind:
    """What an HTTP status and the words beside it mean; a status below 400 is never a no."""
    if status == 400:
        if _NO_MONEY.search(words):
            return Kind.PAYMENT
        return Kind.CAPACITY if _NO_CAPACITY.search(words) else Kind.REQUEST
    return _STATUSES.get(status, Kind.SERVER if status >= 500 else Kind.REQUEST)


def kind_in(words: str) -> Kind:
    """What Terraform's words for a failed create mean: by the status in them, else by the words alone."""
    found = _STATUS_IN_TEXT.search(words)
    if found:
        return kind_of(int(found[1] or found[2]), words)
    if _NO_MONEY.search(words):
        return Kind.PAYMENT
    if _NO_CAPACITY.search(words):
        return Kind.CAPACITY
    return Kind.NETWORK if _LOST.search(words) else Kind.REQUEST


def then(kind: str) -> Then:
    """What to do after a create was refused in this way."""
    match kind:
        case Kind.CAPACITY | Kind.REQUEST | Kind.FORBIDDEN:
            return Then.ELSEWHERE
        case Kind.BUSY | Kind.SERVER | Kind.NETWORK | Kind.CONFLICT:
            return Then.AGAIN
        case _:
            return Then.STOP
