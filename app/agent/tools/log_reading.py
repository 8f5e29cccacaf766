"""The end of a log that `[[log]]` names, read when somebody asks: bounded in size and time, never followed.

Only what the configuration names is read: no argument of a tool becomes a path, an address or a command.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import field
from pathlib import Path

from app.config.paths import state_dir
from app.config.secret import SecretError
from app.config.settings import Log, Target
from app.domain.frozen import frozen
from app.domain.model_start import ModelStart
from app.domain.naming import clean
from app.domain.reading import SourceSpec
from app.services.log_tail import LogTail
from app.sources.logs.source import way_to
from app.sources.registry import Making
from app.transport.clock import SystemClock
from app.transport.dialer import Dialer
from app.transport.scrape import ScrapeClient
from app.transport.ssh import open_forwards

TIMEOUT_S = 8.0
"""One log may take so long."""
MOST_LINES = 4000
"""Lines of the end that are looked at."""


@frozen
class Tail:
    """The end of one log as it is now."""

    name: str
    """Of its source."""
    node: str
    lines: tuple[str, ...] = ()
    """The newest last."""
    trouble: str = ""
    """Why there is nothing, for a person."""
    start: ModelStart = field(default_factory=ModelStart)
    """How far a model server is with its start, as far as these lines tell."""


async def tail(target: Target, log: Log, logs: tuple[Log, ...]) -> Tail:
    """The end of a configured log, one of `logs`. Never raises for what is wrong with it: `trouble` says so."""
    clock, environ = SystemClock(), dict(os.environ)
    forwards = open_forwards(state_dir(environ, Path.home()), clock) if log.ssh else None
    spec = SourceSpec(target.name, "log", target.url, 0.0, log.node or None)
    try:
        async with asyncio.timeout(TIMEOUT_S + 1.0), ScrapeClient(Dialer(forwards)) as client:
            making = Making(spec, target, TIMEOUT_S, client, clock, environ=environ, logs=logs)
            reading = LogTail(target.name, way_to(log, making), clock, most=MOST_LINES)
            try:
                await reading.poll(TIMEOUT_S)
            finally:
                await reading.close()
    except (SecretError, ValueError, TimeoutError) as error:
        return Tail(target.name, log.node, trouble=clean(str(error) or "it does not answer", 300))
    finally:
        if forwards is not None:
            await forwards.close()
    lines = tuple(one.text for one in reading.lines)
    return Tail(target.name, log.node, lines, clean(reading.note, 300), reading.start)
