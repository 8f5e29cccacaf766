"""Jobs that ended within a day, and what their ends say of nodes and of the cluster: lemons, failure rates. Pure.

A program that fails is its owner's affair and proves nothing. A node is a lemon when jobs of several users fail on it
while jobs elsewhere pass; a cluster is in trouble when jobs of several users fail at once. Each array counts once.
Rates are SckyzO's slurm_exporter's; lemon nodes are Meta's and Lablup's reports, with numbers of our own.
"""

from __future__ import annotations

import shlex
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from app.domain.affects import Affects
from app.domain.allocation import allocations
from app.domain.finding import Advice, Evidence, Finding, FindingSubject
from app.domain.frozen import frozen
from app.domain.naming import clean
from app.domain.slurm import SlurmJob
from app.domain.snapshot import Snapshot
from app.engine.words import clock, count, names

KEPT_S = 86400.0
MOST = 20_000
"""Ends that are remembered; the oldest go first."""
LEMON_JOBS, LEMON_USERS = 3, 2
LEMON_SHARE = 0.5
"""Of the jobs that ended on a lemon at least this share failed, and three times the share elsewhere."""
SPREAD = 4
"""A job on more nodes says little of each."""
RATE_S = 900.0
RATE_JOBS, RATE_FAILED = 5, 3
WARNING, CRITICAL = 0.10, 0.25
_FAULTY = frozenset({"BOOT_FAIL", "FAILED", "LAUNCH_FAILED", "NODE_FAIL"})
_BAD = _FAULTY | {"OUT_OF_MEMORY"}


@frozen
class End:
    """One job or array that ended; of an array the worst of its tasks counts."""

    at: float
    user: str
    state: str
    nodes: tuple[str, ...]

    @property
    def is_bad(self) -> bool:
        """It failed, rather than being stopped by somebody or its limit."""
        return self.state in _BAD


@frozen
class Ends:
    """What is remembered; `after` makes the next one."""

    known: Mapping[str, End] = field(default_factory=dict)
    """By job and by where it ran: `812`, of an array `820 gpu-1`."""
    seen: Mapping[str, SlurmJob] | None = None
    """The jobs of the last look: the same ones have nothing new."""

    def after(self, snapshot: Snapshot, now: float) -> Ends:
        """With the ends that a snapshot shows."""
        picture = allocations(snapshot, now).picture
        jobs = picture.jobs if picture is not None else None
        if jobs is None or jobs is self.seen:
            return self
        new = dict(_ends(jobs, self.seen or {}, now))
        if not new:
            return Ends(self.known, jobs)
        kept = {key: one for key, one in self.known.items() if now - one.at <= KEPT_S and key not in new}
        for key, one in new.items():
            before = self.known.get(key)
            kept[key] = before if before is not None and before.is_bad and not one.is_bad else one
        return Ends(dict(list(kept.items())[-MOST:]), jobs)


def _ends(jobs: Mapping[str, SlurmJob], before: Mapping[str, SlurmJob], now: float) -> Iterator[tuple[str, End]]:
    for key, job in jobs.items():
        if not job.is_ended or before.get(key) is job:
            continue
        at = job.end_at if job.end_at is not None else now
        if job.nodes and (job.state in _BAD or job.state == "COMPLETED") and now - at <= KEPT_S:
            name = f"{job.array_job_id} {job.nodes[0]}" if job.array_job_id else key
            yield name, End(at, job.user, job.state, job.nodes)


@dataclass(slots=True)
class _Tally:
    """How jobs ended on one node."""

    ended: int = 0
    failed: int = 0
    users: dict[str, None] = field(default_factory=dict)
    jobs: list[str] = field(default_factory=list)
    last: float = 0.0
    third: float = 0.0
    """When it had failed often enough to be told of."""

    def take(self, key: str, one: End) -> None:
        self.ended += 1
        if one.state in _FAULTY:
            self.failed += 1
            self.users.setdefault(one.user)
            self.jobs.append(key.partition(" ")[0])
            self.last = max(self.last, one.at)
            if self.failed == LEMON_JOBS:
                self.third = one.at


