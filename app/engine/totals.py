"""Who holds what: GPUs running, waiting and held idle, and dollars an hour, by user and by account. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.domain.allocation import allocations
from app.domain.clusters import FACT
from app.domain.fleet import price_of
from app.domain.fleet_slurm import task_count
from app.domain.frozen import frozen
from app.domain.slurm import SlurmJob
from app.domain.snapshot import BUSY_PERCENT, Snapshot
from app.engine.watch_slurm import is_quiet


@dataclass(slots=True)
class _Sum:
    running: int = 0
    pending: int = 0
    gpus: int = 0
    gpus_pending: int = 0
    gpus_idle: int = 0
    cost: float | None = None


@frozen
class Holder:
    """One user or account."""

    name: str
    jobs_running: int
    jobs_pending: int
    """Tasks of arrays counted one by one."""
    gpus_running: int
    """As Slurm counts them."""
    gpus_pending: int
    """That the waiting jobs ask for."""
    gpus_idle_held: int
    """Held and doing nothing at this moment, of those tied to one job."""
    cost_per_hour: float | None
    """$/h of the GPUs tied to its jobs; None where no price is known."""


@frozen
class Totals:
    """Everybody, the one who holds most first."""

    by_user: tuple[Holder, ...]
    by_account: tuple[Holder, ...]


def totals(snapshot: Snapshot, now: float) -> Totals | None:
    """The sums of a snapshot; None without jobs, or past their age."""
    joined = allocations(snapshot, now)
    jobs = joined.picture.jobs if joined.picture is not None else None
    if jobs is None:
        return None
    users: dict[str, _Sum] = {}
    accounts: dict[str, _Sum] = {}
    for job in jobs.values():
        if job.holds_nodes or job.is_pending:
            for table, name in ((users, job.user), (accounts, job.account)):
                _add(table.setdefault(name, _Sum()), job)
    prices: dict[tuple[str | None, str | None], float | None] = {}
    for gpu in snapshot.gpus():
        holder = joined.held(gpu).job
        if holder is None or not holder.holds_nodes:
            continue
        kind = (gpu.facts.get(FACT), gpu.model)
        if kind not in prices:
            prices[kind] = price_of(snapshot.prices, gpu)
        price = prices[kind]
        busy = gpu.value("gpu.utilization", now)
        idle = busy is not None and busy < BUSY_PERCENT and is_quiet(gpu, now)
        for one in (users[holder.user], accounts[holder.account]):
            one.gpus_idle += idle
            if price is not None:
                one.cost = (one.cost or 0.0) + price
    return Totals(_rows(users.items()), _rows(accounts.items()))


def _add(one: _Sum, job: SlurmJob) -> None:
    if job.holds_nodes:
        one.running += 1
        one.gpus += job.gpus or 0
        return
    tasks = task_count(job.array_task) if job.array_task else 1
    one.pending += tasks
    one.gpus_pending += tasks * (job.gpus or 0)


def _rows(sums: Iterable[tuple[str, _Sum]]) -> tuple[Holder, ...]:
    rows = [
        Holder(name, one.running, one.pending, one.gpus, one.gpus_pending, one.gpus_idle, one.cost)
        for name, one in sums
    ]
    rows.sort(key=lambda row: (-row.gpus_running, -row.jobs_running, -row.gpus_pending, row.name))
    return tuple(rows)
