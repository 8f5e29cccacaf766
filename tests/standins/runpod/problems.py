"""The errors of the emulated API, as `application/problem+json` says them."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

NO_INSTANCES = (
    "There are no longer any instances available with the requested specifications. Please refresh and try again."
)
"""How RunPod words that there is no capacity: only a text tells it from a broken rule."""
TITLES = {402: "Payment Required", 422: "Unprocessable Entity"}


class ProblemError(Exception):
    """A request that is answered with an error."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: tuple[str, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})

    @property
    def body(self) -> dict[str, object]:
        """What is sent."""
        body: dict[str, object] = {"title": title_of(self.status), "status": self.status, "detail": self.detail}
        if self.errors:
            body["errors"] = list(self.errors)
        return body


def title_of(status: int) -> str:
    """The short summary of a status."""
    try:
        return TITLES.get(status) or HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def missing(what: str) -> ProblemError:
    """404: there is no such thing, or it is not ours."""
    return ProblemError(404, f"{what} not found")


def broken_rule(detail: str) -> ProblemError:
    """400: the body is well formed and breaks a rule, or nothing could be placed; RunPod does not say which."""
    return ProblemError(400, detail)
