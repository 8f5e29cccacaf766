"""Faults as data: by which signs each is known, what it leads to, and what to do about it. Frozen values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from app.domain.frozen import frozen
from app.domain.series import Severity
from app.engine.diagnosis.sign import NO_LIMIT, Limit

Scope = Literal["gpu", "node", "job", "service", "cluster"]
Whose = Literal["own", "near", "node", "siblings", "cluster"]
"""Whose signs a condition looks at: `own` of the subject itself (a node's own are those of its GPUs too); `near` of the
GPU, node, jobs and services around it; `node` of its machine alone; `siblings` of the other GPUs of its machine;
`cluster` of anybody."""
KEEP_S = 1800.0
"""An event without a word of its end stands for this long."""


@frozen
class Condition:
    """One thing to be seen, so often, so long, or so much."""

    signs: tuple[str, ...]
    """Kinds, any of which will do."""
    limit: Limit = NO_LIMIT
    """Of one sign's value."""
    for_s: float = 0.0
    """A state must have lasted so long, an event have stood so long without a word of its end."""
    times: int = 1
    """Events must have come so often within `within_s`; repeats count."""
    total: float | None = None
    """The values of the events within `within_s` together are at least this."""
    within_s: float = KEEP_S
    where: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    """Details that must fit, all of each; `label` and `text` are details too."""
    unless: tuple[str, ...] = ()
    """Kinds of signs on the same subject that explain it better: with one of them it counts for nothing."""
    whose: Whose = "own"
    subjects: int = 1
    """So many subjects must show it (GPUs of a node, nodes of a cluster)."""
    share: float = 0.0
    """So large a share of a node's GPUs must show it."""
    is_each: bool = False
    """`times` and `total` are of one sign by itself (one port, one link), not of all together."""
    same: tuple[str, ...] = ()
    """Of an end: it ends only what it shares one of these details with (the server, the port)."""


@frozen
class Rule:
    """Conditions put together: one of `any`, each of `all`, nothing of `none`."""

    any: tuple[Condition, ...] = ()
    all: tuple[Condition, ...] = ()
    none: tuple[Condition, ...] = ()


@frozen
class Graded:
    """A severity that holds when a rule does."""

    severity: Severity
    rule: Rule


@frozen
class Step:
    """One thing to do, with `{node}`, `{gpu}`, `{job}`, `{service}` and details of the signs to be filled in."""

    text: str
    command: str = ""
    gated: bool = True
    needs: Literal["", "slurm"] = ""
    """Only offered where there is that."""


@dataclass(frozen=True)
class Fault:
    """One kind of fault."""

    code: str
    """Its id in the list, `B1`."""
    key: str
    """`gpu.fell_off_bus`."""
    title: str
    """One line; `{where}` and details are filled in."""
    scope: Scope
    severity: Severity
    rule: Rule
    grades: tuple[Graded, ...] = ()
    """Other severities; the first that holds counts."""
    ends: tuple[Condition, ...] = ()
    """Events that say it is over: what was seen before them counts no longer."""
    keep_s: float = KEEP_S
    """How long its events stand without an end."""
    leads_to: tuple[str, ...] = ()
    """Codes of faults it causes on what it touches."""
    leads_from: Severity = "info"
    """It causes them only where it is this grave: a cable that nobody uses explains nothing."""
    reach: Literal["own", "node", "cluster"] = "own"
    """How far: `own` of a GPU is its node, jobs and services; `node` its neighbours too; `cluster` everybody."""
    joins: str = ""
    """Findings of this fault on several subjects, begun together, are one incident: those that share this detail of
    their signs, or all for `*`."""
    lag_s: float = 120.0
    """A consequence may be seen this much before it, since it may take that long to be seen itself."""
    is_hardware: bool = False
    """Once more after a reboot or reset it can only be the board."""
    is_symptom: bool = False
    """By itself no cause: it wants one to be found, and says so where there is none."""
    also: tuple[str, ...] = ()
    """Keys of findings by others (`app.engine.findings_slurm`) that are this fault; it may have no conditions then."""
    means: str = ""
    """What it means, in a sentence or two."""
    alike: tuple[str, ...] = ()
    """What else looks like it, and what tells them apart."""
    steps: tuple[Step, ...] = ()
    source: str = ""
    """Where signs, limits and advice are from."""

    @cached_property
    def triggers(self) -> frozenset[str]:
        """Kinds of signs that make one look whether it is there."""
        rules = self.rule.any or self.rule.all
        return frozenset(kind for one in rules if one.whose == "own" for kind in one.signs)

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """Every condition in it."""
        rules = (self.rule, *(one.rule for one in self.grades))
        found = [one for rule in rules for one in (*rule.any, *rule.all, *rule.none)]
        return (*found, *self.ends)
