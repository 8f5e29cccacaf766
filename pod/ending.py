"""Ends this pod through the provider's API, with the key that the provider itself puts into every pod.

The key is read where it is needed and goes into a header only. A pod's own key may be allowed less than an account's,
so three ways are tried: delete, terminate, stop.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

API = "https://api.runpod.io"
_TIMEOUT_S = 30.0
_GONE = 404
_MOST_BYTES = 2000
_KEY, _POD = "RUNPOD_API_KEY", "RUNPOD_POD_ID"


@dataclass(frozen=True)
class Way:
    """One request that ends a pod, or stops what it costs most for."""

    name: str
    method: str
    path: str
    body: Mapping[str, str] | None = None


WAYS = (
    Way("delete", "DELETE", "/v2/pods/{id}"),
    Way("terminate", "POST", "/v2/pods/{id}/action", {"action": "terminate"}),
    Way("stop", "POST", "/v2/pods/{id}/action", {"action": "stop"}),
)


@dataclass(frozen=True)
class Credentials:
    """Which pod this is, and what lets it end itself."""

    pod: str
    key: str

    def __repr__(self) -> str:
        return f"Credentials({self.pod!r}, ***)"


def credentials(environment: Mapping[str, str], first: Path = Path("/proc/1/environ")) -> Credentials | None:
    """From our environment, else from that of the container's first process: a login over ssh has none of it."""
    found = dict(environment)
    if not (found.get(_KEY) and found.get(_POD)):
        try:
            rows = (row.partition("=") for row in first.read_bytes().decode("utf-8", "replace").split("\0"))
        except OSError:
            return None
        found = {key: value for key, _, value in rows} | {key: value for key, value in found.items() if value}
    pod, key = found.get(_POD, ""), found.get(_KEY, "")
    return Credentials(pod, key) if pod and key else None


def end(who: Credentials, api: str) -> tuple[bool, tuple[str, ...]]:
    """Ask for the end in every way until one is taken; whether one was, and what came of each."""
    told = []
    for way in WAYS:
        taken, said = _ask(way, who, api)
        told.append(f"{way.name}: {said}")
        if taken:
            return True, tuple(told)
    return False, tuple(told)


def _ask(way: Way, who: Credentials, api: str) -> tuple[bool, str]:
    url = api.rstrip("/") + way.path.format(id=quote(who.pod, safe=""))
    headers = {"Authorization": f"Bearer {who.key}", "User-Agent": "gpu-watchdog-pod"}
    body = None
    if way.body is not None:
        body = json.dumps(way.body).encode()
        headers["Content-Type"] = "application/json"
    request = urllib.request.Request(url, data=body, headers=headers, method=way.method)  # noqa: S310 - http(s) alone, see `watchdog`
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            return True, f"accepted ({answer.status})"
    except urllib.error.HTTPError as error:
        with error:
            said = _printable(error.read(_MOST_BYTES).decode("utf-8", "replace").replace(who.key, "***"))
        return error.code == _GONE, f"{error.code} {said}"
    except (OSError, ValueError) as error:
        return False, _printable(str(error))


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)[:300]
