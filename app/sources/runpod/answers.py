"""RunPod's refusals as errors for a person: what failed, on what, what to do; never with the key in it. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping

from app.config.secret import Secret
from app.domain.masking import MASK
from app.domain.naming import clean
from app.domain.refusals import Kind, ProviderError, kind_of

_LONGEST = 400
"""Characters of the provider's own words that are kept."""
_MOST_ERRORS = 3
_NEXT: Mapping[Kind, str] = {
    Kind.AUTH: "the API key is refused; see settings: deploy.api_key_file, or the variable RUNPOD_API_KEY",
    Kind.PAYMENT: "the account's balance does not allow it; add credit in RunPod's console",
    Kind.FORBIDDEN: "this API key may not do that; look at its permissions in RunPod's console",
    Kind.CAPACITY: "there is no capacity",
    Kind.REQUEST: "the request is refused",
    Kind.INVALID: "the request is not understood: RunPod's API may have changed; look for a newer gpu-watchdog",
    Kind.MISSING: "there is no such thing",
    Kind.CONFLICT: "it cannot be done in the state it is in",
    Kind.BUSY: "too many requests were made with this account",
    Kind.SERVER: "RunPod is in trouble; try again later",
    Kind.NETWORK: "it gave up waiting",
}


class PassingError(ProviderError):
    """A no that another try may not meet."""

    def __init__(self, text: str, kind: str, detail: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(text, kind, detail)
        self.retry_after_s = retry_after_s
        """Seconds that RunPod asks to wait."""


def refused(
    status: int, body: bytes, doing: str, where: str, key: Secret, retry_after_s: float | None = None
) -> ProviderError:
    """The error of an answer that is a refusal; `doing` begins the sentence: `asking for the pods`."""
    words = words_of(body, key)
    if 300 <= status < 400:
        return ProviderError(f"{doing}: {where} points elsewhere (HTTP {status}); is the address right?", Kind.REQUEST)
    kind = kind_of(status, words)
    said = f" It says: {words}" if words else ""
    text = f"{doing}: HTTP {status} from {where}: {_NEXT[kind]}.{said}"
    if status >= 500 or kind in (Kind.BUSY, Kind.NETWORK):
        return PassingError(text, kind, words, retry_after_s)
    return ProviderError(text, kind, words)


def words_of(body: bytes, key: Secret) -> str:
    """What a problem (`application/problem+json`) says, cleaned and without the key; empty where it is none."""
    try:
        said: object = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(said, dict):
        return ""
    parts = [said.get("detail") or said.get("title") or said.get("message")]
    errors = said.get("errors")
    parts.extend(_one(error) for error in (errors if isinstance(errors, list) else [])[:_MOST_ERRORS])
    text = "; ".join(part for part in parts if isinstance(part, str) and part)
    return clean(without(text, key), _LONGEST).strip()


def without(text: str, key: Secret) -> str:
    """The text without the key: some servers repeat what they were shown."""
    return text.replace(key.reveal(), MASK) if key else text


def _one(error: object) -> str:
    """One of a problem's errors: text, or an object with a place and a message."""
    if isinstance(error, str):
        return error
    if not isinstance(error, dict):
        return ""
    place = error.get("location") or error.get("pointer") or error.get("field")
    message = error.get("message") or error.get("detail")
    return ": ".join(part for part in (place, message) if isinstance(part, str) and part)
