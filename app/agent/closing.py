"""What is added to an answer when it ends, by code alone: marks on its text, and what could not be looked at."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from app.agent.door import inside
from app.agent.ground import Ground, NothingKeptError
from app.agent.grounding import marks
from app.domain.chat import Exchange
from app.transport.turns import in_thread

MOST_BLIND = 30
LONGEST_BLIND = 300
_NO_LOSS = ("this look was made already", "there is no tool", "stopped before it ended")
"""Beginnings of errors that cost no sight: a repeat, a tool that is none, a person's key."""
log = logging.getLogger("gpu_watchdog.agent")


async def closed(exchange: Exchange, before: Sequence[Exchange], ground: Ground) -> Exchange:
    """The exchange with its marks and its blind spots."""
    try:
        found = await in_thread(marks, exchange, tuple(before))
    except Exception:
        log.exception("an answer could not be checked")
        note = "the numbers of this answer could not be checked"
        return replace(exchange, blind=await _blind(exchange, ground), notes=(*exchange.notes, note))
    return replace(exchange, marks=found, blind=await _blind(exchange, ground))


async def _blind(exchange: Exchange, ground: Ground) -> tuple[str, ...]:
    """What could not be looked at: by the diagnosis' own account, and of the looks of this answer that failed."""
    try:
        spots = [f"{one.what}: {one.why}" for one in (await ground.diagnosis()).blind]
    except (NothingKeptError, LookupError, OSError) as error:
        spots = [f"diagnosis: {error}"]
    failed = [
        f"{use.tool}{_of(use.arguments)}: {use.error}"
        for use in exchange.tools
        if use.error and not use.error.startswith(_NO_LOSS)
    ]
    told = dict.fromkeys(inside(one, LONGEST_BLIND) for one in (*failed, *spots))
    more = len(told) - MOST_BLIND
    return (*list(told)[:MOST_BLIND], *((f"and {more} more",) if more > 0 else ()))


def _of(arguments: object) -> str:
    """` (node=gpu-1)`, as short as it can be."""
    given = arguments.items() if isinstance(arguments, dict) else ()
    told = ", ".join(f"{name}={value}" for name, value in given if value is not None)
    return f" ({told})" if told else ""
