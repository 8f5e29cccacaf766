"""Evidence out of logs: what one line says, and Xids put together as episodes. Frozen values; text is cleaned.

A log line proves that something was said, not what caused it: causes are the diagnosis' own. Unknown is None; a code, a
GPU or a process is there only where the line itself names it, or where the episode's join does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from app.domain.frozen import frozen
from app.domain.series import Severity

LogKind = Literal["kernel", "vllm", "job"]
"""Whose log a line is from; it decides which lines mean something."""
TimeOrigin = Literal["line", "boot", "read"]
"""`line`: the line's own time of day; `boot`: its uptime, added to when the machine booted; `read`: it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a log line names; each is None where it does not."""

    code: int | None = None
    """Number of an Xid or SXid."""
    gpu: int | None = None
    """Index, where the line names one (`GPU4`); the driver's own count, not Slurm's."""
    pci: str | None = None
    """PCI address as `0000:9b:00`, without its function."""
    uuid: str | None = None
    pid: int | None = None
    process: str | None = None
    """Of an Xid the process it was raised in, which may be its victim (119 names nvidia-smi)."""
    job: str | None = None
    """Slurm job that the line names."""
    caused_by: int | None = None
    """The Xid that the driver itself gives as this one's cause."""
    recovery: int | None = None
    """Of Xid 154: what the driver asks for now (see `RECOVERY_ACTIONS`)."""
    link: int | None = None
    """Of NVLink: number of the link."""
    details: Mapping[str, str] = field(default_factory=dict)
    """More that the line names, by the names of its pattern: `gpc`, `tpc`, `server`, `device`, `limit`, …"""


@frozen
class LogEvidence(Named):
    """What one log line says, in the terms of `kind`."""

    kind: str
    """`xid`, `sxid`, `gpu.off_bus`, `host.oom`, `nic.link_down`, `vllm.cuda_oom`, …: one row in the parsers each."""
    at: float
    """Epoch seconds, by the clock that `timed` tells of."""
    text: str
    """The message without its stamp, cleaned and cut."""
    severity: Severity = "info"
    """How grave the line is by itself; rules may judge otherwise."""
    timed: TimeOrigin = "line"
    source: str = ""
    """Name of the source that read it."""
    node: str = ""
    """Node the log is of; empty where neither the configuration nor the line tells."""
    uptime_s: float | None = None
    """Seconds since the machine booted, where the line tells: orders lines whatever its clock does."""
    boot: str | None = None
    """Which boot: journald's id; None where the log does not tell."""
    repeats: int = 1
    """Lines this stands for, where the same was said again and again."""
    is_history: bool = False
    """It stood in the log at the first look: read to explain, not news."""

    @property
    def place(self) -> str:
        """The board it speaks of, as far as it tells: `0000:9b:00`, `#4`, or empty."""
        return self.pci or ("" if self.gpu is None else f"#{self.gpu}")


@frozen
class XidEpisode:
    """The same Xid of the same GPU, again and again without a long pause: one thing that happened."""

    id: str
    """Stays while it grows: node, board, code and when it began."""
    node: str
    pci: str | None
    gpu: int | None
    """Index in the snapshot, once the board is known there; else as the line names it."""
    uuid: str | None
    code: int
    count: int
    """Lines, repeats included."""
    first: float
    """Epoch seconds of the first line."""
    last: float
    severity: Severity
    text: str
    """The first line's message."""
    pids: tuple[int, ...] = ()
    """Processes it was raised in, the first ones."""
    process: str | None = None
    job: str | None = None
    """Slurm job that held the GPU at its first line; None where none or several did."""
    user: str | None = None
    caused_by: int | None = None
    """The Xid that it follows from, as the driver says, or as `is_sympathetic` explains."""
    cause: str | None = None
    """Id of the episode of that Xid, where it was seen."""
    recovery: int | None = None
    """What the driver asked for after it (Xid 154): an action, not a cause."""
    places: tuple[str, ...] = ()
    """Units named: `GPC 1 TPC 3`, `link 14`; the first ones."""
    from_metric: bool = False
    """Known only by an exporter's last value, which loses repeats and never clears."""
    is_sympathetic: bool = False
    """It follows from another; by itself it is no fault."""
    boot: str | None = None
