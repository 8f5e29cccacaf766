"""From lines to evidence: which sign a line bears, when it was said, and what the lines before it add. No I/O.

Whose word counts for what: a kernel's line is believed of GPUs and of the machine, unless its form shows that a program
said it (`logger` writes whatever it is told); services are believed of links and Slurm, a program's log of itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import tzinfo

from app.domain.evidence import LogEvidence, LogKind
from app.domain.naming import clean
from app.sources.logs.bound import folded
from app.sources.logs.gpu_lines import DRIVER_SIGNS, gpu_find, identity, named_while_loading
from app.sources.logs.host_lines import board_find, host_find, service_find
from app.sources.logs.line import LogLine, parse_line
from app.sources.logs.moments import Moment, Timekeeping, moments
from app.sources.logs.sign import Find, find
from app.sources.logs.work_lines import job_find, slurm_find, vllm_find

MOST_TEXT = 400
"""Characters of a message that are kept."""
MOST_A_BATCH = 500
"""Pieces of evidence one batch may bring; more are folded, then counted (see `bound`)."""
_REPEATED = re.compile(r"^last message repeated (?P<count>\d{1,7}) times?$")
_QUOTED = re.compile(r"^message repeated (?P<count>\d{1,7}) times: \[ ?(?P<text>.*?)\]?$")
_NEAR_LINES = 4
"""Lines within which a sentence of the driver's goes on."""
_MOST_BOARDS = 64


class LogReader:
    """Reads one log's lines in their order."""

    def __init__(self, kind: LogKind, source: str, node: str = "", tz: tzinfo | None = None) -> None:
        self._kind = kind
        self._source = source
        self._node = node
        self._tz = tz
        self._keeping = Timekeeping()
        self._loading: tuple[str, int] | None = None
        self._oom_pid: tuple[int, int] | None = None
        self._uuids: dict[str, str] = {}
        self._last: Find | None = None
        self._count = 0

    def know(self, *, boot_at: float | None = None, offset_s: float | None = None) -> None:
        """Take note of what was asked of the machine: when it booted, and its clock less ours."""
        if boot_at is not None:
            self._keeping = replace(self._keeping, boot_at=boot_at, is_told=True)
        if offset_s is not None:
            self._keeping = replace(self._keeping, offset_s=offset_s)

    def read_text(self, lines: Iterable[str], now: float) -> tuple[LogEvidence, ...]:
        """The evidence in raw lines."""
        return self.read([parse_line(line, now, self._tz) for line in lines if line.strip()], now)

    def read(self, lines: Sequence[LogLine], now: float) -> tuple[LogEvidence, ...]:
        """The evidence in lines that are taken apart already."""
        when, self._keeping = moments(lines, self._keeping, now)
        found = [
            one for line, moment in zip(lines, when, strict=True) if (one := self._evidence(line, moment)) is not None
        ]
        return folded(found, MOST_A_BATCH)

    def _evidence(self, line: LogLine, moment: Moment) -> LogEvidence | None:
        self._count += 1
        text, repeats, said = line.text, 1, None
        again = _REPEATED.match(text)
        quoted = _QUOTED.match(text)
        if again:
            said, repeats = self._last, int(again["count"])
        else:
            if quoted:
                text, repeats = quoted["text"], int(quoted["count"])
            self._last = said = self._said(line, text)
        if said is None or repeats < 1:
            return None
        return LogEvidence(
            kind=said.kind,
            at=moment.at,
            text=clean(text, MOST_TEXT),
            severity=said.severity,
            timed=moment.origin,
            source=self._source,
            node=self._node or line.host or clean(said.details.get("node", ""), 64),
            code=said.code,
            gpu=said.gpu,
            pci=said.pci,
            uuid=said.uuid or self._uuids.get(said.pci or ""),
            pid=said.pid if said.pid is not None or self._kind == "kernel" else line.pid,
            process=clean(said.process, 64) if said.process else None,
            job=said.job,
            caused_by=said.caused_by,
            recovery=said.recovery,
            link=said.link,
            details=said.details,
            uptime_s=line.uptime_s,
            boot=line.boot or (f"{moment.boot_at:.0f}" if moment.boot_at is not None else None),
            repeats=repeats,
        )

    def _said(self, line: LogLine, text: str) -> Find | None:
        match self._kind:
            case "vllm":
                return vllm_find(text)
            case "job":
                return job_find(text)
        if line.is_kernel is False:
            return _of_service(line.tag, text)
        return self._joined(text) or self._of_machine(text)

    def _joined(self, text: str) -> Find | None:
        """What a line says of GPUs, with what the lines before it named."""
        board = identity(text)
        if board:
            if len(self._uuids) >= _MOST_BOARDS:
                self._uuids.clear()
            self._uuids[board[0]] = board[1]
            return None
        loading = named_while_loading(text)
        if loading:
            self._loading = (loading, self._count)
            return None
        found = gpu_find(text)
        if (
            found is not None
            and found.kind == "gpu.off_bus"
            and found.pci is None
            and found.gpu is None
            and self._loading
        ):
            place, at = self._loading
            self._loading = None
            return replace(found, pci=place) if self._count - at <= _NEAR_LINES else found
        return found

    def _of_machine(self, text: str) -> Find | None:
        """What a line says of the machine; of a kill for want of memory the second line adds nothing to the first."""
        found = host_find(text) or service_find(text)
        if found is None or found.kind != "host.oom" or found.pid is None:
            return found
        before, self._oom_pid = self._oom_pid, (found.pid, self._count)
        is_second = before is not None and before[0] == found.pid and "scope" in found.details
        return None if is_second else found


def _of_service(tag: str, text: str) -> Find | None:
    """What a program of the machine may be believed of."""
    name = tag.casefold()
    if name.startswith("slurm"):
        return slurm_find(text)
    if name.startswith(("ipmi", "bmc")):
        return board_find(text)
    if "fabricmanager" in name:
        return find(DRIVER_SIGNS, text)
    return service_find(text) if name.startswith(("systemd", "networkmanager", "ifplugd", "rsyslog")) else None
