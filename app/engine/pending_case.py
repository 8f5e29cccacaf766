"""What every teller of a reason is handed: the job, what Slurm said, its shape, and the picture turned around. Pure."""

from __future__ import annotations

import shlex
from datetime import tzinfo

from app.domain.frozen import frozen
from app.domain.naming import clean
from app.domain.slurm import SlurmJob, SlurmPartition
from app.engine.fit import Fit, fit
from app.engine.reasons import Said
from app.engine.supply import Supply
from app.engine.want import Want
from app.engine.words import names


@frozen
class Case:
    """One job to be explained."""

    job: SlurmJob
    said: Said
    want: Want
    supply: Supply
    now: float
    zone: tzinfo | None = None

    @property
    def fit(self) -> Fit:
        """The job's shape against the nodes."""
        return fit(self.want, self.supply)

    @property
    def partitions(self) -> tuple[SlurmPartition, ...]:
        """Those of its partitions that the picture knows."""
        known = self.supply.picture.partitions
        return tuple(known[name] for name in self.want.partitions if name in known)

    @property
    def partition_names(self) -> str:
        """Its partitions, for a sentence."""
        return names(self.want.partitions) or "its partition"

    def who(self, job_id: str) -> str:
        """A job of the picture, for a sentence: `812 (ana, llama-ft)`; the bare id where it is not listed."""
        job = (self.supply.picture.jobs or {}).get(job_id)
        if job is None:
            return clean(job_id, 40)
        told = ", ".join(clean(one, 24) for one in (job.user, job.name) if one)
        return f"{job.id} ({told})" if told else job.id


def filled(template: str, job: SlurmJob) -> str:
    """A command or advice with the job's own words in place, each quoted for a shell."""
    text = template
    words = {
        "job": job.id,
        "user": job.user,
        "account": job.account,
        "qos": job.qos,
        "partition": job.partition.split(",", 1)[0],
    }
    for key, value in words.items():
        hole = "{" + key + "}"
        if hole in text:
            text = text.replace(hole, shlex.quote(clean(value, 64)) if value else key.upper())
    return text
