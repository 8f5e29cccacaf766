"""Names of people, machines and work replaced by made-up ones: the same name by the same one, in one report.

Numbers follow the natural order of what is known at first, so that node-3 still stands between node-2 and node-4. A
name is replaced wherever it stands by itself in a text, or as a part of a longer word between `-`, `_`, `.` or `/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from app.domain.diagnosis import Diagnosis
from app.domain.naming import natural
from app.domain.reading import Reading, SourceSpec
from app.domain.rented import POD
from app.domain.series import Event
from app.domain.slurm import SlurmJob
from app.domain.snapshot import Snapshot

Sort = Literal["node", "user", "account", "name", "host", "cluster"]
KEPT = frozenset({"", "root", "slurm", "SYSTEM", "nobody", "unknown", "cluster", "localhost", "127.0.0.1"})
"""Names that say nothing of anybody."""
_WORD = re.compile(r"[^\W_](?:[\w.-]*[^\W_])?")
_PIECE = re.compile(r"[-_.]|[^-_.]+")
_ADDRESS = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")
_MOST_PIECES = 24
_HOST = re.compile(r"[a-z+]+://(?:[^@/?#]*@)?([\w-][\w.-]*)")
"""The host that an address names."""
_HOME = re.compile(r"/home/([\w.-]+)")
"""Whose home a path leads through."""


@dataclass(slots=True)
class Pseudonyms:
    """Who is called what; grows as more is learned."""

    _given: dict[str, str] = field(default_factory=dict)
    _counts: dict[Sort, int] = field(default_factory=dict)
    _odd: re.Pattern[str] | None = None
    """Names that are no plain words (with blanks, colons, …)."""

    def __call__(self, text: str) -> str:
        """The text with each known name replaced."""
        if text in self._given:
            return self._given[text]
        if self._odd is not None:
            text = self._odd.sub(lambda found: self._given[found[0]], text)
        text = _ADDRESS.sub(lambda found: self._host(found[0]), text)
        return _WORD.sub(lambda found: self._word(found[0]), text)

    @property
    def count(self) -> int:
        """How many have been given."""
        return len(self._given)

    def learn(self, sort: Sort, names: Iterable[str]) -> None:
        """Give names that are new their pseudonyms."""
        fresh = sorted({one for one in names if one and one not in self._given and one not in KEPT}, key=natural)
        for one in fresh:
            self._counts[sort] = self._counts.get(sort, 0) + 1
            self._given[one] = sort if sort == "cluster" else f"{sort}-{self._counts[sort]}"
        if any(_WORD.fullmatch(one) is None for one in fresh):
            odd = sorted((one for one in self._given if _WORD.fullmatch(one) is None), key=len, reverse=True)
            self._odd = re.compile("|".join(map(re.escape, odd)))

    def learn_snapshot(self, snapshot: Snapshot) -> None:
        """Everybody that a picture names."""
        specs = [state.spec for state in snapshot.sources.values()]
        self.learn("node", [*snapshot.nodes, *snapshot.aliases.values(), *(one.node for one in specs if one.node)])
        self.learn("host", [found[1] for one in specs if (found := _HOST.match(one.target)) is not None])
        self.learn("host", snapshot.aliases)
        self._learn_rented(one.facts for one in snapshot.nodes.values())
        self.learn("user", [name for one in specs for name in _HOME.findall(one.target)])
        self.learn("cluster", (snapshot.cluster,))
        picture = snapshot.slurm
        if picture is not None:
            self.learn("cluster", (picture.cluster,))
            self.learn("node", picture.nodes)
            self.learn("host", [one for node in picture.nodes.values() for one in (node.host, node.address) if one])
            self.learn("user", [one.reason_by for one in picture.nodes.values() if one.reason_by])
            self.learn_jobs((picture.jobs or {}).values())
        processes = [process for gpu in snapshot.gpus() for process in gpu.processes or ()]
        self.learn("user", [one.user for one in processes if one.user])

    def learn_reading(self, spec: SourceSpec, reading: Reading) -> None:
        """Everybody that a look names, as `learn_snapshot` does of a picture."""
        self.learn("node", [*(one.name for one in reading.nodes), *([spec.node] if spec.node else [])])
        self.learn("host", [found[1]] if (found := _HOST.match(spec.target)) is not None else [])
        self.learn("host", [one.host for one in reading.nodes if one.host])
        self._learn_rented(one.facts for one in reading.nodes)
        self.learn("user", _HOME.findall(spec.target))
        gpus = [gpu for node in reading.nodes for gpu in node.gpus or ()]
        self.learn("user", [one.user for gpu in gpus for one in gpu.processes or () if one.user])
        if reading.slurm is not None:
            nodes = reading.slurm.nodes or ()
            self.learn("cluster", (reading.slurm.cluster,))
            self.learn("node", [one.name for one in nodes])
            self.learn("host", [one for node in nodes for one in (node.host, node.address) if one])
            self.learn("user", [one.reason_by for one in nodes if one.reason_by])
            self.learn_jobs(reading.slurm.jobs or ())

    def _learn_rented(self, facts: Iterable[Mapping[str, str]]) -> None:
        """What pods are of; their ids are part of their addresses."""
        some = tuple(facts)
        self.learn("name", [one["deployment"] for one in some if "deployment" in one])
        self.learn("host", [one[POD] for one in some if POD in one])

    def learn_jobs(self, jobs: Iterable[SlurmJob]) -> None:
        """Whose jobs they are, and what those call them."""
        some = tuple(jobs)
        self.learn("node", [one for job in some for one in job.nodes])
        self.learn("user", [job.user for job in some])
        self.learn("account", [job.account for job in some])
        self.learn("name", [job.name for job in some])

    def learn_diagnosis(self, diagnosis: Diagnosis, events: Iterable[Event] = ()) -> None:
        """Whom findings, incidents and events are about."""
        findings = (*diagnosis.findings, *diagnosis.past)
        self.learn("node", [*(one.subject.node for one in findings), *(one.subject.node for one in events)])
        self.learn("user", [user for one in (*diagnosis.incidents, *diagnosis.ended) for user in one.users])

    def _host(self, address: str) -> str:
        if address in KEPT or address.startswith(("127.", "0.")):
            return address
        self.learn("host", (address,))
        return self._given[address]

    def _word(self, word: str) -> str:
        """A word, or its parts: from each place on the longest name that stands there."""
        if word in self._given:
            return self._given[word]
        pieces = _PIECE.findall(word)
        if not 1 < len(pieces) <= _MOST_PIECES:
            return word
        made, at = "", 0
        while at < len(pieces):
            end = next((one for one in range(len(pieces), at, -1) if "".join(pieces[at:one]) in self._given), at + 1)
            whole = "".join(pieces[at:end])
            made, at = made + self._given.get(whole, whole), end
        return made
