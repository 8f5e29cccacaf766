"""The moment: what every page is shown, live or past. Pure values; pages never see the feed's machinery."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.domain.alerts_now import NO_ALERTS, AlertsNow
from app.domain.diagnosis import NO_DIAGNOSIS, Diagnosis
from app.domain.fleet import ClusterFacts, cluster_facts
from app.domain.series import Event
from app.domain.snapshot import Gpu, Snapshot
from app.present.header import Badge, badge, where_line
from app.present.look import Look

if TYPE_CHECKING:
    from app.domain.allocation import Allocations
    from app.domain.filtering import Filter
    from app.domain.watched import Watched


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """One picture of the cluster, and the clock its ages are reckoned against."""

    snapshot: Snapshot
    look: Look
    facts: ClusterFacts
    badge: Badge
    events: Sequence[Event] = ()
    """Oldest first."""
    wanted: Filter | None = None
    """The filter in force; None keeps every GPU."""
    replay_at: float | None = None
    """Epoch seconds of the moment shown; None: now."""
    problem: str = ""
    """Why there is no feed, what to do; empty: there is one."""
    origin: str = ""
    """Where the picture comes from; empty: from nowhere yet."""
    diagnosis: Diagnosis = NO_DIAGNOSIS
    """What is wrong, as far as that was found out by then."""
    is_diagnosed: bool = True
    """False while what was wrong at a past moment is still being worked out."""
    alerts: AlertsNow = NO_ALERTS
    """What fires and waits now; of a past moment nothing is known."""

    @property
    def now(self) -> float:
        """Epoch seconds that ages are reckoned against."""
        return self.look.now

    @property
    def keep(self) -> Callable[[Gpu], bool] | None:
        """The filter as presenters take it; None keeps everything."""
        wanted, now = self.wanted, self.now
        if wanted is None:
            return None
        join = self.join
        return lambda gpu: wanted.keeps(gpu, now, join)

    @property
    def join(self) -> Allocations | None:
        """Which job holds which GPU; None where there is no Slurm."""
        if self.snapshot.slurm is None:
            return None
        from app.domain.allocation import allocations  # noqa: PLC0415 - the first frame does not wait for it

        return allocations(self.snapshot, self.now)

    def gpus(self) -> tuple[Gpu, ...]:
        """The GPUs that the filter keeps, by place."""
        keep = self.keep
        return tuple(gpu for gpu in self.snapshot.gpus() if keep is None or keep(gpu))

    @property
    def why_empty(self) -> tuple[str, str]:
        """Why no GPU is shown, and the key or setting that changes it."""
        if self.problem:
            return self.problem, "trying again by itself"
        if not self.origin:
            return "Connecting", ""
        if self.wanted is not None and next(self.snapshot.gpus(), None) is not None:
            return f"No GPU fits the filter {self.wanted.text}", "esc shows all again"
        if self.replay_at is not None:
            return "Nothing was known at that moment", "} goes back to now"
        if not self.snapshot.sources:
            return (
                "Nothing to look at is configured",
                "gpu-watchdog init writes a configuration; --target URL names one page",
            )
        if all(state.condition(self.now) in ("down", "never") for state in self.snapshot.sources.values()):
            return "No source has answered yet", "8 shows the sources and what is wrong with each"
        return "The sources that answer list no GPU", "8 shows what each of them brings"


def moment_of(
    snapshot: Snapshot,
    look: Look,
    *,
    events: Sequence[Event] = (),
    wanted: Filter | None = None,
    replay_at: float | None = None,
    problem: str = "",
    origin: str = "",
    watched: Watched | None = None,
) -> Moment:
    """A moment with what follows from its snapshot and from what was watched until now."""
    facts = cluster_facts(snapshot, look.now)
    if snapshot.slurm is not None:
        from app.domain.allocation import allocations  # noqa: PLC0415 - only a cluster with Slurm pays for it

        look = replace(look, held=allocations(snapshot, look.now).held, idle_s=_idle(watched, look.now))
    shown = replace(badge(facts, look, replay_at), where=where_line(origin)) if origin else _unconnected(problem, look)
    return Moment(snapshot, look, facts, shown, events, wanted, replay_at, problem, origin)


def _idle(watched: Watched | None, now: float) -> Callable[[Gpu], float | None] | None:
    """For how long each held GPU has been idle, where somebody watched."""
    if watched is None or not watched.at:
        return None
    spells = watched.idle

    def idle_s(gpu: Gpu) -> float | None:
        spell = spells.get(gpu.id)
        return None if spell is None else max(0.0, now - spell.since)

    return idle_s


def _unconnected(problem: str, look: Look) -> Badge:
    """The badge before there is a feed."""
    return Badge("NOT CONNECTED", "bad", look.glyphs.critical) if problem else Badge("connecting", "quiet")
