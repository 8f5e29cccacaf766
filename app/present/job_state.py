"""A job's and a node's state as people read it: a sign, a word, Slurm's short code, and a tone. Pure.

A state this version has never heard of is shown as Slurm spells it, in small letters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from app.domain.job_filtering import CODES
from app.domain.slurm import SlurmJob, SlurmNode
from app.present.cells import Cell, Tone, tidy
from app.present.glyphs import Glyphs

_CODE_OF: Mapping[str, str] = {state: code.upper() for code, state in CODES.items()}
_BAD = frozenset({"BOOT_FAIL", "DEADLINE", "FAILED", "LAUNCH_FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "TIMEOUT"})


class JobState(NamedTuple):
    """How a job is."""

    sign: str
    word: str
    code: str
    tone: Tone

    @property
    def cell(self) -> Cell:
        """Sign and word."""
        return Cell(f"{self.sign} {self.word}", self.tone)

    @property
    def short(self) -> Cell:
        """Sign and code."""
        return Cell(f"{self.sign} {self.code}", self.tone)


def job_state(job: SlurmJob, glyphs: Glyphs) -> JobState:
    """The state that matters most: a flag that says what is going on beats the base state it goes on in."""
    code = _CODE_OF.get(job.state, tidy(job.state[:2], 2) or "?")
    word = tidy(job.state.lower().replace("_", " "), 20) or "unknown"
    for flag, sign in (("COMPLETING", glyphs.down), ("CONFIGURING", glyphs.up)):
        if flag in job.flags:
            return JobState(sign, flag.lower(), _CODE_OF[flag], "plain")
    if job.is_running:
        return JobState(glyphs.live, word, code, "plain")
    if job.is_held:
        return JobState(glyphs.fill, "held", code, "quiet")
    if job.is_pending:
        return JobState(glyphs.stale, word, code, "quiet")
    if job.state == "SUSPENDED":
        return JobState(glyphs.fill, word, code, "look")
    if job.state in _BAD:
        return JobState(glyphs.lost, word, code, "look")
    if job.is_ended:
        return JobState(glyphs.dot, word, code, "quiet")
    return JobState(glyphs.info, word, code, "info")


def counts_text(jobs: Sequence[SlurmJob], glyphs: Glyphs) -> str:
    """`3R 97PD`: how many jobs are in each state, those that run first."""
    counts = Counter(job_state(job, glyphs).code for job in jobs)
    order = sorted(counts, key=lambda code: (code not in ("R", "CG", "CF"), code == "PD", code))
    return " ".join(f"{counts[code]}{code}" for code in order)


def node_state_cell(node: SlurmNode, glyphs: Glyphs) -> Cell:
    """A node's state and flags in scontrol's words; amber where it takes no jobs, red where it is down.

    How it joined says nothing of how it is, and is left out.
    """
    flags = [flag for flag in node.flags if not flag.startswith("DYNAMIC")]
    text = tidy("+".join((node.state, *flags)).lower(), 60)
    if node.is_down:
        return Cell(f"{glyphs.lost} {text}", "bad")
    if not node.takes_jobs:
        return Cell(f"{glyphs.fill} {text}", "look")
    return Cell(f"{glyphs.live if node.gpus_used or node.cpus_used else glyphs.stale} {text}", "plain")
