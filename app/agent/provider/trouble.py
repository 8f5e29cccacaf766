"""What goes wrong with a model server, in a sentence for a person: what failed, where, what to do. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime
from typing import Literal

from app.agent.door import inside
from app.domain.naming import clean

TroubleKind = Literal[
    "settings", "offline", "denied", "model", "context", "busy", "failed", "refused", "silent", "broken", "late"
]
"""`silent`: it takes requests and gives no word; `broken`: it broke off in the middle; `late`: our time is over."""
_OFFLINE: frozenset[TroubleKind] = frozenset({"settings", "offline", "denied", "model", "silent"})
_PASSING: frozenset[TroubleKind] = frozenset({"offline", "busy", "failed", "broken"})
_CONTEXT = re.compile(
    r"context.{0,12}(?:length|window|size)|max_model_len|maximum.{0,20}tokens|context_length_exceeded"
    r"|(?:prompt|input).{0,20}too (?:long|large)|longer than the maximum|exceeds? the (?:available|maximum)"
    r"|reduce the length",
    re.IGNORECASE,
)
_LIMIT = re.compile(
    r"(?:context (?:length|window|size)(?: is|:| of)?|max_model_len[= ]+|maximum of) *\(?(\d[\d,]{2,9})", re.IGNORECASE
)
_NO_TOOLS = re.compile(r"tool|function.?call", re.IGNORECASE)
LONGEST_PAUSE_S = 30.0
"""A server that wants us to wait longer is told of instead."""


class ProviderError(Exception):
    """A reply that cannot be had, or is not whole; the message is for a person and holds no key."""

    def __init__(
        self,
        kind: TroubleKind,
        text: str,
        *,
        said: str = "",
        status: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(clean(text, 600))
        self.kind: TroubleKind = kind
        self.said = said
        """The server's own words, cleaned."""
        self.status = status
        self.retry_after_s = retry_after_s

    @property
    def is_offline(self) -> bool:
        """No question can be answered there as things are."""
        return self.kind in _OFFLINE

    @property
    def may_pass(self) -> bool:
        """Whether another try may do better, and does no harm."""
        if self.retry_after_s is not None and self.retry_after_s > LONGEST_PAUSE_S:
            return False
        return self.kind in _PASSING

    @property
    def limit_tokens(self) -> int | None:
        """The model's context, where the refusal names it."""
        found = _LIMIT.search(self.said) if self.kind == "context" else None
        return int(found.group(1).replace(",", "")) if found else None

    @property
    def is_about_tools(self) -> bool:
        """The server refuses tools, rather than what they say."""
        return self.kind == "refused" and _NO_TOOLS.search(self.said) is not None


def refused(
    status: int, body: object, headers: Mapping[str, str], *, where: str, model: str, key_file: str
) -> ProviderError:
    """The error for an HTTP status; `headers` with names in small letters."""
    said = words(body)
    tail = f": {said}" if said else ""
    retry_s = _seconds(headers.get("retry-after", ""), headers.get("date", ""))
    match status:
        case 401 | 403:
            wants = f"does not take the key in {key_file}" if key_file else "wants a key: set agent.api_key_file"
            text = f"the model server at {where} {wants} (HTTP {status}{tail})"
            return ProviderError("denied", text, said=said, status=status)
        case 404 | 405 if "model" not in said.lower():
            text = f"{where} has no chat completions (HTTP {status}{tail}): does agent.base_url end in /v1?"
            return ProviderError("settings", text, said=said, status=status)
        case 404:
            text = f"the model server at {where} has no model {model!r}{tail}: set agent.model, or leave it empty"
            return ProviderError("model", text, said=said, status=status)
        case 429:
            wait = f"; it asks to wait {retry_s:.0f} s" if retry_s is not None else ""
            text = f"the model server at {where} has too much to do (HTTP 429{tail}){wait}"
            return ProviderError("busy", text, said=said, status=status, retry_after_s=retry_s)
        case 300 | 301 | 302 | 303 | 307 | 308:
            text = f"{where} points elsewhere (HTTP {status}), which is not followed: set agent.base_url to that"
            return ProviderError("settings", text, status=status)
    if status >= 500 or status in (408, 409, 425):
        text = f"the model server at {where} failed (HTTP {status}{tail}); its log says more"
        return ProviderError("failed", text, said=said, status=status, retry_after_s=retry_s)
    if status == 413 or _CONTEXT.search(said):
        text = f"the question and what was found do not fit the model's context (HTTP {status}{tail})"
        return ProviderError("context", text, said=said, status=status)
    return ProviderError(
        "refused", f"the model server at {where} refuses (HTTP {status}{tail})", said=said, status=status
    )


