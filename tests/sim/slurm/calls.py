"""A simulated Slurm for tests: commands as words, answers as text or as our own parsers read them."""

from __future__ import annotations

from app.domain.slurm import SlurmJob, SlurmNode
from app.sim.cluster import Cluster
from app.sim.slurm.desk import Desk
from app.sim.slurm.scene import Answer, Call
from app.sim.spec import SimSpec
from app.sources.slurm.scontrol import JOB_WORDS, NODE_WORDS, parse_jobs, parse_nodes
from app.sources.slurm.squeue import QUEUE_WORDS, merge, parse_squeue
from tests.sim.readings import ORIGIN

OPERATOR = "mira"
"""Somebody at the keyboard, who is none of the simulated users."""


class Slurm:
    """The commands of one simulated cluster."""

    def __init__(self, scenario: str = "healthy", nodes: int = 4, *, speed: float = 1.0) -> None:
        self.cluster = Cluster(SimSpec(nodes=nodes, scenario=scenario, speed=speed, history_s=21600.0))
        self.desk = Desk(self.cluster, ORIGIN)

    def run(
        self, text: str, t: float = 0.0, *, user: str = OPERATOR, stdin: str = "", words: tuple[str, ...] = ()
    ) -> Answer:
        """Run a command line; `words` follow those of the text."""
        name, *rest = text.split()
        call = Call(name, (*rest, *words), user, stdin.encode(), f"/home/{user}", "%s")
        return self.desk.run(call, t)

    def jobs(self, t: float = 0.0) -> dict[str, SlurmJob]:
        """The queue, jobs that ended lately among it, with details, as our parsers read it."""
        queue = parse_squeue(self.run("squeue", t, words=QUEUE_WORDS).out)
        details = parse_jobs(self.run("scontrol", t, words=JOB_WORDS).out)
        assert (0, 0) == (queue.skipped, details.skipped)
        return {job.id: job for job in merge(queue.items, {job.id: job for job in details.items})}

    def nodes(self, t: float = 0.0) -> dict[str, SlurmNode]:
        """The nodes, as our parser reads them."""
        return {node.name: node for node in parse_nodes(self.run("scontrol", t, words=NODE_WORDS).out).items}

    def by_name(self, name: str, t: float = 0.0) -> SlurmJob:
        """The one job of a name."""
        (job,) = (job for job in self.jobs(t).values() if job.name == name)
        return job

    def state(self, job_id: str, t: float = 0.0) -> str:
        """What squeue says of a job, over or not."""
        words = ("-h", "-r", "-t", "all", "-j", job_id, "-o", "%T")
        return self.run("squeue", t, words=words).out.decode().strip()


SCRIPT = "#!/bin/bash\n#SBATCH --job-name=hello --gpus=1 -t 30\n#SBATCH -p shared\necho hi\n"
