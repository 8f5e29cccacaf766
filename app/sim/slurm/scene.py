"""Scene: one call of one of Slurm's commands: its words, who calls, and the cluster at that moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from app.domain.frozen import frozen
from app.sim.slurm.book import Book
from app.sim.slurm.job import Job
from app.sim.slurm.names import VERSION
from app.sim.slurm.nodes import Node, nodes
from app.sim.slurm.refusals import NO_CONTROLLER
from app.sim.slurm.times import Times

GIVES_UP_S = 4.0
"""After so long a command gives up on a controller that does not answer."""
SLOW_S = 2.5
"""How long a busy controller takes."""


@frozen
class Answer:
    """What a command prints and ends with."""

    code: int = 0
    out: bytes = b""
    err: bytes = b""
    delay_s: float = 0.0
    """How long it takes to say so."""


@frozen
class Call:
    """One command as somebody runs it."""

    name: str
    words: tuple[str, ...]
    user: str
    """Who runs it."""
    stdin: bytes = b""
    folder: str = ""
    """Where it is run."""
    time_form: str = ""
    """SLURM_TIME_FORMAT."""
    script: bytes | None = None
    """The file that sbatch was given, which only its own machine can read."""


@dataclass
class Scene:
    """A call at simulated second `t`."""

    book: Book
    call: Call
    t: float
    times: Times
    scripts: dict[int, str] = field(default_factory=dict)
    """Scripts that were submitted, by the job's id."""
    grant: Callable[[str], None] = lambda _user: None
    """Makes a user's folder."""

    @property
    def words(self) -> tuple[str, ...]:
        """The words after the command."""
        return self.call.words

    @property
    def user(self) -> str:
        """Who calls."""
        return self.call.user

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All jobs as they are now; asked for anew, what was just done is in it."""
        return self.book.jobs(self.t)

    @cached_property
    def nodes(self) -> list[Node]:
        """All nodes."""
        return nodes(self.book, self.jobs, self.t)

    def acts(self, kind: str) -> bool:
        """Whether a fault of Slurm's own is acting."""
        return any(one.kind.name == kind and one.holds(self.t) for one in self.book.cluster.faults)

    def unreachable(self, prefix: str) -> Answer | None:
        """The answer of a command that does not reach slurmctld; None while it does."""
        if not self.acts("slurm-down"):
            return None
        return Answer(1, b"", f"{prefix}: {NO_CONTROLLER}\n".encode(), GIVES_UP_S)

    @staticmethod
    def version() -> Answer:
        """What every command says of itself."""
        return Answer(0, f"slurm {VERSION}\n".encode())