def unreachable(where: str, error: BaseException, *, is_forwarded: bool = False) -> ProviderError:
    """The error for a connection that was not made, or was lost before an answer.

    `is_forwarded`: through ssh, which says that nothing listens at the other end by closing the connection.
    """
    causes = list(_chain(error))
    is_lost = any(type(one).__name__ in ("RemoteProtocolError", "ReadError", "WriteError") for one in causes)
    if any(isinstance(one, ConnectionRefusedError) for one in causes) or (is_lost and is_forwarded):
        text = f"nothing answers at {where}: is the model server running? see settings: agent.base_url"
        return ProviderError("offline", text)
    if is_lost:
        text = f"the model server at {where} closed the connection before its first word; its log says more"
        return ProviderError("failed", text)
    if any("Timeout" in type(one).__name__ for one in causes):
        return ProviderError("offline", f"no connection to the model server at {where} in time: is the host up?")
    reason = next((clean(str(one), 160) for one in reversed(causes) if str(one).strip()), type(error).__name__)
    return ProviderError("offline", f"the model server at {where} cannot be reached: {reason}")


def broken_off(where: str, why: str) -> ProviderError:
    """The error for a reply that ends before its end."""
    return ProviderError("broken", f"the model server at {where} broke off in the middle of its answer ({why})")


def silent(where: str, seconds: float, *, is_up: bool) -> ProviderError:
    """The error for a first word that did not come; `is_up`: the server answers everything else."""
    if is_up:
        text = f"the model server at {where} answers, yet gave no word within {seconds:.2g} s: its engine may be stuck"
        return ProviderError("silent", f"{text}; see its log, and settings: agent.first_token_s")
    return ProviderError(
        "silent", f"the model server at {where} gave no word within {seconds:.2g} s and does not answer"
    )


def slow(where: str, seconds: float) -> ProviderError:
    """The error for a server that cannot finish a short reply."""
    return ProviderError("silent", f"the model server at {where} is too slow: no short reply within {seconds:.2g} s")


def stalled(where: str, seconds: float) -> ProviderError:
    """The error for a reply that stopped coming."""
    return broken_off(where, f"no word for {seconds:.2g} s")


def late(seconds: float) -> ProviderError:
    """The error for an answer that takes too long in all."""
    return ProviderError("late", f"no whole answer within {seconds:g} s; see settings: agent.answer_s")


def words(body: object) -> str:
    """What a refusal says, whoever wrote it; without secrets and control characters."""
    found: object = body
    for _ in range(3):
        if not isinstance(found, Mapping):
            break
        found = next((found[key] for key in ("error", "message", "detail", "object") if found.get(key)), "")
    if isinstance(found, list):
        found = "; ".join(str(one.get("msg", one)) if isinstance(one, Mapping) else str(one) for one in found[:3])
    line = " ".join(inside(str(found), 400).split()) if found else ""
    return line[:300].rstrip(".")


def names_of(names: Iterable[str], most: int = 5) -> str:
    """Some names for a sentence."""
    shown = [clean(name, 80) for name in names]
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more


def _seconds(text: str, date: str) -> float | None:
    """`Retry-After` in seconds; a date in it (RFC 9110 §10.2.3) counts from the answer's own date."""
    try:
        found = float(text)
    except ValueError:
        found = _until(text, date)
    return found if 0 <= found < 86400 else None


def _until(text: str, date: str) -> float:
    """Seconds between two dates of a header; not a number where one of them is none."""
    try:
        return max(0.0, (parsedate_to_datetime(text) - parsedate_to_datetime(date)).total_seconds())
    except (ValueError, TypeError):
        return math.nan


def _chain(error: BaseException | None) -> Iterable[BaseException]:
    """An error and what it came of."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        first = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else None
        error = first or error.__cause__ or error.__context__
