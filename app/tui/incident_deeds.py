"""Which of our own deeds a command of an incident's advice is: only then it can be done from here. Pure.

The command itself is never run: it names one of the deeds of `app.services.actions`, which makes its own plan and asks.
A command with anything more in it than that deed takes is for a person to look at and type.
"""

from __future__ import annotations

import shlex
from typing import NamedTuple

_JOB_WORDS = {"requeue": "job_requeue", "hold": "job_hold", "release": "job_release"}
_LONGEST = 2000


class Deed(NamedTuple):
    """A verb of ours and what it is told."""

    verb: str
    text: str


def deed_of(command: str | None) -> Deed | None:
    """The deed that does what a command says; None where there is none."""
    if not command or len(command) > _LONGEST or not command.isprintable():
        return None
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    match words:
        case ["scontrol", "update", *rest]:
            return _update(rest)
        case ["scontrol", word, job] if word in _JOB_WORDS and _is_name(job):
            return Deed(_JOB_WORDS[word], job)
        case ["scancel", job] if _is_name(job):
            return Deed("job_cancel", job)
    return None


def can_run(command: str) -> bool:
    """Whether it is one of our deeds."""
    return deed_of(command) is not None


def _update(words: list[str]) -> Deed | None:
    """Draining a node with a reason, or giving it back."""
    pairs = [word.partition("=") for word in words]
    told = {key.lower(): value for key, _, value in pairs}
    node, state = told.get("nodename", ""), told.get("state", "").lower()
    if len(told) != len(words) or not _is_name(node):
        return None
    if state == "drain" and set(told) == {"nodename", "state", "reason"} and told["reason"].strip():
        return Deed("node_drain", f"{node} {told['reason']}")
    if state == "resume" and set(told) == {"nodename", "state"}:
        return Deed("node_undrain", node)
    return None


def _is_name(word: str) -> bool:
    """One word that no command could take for an option."""
    return bool(word) and not word.startswith("-") and not any(char.isspace() for char in word)
