"""The words of a finding: a fault's templates filled in with whom and what was seen. Pure.

Names that a template asks for and nobody knows are left out with a sentence that still reads; a command with an unknown
name is not offered. Words from outside are quoted in commands and cleaned everywhere.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from app.domain.finding import Advice, Evidence, FindingSubject
from app.domain.naming import clean
from app.engine.diagnosis.fault import Fault, Step
from app.engine.diagnosis.memory import Held
from app.engine.words import span

_NAME = re.compile(r"\{([a-z_0-9]+)(?::([^{}]*))?\}")
"""`{device}`, or `{device:a disk}` with what to say where it is not known."""
_DRAIN = "state=drain"
MOST_EVIDENCE = 8


def filled(template: str, known: Mapping[str, str]) -> str:
    """A sentence with its names filled in; one that is not known gives its stand-in, or `?`."""

    def one(match: re.Match[str]) -> str:
        value = known.get(match.group(1), "")
        return clean(value, 120) if value else "?" if match.group(2) is None else match.group(2)

    return _NAME.sub(one, template)


def command_of(template: str, known: Mapping[str, str]) -> str | None:
    """A command with its names quoted; None where one is not known."""
    wanted = {match.group(1): match.group(2) for match in _NAME.finditer(template)}
    if any(not known.get(name) and not stand_in for name, stand_in in wanted.items()):
        return None

    def one(match: re.Match[str]) -> str:
        value = clean(known.get(match.group(1), ""), 120)
        return shlex.quote(value) if value else match.group(2)

    return _NAME.sub(one, template)


def advice(fault: Fault, known: Mapping[str, str], *, has_slurm: bool, is_closed: bool = False) -> tuple[Advice, ...]:
    """What to do, in order; what this cluster cannot do is left out.

    So is the drain of a node that is closed already: it would overwrite somebody else's reason.
    """
    steps = [one for one in fault.steps if one.needs != "slurm" or has_slurm]
    found = [_advice(step, known) for step in steps if not (is_closed and _DRAIN in step.command)]
    return tuple(one for one in found if one is not None)


def _advice(step: Step, known: Mapping[str, str]) -> Advice | None:
    command = command_of(step.command, known) if step.command else None
    if step.command and command is None and not step.text:
        return None
    return Advice(filled(step.text, known), command, step.gated)


def explanation(fault: Fault, known: Mapping[str, str]) -> str:
    """What it means, and what else looks like it."""
    alike = [filled(one, known) for one in fault.alike]
    return " ".join((filled(fault.means, known), *(f"Looks alike: {one}" for one in alike))).strip()


def evidence(signs: tuple[Held, ...]) -> tuple[Evidence, ...]:
    """What was seen, the oldest first; of many the first and the newest."""
    lines = [_evidence(held) for held in signs]
    if len(lines) <= MOST_EVIDENCE:
        return tuple(lines)
    return (*lines[: MOST_EVIDENCE // 2], *lines[-MOST_EVIDENCE // 2 :])


def _evidence(held: Held) -> Evidence:
    sign = held.sign
    if sign.is_event:
        often = f" ({len(held.times)} times since)" if len(held.times) > 1 else ""
        return Evidence(sign.source or sign.kind, held.first, f"{sign.text}{often}")
    lasted_s = held.last - held.first
    since = f", for {span(lasted_s)}" if lasted_s >= 1 else ""
    return Evidence(sign.source or sign.kind, held.last, f"{sign.text}{since}")


def where(subject: FindingSubject, gpu_word: str = "GPU") -> str:
    """Whom a title speaks of: `GPU gpu-1/3`, `gpu-1`, `job 812`, a server, `the cluster`."""
    if subject.gpu is not None:
        return f"{gpu_word} {subject.node}/{subject.gpu}"
    if subject == FindingSubject():
        return "the cluster"
    return str(subject)
