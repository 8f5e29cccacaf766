"""What went wrong with a scrape, in a sentence for a person: what failed, on what, what to do. Pure."""

from __future__ import annotations

import errno
import os
import ssl
from typing import Literal

from app.domain.masking import redact_url
from app.domain.naming import clean
from app.transport.destination import SshError
from app.transport.endpoint import Endpoint
from app.transport.head import Head, HttpError, NoAnswerError, TooLargeError
from app.transport.peer import UntrustedPeerError
from app.transport.resolve import UnknownNameError

FailureKind = Literal[
    "local",
    "name",
    "unreachable",
    "refused",
    "tls",
    "ssh",
    "timeout",
    "closed",
    "protocol",
    "too_large",
    "redirect",
    "status",
]
"""`local`: something on this machine, ours or its settings. The others: how far it came."""
_OUT_OF_FILES = (errno.EMFILE, errno.ENFILE)
_NOT_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "UNEXPECTED_MESSAGE")
_HINTS = {
    401: "; set token_file, or check what it holds",
    403: "; the token may not see this page",
    404: "; is the path right?",
}


class ScrapeError(Exception):
    """A page could not be had; the message is for a person and holds no credentials."""

    def __init__(self, kind: FailureKind, text: str, status: int | None = None, said: bytes = b"") -> None:
        super().__init__(clean(text, 500))
        self.kind: FailureKind = kind
        self.status = status
        """The HTTP status, where one came that is not 200."""
        self.said = said
        """The beginning of the body that came with it, as it came."""


def explain(endpoint: Endpoint, error: Exception) -> ScrapeError:
    """The sentence for an error that connecting, asking or reading raised."""
    server = endpoint.server
    match error:
        case NoAnswerError() | ConnectionResetError() | BrokenPipeError() if server.ssh:
            # How ssh says that nothing listens at the other end of a forward.
            return ScrapeError("refused", f"nothing answers at {server}: is the exporter running there?")
        case HttpError():
            return _http(endpoint, error)
        case UnknownNameError():
            return ScrapeError("name", f"the name {server.host} has no address ({error}): check the url, or DNS")
        case SshError():
            return ScrapeError("ssh", str(error))
        case UntrustedPeerError():
            return ScrapeError("local", str(error))
        case ssl.SSLError():
            return _tls(endpoint, error)
        case OSError():
            return _socket(endpoint, error)
    return ScrapeError("protocol", f"{endpoint} failed: {error!r}")


def too_slow(endpoint: Endpoint, received: int | None, timeout_s: float) -> ScrapeError:
    """Time is over: nothing `received` (None: not even a connection), or not all."""
    if received is None:
        text = f"no connection to {endpoint.server} within {timeout_s:g} s: is the host up, and the port open?"
    elif not received:
        text = f"no answer from {endpoint} within {timeout_s:g} s"
    else:
        text = f"{endpoint} answered {received:,} bytes in {timeout_s:g} s, then cut"
    return ScrapeError("timeout", text)


def not_ok(endpoint: Endpoint, head: Head, body: bytes) -> ScrapeError:
    """An answer that is not the page: a redirect, a refusal, an error of the server's."""
    status = head.status
    if 300 <= status < 400:
        target = clean(endpoint.hide(redact_url(head.headers.get("location", "nowhere"))), 200)
        return ScrapeError("redirect", f"{endpoint} redirects to {target}: use that address if it is right", status)
    first_line = endpoint.hide(body[:4096].decode("utf-8", "replace").strip().partition("\n")[0])
    said = f": {clean(first_line, 120)}" if first_line else ""
    reason = f" {endpoint.hide(head.reason)}" if head.reason else ""
    text = f"{endpoint} answered HTTP {status}{reason}{said}{_HINTS.get(status, '')}"
    return ScrapeError("status", text, status, body[:4096])


def _http(endpoint: Endpoint, error: HttpError) -> ScrapeError:
    text = endpoint.hide(str(error))
    if isinstance(error, TooLargeError):
        text = f"has a {text}; see settings: target.max_bytes" if text.startswith("page") else text
        return ScrapeError("too_large", f"{endpoint} {text}")
    return ScrapeError("closed" if isinstance(error, NoAnswerError) else "protocol", f"{endpoint} {text}")


def _tls(endpoint: Endpoint, error: ssl.SSLError) -> ScrapeError:
    where = str(endpoint.server)
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message.rstrip(".")
        return ScrapeError("tls", f"TLS certificate of {where} not trusted: {why}; set ca_file or insecure")
    if error.reason in _NOT_TLS:
        return ScrapeError("tls", f"{where} does not speak TLS: write http:// instead of https://")
    return ScrapeError("tls", f"TLS with {where} failed: {(error.reason or str(error)).replace('_', ' ').lower()}")


def _socket(endpoint: Endpoint, error: OSError) -> ScrapeError:
    is_unix, where = endpoint.server.scheme == "unix", str(endpoint.server)
    match error:
        case FileNotFoundError() if is_unix:
            return ScrapeError("refused", f"there is no socket {where}: is the server running?")
        case PermissionError() if is_unix:
            return ScrapeError("local", f"not allowed to open the socket {where}")
        case ConnectionRefusedError():
            what = "server" if is_unix else "exporter"
            return ScrapeError("refused", f"connection refused by {where}: is the {what} running?")
        case ConnectionResetError() | ConnectionAbortedError() | BrokenPipeError():
            return ScrapeError("closed", f"{endpoint} broke the connection off")
    if error.errno in _OUT_OF_FILES:
        return ScrapeError("local", f"no connection to {where}: too many open files here; raise `ulimit -n`")
    why = (os.strerror(error.errno) if error.errno else str(error)).lower()
    return ScrapeError("unreachable", f"no connection to {where}: {why}")
