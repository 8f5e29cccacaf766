"""One job in words: what it is, how it uses its GPUs, what it costs. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import mean

from app.domain.clusters import cluster_of, prices_in
from app.domain.fleet import gpu_price, price_of
from app.domain.frozen import frozen
from app.domain.slurm import Certainty, SlurmJob
from app.domain.snapshot import BUSY_PERCENT, Gpu
from app.present.cells import Cell, Line, Tone, cells, line, line_width, text_width, tidy, wrap
from app.present.job_state import job_state
from app.present.look import Look
from app.present.queue_rows import end_text, limit_text, nodes_text, priority_text, time_share
from app.present.scale import bar
from app.present.units import MISSING, format_age, format_count, format_power, format_size

_LABEL = 12
_BAR = 16
SURE: Mapping[Certainty, str] = {
    "exact": "",
    "node": "which of the node's GPUs is not known",
    "guess": "which GPUs is a guess: the numbers of Slurm and of the driver differ",
    "unknown": "which GPUs is not known",
}


@frozen
class Cost:
    """What a job's GPUs cost, in $; None where no price or no time is known."""

    per_hour: float | None = None
    so_far: float | None = None
    to_limit: float | None = None


def cost_of(job: SlurmJob, gpus: Sequence[Gpu], prices: Mapping[str, float], now: float) -> Cost:
    """By the models of the GPUs it holds; where these are not seen, by the type that Slurm names."""
    found = [price_of(prices, gpu) for gpu in gpus]
    if not gpus and job.gpus:
        found = [gpu_price(prices_in(prices, cluster_of(job.id)), job.gpu_type)] * job.gpus
    if not found or None in found:
        return Cost()
    per_hour = sum(price for price in found if price is not None)
    run, limit = job.elapsed_s(now), job.time_limit_s
    so_far = per_hour * run / 3600 if run is not None else None
    whole = per_hour * limit / 3600 if limit is not None and math.isfinite(limit) else None
    return Cost(per_hour, so_far, whole)


@frozen
class Use:
    """How a job uses its GPUs now; None where no GPU says."""

    gpus: int
    busy: int
    utilization: float | None
    memory_mib: float | None
    power_w: float | None


def use_of(gpus: Sequence[Gpu], now: float) -> Use:
    """Folded over those that say."""

    def known(key: str) -> list[float]:
        return [value for gpu in gpus if (value := gpu.value(key, now)) is not None]

    uses, held, power = known("gpu.utilization"), known("gpu.memory_used"), known("gpu.power")
    busy = sum(value >= BUSY_PERCENT for value in uses)
    return Use(
        len(gpus), busy, mean(uses) if uses else None, sum(held) if held else None, sum(power) if power else None
    )


def job_title(job: SlurmJob, look: Look) -> Line:
    """`812 · llama-ft · ana · ● running`."""
    dot = Cell(f" {look.glyphs.dot} ", "frame")
    state = job_state(job, look.glyphs)
    parts: list[Cell | str | Line] = [cells(job.id, "strong")]
    for text, tone in ((job.name, "plain"), (job.user, "quiet")):
        if text:
            parts += [dot, cells(tidy(text, 60), "plain" if tone == "plain" else "quiet")]
    return line(*parts, dot, state.cell)


def job_facts(job: SlurmJob, look: Look, certainty: Certainty, as_of: float) -> tuple[tuple[str, Line], ...]:
    """Everything Slurm's queue says of a job, as labels and values; what it does not say is left out."""
    said: list[tuple[str, Line]] = [
        ("who", _joined(look, job.user, job.account)),
        ("where", _joined(look, job.partition, job.qos and f"QOS {job.qos}", nodes_text(job.nodes))),
        ("asks for", _request(job, look)),
        ("GPUs", _bound(job, certainty)),
        ("submitted", _when(job.submit_at, look)),
        ("eligible", _when(job.eligible_at, look) if job.eligible_at != job.submit_at else ()),
        ("starts" if job.is_pending else "started", _when(job.start_at, look)),
        ("ended" if job.is_ended else "must end", _when(job.end_at, look)),
        ("time", _time(job, look, as_of)),
        ("priority", cells(priority_text(job)) if job.priority is not None else ()),
        ("ended by", cells(end_text(job), "look") if job.is_ended else ()),
        ("restarts", cells(format_count(job.restarts), "look") if job.restarts else ()),
    ]
    texts = (
        ("after", job.dependency), ("reserved", job.reservation), ("features", job.features),
        ("only on", job.required_nodes), ("not on", job.excluded_nodes), ("command", job.command),
        ("folder", job.work_dir), ("output", job.stdout), ("errors", job.stderr), ("comment", job.comment),
    )  # fmt: skip
    said += [(label, cells(text, "quiet")) for label, text in texts if text]
    return tuple((label, value) for label, value in said if value)


