"""What goes wrong with slurmrestd, in a sentence for a person. Pure.

The statuses are what slurmrestd of 22.05 to 26.05 answers to a bad token and a dead slurmctld.
"""

from __future__ import annotations

import json

from app.domain.naming import clean
from app.sources.slurm.trouble import SlurmError, TroubleKind, kind_of
from app.transport.endpoint import Server

_NEW_TOKEN = "`scontrol token lifespan=SECONDS` prints a new one"  # noqa: S105 - a sentence, no secret
_MOST_ERRORS = 5
_LONGEST_PLAIN = 200


def refused(status: int, where: str, answer: bytes, *, has_token: bool) -> SlurmError:
    """The error for an HTTP status of 400 or more."""
    said = errors_in(answer)
    last = f": {said[0]}" if said else ""
    subject = f"slurmrestd at {where}"
    match status:
        case 401 if not has_token:
            return SlurmError("denied", f"{subject} wants a token: set slurm.token_file; {_NEW_TOKEN}", said)
        case 401 | 403 | 511:
            text = f"{subject} does not take the token (HTTP {status}{last}): it has run out, or is another user's"
            return SlurmError("denied", f"{text} or cluster's; {_NEW_TOKEN}", said)
        case 404:
            return SlurmError("failed", f"{subject} does not know that (HTTP 404{last})", said)
        case 502 | 503 | 504:
            text = f"slurmctld does not answer (slurmrestd at {where}, HTTP {status}){last}; is slurmctld up?"
            return SlurmError("controller", text, said)
    kind: TroubleKind = kind_of(said)
    if kind == "controller":
        return SlurmError(kind, f"slurmctld does not answer (slurmrestd at {where}){last}; is slurmctld up?", said)
    hint = f"; up to 23.11 a token that has run out looks like this too: {_NEW_TOKEN}" if status == 500 else ""
    return SlurmError(kind, f"{subject} failed (HTTP {status}{last}){hint if has_token else ''}", said)


def unreachable(where: str, error: Exception, server: Server) -> SlurmError:
    """The error for an answer that never came."""
    plain = (FileNotFoundError, PermissionError, ConnectionRefusedError)
    cause = next((one for one in _chain(error) if isinstance(one, plain)), error)
    match cause:
        case FileNotFoundError() if server.scheme == "unix":
            text = f"there is no socket {server.host}: is slurmrestd running?"
        case PermissionError() if server.scheme == "unix":
            text = f"not allowed to open the socket {server.host}"
        case ConnectionRefusedError():
            text = f"connection refused by {where}: is slurmrestd running?"
        case _:
            text = f"slurmrestd at {where}: {clean(str(cause), 200) or type(cause).__name__}"
    return SlurmError("reach", text)


def errors_in(answer: bytes) -> tuple[str, ...]:
    """The errors an answer names, cleaned; of one that is no JSON its first line."""
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        line = answer[:_LONGEST_PLAIN].decode("utf-8", "replace").strip().partition("\n")[0]
        return (clean(line),) if line else ()
    return errors_of(found)


def errors_of(answer: object) -> tuple[str, ...]:
    """The errors that a decoded answer names, cleaned."""
    errors = answer.get("errors") if isinstance(answer, dict) else None
    texts = [_text(one) for one in errors[:_MOST_ERRORS]] if isinstance(errors, list) else []
    return tuple(text for text in texts if text)


def _text(error: object) -> str:
    """One entry of `errors[]`; the dialects differ in which of these it has."""
    if not isinstance(error, dict):
        return clean(str(error), 200)
    words = [str(error[key]) for key in ("error", "description") if isinstance(error.get(key), str) and error[key]]
    return clean(": ".join(dict.fromkeys(words)), 300)


def _chain(error: BaseException) -> list[BaseException]:
    """An error and what it came of."""
    found: list[BaseException] = []
    while error not in found:
        found.append(error)
        first = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error
        error = first.__cause__ or first.__context__ or first
    return found
