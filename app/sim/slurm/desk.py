"""Desk: answers the calls of Slurm's commands on one simulated cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from app.sim.cluster import Cluster
from app.sim.slurm import accounting, health, sbatch, scontrol, sinfo
from app.sim.slurm.book import Book
from app.sim.slurm.scene import SLOW_S, Answer, Call, Scene
from app.sim.slurm.squeue import Squeue
from app.sim.slurm.starting import advance
from app.sim.slurm.times import Times

COMMANDS = ("squeue", "scontrol", "sinfo", "sbatch", "scancel", "sacct", "sdiag", "sprio", "srun", "salloc")


class Desk:
    """All commands of one cluster. `home` is the folder in which users have theirs."""

    def __init__(
        self, cluster: Cluster, origin: float, home: str = "/home", grant: Callable[[str], None] = lambda _user: None
    ) -> None:
        """`origin` is the moment (epoch seconds) of simulated second 0; `grant` makes a user's folder."""
        self.book = Book(cluster, home)
        self._origin, self._grant = origin, grant
        self._scripts: dict[int, str] = {}
        self._commands: dict[str, Callable[[Scene], Answer]] = {
            "squeue": Squeue().run,
            "scontrol": scontrol.run,
            "sinfo": sinfo.run,
            "sbatch": sbatch.submit,
            "scancel": sbatch.cancel,
            "sacct": accounting.history,
            "sdiag": health.diagnostics,
            "sprio": health.priorities,
            "srun": _no_steps,
            "salloc": _no_steps,
        }

    def run(self, call: Call, t: float) -> Answer:
        """Answer a call at simulated second `t`."""
        command = self._commands.get(call.name)
        if command is None:
            return Answer(127, b"", f"{call.name}: command not found\n".encode())
        advance(self.book, t)
        times = Times(self._origin, self.book.cluster.per_wall, call.time_form)
        scene = Scene(self.book, call, t, times, self._scripts, self._grant)
        answer = command(scene)
        advance(self.book, t)
        if scene.acts("slurm-slow") and call.words[:1] not in (("--version",), ("-V",)):
            answer = replace(answer, delay_s=max(answer.delay_s, SLOW_S))
        return answer


def _no_steps(scene: Scene) -> Answer:
    if scene.words[:1] in (("--version",), ("-V",)):
        return scene.version()
    said = f"{scene.call.name}: error: the simulated cluster runs nothing: submit a script with sbatch\n"
    return Answer(1, b"", said.encode())
