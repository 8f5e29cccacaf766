"""What stands between the cluster and a report: secrets taken out, and names made up where that is wished."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from app.domain.pseudonyms import Pseudonyms
from app.domain.redact import is_harmless, redact
from app.domain.scrub import scrubbed
from app.domain.slurm import SlurmJob
from app.domain.snapshot import Snapshot

T = TypeVar("T")
MOST_REMEMBERED = 100_000


class Mask:
    """Makes every text of a value harmless; the same text comes out the same."""

    def __init__(self, names: Pseudonyms | None = None) -> None:
        self.names = names
        """Who is called what in this report; None: everybody by their own name."""
        self._done: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        """One text."""
        if self.leaves(text):
            return text
        found = self._done.get(text)
        if found is None:
            found = redact(text)
            found = found if self.names is None else self.names(found)
            if len(self._done) >= MOST_REMEMBERED:
                self._done.clear()
            self._done[text] = found
        return found

    def leaves(self, text: str) -> bool:
        """Whether a text certainly stays as it is; nothing is remembered of it."""
        return self.names is None and is_harmless(text)

    def hide(self, value: T) -> T:
        """A value with all its texts."""
        return scrubbed(value, self)

    def snapshot(self, snapshot: Snapshot) -> Snapshot:
        """A picture; whoever is new in it is given a name first."""
        if self.names is not None:
            before = self.names.count
            self.names.learn_snapshot(snapshot)
            if self.names.count != before:
                self.forget()
            snapshot = _without_paths(snapshot)
        shown = self.hide(snapshot)
        aliases = shown.aliases if self.names is None else {self(host): name for host, name in shown.aliases.items()}
        # A server's key is made of its source and its model, which were hidden one by one.
        return replace(shown, aliases=aliases, services={one.id: one for one in shown.services.values()})

    def keys(self, value: Mapping[str, T]) -> dict[str, T]:
        """A mapping with its keys made harmless."""
        return {self(key): one for key, one in value.items()}

    def forget(self) -> None:
        """Look at every text anew: there are new names."""
        self._done.clear()

    def json(self, value: Any) -> Any:  # noqa: ANN401 - JSON has no better name
        """Plain JSON with all its texts but its keys."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, list):
            return [self.json(one) for one in value]
        if isinstance(value, Mapping):
            return {key: self.json(one) for key, one in value.items()}
        return value


def _without_paths(snapshot: Snapshot) -> Snapshot:
    """Without what only their owners would write: comments, commands, folders and files of jobs."""
    picture = snapshot.slurm
    if picture is None or not picture.jobs:
        return snapshot
    return replace(snapshot, slurm=replace(picture, jobs={key: bare(one) for key, one in picture.jobs.items()}))


def bare(job: SlurmJob) -> SlurmJob:
    """A job without what only its owner would write."""
    return replace(job, comment=None, command=None, work_dir=None, stdin=None, stdout=None, stderr=None)
