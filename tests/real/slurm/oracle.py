"""What Slurm itself says, by its own commands on the head: the tests compare the program with this.

Nothing here uses the program's parsers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.real.slurm.daemons import log_of, until
from tests.real.slurm.namespaces import ClusterError, Host

_FIELD = re.compile(r"(?:^|\s)([A-Z][\w:/]*)=(.*?)(?=\s[A-Z][\w:/]*=|\s*$)")
PEOPLE = ("alice", "bob")
"""Users with an account and a home."""
MOMENTARY = frozenset({"PLANNED", "NOT_RESPONDING"})
"""Flags that come and go by themselves: a plan of the scheduler, and a ping that a busy machine answered late."""


@dataclass(frozen=True, slots=True)
class Oracle:
    """Slurm's own words, and its own commands where a test only prepares."""

    head: Host

    def job(self, job: str) -> Mapping[str, str]:
        """What `scontrol show job` says, by Slurm's own keys; empty when it knows no such job."""
        return fields_of(self.head.run(["scontrol", "-o", "-d", "show", "job", job]).stdout)

    def state(self, job: str) -> str:
        """The state of a job, or `unknown`; not out of a line that holds its name too."""
        said = self.head.run(["squeue", "-h", "-t", "all", "-j", job, "-o", "%T"])
        return said.stdout.strip() or "unknown"

    def node(self, node: str) -> Mapping[str, str]:
        """What `scontrol show node` says, by Slurm's own keys; empty when it knows no such node."""
        return fields_of(self.head.run(["scontrol", "-o", "show", "node", node]).stdout)

    def node_state(self, node: str) -> frozenset[str]:
        """State and flags of a node; empty when there is no such node."""
        return frozenset(flag.rstrip("*") for flag in self.node(node).get("State", "").split("+")) - {""}

    def standing(self, node: str) -> frozenset[str]:
        """State and flags of a node, but for those that come and go by themselves on a busy machine."""
        return self.node_state(node) - MOMENTARY

    def has_registered(self, node: str) -> bool:
        """Whether the controller has heard from a node since it started, or knows no such node."""
        said = self.node(node)
        return not said or "Version" in said

    def queue(self) -> dict[str, str]:
        """Every job in the queue with its state, array tasks each."""
        said = self.head.must(["squeue", "-h", "-a", "-r", "-o", "%i %T"])
        return dict(line.split() for line in said.splitlines())

    def idle_nodes(self) -> list[str]:
        """Names of the nodes that Slurm calls idle."""
        said = self.head.run(["sinfo", "-h", "-N", "-p", "gpu", "-t", "idle", "-o", "%N"])
        return said.stdout.split()

    def submit(self, *words: str, user: str = "alice", wrap: str = "exec sleep 300") -> str:
        """Submit by Slurm's own sbatch and return the id."""
        return self.head.must(["sbatch", "--parsable", *words, f"--wrap={wrap}"], user).strip()

    def running(self, *words: str, user: str = "alice", wrap: str = "exec sleep 300") -> str:
        """Submit, wait until it runs, and return the id."""
        job = self.submit(*words, user=user, wrap=wrap)
        self.await_job(job, "RUNNING")
        return job

    def await_job(self, job: str, state: str, within_s: float = 60) -> float:
        """Wait until Slurm gives a job this state; return the seconds."""
        try:
            return until(lambda: self.state(job) == state, within_s, f"job {job} to be {state}")
        except ClusterError as error:
            raise ClusterError(
                f"{error}; Slurm says {dict(self.job(job))}\n{log_of(self.head, 'slurmctld')}"
            ) from error

    def await_node(self, node: str, flag: str, within_s: float = 60) -> float:
        """Wait until a node has this state or flag; return the seconds."""
        return until(lambda: flag in self.node_state(node), within_s, f"{node} to be {flag}")

    def clear(self) -> None:
        """Cancel every job and return when none is left."""
        for user in PEOPLE:
            self.head.run(["scancel", f"--user={user}"])
        until(lambda: not self.head.run(["squeue", "-h"]).stdout.strip(), 90, "an empty queue")

    def update_node(self, node: str, *words: str) -> None:
        """Change a node by scontrol."""
        self.head.must(["scontrol", "update", f"nodename={node}", *words])

    def is_up(self) -> bool:
        """Whether the controller answers."""
        return "is UP" in self.head.run(["scontrol", "ping"]).stdout

    def await_idle(self, nodes: Sequence[str], within_s: float = 90) -> None:
        """Wait until exactly these nodes are idle."""
        until(lambda: sorted(nodes) == sorted(self.idle_nodes()), within_s, f"idle nodes {', '.join(nodes)}")


def fields_of(line: str) -> dict[str, str]:
    """The `Key=value` pairs of a line of scontrol; a value may hold blanks, a key begins with a capital.

    Values with ` Key=` in them fool it, so tests keep these out of names.
    """
    return {key: value.strip() for key, value in _FIELD.findall(line.strip())}
