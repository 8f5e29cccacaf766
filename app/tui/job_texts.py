"""What a job page asks for while it is open: output as it grows, script and environment, its use since the start.

Each asks one question at a time and keeps the last answer; a question that fails leaves a sentence in its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from app.domain.job_actions import JobDetail
from app.domain.series import Subject, span_for
from app.domain.slurm import SlurmJob
from app.domain.snapshot import Gpu
from app.present.cells import Cell, Line, cells, tidy
from app.present.units import format_rate
from app.tui.desk import Desk
from app.tui.feed import RefusedError, ask
from app.tui.job_desk import FROM_END, Stream, job_desk

MOST_LINES = 5000
"""Lines of an output that are kept on screen."""
LONGEST = 2000
"""Characters of a line that are kept."""
MOST_ASKED = 64
"""GPUs whose past is worth a question each."""


class LogKeeper:
    """One output of a job, followed."""

    def __init__(self, stream: Stream) -> None:
        self.stream: Stream = stream
        self.lines: Sequence[Line] = ()
        self.note = "reading"
        self.path = ""
        self.size = 0
        self._offset = FROM_END
        self._inode: int | None = None
        self._is_busy = False

    @property
    def state(self) -> str:
        """What the pane's right says: how large the file is, or what is wrong."""
        return self.note or format_rate(float(self.size)).removesuffix("/s")

    async def poll(self, desk: Desk, job: SlurmJob) -> bool:
        """Read what was added; whether anything changed."""
        if self._is_busy:
            return False
        self._is_busy = True
        before = (self.lines, self.note, self.size)
        try:
            jobs = await job_desk(desk)
            chunk = await ask(jobs.read_log(job, self.stream, self._offset, self._inode))
        except RefusedError as refusal:
            self.note = str(refusal)
        else:
            self.path, self.note, self.size = chunk.path, chunk.note, chunk.size
            if not chunk.note:
                self._take(chunk.text, is_new=chunk.was_truncated)
                self._offset, self._inode = chunk.offset, chunk.inode
        finally:
            self._is_busy = False
        return before != (self.lines, self.note, self.size)

    def _take(self, text: str, *, is_new: bool) -> None:
        """Add whole lines; the file begins anew where it was shortened or replaced."""
        begun: list[Line] = [(Cell("── the file begins anew ──", "info"),)] if is_new and self.lines else []
        if text:
            added = [cells(tidy(one, LONGEST)) for one in text.removesuffix("\n").split("\n")]
            self.lines = [*([] if is_new else self.lines), *begun, *added][-MOST_LINES:]


class DetailKeeper:
    """Script, environment and steps of a job, asked for when the job is new here or its state changed."""

    def __init__(self) -> None:
        self.detail: JobDetail | None = None
        self.complaint = "asking"
        self._asked: tuple[object, ...] = ()

    def is_due(self, job: SlurmJob) -> bool:
        """Whether there is something new to ask for; true once for each state the job is in."""
        about = (job.id, job.state, job.restarts)
        is_new = about != self._asked
        self._asked = about
        return is_new

    async def read(self, desk: Desk, job: SlurmJob) -> None:
        """Ask."""
        try:
            jobs = await job_desk(desk)
            self.detail = await ask(jobs.detail(job))
        except RefusedError as refusal:
            self.complaint = str(refusal)


def script_lines(detail: JobDetail) -> tuple[Line, ...]:
    """The batch script; what it asks of Slurm stands out."""
    found = []
    for text in (detail.script or "").split("\n"):
        shown = tidy(text.expandtabs(4), LONGEST)
        found.append((Cell(shown, "accent" if shown.startswith("#SBATCH") else "plain"),) if shown else ())
    return tuple(found)


def environment_lines(detail: JobDetail) -> tuple[Line, ...]:
    """Variables in the order of their names."""
    known = sorted((detail.environment or {}).items())
    return tuple((*cells(f"{name}=", "quiet"), *cells(tidy(value, LONGEST))) for name, value in known)


async def use_since(desk: Desk, gpus: Sequence[Gpu], start: float, now: float) -> float | None:
    """Mean use of some GPUs since a moment, in percent, from the history; None where it knows nothing."""
    feed = desk.bridge.feed
    if feed is None or not gpus or len(gpus) > MOST_ASKED or now - start < 60:
        return None
    step = span_for(start, now, 200)
    means = []
    for gpu in gpus:
        subject = Subject("gpu", node=gpu.node, index=gpu.index)
        try:
            series = await ask(feed.series(subject, "gpu.utilization", start, now, step))
        except RefusedError:
            return None
        known = [point.mean for point in series.points if point.mean is not None]
        if known:
            means.append(mean(known))
    return mean(means) if means else None
