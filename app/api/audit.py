"""Who changed what through the API: a line before it is done, a line for what came of it, in the daemon's audit log.

Lines hold the route, what was named and given, and who asked: a token's name, or a user of this machine. They hold no
token and nothing that may be a secret.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.agent.door import inside
from app.api.caller import Caller
from app.services.audit import Actor, Audit, masked

FACE = "api"
LONGEST = 2000


class ApiAudit:
    """Writes down what callers change."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, caller: Caller, *, runs_as: str = "", where: str = "") -> Audit:
        """The log, in the name of a caller."""
        return Audit(self._folder, Actor(caller.name, caller.uid, runs_as, where, caller.address, FACE))

    async def intend(self, caller: Caller, asked: str, given: Mapping[str, Any], at: float) -> str:
        """Write down what is about to be done; gives the fact's id. Raises AuditError."""
        told = {"verb": asked, "given": _told(given)}
        return await asyncio.to_thread(self.of(caller).note, "intent", told, at)

    async def conclude(self, caller: Caller, asked: str, fact: str, said: str | None, at: float) -> None:
        """Write down what came of it; `said` is why it was not done, None where it was. Raises AuditError."""
        told = {"verb": asked, "ok": said is None, **({"text": masked(said)} if said else {})}
        await asyncio.to_thread(self.of(caller).note, "outcome", told, at, fact)


def _told(given: Mapping[str, Any]) -> Mapping[str, object]:
    """What was given, as it may be kept: short, and without secrets."""
    found: dict[str, object] = {}
    for name, value in list(given.items())[:50]:
        plain = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        found[inside(str(name), 60)] = inside(masked(plain), LONGEST)
    return found