def use_facts(
    use: Use, cost: Cost, job: SlurmJob, look: Look, since_start: float | None
) -> tuple[tuple[str, Line], ...]:
    """How well it uses what it holds, and what that costs."""
    said: list[tuple[str, Line]] = []
    if use.utilization is not None:
        idle = use.gpus - use.busy
        tail: Line = (Cell(f"  {idle} of {use.gpus} idle", "look"),) if idle else ()
        said.append(("in use now", line(f"{use.utilization:.0f}", Cell(" %", "unit"), tail)))
    if since_start is not None:
        said.append(("since start", line(f"{since_start:.0f}", Cell(" % of its GPU time in use", "unit"))))
    if use.memory_mib is not None:
        said.append(("memory", line(format_size(use.memory_mib))))
    if use.power_w is not None:
        said.append(("power", line(format_power(use.power_w))))
    if cost.per_hour is not None:
        said.append(("cost", _cost_line(cost, job, look)))
        run = job.elapsed_s(look.now)
        if since_start is not None and run is not None:
            unused = cost.per_hour * run / 3600 * (1 - since_start / 100)
            said.append(("unused", line(money(unused), Cell(" of it", "unit"))))
    return tuple(said)


def fact_lines(facts: Sequence[tuple[str, Line]], width: int) -> tuple[Line, ...]:
    """Labels in a column, values beside them; a long value goes on below."""
    lines: list[Line] = []
    for label, value in facts:
        first, *rest = _folded(value, max(8, width - _LABEL)) or ((),)
        lines.append(line(Cell(label.ljust(_LABEL), "head"), first))
        lines += [line(Cell(" " * _LABEL), more) for more in rest]
    return tuple(lines)


def why_lines(text: str, width: int, tone: Tone = "plain") -> tuple[Line, ...]:
    """An explanation in lines of a width."""
    return tuple((Cell(part, tone),) for part in wrap(tidy(text, 4000), max(8, width)))


def summary_lines(job: SlurmJob, look: Look, use: Use, cost: Cost, as_of: float) -> tuple[Line, ...]:
    """A job in a few lines, for the foot of a table: who, what it asks for; of one that runs its use and cost."""
    dot = Cell(f" {look.glyphs.dot} ", "frame")
    first: list[Cell | str | Line] = [job_title(job, look), dot, _joined(look, job.partition, job.account)]
    second: list[Cell | str | Line] = [_request(job, look)]
    if job.nodes:
        second += [dot, cells(nodes_text(job.nodes))]
    third: list[Cell | str | Line] = []
    if use.utilization is not None:
        third += [f"{use.utilization:.0f} %", Cell(" in use", "unit")]
        third += [Cell(f", {use.gpus - use.busy} of {use.gpus} idle", "look")] if use.busy < use.gpus else []
    if cost.so_far is not None and not job.is_pending:
        third += [dot if third else "", money(cost.so_far), Cell(" so far", "unit")]
    if job.is_running and (until := job.end_at) is not None:
        third += [dot if third else "", Cell("must end ", "unit"), Cell(f"in {format_age(until - as_of)}")]
    return (line(*first), line(*second), *((line(*third),) if third else ()))


def money(amount: float | None) -> str:
    """`$12.40`; `—` for none."""
    return MISSING if amount is None else f"${amount:,.2f}"