def lemon_findings(ends: Ends, snapshot: Snapshot, now: float) -> Iterator[Finding]:
    """Nodes on which jobs of several users fail while they pass elsewhere."""
    told = {key: one for key, one in ends.known.items() if now - one.at <= KEPT_S and len(one.nodes) <= SPREAD}
    failed = Counter(node for one in told.values() if one.state in _FAULTY for node in one.nodes)
    if not failed or max(failed.values()) < LEMON_JOBS:
        return
    joined = allocations(snapshot, now)
    tallies: dict[str, _Tally] = defaultdict(_Tally)
    whole = _Tally()
    for key, one in sorted(told.items(), key=lambda item: item[1].at):
        if one.state == "OUT_OF_MEMORY":
            continue
        whole.take(key, one)
        for node in one.nodes:
            tallies[node].take(key, one)
    for node, tally in tallies.items():
        if _is_lemon(tally, whole):
            source = joined.picture.source if joined.picture is not None else "slurm"
            yield _lemon(node, joined.snapshot_name(node), tally, whole, source, now)


def _is_lemon(tally: _Tally, whole: _Tally) -> bool:
    if tally.failed < LEMON_JOBS or len(tally.users) < LEMON_USERS or tally.failed < LEMON_SHARE * tally.ended:
        return False
    ended, failed = whole.ended - tally.ended, whole.failed - tally.failed
    return ended - failed >= LEMON_JOBS and failed / ended <= tally.failed / tally.ended / 3


def _lemon(node: str, place: str, tally: _Tally, whole: _Tally, source: str, now: float) -> Finding:
    ended, failed = whole.ended - tally.ended, whole.failed - tally.failed
    name = clean(node, 40)
    return Finding(
        fault="slurm.lemon_node",
        code="G11",
        title=f"{name}: {count(tally.failed, 'job')} of {count(len(tally.users), 'user')} failed here within a day",
        severity="warning",
        subject=FindingSubject(node=place),
        first_seen=tally.third,
        last_seen=tally.last,
        evidence=(
            Evidence(source, tally.last, f"failed here: {names(tally.jobs, 5)}, the last at {clock(tally.last, now)}"),
            Evidence(source, tally.last, f"{tally.failed} of {tally.ended} failed here, {failed} of {ended} elsewhere"),
        ),
        explanation=(
            "Jobs of different people fail here and pass elsewhere: something on this node is wrong that no check has "
            "named. Looks alike: one user's broken program, which fails everywhere."
        ),
        actions=(
            Advice(
                "look at how these jobs ended", f"sacct -N {shlex.quote(node)} -s F,NF,BF -S now-1days", gated=False
            ),
            Advice(
                "keep new jobs off it, then test it (dcgmi diag -r 3)",
                f"scontrol update nodename={shlex.quote(node)} state=drain reason=gpu-watchdog:G11",
            ),
        ),
        affects=Affects(),
    )


def failure_findings(ends: Ends, snapshot: Snapshot, now: float) -> Iterator[Finding]:
    """The cluster, when too many of the jobs that ended lately failed."""
    lately = {key: one for key, one in ends.known.items() if now - one.at <= RATE_S}
    bad = {key: one for key, one in lately.items() if one.is_bad}
    if len(lately) < RATE_JOBS or len(bad) < RATE_FAILED or len(bad) <= WARNING * len(lately):
        return
    picture = allocations(snapshot, now).picture
    users = list(dict.fromkeys(clean(one.user, 32) for one in bad.values()))
    nodes = {node for one in bad.values() for node in one.nodes}
    share = len(bad) / len(lately)
    is_wide = len(users) > 1
    last = max(one.at for one in bad.values())
    yield Finding(
        fault="slurm.failure_rate",
        code="G15",
        title=f"{share:.0%} of the jobs that ended within 15 min failed ({len(bad)} of {len(lately)})"
        + ("" if is_wide else f", all of {users[0]}"),
        severity="info" if not is_wide else "critical" if share > CRITICAL and len(bad) >= RATE_JOBS else "warning",
        subject=FindingSubject(),
        first_seen=min(one.at for one in bad.values()),
        last_seen=last,
        evidence=(
            Evidence(
                picture.source if picture is not None else "slurm", last,
                f"{count(len(bad), 'job')} of {names(users)} on {count(len(nodes), 'node')}, "
                f"e.g. {names([key.partition(' ')[0] for key in bad])}",
            ),
        ),
        explanation=(
            "Several people's jobs fail at once: storage, network, a prolog or a new driver rather than their programs."
            if is_wide
            else "All of one user: the program rather than the cluster."
        ),
        actions=(Advice("see how they ended", "sacct -a -X -s F,NF,BF,OOM -S now-15minutes", gated=False),),
        affects=Affects(tuple(key.partition(" ")[0] for key in list(bad)[:20])),
    )  # fmt: skip
