"""Output files of the simulated jobs: they grow while the jobs run, so that they can be read and followed.

What a job writes depends on the job and the moment alone; only this writes, into folders of the simulator's own.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from app.sim.dice import Dice
from app.sim.slurm.job import Job, ranges

EVERY_S = 15
"""Real seconds between two lines."""
MOST_LINES = 240
"""Lines that a file begins with, of a job that has run for long."""
_CLOSED = -1
MOST_FILES = 64
"""Jobs whose output is written unasked; of others it is from the moment that somebody looks at one."""


class Logs:
    """The output files below one folder."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._written: dict[tuple[str, int], int] = {}
        """Epoch seconds up to which the output of a job (and of which run of it) is written."""
        self._asked: set[str] = set()

    def folder(self, user: str) -> None:
        """Make a user's folder."""
        if user.isprintable() and "/" not in user and user not in ("", ".", ".."):
            (self._home / user).mkdir(mode=0o700, parents=True, exist_ok=True)

    def ask(self, key: str) -> None:
        """From now on write the output of this job too."""
        self._asked.add(key)

    def write(self, jobs: Iterable[Job], started: dict[str, int], now: int) -> None:
        """Bring the files up to `now`; `started` says by job when it began, epoch seconds."""
        number = 0
        for job in jobs:
            if job.is_pending or job.state == "SUSPENDED" or job.start is None:
                continue
            number += 1
            is_known = (job.key, job.restarts) in self._written
            if number <= MOST_FILES or is_known or job.is_own or job.key in self._asked:
                self._append(job, started[job.key], now)

    def _append(self, job: Job, began: int, now: int) -> None:
        path = Path(job.stdout)
        done = self._written.get((job.key, job.restarts))
        if not path.is_relative_to(self._home) or done == _CLOSED:
            return
        if done is not None and now - done < EVERY_S and not job.is_over:
            return
        since = max(began, now - MOST_LINES * EVERY_S) if done is None else done
        text = "".join(f"{line}\n" for line in _lines(job, began, since, now, is_first=done is None))
        with contextlib.suppress(OSError):  # a full disk: real jobs fail of that, the simulated ones go on
            self.folder(job.user)
            with path.open("w" if done is None and not job.restarts else "a", encoding="utf-8") as file:
                file.write(text)
        self._written[job.key, job.restarts] = _CLOSED if job.is_over else now - (now - began) % EVERY_S


def _lines(job: Job, began: int, since: int, until: int, *, is_first: bool) -> Iterator[str]:
    """What a job writes between two moments."""
    if is_first:
        yield f"[{_clock(began)}] {job.name} (job {job.key}) on {job.node_list}"
        for node, indices in job.by_node.items():
            yield f"[{_clock(began)}] {node}: CUDA_VISIBLE_DEVICES={ranges(indices)}"
    first = (since - began + EVERY_S - 1) // EVERY_S if is_first else (since - began) // EVERY_S + 1
    for number in range(max(1, first), (until - began) // EVERY_S + 1):
        yield f"[{_clock(began + number * EVERY_S)}] {_line(job, number)}"
    if job.is_over:
        yield f"[{_clock(until)}] {_LAST.get(job.state, f'slurmstepd: job ended: {job.state}')}"


_LAST = {
    "COMPLETED": "done",
    "CANCELLED": "slurmstepd: error: *** JOB CANCELLED DUE TO SIGNAL Terminated ***",
    "TIMEOUT": "slurmstepd: error: *** JOB CANCELLED DUE TO TIME LIMIT ***",
    "FAILED": "RuntimeError: CUDA error: an unrecoverable error occurred; the process is terminated",
    "OUT_OF_MEMORY": "slurmstepd: error: Detected 1 oom_kill event. Some of the step tasks have been OOM Killed.",
    "NODE_FAIL": "srun: error: Node failure",
}


def _line(job: Job, number: int) -> str:
    dice = Dice("log", job.id, number)
    if job.kind == "serve":
        rate, running = dice.between(1500, 5200), dice.whole(48)
        return (
            f"INFO loggers.py: Avg prompt throughput: {5 * rate:.1f} tokens/s, "
            f"Avg generation throughput: {rate:.1f} tokens/s, Running: {running} reqs, "
            f"Waiting: {dice.whole(3)} reqs, GPU KV cache usage: {1.6 * running:.1f}%"
        )
    if job.kind == "notebook":
        return (
            f"[I ServerApp] Saving file at /{job.name}.ipynb" if number % 8 == 0 else f"[D] kernel alive, cell {number}"
        )
    if job.kind == "hold":
        return "waiting for work"
    step = 10 * number
    loss = 1.4 + 6.0 / (1.0 + step / 400.0) + dice.between(-0.02, 0.02)
    if number % 40 == 0:
        return f"step {step}: checkpoint written to checkpoints/step-{step}"
    return (
        f"step {step:>7} | loss {loss:.4f} | grad norm {dice.between(0.4, 1.2):.3f} | "
        f"{dice.between(1.42, 1.61):.2f} s/it | {dice.between(11.5, 12.9) * max(1, job.gpu_count):.1f}k tok/s"
    )


def _clock(epoch: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(epoch))
