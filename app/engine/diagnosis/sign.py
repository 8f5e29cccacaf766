"""Signs: single things observed on a subject, which faults are recognised by. Frozen values.

An observer sees and says; it does not judge. A *state* is said at every look while it lasts, and is over when it is no
longer said (unless its source has fallen silent). An *event* is said once, when it happened.

Kinds of signs are names with dots:

    KEY               a catalogue metric that some fault has a threshold for: `gpu.row_remap_pending`   (state)
    KEY+              a counter that rose between two looks, by `value`: `gpu.ecc_dbe_volatile+`        (event)
    xid.N, sxid.N     an Xid or SXid, one sign an episode                                               (event)
    log.KIND          a line of a log, by the kinds of `app.sources.logs`: `log.fs.nfs_down`            (event)
    anything else     what an observer of `app.engine.diagnosis` makes out, named by its table of signs
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from app.domain.allocation import Allocations, allocations
from app.domain.boards import Boards
from app.domain.evidence import LogEvidence, XidEpisode
from app.domain.finding import Finding, FindingSubject
from app.domain.frozen import frozen
from app.domain.slurm import SlurmPicture
from app.domain.snapshot import Gpu, Node, Service, Snapshot, SourceState
from app.engine.columns import Compared, compared, gpu_table, node_table
from app.engine.diagnosis.outage import family, is_server_log

CLUSTER = FindingSubject()
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@frozen
class Sign:
    """One thing observed."""

    kind: str
    subject: FindingSubject
    """Whom on; without UUID, so that it is the same from look to look. A GPU's sign may name its job as well."""
    at: float
    """Epoch seconds when it happened; of a state, of the look."""
    text: str
    """One cleaned line for a person: what was seen."""
    source: str
    """Name of the source that showed it."""
    value: float | None = None
    """Of a metric its value, of a rise how much, of an episode or repeated line how many."""
    label: str = ""
    """Tells signs of one kind and subject apart: a server, a device, a link, a reason."""
    details: Mapping[str, str] = field(default_factory=dict)
    """What conditions may ask for with `where`."""
    is_event: bool = False
    since: float | None = None
    """Of a state: when it began, where the source tells; else it began when it was first seen."""
    is_history: bool = False
    """An event that was told at the first look: no news, but it explains."""

    @property
    def key(self) -> tuple[str, FindingSubject, str]:
        """The same sign, from look to look."""
        return self.kind, self.subject, self.label


@dataclass(frozen=True)
class Look:
    """What observers are shown: one moment, and the one before it."""

    snapshot: Snapshot
    now: float
    interval_s: float
    before: Snapshot | None = None
    """The snapshot of the last look; None at the first."""
    before_at: float = 0.0
    said: Sequence[LogEvidence] = ()
    """What logs said since."""
    episodes: Sequence[tuple[XidEpisode, int]] = ()
    """Xid episodes that began or went on since, and by how many lines."""
    xids: Mapping[str, XidEpisode] = field(default_factory=dict)
    """Every episode of the last day, by id."""
    told_by: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Id of an episode → the sources that told it."""
    findings: Sequence[Finding] = ()
    """What watching jobs and GPUs has found (`app.engine.findings_slurm`)."""
    wanted: Mapping[str, tuple[Limit, ...]] = field(default_factory=dict)
    """Metric → the limits that faults have for it."""
    rises: frozenset[str] = frozenset()
    """Counters whose rise some fault asks for."""

    @cached_property
    def picture(self) -> SlurmPicture | None:
        """Slurm's picture, within its age."""
        return self.allocations.picture

    @cached_property
    def allocations(self) -> Allocations:
        """Which job works on which GPU."""
        return allocations(self.snapshot, self.now)

    @cached_property
    def boards(self) -> Boards:
        """GPUs and nodes by the names that log lines have for them."""
        return Boards(self.snapshot, self.now)

    @cached_property
    def gpus(self) -> Compared[Gpu]:
        """All GPUs by column, beside those of the last look."""
        return compared(gpu_table, self.before, self.snapshot, self.now)

    @cached_property
    def machines(self) -> Compared[Node]:
        """All machines, likewise."""
        return compared(node_table, self.before, self.snapshot, self.now)

    @cached_property
    def homes(self) -> Mapping[str, tuple[str, ...]]:
        """Model server → the node it runs on, as far as that is known.

        A server whose page was never had, or of which only a log is read, goes by the name of that source.
        """
        found = {one.id: self._home(one) for one in self.snapshot.services.values()}
        told = {one.source for one in self.snapshot.services.values()}
        for name, state in self.snapshot.sources.items():
            if is_server_log(state) or (name not in told and family(state) == "server"):
                home = self.home_of(state)
                found[name] = (home,) if home else ()
        return found

    def home_of(self, state: SourceState) -> str:
        """The node of the snapshot that a source is of, by its configuration or its address; empty for none."""
        return self._placed(state.spec.node or _host(state.spec.target))

    def _home(self, service: Service) -> tuple[str, ...]:
        state = self.snapshot.sources.get(service.source)
        given = state.spec.node if state is not None else None
        name = self._placed(service.facts.get("node") or given or _host(service.target))
        return (name,) if name else ()

    def _placed(self, host: str) -> str:
        name = self.snapshot.aliases.get(host, self.boards.node(host)) if host else ""
        if name not in self.snapshot.nodes and host in _LOOPBACK and len(self.snapshot.nodes) == 1:
            return next(iter(self.snapshot.nodes))
        return name if name in self.snapshot.nodes else ""


@frozen
class Limit:
    """A bound on a value; each that is given must hold."""

    at_least: float | None = None
    above: float | None = None
    below: float | None = None
    equals: float | None = None

    @property
    def is_open(self) -> bool:
        """It bounds nothing."""
        return self == NO_LIMIT

    def holds(self, value: float | None) -> bool:
        """Whether a value is within; an unknown one is only where there is no bound."""
        if value is None:
            return self.is_open
        return (
            (self.at_least is None or value >= self.at_least)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
            and (self.equals is None or value == self.equals)
        )


NO_LIMIT = Limit()


def _host(target: str) -> str:
    """The host of a target's address."""
    rest = target.partition("://")[2] or target
    authority = rest.partition("/")[0].rpartition("@")[2]
    if authority.startswith("["):
        return authority[1:].partition("]")[0]
    return authority.partition(":")[0]
