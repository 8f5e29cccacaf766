"""The targets that stand for `[[log]]`: one a log, in its order. Imports nothing that reads logs: all ask this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.config.settings import Log, Target
from app.domain.naming import clean

SCHEME = "log:"


def log_targets(logs: Sequence[Log]) -> tuple[Target, ...]:
    """A target for each log; no two have one name."""
    taken: set[str] = set()
    found: list[Target] = []
    for at, log in enumerate(logs):
        target = log_target(at, log)
        if target.name in taken:
            target = replace(target, name=f"{target.name} #{at + 1}")
        taken.add(target.name)
        found.append(target)
    return tuple(found)


def log_target(at: int, log: Log) -> Target:
    """The target of the log at a place among all of them."""
    return Target(url=f"{SCHEME}{at}", name=name_of(log), node=log.node, interval_s=log.interval_s)


def name_of(log: Log) -> str:
    """What a log's source is called: as configured, else what it is, of which machine, and where it lies."""
    if log.name:
        return clean(log.name)
    where = log.node or log.ssh.rpartition("@")[2]
    place = log.path or log.url.partition("://")[2].rpartition("@")[2]
    return clean(
        " ".join(part for part in (f"{log.kind} log", where, place.rpartition("/")[2] if where else place) if part)
    )
