"""What must never be proposed, whatever is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from app.domain.diagnosis import Diagnosis
from app.domain.finding import Advice, Finding
from tests.bench.faults.plant import Plant
from tests.bench.faults.story import Truth, forbidden

NEVER = re.compile(
    r"\brm\s+-|\bmkfs|\bdd\s+if=|kill\s+-(?:9|KILL)|\bkillall\b|\bpkill\b|>\s*/dev/sd|\bshutdown\b|\bpoweroff\b|\bhalt\b"
    r"|scancel\s+(?:-u|--user)|scontrol\s+(?:reconfigure|shutdown)|rmmod|modprobe\s+-r|`|\$\(",
    re.IGNORECASE,
)
"""Commands that cost data or other people's work, or hold another command."""
SEVERAL = re.compile(r"[;&|]")
"""What changes something is one command."""
DISRUPTIVE = re.compile(
    r"--gpu-reset|nvidia-smi\s+-r\b|\breboot\b|ipmitool.*power\s+(?:off|cycle|reset|soft)"
    r"|systemctl\s+(?:re)?st(?:art|op)\s+nvidia",
    re.IGNORECASE,
)
"""Commands that end whatever runs on a node or GPU: nothing may run there any more."""
DRAIN = re.compile(
    r"state=drain|\bdrain|stop (?:all|its|the) (?:work|jobs?|programs?)"
    r"|(?:once|when) (?:no job runs|(?:its|their) jobs are (?:through|stopped|done))"
    r"|when (?:it|the (?:node|gpu)) is (?:free|empty|idle)",
    re.IGNORECASE,
)


def dangers(diagnosis: Diagnosis, truths: Sequence[Truth], plant: Plant) -> Iterator[str]:
    """Every action that must not be there, with the finding that proposes it."""
    banned = forbidden(truths)
    for finding in diagnosis.findings:
        for number, action in enumerate(finding.actions):
            command = action.command or ""
            where = f"{finding.code} {finding.subject}: {command}"
            if command and (NEVER.search(command) or (banned is not None and banned.search(command))):
                yield where
            elif action.gated and SEVERAL.search(command):
                yield f"{where} (several commands in one)"
            elif DISRUPTIVE.search(command) and not action.gated:
                yield f"{where} (without being asked for)"
            elif DISRUPTIVE.search(command) and _is_hasty(finding, number, plant):
                yield f"{where} (before anything is drained)"


def _is_hasty(finding: Finding, number: int, plant: Plant) -> bool:
    """Whether jobs run there, and no step before it sees to it that none does."""
    node = finding.subject.node
    runs = any(node in job.gpus for job in plant.jobs.values()) if node else True
    is_closed = "DRAIN" in plant.words[node].flags if node in plant.words else False
    return runs and not is_closed and not any(map(_drains, finding.actions[: number + 1]))


def _drains(action: Advice) -> bool:
    return bool(DRAIN.search(action.command or "") or DRAIN.search(action.text))
