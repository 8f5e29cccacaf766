"""HTTP requests and answers as values, and what can be told from a request alone. Pure."""

import ipaddress
import socket
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit

TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked, header names in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    is_http_1_0: bool = False


@dataclass(frozen=True, slots=True)
class Response:
    """What to answer; a generator of pieces is streamed."""

    body: bytes | AsyncGenerator[bytes, None]
    status: HTTPStatus = HTTPStatus.OK
    content_type: str = TEXT
    headers: Mapping[str, str] = field(default_factory=dict)


class BadRequestError(Exception):
    """The request cannot be served; the connection ends with this answer."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


def parse_request(head: bytes) -> Request:
    """The request in these bytes; raises BadRequestError."""
    try:
        first, *rest = head.decode("ascii").removesuffix("\r\n\r\n").split("\r\n")
        method, target, version = first.split(" ")
        headers = dict(_header(line) for line in rest)
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True, max_num_fields=16))
    except ValueError:
        raise BadRequestError(HTTPStatus.BAD_REQUEST, "not an HTTP request") from None
    if version not in {"HTTP/1.1", "HTTP/1.0"} or not target.startswith("/"):
        raise BadRequestError(HTTPStatus.BAD_REQUEST, "not an HTTP/1.1 request")
    if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
        raise BadRequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "a request body is not taken")
    return Request(method, unquote(parts.path), query, headers, version == "HTTP/1.0")


def _header(line: str) -> tuple[str, str]:
    name, separator, value = line.partition(":")
    if not separator or not name or name != name.strip():
        raise ValueError(line)
    return name.lower(), value.strip()


def accepts_gzip(headers: Mapping[str, str]) -> bool:
    """Whether the client asked for gzip, and did not turn it off with q=0."""
    for offer in headers.get("accept-encoding", "").lower().split(","):
        name, _, quality = offer.partition(";")
        if name.strip() == "gzip":
            return quality.strip() not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def is_local_name(host: str) -> bool:
    """Whether a Host header names this machine in a way that no foreign web page can make a browser do.

    A page on evil.example can have that name point to 127.0.0.1, but it cannot take an address, a name without a dot,
    this machine's own name, or one under a private suffix.
    """
    name = urlsplit(f"//{host}").hostname or ""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "." not in name or name == socket.gethostname().lower() or name.endswith((".internal", ".local"))
    return True