def _cost_line(cost: Cost, job: SlurmJob, look: Look) -> Line:
    """`$35.76/h · $114.43 so far · $858.24 to its limit`."""
    dot = Cell(f" {look.glyphs.dot} ", "frame")
    parts: list[Cell | str | Line] = [f"${cost.per_hour or 0.0:,.2f}", Cell("/h", "unit")]
    if cost.so_far is not None and not job.is_pending:
        parts += [dot, money(cost.so_far), Cell(" so far", "unit")]
    if cost.to_limit is not None and not job.is_ended:
        parts += [dot, money(cost.to_limit), Cell(" to its limit", "unit")]
    return line(*parts)


def _folded(value: Line, width: int) -> tuple[Line, ...]:
    """A value in lines of a width: a lone text between its words, several cells between them."""
    if line_width(value) <= width:
        return (value,)
    lines: list[Line] = []
    now: Line = ()
    for cell in value:
        if now and line_width(now) + text_width(cell.text) > width:
            # A dot between two things neither ends a line nor begins one.
            lines.append(now[:-1] if now[-1].tone == "frame" else now)
            now = ()
            if cell.tone == "frame":
                continue
        text = cell.text if now else cell.text.lstrip()
        parts = wrap(text, width) if text_width(text) > width else (text,)
        lines += [(cell._replace(text=part),) for part in parts[:-1]]
        now = (*now, cell._replace(text=parts[-1])) if parts else now
    return (*lines, now)


def _joined(look: Look, *texts: str) -> Line:
    dot = Cell(f" {look.glyphs.dot} ", "frame")
    parts: list[Cell | str | Line] = []
    for text in texts:
        if text:
            parts += [dot if parts else "", cells(tidy(text, 80))]
    return line(*parts)


def _request(job: SlurmJob, look: Look) -> Line:
    """`12 GPUs h100 · 2 nodes · 192 CPUs · 768 G`."""
    parts = []
    if job.gpus is not None:
        parts.append(f"{format_count(job.gpus)} GPU{'s' if job.gpus != 1 else ''} {job.gpu_type or ''}".rstrip())
    if job.node_count:
        parts.append(f"{format_count(job.node_count)} node{'s' if job.node_count != 1 else ''}")
    if job.cpus:
        parts.append(f"{format_count(job.cpus)} CPUs")
    if job.memory_mib:
        parts.append(format_size(job.memory_mib))
    return _joined(look, *parts)


def _bound(job: SlurmJob, certainty: Certainty) -> Line:
    """The GPUs it holds by node, and how sure that is."""
    if not job.holds_nodes or not job.gpus:
        return ()
    held = [f"{one.node}/{_indices(one.indices)}" for one in job.gpus_on if one.indices is not None]
    said = " ".join(held[:8]) + (f" and {len(held) - 8} more nodes" if len(held) > 8 else "")
    doubt = SURE[certainty]
    return line(cells(said), "  " if said and doubt else "", cells(doubt, "look" if certainty == "guess" else "quiet"))


def _indices(indices: tuple[int, ...]) -> str:
    """`0-3,5`."""
    spans: list[list[int]] = []
    for index in sorted(indices):
        if spans and index == spans[-1][1] + 1:
            spans[-1][1] = index
        else:
            spans.append([index, index])
    return ",".join(f"{first}" if first == last else f"{first}-{last}" for first, last in spans)


def _when(at: float | None, look: Look) -> Line:
    if at is None:
        return ()
    gap = look.now - at
    told = f"{format_age(gap)} ago" if gap >= 0 else f"in {format_age(-gap)}"
    return line(Cell(look.clock(at, seconds=False)), Cell(f"  {told}", "quiet"))


def _time(job: SlurmJob, look: Look, as_of: float) -> Line:
    run = job.elapsed_s(as_of)
    limit = limit_text(job.time_limit_s) or ("no limit" if job.time_limit_s == math.inf else "")
    if job.is_pending:
        return line(Cell(limit or MISSING), Cell(" asked for", "unit")) if limit else ()
    share = time_share(job, as_of)
    drawn: Line = line("  ", bar(share, _BAR, look.glyphs)) if share is not None and not job.is_ended else ()
    return line(Cell(format_age(run)), Cell(f" of {limit}" if limit and limit != "no limit" else "", "unit"), drawn)
