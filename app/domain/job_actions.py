"""What can be done to jobs and nodes, as values: a plan that a person sees before it is done, and what came of it.

Plans are made by `app.services.actions` and run by the front end's own process as the invoking user, never by a daemon.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from app.domain.frozen import frozen

JobVerb = Literal["cancel", "hold", "release", "requeue", "suspend", "resume", "top", "nice", "extend", "signal"]
NodeVerb = Literal["drain", "undrain", "delete"]
ActionVerb = JobVerb | NodeVerb | Literal["submit"]
AlertVerb = Literal["silence", "acknowledge", "end silence", "delete rule"]
"""Asked about in the same way; the desk for alerts does them."""
InfraVerb = Literal["deploy", "scale", "replace", "destroy", "stop", "leave"]
"""Likewise, of rented clusters: `app.services.deploy` does them."""

JOB_VERBS: tuple[JobVerb, ...] = (
    "cancel", "hold", "release", "requeue", "suspend", "resume", "top", "nice", "extend", "signal",
)  # fmt: skip
NODE_VERBS: tuple[NodeVerb, ...] = ("drain", "undrain", "delete")


@frozen
class Plan:
    """One action, decided but not done: shown whole before anybody says yes."""

    verb: ActionVerb | AlertVerb | InfraVerb
    targets: tuple[str, ...]
    """Ids of jobs, or names of nodes; of alerts' verbs a silence or a rule, of rented ones a deployment."""
    commands: tuple[tuple[str, ...], ...]
    """The exact words of each command, in order."""
    summary: str
    """One line: `cancel job 812 (ana, llama-ft)`."""
    hits: tuple[str, ...] = ()
    """Whom it hits, one line each: jobs with user, GPUs and time run, dependents, jobs on a node."""
    undo: str = ""
    """What undoes it; `nothing undoes this` where nothing does."""
    is_severe: bool = False
    """Work is lost, or others are hit: the dialogue says so in red."""
    warnings: tuple[str, ...] = ()
    """What the person should know first: a state it does not fit, jobs of somebody else."""
    stdin: str = ""
    """What the command is given, for `sbatch`."""

    @property
    def shown(self) -> tuple[str, ...]:
        """The commands as a person would type them."""
        return tuple(shlex.join(words) for words in self.commands)


@frozen
class Outcome:
    """What came of a plan."""

    ok: bool
    text: str
    """One sentence for a person: what happened, or Slurm's own error in plain words and what to do."""
    details: tuple[str, ...] = ()
    """Slurm's own lines, cleaned; one a target that failed."""
    job_id: str | None = None
    """Of a submission."""


@frozen
class JobDetail:
    """Everything that can be asked of one job, on demand."""

    fields: Mapping[str, str] = field(default_factory=dict)
    """`scontrol show job` by Slurm's own keys, cleaned."""
    script: str | None = None
    """The batch script; None where it cannot be had (interactive, not ours)."""
    script_note: str = ""
    """Why there is no script."""
    environment: Mapping[str, str] | None = None
    """Variables it was submitted with, secrets masked; None where Slurm does not keep them."""
    steps: tuple[Mapping[str, str], ...] = ()
    """Steps with their state, tasks, memory and CPU, from sacct or sstat where these answer."""
    stdout: str | None = None
    """Path with its patterns filled in."""
    stderr: str | None = None


@frozen
class LogChunk:
    """A part of a file that grows."""

    path: str
    text: str
    """Whole lines, cleaned of control characters."""
    offset: int
    """Where the next part begins, bytes."""
    size: int
    """Bytes of the file now."""
    inode: int | None = None
    was_truncated: bool = False
    """The file was shortened or replaced: this part begins anew."""
    note: str = ""
    """Why there is nothing: not there yet (NFS may lag), not allowed, on another machine."""


@frozen
class SubmitCheck:
    """What a script would meet if it were submitted now."""

    ok: bool
    """Slurm accepts it (`sbatch --test-only`), and nothing of ours speaks against it."""
    starts_at: float | None = None
    """Slurm's estimate."""
    nodes: tuple[str, ...] = ()
    """Where it would run."""
    said: str = ""
    """Slurm's own line, cleaned."""
    findings: tuple[str, ...] = ()
    """One line each: free GPUs against those asked for, limits, missing files; beginning with the worst."""
