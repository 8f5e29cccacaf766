"""What the GPUs cost: now, by whom, for nothing; what has been spent, and what it comes to. Pure.

A GPU costs the same whether it works or not, lost ones too. It is *held idle* while a job has it and it does nothing,
*unheld* while no job has it; both are waste, but only the first has somebody to ask. Where no price of a model is
known nothing is guessed: such GPUs are counted, and sums say that they are without them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from app.domain.allocation import allocations
from app.domain.clusters import FACT
from app.domain.fleet import price_of
from app.domain.frozen import frozen
from app.domain.series import Series
from app.domain.slurm import SlurmJob
from app.domain.snapshot import BUSY_PERCENT, Gpu, Snapshot

HOUR_S = 3600.0
JOULES_PER_KWH = 3.6e6


@dataclass(slots=True)
class Rate:
    """$/h of something, and how much of it is for nothing."""

    per_hour: float = 0.0
    idle_per_hour: float = 0.0
    """Of GPUs known to do nothing."""
    gpus: int = 0
    gpus_idle: int = 0
    so_far: float | None = None
    """$ since it began; of jobs only."""

    def add(self, price: float, *, idle: bool) -> None:
        """Take a GPU in."""
        self.per_hour += price
        self.gpus += 1
        if idle:
            self.idle_per_hour += price
            self.gpus_idle += 1


@frozen
class Rates:
    """$/h at one moment."""

    total: Rate = field(default_factory=Rate)
    held: Rate = field(default_factory=Rate)
    """GPUs that jobs have; its idle part is held idle."""
    unheld: Rate = field(default_factory=Rate)
    """GPUs that are known to be nobody's."""
    lost: Rate = field(default_factory=Rate)
    by_node: dict[str, Rate] = field(default_factory=dict)
    by_job: dict[str, Rate] = field(default_factory=dict)
    by_user: dict[str, Rate] = field(default_factory=dict)
    by_account: dict[str, Rate] = field(default_factory=dict)
    by_partition: dict[str, Rate] = field(default_factory=dict)
    unpriced: dict[str, int] = field(default_factory=dict)
    """Model → GPUs of it whose price is not known."""


def rates(snapshot: Snapshot, now: float) -> Rates:
    """What everything costs an hour now."""
    found = Rates()
    joined = allocations(snapshot, now)
    prices: dict[tuple[str | None, str | None], float | None] = {}
    for gpu in snapshot.gpus():
        kind = (gpu.facts.get(FACT), gpu.model)
        if kind not in prices:
            prices[kind] = price_of(snapshot.prices, gpu)
        price = prices[kind]
        if price is None:
            model = gpu.model or "unknown model"
            found.unpriced[model] = found.unpriced.get(model, 0) + 1
            continue
        idle = is_idle(gpu, now)
        found.total.add(price, idle=idle)
        found.by_node.setdefault(gpu.node, Rate()).add(price, idle=idle)
        if gpu.is_lost:
            found.lost.add(price, idle=False)
        held = joined.held(gpu)
        if held.job_ids or held.allocated:
            found.held.add(price, idle=idle)
        elif held.allocated is False:
            found.unheld.add(price, idle=idle)
        if held.job is not None:
            _add_job(found, held.job, price, now, idle=idle)
    return found


def is_idle(gpu: Gpu, now: float) -> bool:
    """Whether a GPU is known to do nothing."""
    busy = gpu.value("gpu.utilization", now)
    return busy is not None and busy < BUSY_PERCENT


def _add_job(found: Rates, job: SlurmJob, price: float, now: float, *, idle: bool) -> None:
    for table, name in (
        (found.by_job, job.id),
        (found.by_user, job.user),
        (found.by_account, job.account),
        (found.by_partition, job.partition),
    ):
        table.setdefault(name or "?", Rate()).add(price, idle=idle)
    if job.start_at is not None:
        one = found.by_job[job.id]
        one.so_far = (one.so_far or 0.0) + price * max(0.0, now - job.start_at) / HOUR_S


@frozen
class Spent:
    """What went through the meter within a time."""

    start: float
    end: float
    cost: float | None
    """$; None where no price was known all the time."""
    idle_cost: float | None
    energy_kwh: float | None
    """Of the GPUs; None where none told its power."""
    covered: float
    """Share of the time that the history knows of: 1 is all of it."""


def spent(start: float, end: float, cost: Series, idle: Series, power: Series) -> Spent:
    """The sums of $/h and W over time; spans without a sample are left out and said in `covered`."""
    seen_s = covered_s(cost) if any(point.mean is not None for point in cost.points) else covered_s(power)
    joules = area(power)
    return Spent(
        start,
        end,
        _hours(area(cost)),
        _hours(area(idle)),
        None if joules is None else joules / JOULES_PER_KWH,
        min(1.0, seen_s / max(1.0, end - start)),
    )


def area(series: Series) -> float | None:
    """The values over time, in the unit times seconds; None without any."""
    known = [point.mean for point in series.points if point.mean is not None]
    return sum(known) * series.step_s if known else None


def covered_s(series: Series) -> float:
    """For how long there are values."""
    return series.step_s * sum(point.mean is not None for point in series.points)


def _hours(area_s: float | None) -> float | None:
    return None if area_s is None else area_s / HOUR_S


@frozen
class Forecast:
    """What a day and a month come to if everything stays as it is."""

    today: float | None
    """$ by the end of this day: spent so far and the rest at the present rate."""
    month: float | None
    day_rate: float
    """$ a day at the present rate."""
    month_rate: float
    """$ in 730 hours, as providers count a month."""


def forecast(rate: Rate, day: Spent | None, month: Spent | None, now: float, zone: tzinfo | None = None) -> Forecast:
    """The present rate carried on to the end of the day and of the month."""
    begins = bounds(now, zone)
    return Forecast(
        _carried(day, rate, begins.day_end - now),
        _carried(month, rate, begins.month_end - now),
        rate.per_hour * 24,
        rate.per_hour * 730,
    )


def _carried(so_far: Spent | None, rate: Rate, left_s: float) -> float | None:
    if so_far is None or so_far.cost is None:
        return None
    return so_far.cost + rate.per_hour * left_s / HOUR_S


@frozen
class Bounds:
    """Where this day and this month begin and end, in epoch seconds."""

    day: float
    day_end: float
    month: float
    month_end: float


def bounds(now: float, zone: tzinfo | None = None) -> Bounds:
    """This day and month in a time zone; None: the system's."""
    moment = datetime.fromtimestamp(now, zone) if zone is not None else datetime.fromtimestamp(now).astimezone()
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    month = day.replace(day=1)
    following = (month + timedelta(days=32)).replace(day=1)
    return Bounds(day.timestamp(), (day + timedelta(days=1)).timestamp(), month.timestamp(), following.timestamp())


def most_expensive(table: Mapping[str, Rate], most: int) -> Iterable[tuple[str, Rate]]:
    """The dearest first, by what is wasted and then by what it costs."""
    rows = sorted(table.items(), key=lambda pair: (-pair[1].per_hour, -pair[1].idle_per_hour, pair[0]))
    return rows[:most]
