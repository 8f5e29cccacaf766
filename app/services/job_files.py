"""Where a job's output goes: Slurm's file name patterns filled in. Pure.

Source: sbatch(1), "FILENAME PATTERN": `%j %A %a %J %N %n %s %t %u %x %%` with widths; a backslash means "take it as it
is". What newer versions add (`%b`) is filled too; a letter nobody knows stays as it is.
"""

from __future__ import annotations

import posixpath
import re
from typing import Literal

from app.domain.slurm import SlurmJob

Stream = Literal["stdout", "stderr"]
_PATTERN = re.compile(r"%(?P<width>\d{0,2})(?P<letter>[A-Za-z%])", re.ASCII)
_WIDEST = 10
"""Digits that Slurm pads a number to at most."""
_NONE = ("", "(null)", "none", "N/A")


def output_path(job: SlurmJob, stream: Stream) -> str | None:
    """The whole path of a job's output or errors; None where it cannot be known (no folder, an interactive job).

    Errors go where the output goes unless the job says otherwise.
    """
    named = job.stderr if stream == "stderr" and (job.stderr or "") not in _NONE else job.stdout
    if named is None or named in _NONE:
        if job.work_dir is None:
            return None
        named = "slurm-%j.out" if job.array_job_id is None else "slurm-%A_%a.out"
    if _is_open(named, job):
        return None
    path = fill(named, job)
    if posixpath.isabs(path):
        return path
    return None if job.work_dir is None else posixpath.join(job.work_dir, path)


def _is_open(pattern: str, job: SlurmJob) -> bool:
    """Whether a name hangs on what is not known before the job starts: its node, its task."""
    letters = {found["letter"] for found in _PATTERN.finditer(pattern)} if "\\" not in pattern else set()
    is_bundle = job.array_job_id is not None and not (job.array_task or "").isdigit()
    return ("N" in letters and not job.nodes) or (is_bundle and bool(letters & {"a", "b", "j", "J"}))


def fill(pattern: str, job: SlurmJob) -> str:
    """A file name with the job's own values in it."""
    if "\\" in pattern:
        return pattern.replace("\\", "")
    return _PATTERN.sub(lambda found: _value(found, job), pattern)


def _value(found: re.Match[str], job: SlurmJob) -> str:
    letter = found["letter"]
    if letter == "%":
        return "%"
    task = job.array_task if job.array_task and job.array_task.isdigit() else None
    if (word := {"u": job.user, "x": job.name, "N": _host(job), "s": "batch"}.get(letter)) is not None:
        return word  # a width means nothing for what is no number
    number = {
        "j": job.job_id,
        "J": job.job_id,  # of the batch script the id alone
        "A": job.array_job_id or job.job_id,
        "a": int(task) if task else 0 if job.array_job_id else 4294967294,  # Slurm's NO_VAL, as it writes it
        "b": int(task) % 10 if task else 0,
        "n": 0,
        "t": 0,
    }.get(letter)
    if number is None:
        return found[0]
    return str(number).zfill(min(int(found["width"] or 0), _WIDEST))


def _host(job: SlurmJob) -> str:
    """The short name of the node whose slurmd runs the script."""
    return job.nodes[0].partition(".")[0] if job.nodes else ""
