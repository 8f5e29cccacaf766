"""Signs of Slurm itself: controller, accounting, scheduler, and what its daemons log of other machines. Pure.

slurm.controller_silent    slurmctld does not answer, by the source's error; value: looks in a row; detail how (state)
slurm.dbd_queue            messages that wait for slurmdbd; value (state)
slurm.scheduler_cycle      length of the scheduler's last cycle; value in seconds (state)
slurm.accounting_error     a look says that slurmdbd could not be asked (state)
slurm.said_silent, slurm.said_back, slurm.said_rebooted, slurm.said_memory_short, slurm.said_gpus_short,
slurm.said_kill_failed, slurm.said_prolog_failed
                           a line of a daemon about a node that it names, where Slurm's picture does not tell (event)
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.domain.evidence import LogEvidence
from app.domain.finding import FindingSubject
from app.domain.hostlist import expand
from app.domain.naming import clean
from app.domain.slurm import SlurmPicture
from app.engine.diagnosis.sign import CLUSTER, Look, Sign
from app.engine.words import span

LEAST_QUEUE = 100.0
"""slurmdbd's queue below this is everyday."""
LEAST_CYCLE_S = 5.0
MOST_NAMED = 512
"""Nodes of one line that are told."""
_SILENT = re.compile(r"slurmctld does not answer|Unable to contact slurm controller", re.IGNORECASE)
"""How this program's own sources begin, and what Slurm's commands say."""
_SLOW = re.compile(r"did not end within|timed out", re.IGNORECASE)
_ACCOUNTING = re.compile(r"slurmdbd|accounting storage", re.IGNORECASE)
_SAID = {
    "slurm.not_responding": "said_silent",
    "slurm.responding": "said_back",
    "slurm.rebooted": "said_rebooted",
    "slurm.low_memory": "said_memory_short",
    "slurm.gres_low": "said_gpus_short",
    "slurm.kill_failed": "said_kill_failed",
    "slurm.prolog_failed": "said_prolog_failed",
}
"""Kinds of lines → what they say of the node that they name."""
_BESIDE = frozenset({"said_kill_failed", "said_prolog_failed"})
"""What a node's state need not show."""


def observe_slurm_control(look: Look) -> Iterator[Sign]:
    """What Slurm's source, its counts and its daemons' logs show of Slurm as a whole."""
    yield from _source(look)
    picture = look.picture
    if picture is not None:
        yield from _counts(picture)
        yield from _notes(picture)
    for one in look.said:
        if one.kind in _SAID and one.details.get("node"):
            yield from _said(one, look, picture)


def _source(look: Look) -> Iterator[Sign]:
    for name, state in look.snapshot.sources.items():
        if state.spec.kind != "slurm" or not state.error or not _SILENT.search(state.error):
            continue
        text = clean(state.error, 240)
        seen = "never" if state.ok_at is None else "before"
        details = {"how": "slow" if _SLOW.search(text) else "refused", "why": text, "seen": seen}
        since = state.ok_at
        yield Sign(
            "slurm.controller_silent", CLUSTER, look.now, text, name, float(state.failures), name, details,
            since=since if since is not None and since <= look.now else None,
        )  # fmt: skip


def _counts(picture: SlurmPicture) -> Iterator[Sign]:
    waiting = picture.counts.get("dbd_agent_queue")
    if waiting is not None and waiting > LEAST_QUEUE:
        text = f"{waiting:,.0f} messages wait for slurmdbd"
        yield Sign("slurm.dbd_queue", CLUSTER, picture.at, text, picture.source, waiting)
    cycle_us = picture.counts.get("scheduler_last_cycle_us")
    if cycle_us is not None and cycle_us / 1e6 > LEAST_CYCLE_S:
        text = f"the scheduler's last cycle took {span(cycle_us / 1e6)}"
        yield Sign("slurm.scheduler_cycle", CLUSTER, picture.at, text, picture.source, cycle_us / 1e6)


def _notes(picture: SlurmPicture) -> Iterator[Sign]:
    said = next((note for note in picture.notes if _ACCOUNTING.search(note)), "")
    if said:
        yield Sign("slurm.accounting_error", CLUSTER, picture.at, clean(said, 240), picture.source)


def _said(one: LogEvidence, look: Look, picture: SlurmPicture | None) -> Iterator[Sign]:
    kind = _SAID[one.kind]
    known = (
        {name: node for node in picture.nodes.values() for name in (node.name, node.host) if name} if picture else {}
    )
    for name in expand(one.details["node"])[:MOST_NAMED]:
        told = known.get(name)
        if told is not None and kind not in _BESIDE:
            continue  # the picture knows, and is newer than the line
        place = look.allocations.snapshot_name(told.name if told is not None else name)
        subject = FindingSubject(node=look.boards.node(place))
        details = {key: value for key, value in one.details.items() if key != "node"}
        yield Sign(
            f"slurm.{kind}", subject, one.at, one.text, one.source, float(one.repeats), details=details,
            is_event=True, is_history=one.is_history,
        )  # fmt: skip
