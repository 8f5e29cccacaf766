"""One thread's client of a Prometheus server: prometheus-api-client over a session with bounds of its own.

The library reads whole answers of any size, follows redirects with the token, takes credentials and proxies from the
environment, and gives an error's bytes as its text. This session does none of that. Loaded when a question is asked.
"""

from __future__ import annotations

import ssl
from time import monotonic
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from prometheus_api_client.prometheus_connect import PrometheusConnect
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.util.retry import Retry

from app.config.secret import Secret
from app.config.settings import Prometheus
from app.domain.masking import redact_url
from app.transport.prometheus_answer import PrometheusError, read_body

MOST_BYTES = 256 * 1024 * 1024
"""Of one answer, unpacked."""
LONGEST_URL = 2000
"""Characters of a question asked by GET; a longer one is sent as a form, which proxies that only read may refuse."""
_PIECE = 262_144


class Client:
    """What one thread asks through."""

    def __init__(self, settings: Prometheus, bearer: Secret | None, shown: str) -> None:
        self._url = settings.url
        self._session = _Session(settings, shown)
        headers = {"Accept": "application/json"}
        if bearer is not None:
            headers["Authorization"] = f"Bearer {bearer.reveal()}"
        if settings.tenant:
            headers["X-Scope-OrgID"] = settings.tenant
        # No retries: the next look is one, and a question that hangs twice would be late for its own.
        self.api = PrometheusConnect(
            settings.url,
            headers=headers,
            retry=Retry(0),
            session=self._session,
            timeout=settings.timeout_s,  # type: ignore[arg-type]  # requests takes parts of seconds
        )
        self._session.headers.update(headers)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the server noted of the last answer."""
        return self._session.notes

    def page(self, path: str) -> Any:  # noqa: ANN401 - JSON of a stranger's
        """A page of the API that the library does not know."""
        return self._session.request("GET", f"{self._url}{path}").json()

    def close(self) -> None:
        """Close the connections."""
        self.api.close()


class _Session(requests.Session):
    """Asks within a time and a size, and turns what goes wrong into a sentence."""

    def __init__(self, settings: Prometheus, shown: str) -> None:
        super().__init__()
        self.trust_env = False  # ~/.netrc would replace the token, a proxy's variable send it elsewhere
        paths = ssl.get_default_verify_paths()
        self.verify = not settings.insecure and (settings.ca_file or paths.cafile or paths.capath or True)
        self.notes: tuple[str, ...] = ()
        self._timeout_s = settings.timeout_s
        self._shown = shown

    def request(self, method: Any, url: Any, *args: Any, **words: Any) -> requests.Response:  # noqa: ANN401 - as there
        """Ask, read the answer within bounds, refuse what is none. Raises PrometheusError."""
        words |= {"allow_redirects": False, "stream": True, "timeout": self._timeout_s, "verify": self.verify}
        params = words.get("params") or {}
        if len(urlencode(params, doseq=True)) > LONGEST_URL:
            method, words["data"], words["params"] = "POST", params, None
        try:
            response = self._again(method, url, *args, **words)
            body = self._read(response)
        except (requests.RequestException, HTTPError, OSError) as error:
            raise self._explained(error) from error
        if response.is_redirect:
            there = redact_url(response.headers.get("location", "nowhere"))
            raise PrometheusError("protocol", f"{self._shown} redirects to {there}: use that address if it is right")
        said, self.notes = read_body(body, response.status_code, self._shown)
        response.json = lambda **_: said  # type: ignore[method-assign]  # read once, not once more by the library
        return response

    def _again(self, method: Any, url: Any, *args: Any, **words: Any) -> requests.Response:  # noqa: ANN401 - as there
        """Ask; once more where the server had closed a connection that was kept, which says nothing of it."""
        try:
            return super().request(method, url, *args, **words)
        except requests.ConnectionError as error:
            if "aborted" not in str(error):
                raise
            return super().request(method, url, *args, **words)

    def _read(self, response: requests.Response) -> bytes:
        deadline, size, pieces = monotonic() + self._timeout_s, 0, []
        with response:
            # `read1` gives what is there: a server that drips would hold `read`, and this thread, for ever.
            while piece := response.raw.read1(_PIECE, decode_content=True):
                size += len(piece)
                if size > MOST_BYTES:
                    text = f"{self._shown} answers with more than {MOST_BYTES >> 20} MiB; narrow it by prometheus.only"
                    raise PrometheusError("too_many", text)
                if monotonic() > deadline:
                    raise requests.ReadTimeout
                pieces.append(piece)
        return b"".join(pieces)

    def _explained(self, error: Exception) -> PrometheusError:
        match error:
            case requests.exceptions.SSLError():
                why = str(_cause(error)).partition("(_ssl")[0].strip()
                text = f"TLS with {self._shown} failed: {why}; set prometheus.ca_file or prometheus.insecure"
                return PrometheusError("unreachable", text)
            case requests.Timeout() | ReadTimeoutError():
                text = f"{self._shown} gave no answer within {self._timeout_s:g} s; see settings: prometheus.timeout_s"
                return PrometheusError("timeout", text)
            case requests.exceptions.InvalidURL() | requests.exceptions.InvalidSchema():
                return PrometheusError("local", f"{self._shown} is no address: see settings: prometheus.url")
            case requests.ConnectionError():
                return PrometheusError("unreachable", self._unreached(_cause(error)))
            case OSError() if not isinstance(error, requests.RequestException):
                return PrometheusError("local", f"asking {self._shown}: {error.strerror or error}")
        return PrometheusError("protocol", f"asking {self._shown} failed: {type(error).__name__}")

    def _unreached(self, cause: BaseException) -> str:
        host = urlsplit(self._shown).hostname
        if isinstance(cause, ConnectionRefusedError):
            return f"connection refused by {self._shown}: is Prometheus running there?"
        if type(cause).__name__ in ("gaierror", "NameResolutionError"):
            return f"the name {host} has no address: check prometheus.url, or DNS"
        why = getattr(cause, "strerror", None) or type(cause).__name__
        return f"no connection to {self._shown}: {str(why).lower()}"


def _cause(error: BaseException) -> BaseException:
    """The innermost error that led to this one."""
    for _ in range(10):
        inner = error.__cause__ or error.__context__ or getattr(error, "reason", None)
        if inner is None and error.args and isinstance(error.args[0], BaseException):
            inner = error.args[0]
        if not isinstance(inner, BaseException):
            return error
        error = inner
    return error
