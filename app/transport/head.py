"""Status line and headers of an HTTP/1.1 response, and what is wrong with those that are none. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field

from app.domain.frozen import frozen

MAX_HEADERS = 100

_STATUS = re.compile(r"HTTP/1\.([01]) ([1-9][0-9]{2})(?: ([^\r]*))?\r?", re.ASCII)


class HttpError(Exception):
    """What came is not a response we take; the message says why, and does not name the server."""


class TooLargeError(HttpError):
    """A limit was passed."""


class NoAnswerError(HttpError):
    """The connection ended before the first byte of an answer."""


@frozen
class Head:
    """Status and headers of a response."""

    status: int
    reason: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    """By lower-case name; values of a repeated header are joined with commas."""
    is_http10: bool = False
    length: int | None = None
    """Bytes of body announced; None where only the end of the connection, or of the chunks, will tell."""
    is_chunked: bool = False

    @property
    def stays_open(self) -> bool:
        """Whether the server keeps the connection for another request."""
        said = self.headers.get("connection", "").lower()
        return "keep-alive" in said if self.is_http10 else "close" not in said

    @property
    def encoding(self) -> str:
        """Content-Encoding in lower case; empty where the body is as it is."""
        said = self.headers.get("content-encoding", "").strip().lower()
        return "" if said == "identity" else said


def parse_head(raw: bytes) -> Head:
    """Read status line and headers, without the empty line that ends them. Raises HttpError."""
    first, *lines = raw.decode("latin-1").split("\n")
    status = _STATUS.fullmatch(first)
    if status is None:
        raise HttpError(foreign(raw))
    if len(lines) > MAX_HEADERS:
        raise TooLargeError(f"sent more than {MAX_HEADERS} headers")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or " " in name or "\t" in name:
            raise HttpError("sent a broken header line")
        key, text = name.lower(), value.strip()
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    transfer = headers.get("transfer-encoding", "").lower()
    if transfer not in ("", "chunked"):
        raise HttpError(f"answered in a transfer encoding nobody asked for ({transfer[:40]!r})")
    # With both, the chunks count (RFC 9112, 6.3).
    length = None if transfer else _length(headers.get("content-length"))
    return Head(int(status[2]), status[3] or "", headers, status[1] == "0", length, bool(transfer))


def _length(said: str | None) -> int | None:
    """The body's length; a repeated header is accepted when it repeats itself."""
    if said is None:
        return None
    value = said
    if "," in said and len(set(said.replace(" ", "").split(","))) == 1:
        value = said.partition(",")[0].strip()
    if not value.isascii() or not value.isdigit() or len(value) > 18:
        raise HttpError(f"announced a senseless page length ({said[:40]!r})")
    return int(value)


def foreign(data: bytes) -> str:
    """What a first line that is no HTTP status most likely is."""
    if data[:2] in (b"\x15\x03", b"\x16\x03"):
        return "speaks TLS: write https:// instead of http://"
    if data.startswith(b"SSH-"):
        return "is an ssh server, not a page"
    if data.startswith(b"HTTP/"):
        return "answered in a version of HTTP we do not speak"
    return "does not speak HTTP"


def size(count: int) -> str:
    """A limit for a sentence: `32 MiB`, `512 KiB`, `100 bytes`."""
    if count >= 1 << 20 and not count % (1 << 20):
        return f"{count >> 20} MiB"
    if count >= 1 << 10 and not count % (1 << 10):
        return f"{count >> 10} KiB"
    return f"{count:,} bytes"
