"""metric_history: one metric of one subject over time, in statistics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from app.agent.ground import Ground
from app.agent.tools.places import (
    begin_of,
    gpu_of,
    job_of,
    job_text,
    look,
    metric_of,
    moment_of,
    node_of,
    refuse_two,
    service_of,
)
from app.agent.tools.statistics import summarised
from app.agent.tools.told import lean, moment, unit_name
from app.agent.tools.tool import Found, ToolError
from app.domain.metric import Metric, Scope
from app.domain.series import FLEET, Subject, span_for
from app.domain.snapshot import Snapshot

SPANS = 288
"""Spans that a past is looked at in."""


async def metric_history(  # noqa: PLR0917 - one a wish; given by name
    ground: Ground,
    metric: Annotated[str, "such as utilization, temperature, power, memory_used, tokens_per_s, or gpu.pcie_rx"],
    gpu: Annotated[str | None, "of this GPU: node/index, or its UUID"] = None,
    node: Annotated[str | None, "of this node; a GPU's metric is folded over its GPUs"] = None,
    service: Annotated[str | None, "of this model server"] = None,
    job: Annotated[str | None, "of the GPUs of this Slurm job"] = None,
    since: Annotated[str | None, "where it begins: a span back (30m, 6h, 2d) or a time; null: 1h"] = None,
    until: Annotated[str | None, "where it ends: a span back or a time; null: now"] = None,
) -> Found:
    """How one metric went over time: lowest, mean, highest, 95th percentile, trend, gaps, and a dozen points.

    Without a GPU, node, service or job it is that of the whole fleet. Values are in the unit that `metric` is named
    with. Times when nothing was kept are gaps, not zero.
    """
    refuse_two(gpu=gpu, node=node, service=service, job=job)
    (snapshot, _), now = await look(ground), ground.now()
    row = metric_of(metric, _scope(gpu, node, service, job))
    subject = _subject(snapshot, row, (gpu, node, service, job))
    end = now if until is None else moment_of(until, now)
    end = min(end, now)
    start = begin_of(since, end, "1h")
    try:
        series = await ground.feed.series(subject, row.key, start, end, max(5.0, span_for(start, end, SPANS)))
    except LookupError as error:
        raise ToolError(str(error.args[0]) if error.args else "nothing was kept of it") from error
    told = summarised(series)
    data = {
        "metric": unit_name(row),
        "key": row.key,
        "unit": row.unit,
        "meaning": row.help,
        "of": str(subject),
        **moment(start, "start"),
        **moment(end, "end"),
        **told,
        "note": None if told["samples"] else "nothing was kept of it in that time",
    }
    return Found(lean(data), _summary(row, subject, told), end, trim=("points",), narrow="a shorter since")


def _scope(gpu: str | None, node: str | None, service: str | None, job: str | None) -> Scope | None:
    """Whose row is meant by a name that several have."""
    if gpu is not None or job is not None:
        return "gpu"
    if service is not None:
        return "service"
    return "node" if node is not None else None


def _subject(snapshot: Snapshot, row: Metric, given: tuple[str | None, str | None, str | None, str | None]) -> Subject:
    """Raises ToolError where the metric is not told of what was named."""
    gpu, node, service, job = given
    if gpu is not None and row.scope == "gpu":
        one = gpu_of(snapshot, gpu)
        return Subject("gpu", node=one.node, index=one.index)
    if node is not None and row.scope in ("gpu", "node"):
        return Subject("node", node=node_of(snapshot, node).name)
    if service is not None and row.scope == "service":
        return Subject("service", key=service_of(snapshot, service).id)
    if job is not None and row.scope == "gpu":
        return Subject("job", key=_job_id(snapshot, job))
    if (gpu, node, service, job) == (None, None, None, None):
        if row.scope == "service" and len(snapshot.services) == 1:
            return Subject("service", key=next(iter(snapshot.services.values())).id)
        if row.scope == "node" and len(snapshot.nodes) == 1:
            return Subject("node", node=next(iter(snapshot.nodes)))
        if row.scope in ("gpu", "fleet"):
            return FLEET
        raise ToolError(f"{row.key} is told of each {row.scope}: name one with {row.scope}=")
    raise ToolError(f"{row.key} is a metric of a {row.scope}: name that, or take a metric of what you named")


def _job_id(snapshot: Snapshot, wanted: str) -> str:
    """The id of a job that is listed, else as it was written: the history may know it."""
    try:
        return job_of(snapshot, wanted).id
    except ToolError:
        return job_text(wanted)


def _summary(row: Metric, subject: Subject, told: Mapping[str, Any]) -> str:
    if not told["samples"]:
        return f"{row.title} of {subject}: nothing was kept"
    unit = f" {row.unit}" if row.unit else ""
    return f"{row.title} of {subject}: mean {told['mean']:g}{unit}, max {told['max']:g}, {told['trend']}"
