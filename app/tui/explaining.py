"""What the engine says of jobs and nodes, asked once a picture and only of what is looked at."""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.slurm import SlurmJob, SlurmNode, SlurmPicture
from app.engine.pending import Explained, explain
from app.engine.reasons import node_reason, node_state_lines
from app.present.look import Look
from app.present.queue_rows import Why

_PLAIN = frozenset({"IDLE", "MIXED", "ALLOCATED"})
"""States that say by themselves that all is well."""


class Explainer:
    """Remembers what was said of the newest picture."""

    def __init__(self) -> None:
        self._picture: SlurmPicture | None = None
        self._said: dict[str, Explained] = {}

    def of(self, picture: SlurmPicture | None, look: Look) -> Why:
        """What explains the jobs of a picture in one line; nothing where there is none."""
        if picture is None:
            return lambda _job: ""
        return lambda job: self.whole(job, picture, look).text

    def prepare(self, picture: SlurmPicture, jobs: Mapping[str, SlurmJob], look: Look) -> None:
        """Have what all explanations of a picture share worked out now, so that no key waits for it."""
        if picture is not self._picture:
            waiting = next((job for job in jobs.values() if job.is_pending), None)
            if waiting is not None:
                self.whole(waiting, picture, look)

    def whole(self, job: SlurmJob, picture: SlurmPicture, look: Look) -> Explained:
        """Everything that is said of a job."""
        if picture is not self._picture:
            self._picture, self._said = picture, {}
        if job.id not in self._said:
            self._said[job.id] = explain(job, picture, look.now, look.tz)
        return self._said[job.id]


def node_meaning(node: SlurmNode) -> str:
    """What a node's state means, and what to do about Slurm's own reason; nothing of one that is well."""
    if node.takes_jobs and node.state in _PLAIN:
        return ""
    words = [text for word, text in node_state_lines(node.state, node.flags) if word not in _PLAIN]
    known = node_reason(node.reason)
    return "; ".join([*words, *((known.text, known.do) if known is not None else ())])
