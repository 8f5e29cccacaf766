"""What another configuration changes in a daemon that runs, and what waits for the next one. Decides, does nothing."""

from __future__ import annotations

from dataclasses import fields, replace

from app.config.settings import TABLES, Settings
from app.domain.frozen import frozen
from app.domain.naming import clean
from app.services.rule_files import rule_book

LIVE = ("target", "log", "prices", "discover", "slurm", "alerts", "deploy")
"""Parts of the configuration that are followed at once, whole."""
LIVE_KEYS = ("cluster.name",)
ELSEWHERE = ("agent", "screen")
"""Parts that a daemon does not read: screens and commands do."""


@frozen
class Reload:
    """What reading the configuration again comes to."""

    settings: Settings
    """What is in force from now on."""
    text: str
    """For a person."""
    waiting: tuple[str, ...] = ()
    """Keys that have changed and count after a restart only."""
    problems: tuple[str, ...] = ()
    """Of the rule files in force."""
    ok: bool = True
    """False where the configuration was refused, and the one before is still in force."""

    @property
    def told(self) -> str:
        """All of it in one line."""
        if not self.waiting:
            return self.text
        return f"{self.text}; only a restart or `serve --take-over` changes {', '.join(self.waiting)}"


def begun(settings: Settings) -> Reload:
    """What a daemon begins with. Reads the rule files."""
    return Reload(settings, "", problems=_problems(settings))


def refused(now: Reload, why: str) -> Reload:
    """A configuration that cannot be used: everything stays as it is."""
    text = f"the configuration was not taken, the one before is still in force: {clean(why, 500)}"
    return replace(now, text=text, waiting=(), ok=False)


def reloaded(before: Reload, wanted: Settings) -> Reload:
    """What the wanted settings come to, in a daemon that runs by those before. Reads the rule files."""
    now, problems = before.settings, _problems(wanted)
    fresh = [one for one in problems if one not in before.problems]
    if fresh:
        return refused(before, "; ".join(fresh[:3]))
    live = replace(
        now,
        cluster=replace(now.cluster, name=wanted.cluster.name),
        is_deployed=wanted.is_deployed,
        unused=wanted.unused,
        **{part: getattr(wanted, part) for part in (*LIVE, *ELSEWHERE)},
    )
    changed = [part for part in LIVE if getattr(now, part) != getattr(wanted, part)]
    changed += [key for key in LIVE_KEYS if now.cluster.name != wanted.cluster.name]
    text = f"the configuration was read again: {', '.join(changed) or 'nothing that is followed has changed'}"
    return Reload(live, text, tuple(_waiting(live, wanted)), problems)


def _problems(settings: Settings) -> tuple[str, ...]:
    return tuple(str(one) for one in rule_book(settings).problems)


def _waiting(live: Settings, wanted: Settings) -> list[str]:
    """Dotted keys in which the two differ."""
    found = []
    for table in TABLES:
        ours, theirs = getattr(live, table), getattr(wanted, table)
        found += [f"{table}.{one.name}" for one in fields(ours) if getattr(ours, one.name) != getattr(theirs, one.name)]
    return found
