"""SlurmService: the simulated Slurm as the server runs it: commands, and the files that jobs write."""

from __future__ import annotations

from pathlib import Path

from app.sim.cluster import Cluster
from app.sim.slurm.desk import Desk
from app.sim.slurm.logs import Logs
from app.sim.slurm.scene import Answer, Call
from app.sim.slurm.times import Times

LOGS_S = 1.0
"""Seconds between two looks at what the jobs have to write."""


class SlurmService:
    """Slurm of one served cluster. Without a `home` no files are written."""

    def __init__(self, cluster: Cluster, origin: float, home: Path | None) -> None:
        self._logs = Logs(home) if home is not None else None
        grant = self._logs.folder if self._logs is not None else lambda _user: None
        self._desk = Desk(cluster, origin, str(home) if home is not None else "/home", grant)
        self._times = Times(origin, cluster.per_wall)
        self._kept_at = 0.0

    def run(self, call: Call, t: float) -> Answer:
        """Answer a command at simulated second `t`."""
        if self._logs is not None and call.name == "scontrol" and call.words[-2:-1] == ("job",):
            self._logs.ask(call.words[-1])
        return self._desk.run(call, t)

    def keep_logs(self, t: float, now: float) -> None:
        """Let the jobs write what they have written by `now`; at most once a second."""
        if self._logs is None or now - self._kept_at < LOGS_S:
            return
        self._kept_at = now
        jobs = self._desk.book.jobs(t)
        started = {job.key: self._times.epoch(job.start) for job in jobs if job.start is not None}
        self._logs.write(jobs, started, int(now))
