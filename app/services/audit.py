"""The audit log: what was to be done, by whom, and what came of it; one JSON object a line, only ever appended to.

`audit.jsonl` lies in the state folder, for its owner alone. The intent is on disk before the action: what cannot be
written down is not done. Lines hold no script, no environment and no value of an option that may carry a secret.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.config.paths import private_dir
from app.domain.frozen import frozen
from app.domain.job_actions import Outcome, Plan
from app.domain.masking import MASK, TELLING, redact_url
from app.domain.naming import clean
from app.domain.redact import redact
from app.transport.append_only import append_line

FILE = "audit.jsonl"
LONGEST_WORD = 500
MOST_WORDS = 2000
_CARRIERS = re.compile(r"(--(?:export|comment|container-env|x11-magic-cookie)(?:-\w+)?)=.*", re.DOTALL)
# `redact` knows prose, in which tokens are counted and a value ends at a bracket; a word of a command is none.
_TELLTALE = re.compile(rf"(?<![\w-])(?=[\w-]*+=)([\w-]*?(?:{TELLING}|aws_\w*key)[\w-]*+)=[^\s,;]*", re.IGNORECASE)


class AuditError(Exception):
    """The audit log cannot be written; the message is for a person."""


@frozen
class Actor:
    """Who acts, as this process knows it."""

    user: str
    uid: int | None
    """None: known by a token."""
    runs_as: str = ""
    """Whom Slurm sees, where that is somebody else (ssh, token)."""
    where: str = ""
    """Where the commands run: `this machine`, `ana@head`."""
    client: str = ""
    """Address of the ssh client, from SSH_CONNECTION; empty for none."""
    face: str = ""
    """`command line`, `screen` or `api`."""


class Audit:
    """Appends facts to the log of one state folder."""

    def __init__(self, folder: Path, actor: Actor) -> None:
        self.path = folder / FILE
        self._actor = actor

    def intend(self, plan: Plan, commands: Sequence[Sequence[str]], at: float) -> str:
        """Write down what is about to be done; gives the fact's id. Raises AuditError."""
        fact = os.urandom(6).hex()
        asked: dict[str, object] = {
            "verb": plan.verb,
            "targets": [clean(one, LONGEST_WORD) for one in plan.targets[:MOST_WORDS]],
            "commands": [[masked(word) for word in words[:MOST_WORDS]] for words in commands],
            "summary": masked(plan.summary),
        }
        if plan.stdin:
            asked["stdin_bytes"] = len(plan.stdin.encode("utf-8", "surrogateescape"))
        self._append({"at": round(at, 3), "id": fact, "fact": "intent", **self._who(), **asked})
        return fact

    def conclude(self, fact: str, plan: Plan, outcome: Outcome, at: float) -> None:
        """Write down what came of it. Raises AuditError."""
        result: dict[str, object] = {
            "verb": plan.verb,
            "targets": [clean(one, LONGEST_WORD) for one in plan.targets[:MOST_WORDS]],
            "ok": outcome.ok,
            "text": masked(outcome.text),
            "details": [masked(one) for one in outcome.details[:50]],
        }
        if outcome.job_id is not None:
            result["job_id"] = outcome.job_id
        self._append({"at": round(at, 3), "id": fact, "fact": "outcome", **self._who(), **result})

    def note(self, kind: str, told: Mapping[str, object], at: float, fact: str = "") -> str:
        """Write down an intent or an outcome that is no plan; gives the fact's id. Raises AuditError."""
        fact = fact or os.urandom(6).hex()
        self._append({"at": round(at, 3), "id": fact, "fact": kind, **self._who(), **told})
        return fact

    def _who(self) -> dict[str, object]:
        actor = self._actor
        told = {"runs_as": actor.runs_as, "where": actor.where, "ssh_client": actor.client, "face": actor.face}
        return {"user": actor.user, "uid": actor.uid, **{key: value for key, value in told.items() if value}}

    def _append(self, fact: Mapping[str, object]) -> None:
        line = json.dumps(fact, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"
        try:
            private_dir(self.path.parent)
            append_line(self.path, line, syncs=True)
        except OSError as error:
            raise AuditError(
                f"the audit log {self.path} cannot be written ({error.strerror or error}): nothing is done without it"
            ) from error


def actor_of(environ: Mapping[str, str], user: str, *, runs_as: str = "", where: str = "", face: str = "") -> Actor:
    """Who acts, from the process and its environment."""
    client = environ.get("SSH_CONNECTION", "").split(" ")[0]
    return Actor(user, os.getuid(), "" if runs_as == user else runs_as, where, clean(client, 60), face)


def masked(text: str) -> str:
    """A word of a command as it may be kept: cleaned, cut, without what may be a secret."""
    shown = _CARRIERS.sub(rf"\1={MASK}", text[: 4 * LONGEST_WORD])  # the patterns go back and forth: not over megabytes
    return clean(redact(_TELLTALE.sub(rf"\1={MASK}", redact_url(shown))), LONGEST_WORD)
