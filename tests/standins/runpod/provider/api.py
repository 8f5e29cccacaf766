"""The stand-in provider's calls to the emulated API: one plain request each, no retry, as bare as a provider may be."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from threading import Thread
from typing import Any

from tests.standins.runpod.provider.plugin import MODE, STOPPED

TIMEOUT_S = 120.0
LOOK_S = 0.02
"""How often a call under way looks for an interrupt, in the mode that gives it up."""


class ApiError(Exception):
    """The API said no, or nothing."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"HTTP {status}: {detail}" if status else detail)
        self.status = status
        """0: there was no answer."""


class Api:
    """One account's API."""

    def __init__(self, base: str, key: str) -> None:
        self.base = base.rstrip("/")
        self._key = key

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """One request; ApiError, also where an interrupt gives it up."""
        if MODE != "cancel":
            return self._call(method, path, body)
        return abandonable(lambda: self._call(method, path, body))

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        # Half of all starts of a provider only tell its schema, and 20 ms are a tenth of one.
        from urllib.error import HTTPError, URLError
        from urllib.request import Request, urlopen

        request = Request(
            self.base + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self._key}",
                "Content-Type": "application/json",
                "User-Agent": "terraform-provider-runpod/2.0.0 (stand-in)",
            },
        )
        try:
            with urlopen(request, timeout=TIMEOUT_S) as answer:
                raw = answer.read()
                found: dict[str, Any] = json.loads(raw) if raw else {}
                return found
        except HTTPError as error:
            raise ApiError(error.code, _detail(error.read())) from None
        except (URLError, OSError, ValueError) as error:
            raise ApiError(0, f"{method} {path}: {error}") from None


def abandonable(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Do it in a thread that is left behind when Terraform was interrupted: the server may do it all the same."""
    done: list[dict[str, Any]] = []
    failed: list[ApiError] = []

    def run() -> None:
        try:
            done.append(work())
        except ApiError as error:
            failed.append(error)

    thread = Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive():
        if STOPPED.is_set():
            raise ApiError(0, "context canceled")
        thread.join(LOOK_S)
    if failed:
        raise failed[0]
    return done[0]


def _detail(raw: bytes) -> str:
    """The words of an error, with each violation where it lists them."""
    try:
        body = json.loads(raw)
        found = [str(body.get("detail", "")), *(str(line) for line in body.get("errors", []))]
    except (ValueError, AttributeError):
        return raw.decode(errors="replace")[:300]
    return "; ".join(line for line in found if line)
