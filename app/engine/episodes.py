"""Xids put together as episodes, with the edges between them: which one follows from which. Pure; time is an argument.

An edge is the driver's own word (`caused by previous Xid 149`), or one of few rules with their sources: a clean-up (45)
after any other Xid of its GPU, what became of a memory error (63, 64, 94, 95, 171, 172 after 48), a recovery action
(154), and whatever a GPU says once it fell off the bus (79). The same line read from two logs counts once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from app.domain.boards import Boards
from app.domain.evidence import LogEvidence, XidEpisode
from app.domain.frozen import frozen
from app.domain.series import Severity

GAP_S = 600.0
"""A pause longer than this ends an episode."""
KEEP_S = 86400.0
"""How long an episode is remembered: repeats within a day mean hardware (NVIDIA's workflows 13 and 31)."""
MOST = 4000
"""Episodes remembered; the oldest go first."""
METRIC = "metric"
"""What `details["from"]` of evidence says that an exporter's last value stands for."""

_ECHO_S = 60.0
"""An echo comes within this time of its cause."""
_CHAIN_S = 10.0
"""What a memory error leads to comes within milliseconds; a slow console or log may stretch that."""
_EARLY_S = 2.0
"""A line may be written this much before that of its cause: several processors write."""
_OF_MEMORY = frozenset((63, 64, 94, 95, 171, 172))
_CLEANUP, _VERDICT, _OFF_BUS, _DOUBLE_BIT = 45, 154, 79, 48
_MOST_NAMED = 8
_GRAVITY: Mapping[Severity, int] = {"info": 0, "warning": 1, "critical": 2}

T = TypeVar("T")
Key = tuple[str, str, int]
"""Node, board, code."""


@frozen
class Episodes:
    """What is remembered from step to step."""

    known: Mapping[str, XidEpisode] = field(default_factory=dict)
    """By id, in the order they began."""
    by_source: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Id → source → lines it told: the most that one source told is the count."""
    newest: Mapping[Key, str] = field(default_factory=dict)
    """The id of the last episode of each key."""


@frozen
class Stepped:
    """What a step left, and which episodes it began or changed."""

    state: Episodes
    began: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


def step(state: Episodes, evidence: Iterable[LogEvidence], now: float, boards: Boards | None = None) -> Stepped:
    """Take in what logs said; evidence that is no Xid is passed over.

    `boards` gives a line's GPU its index, UUID and job; without it an episode knows what its lines name.
    """
    told = sorted((one for one in evidence if code_of(one) is not None), key=lambda one: one.at)
    if not told and not _is_due(state, now):
        return Stepped(state)
    counts = {key: dict(one) for key, one in state.by_source.items()}
    work = _Work(dict(state.known), counts, dict(state.newest), boards, _of_nodes(state.known.values()))
    for one in told:
        work.take(one)
    work.forget(now)
    after = Episodes(work.known, work.by_source, work.newest)
    began = tuple(key for key in work.known if key not in state.known)
    changed = tuple(key for key in work.known if key in state.known and work.known[key] != state.known[key])
    return Stepped(after, began, changed)


def code_of(one: LogEvidence) -> int | None:
    """The Xid that evidence stands for; a GPU off the bus is one, with its number or without."""
    if one.kind == "xid":
        return one.code
    return _OFF_BUS if one.kind == "gpu.off_bus" and one.place else None


@dataclass(slots=True)
class _Work:
    known: dict[str, XidEpisode]
    by_source: dict[str, dict[str, int]]
    newest: dict[Key, str]
    boards: Boards | None
    of_node: dict[str, list[str]]
    """Node → ids of its episodes: edges never lead to another node."""

    def take(self, one: LogEvidence) -> None:
        """Add one line to its episode, or begin one."""
        code = code_of(one)
        if code is None:
            return
        episode = self._begun(one, code)
        key = (episode.node, _board(episode), code)
        before = self.known.get(self.newest.get(key, ""))
        if before is None or not _goes_on(before, one):
            fresh = episode.id if episode.id not in self.known else f"{episode.id}+{len(self.known)}"
            self.known[fresh] = self._linked(replace(episode, id=fresh))
            self.newest[key] = fresh
            self.by_source[fresh] = {_source(one): one.repeats}
            self.of_node.setdefault(episode.node, []).append(fresh)
            self._claim_echoes(self.known[fresh])
            return
        self._grow(before, episode, one)

    def _begun(self, one: LogEvidence, code: int) -> XidEpisode:
        """The episode that a line would begin."""
        node, uuid, index = one.node, one.uuid, one.gpu
        job = user = None
        gpu = None
        if self.boards is not None:
            node = self.boards.node(one.node)
            gpu = self.boards.gpu(one.node, one.pci, one.uuid, one.gpu)
        if gpu is not None and self.boards is not None:
            held = self.boards.held(gpu)
            uuid, index = uuid or gpu.uuid, gpu.index
            job, user = (held.job.id if held.job else None), held.user
        return XidEpisode(
            id=f"{node}/{one.pci or uuid or one.place or '?'}/{code}@{one.at:.3f}",
            node=node,
            pci=one.pci,
            gpu=index,
            uuid=uuid,
            code=code,
            count=one.repeats,
            first=one.at,
            last=one.at,
            severity=one.severity,
            text=one.text,
            pids=(one.pid,) if one.pid is not None else (),
            process=one.process,
            job=one.job or job,
            user=user,
            caused_by=one.caused_by,
            recovery=one.recovery,
            places=_places(one),
            from_metric=_is_metric(one),
            is_sympathetic=one.caused_by is not None,
            boot=one.boot,
        )

    def _grow(self, before: XidEpisode, line: XidEpisode, one: LogEvidence) -> None:
        counts = self.by_source.setdefault(before.id, {})
        if before.from_metric and not line.from_metric:
            counts.clear()
        elif line.from_metric and not before.from_metric:
            return  # the log tells it better
        source = _source(one)
        counts[source] = counts.get(source, 0) + one.repeats
        gravest = max(before.severity, line.severity, key=_GRAVITY.__getitem__)
        after = replace(
            before,
            count=max(counts.values()),
            first=min(before.first, line.first),
            last=max(before.last, line.last),
            severity=gravest,
            pids=_added(before.pids, line.pids),
            places=_added(before.places, line.places),
            process=before.process or line.process,
            job=before.job or line.job,
            user=before.user or line.user,
            uuid=before.uuid or line.uuid,
            gpu=before.gpu if before.gpu is not None else line.gpu,
            caused_by=before.caused_by if before.caused_by is not None else line.caused_by,
            recovery=line.recovery if line.recovery is not None else before.recovery,
            from_metric=before.from_metric and line.from_metric,
            is_sympathetic=before.is_sympathetic or line.is_sympathetic,
        )
        self.known[before.id] = after
        if after.code == _VERDICT and line.recovery is not None:
            self._tell_verdict(after)

    def _linked(self, episode: XidEpisode) -> XidEpisode:
        """An episode that begins, with the one that it follows from."""
        cause = self._cause_of(episode)
        if cause is not None:
            is_echo = episode.code != _VERDICT
            episode = replace(episode, caused_by=cause.code, cause=cause.id, is_sympathetic=is_echo)
        if episode.code == _VERDICT:
            self._tell_verdict(episode)
        return episode

    def _there(self, node: str) -> list[XidEpisode]:
        """The episodes of a node."""
        return [self.known[key] for key in self.of_node.get(node, ())]

    def _cause_of(self, episode: XidEpisode) -> XidEpisode | None:
        near = [
            one
            for one in self._there(episode.node)
            if _same_board(one, episode) and one.code not in (episode.code, _VERDICT)
            and one.first - _EARLY_S <= episode.first <= one.last + _ECHO_S
        ]  # fmt: skip
        if episode.caused_by is not None:
            named = [one for one in self._there(episode.node) if one.code == episode.caused_by]
            here = [one for one in named if _same_board(one, episode)] or named
            return max(here, key=lambda one: one.last, default=None)
        causes = [one for one in near if _follows(episode, one)]
        return min(causes, key=lambda one: (one.is_sympathetic, one.code == _CLEANUP, one.first), default=None)

    def _claim_echoes(self, cause: XidEpisode) -> None:
        """Give what was written a moment too early to its cause."""
        for one in self._there(cause.node):
            early = cause.first - _EARLY_S <= one.first <= cause.first and one.id != cause.id
            if (
                early
                and one.cause is None
                and one.caused_by is None
                and _same_board(one, cause)
                and _follows(one, cause)
            ):
                self.known[one.id] = replace(
                    one, caused_by=cause.code, cause=cause.id, is_sympathetic=one.code != _VERDICT
                )

    def _tell_verdict(self, verdict: XidEpisode) -> None:
        """Note at the GPU's other episodes what the driver asks for after them."""
        for one in self._there(verdict.node):
            is_before = one.code != _VERDICT and _same_board(one, verdict) and verdict.last - one.last <= GAP_S
            if is_before and one.last <= verdict.last + _EARLY_S:
                self.known[one.id] = replace(one, recovery=verdict.recovery)

    def forget(self, now: float) -> None:
        """Drop what is older than a day, and the oldest of too many."""
        old = {key for key, one in self.known.items() if now - one.last > KEEP_S}
        left = sorted((key for key in self.known if key not in old), key=lambda key: self.known[key].last)
        for key in (*old, *left[: max(0, len(left) - MOST)]):
            del self.known[key]
            self.by_source.pop(key, None)
        self.newest = {key: one for key, one in self.newest.items() if one in self.known}


def _is_due(state: Episodes, now: float) -> bool:
    return any(now - one.last > KEEP_S for one in state.known.values())


def _of_nodes(known: Iterable[XidEpisode]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in known:
        found.setdefault(one.node, []).append(one.id)
    return found


def _goes_on(before: XidEpisode, one: LogEvidence) -> bool:
    """Whether a line belongs to an episode: no long pause between, and no reboot."""
    if before.boot and one.boot and before.boot != one.boot and not _near_boots(before.boot, one.boot):
        return False
    return before.first - GAP_S <= one.at <= before.last + GAP_S


def _near_boots(one: str, other: str) -> bool:
    """Whether two boots are one: estimates of its time differ by some seconds."""
    return one.isdigit() and other.isdigit() and abs(int(one) - int(other)) <= GAP_S / 2


def _follows(echo: XidEpisode, cause: XidEpisode) -> bool:
    """Whether an Xid is an echo of another of the same GPU, by its code and the time between them."""
    if cause.code in (_VERDICT, echo.code) or echo.code == _OFF_BUS:
        return False
    if cause.code == _OFF_BUS or echo.code == _VERDICT:
        return True
    if echo.code == _CLEANUP:
        return True
    return cause.code == _DOUBLE_BIT and echo.code in _OF_MEMORY and echo.first - cause.last <= _CHAIN_S


def _same_board(one: XidEpisode, other: XidEpisode) -> bool:
    return one.node == other.node and _board(one) == _board(other)


def _board(one: XidEpisode) -> str:
    """What tells a GPU from its neighbours: the address, which each Xid names, else its place."""
    if one.pci:
        return one.pci
    return one.uuid or ("?" if one.gpu is None else f"#{one.gpu}")


def _places(one: LogEvidence) -> tuple[str, ...]:
    found = one.details
    unit = f"GPC {found['gpc']} TPC {found['tpc']}" if "gpc" in found and "tpc" in found else found.get("unit", "")
    link = f"link {one.link}" if one.link is not None else ""
    return tuple(part for part in (unit, link) if part)


def _added(known: tuple[T, ...], new: tuple[T, ...]) -> tuple[T, ...]:
    more = tuple(one for one in new if one not in known)
    return (*known, *more)[:_MOST_NAMED] if more else known


def _source(one: LogEvidence) -> str:
    return METRIC if _is_metric(one) else one.source


def _is_metric(one: LogEvidence) -> bool:
    return one.details.get("from") == METRIC
