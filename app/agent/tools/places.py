"""From what somebody wrote to what is meant: nodes, GPUs, jobs, services, metrics and moments; else the nearest names.

Raises ToolError with a sentence wherever nothing or several things are meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from difflib import get_close_matches

from app.agent.ground import Ground, NothingKeptError
from app.agent.tools.tool import ToolError
from app.domain.metric import Metric, Scope
from app.domain.metrics import METRICS
from app.domain.metrics import find as find_metric
from app.domain.naming import clean, same_node, uuid_key
from app.domain.slurm import SlurmJob, SlurmPicture
from app.domain.snapshot import Gpu, Node, Service, Snapshot
from app.domain.times import parse_span, parse_time

LONGEST_SINCE_S = 366 * 86400.0
KEPT_NEAR_S = 120.0
"""A picture that was kept this much before a moment stands for it."""
_PLACE = re.compile(r"^(?P<node>.+?)\s*[/:\s]\s*(?:gpu)?\s*#?(?P<index>\d{1,4})$", re.IGNORECASE)
_INDEX = re.compile(r"^(?:gpu)?\s*#?(?P<index>\d{1,4})$", re.IGNORECASE)
_LONG_UNITS = (
    (re.compile(r"\b(?:the\s+)?(?:last|past)\s+|\s+ago$|^since\s+"), ""),
    (re.compile(r"(?<=\d)\s*(?:seconds?|secs?)\b"), "s"),
    (re.compile(r"(?<=\d)\s*(?:minutes?|mins?)\b"), "m"),
    (re.compile(r"(?<=\d)\s*(?:hours?|hrs?)\b"), "h"),
    (re.compile(r"(?<=\d)\s*days?\b"), "d"),
    (re.compile(r"(?<=\d)\s*weeks?\b"), "w"),
    (re.compile(r"^(?:an?\s+)?(hour|day|week|minute)$"), r"1 \1"),
)
_MOST_NAMED = 12


def unknown(what: str, wanted: str, known: Iterable[str]) -> ToolError:
    """That there is no such thing, with the nearest names, else with some of those there are."""
    names = list(known)
    low = wanted.casefold()
    near = get_close_matches(low, [one.casefold() for one in names], 5, 0.6)
    by_low = {one.casefold(): one for one in names}
    close = list(dict.fromkeys([by_low[one] for one in near] + [one for one in names if low and low in one.casefold()]))
    text = f"there is no {what} {clean(wanted, 60)!r}"
    if close:
        return ToolError(f"{text}; did you mean {_listed(close[:5])}?")
    if not names:
        return ToolError(f"{text}: no {what} is known here")
    return ToolError(f"{text}; there {'is' if len(names) == 1 else 'are'} {_listed(names)}")


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(clean(one, 60) for one in names[:_MOST_NAMED])
    return shown + (f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else "")


def node_name(snapshot: Snapshot, wanted: str) -> str:
    """The name a node goes by here; one that only Slurm knows by Slurm's."""
    text = wanted.strip().removeprefix("node:")
    slurm = snapshot.slurm.nodes if snapshot.slurm is not None else {}
    known = list(dict.fromkeys((*snapshot.nodes, *slurm)))
    for one in (text, snapshot.aliases.get(text, "")):
        if one in snapshot.nodes or one in slurm:
            return one
    same = [one for one in known if one.casefold() == text.casefold() or same_node(one.casefold(), text.casefold())]
    seen = [one for one in same if one in snapshot.nodes]
    if len(seen or same) == 1:
        return (seen or same)[0]
    raise unknown("node", text, same or known)


def node_of(snapshot: Snapshot, wanted: str) -> Node:
    """A node that is looked at."""
    name = node_name(snapshot, wanted)
    if name not in snapshot.nodes:
        raise ToolError(f"{clean(name, 60)} is known to Slurm only: no exporter of it is read (see slurm_status)")
    return snapshot.nodes[name]


def gpu_of(snapshot: Snapshot, wanted: str) -> Gpu:
    """A GPU by `node/index`, by its UUID or the beginning of it, by its index alone where there is one node."""
    text = wanted.strip().removeprefix("gpu:")
    bare = _INDEX.match(text)
    if bare and len(snapshot.nodes) == 1:
        return _gpu_at(snapshot, next(iter(snapshot.nodes)), int(bare["index"]), text)
    place = _PLACE.match(text)
    if place:
        return _gpu_at(snapshot, node_name(snapshot, place["node"]), int(place["index"]), text)
    key = uuid_key(text) or ""
    found = [gpu for gpu in snapshot.gpus() if len(key) >= 4 and (uuid_key(gpu.uuid) or "").startswith(key)]
    if len(found) == 1:
        return found[0]
    if found:
        raise ToolError(f"{clean(text, 60)} begins the UUIDs of {_listed([gpu.id for gpu in found])}; write more of it")
    raise unknown("GPU", text, [gpu.id for gpu in snapshot.gpus()])


def _gpu_at(snapshot: Snapshot, node: str, index: int, wanted: str) -> Gpu:
    found = snapshot.gpu(node, index)
    if found is not None:
        return found
    here = snapshot.nodes[node].gpus if node in snapshot.nodes else ()
    if not here:
        raise ToolError(f"there is no GPU {clean(wanted, 60)!r}: no GPU of {clean(node, 60)} is known here")
    raise ToolError(f"there is no GPU {clean(wanted, 60)!r}; {clean(node, 60)} has {_listed([one.id for one in here])}")


def service_of(snapshot: Snapshot, wanted: str) -> Service:
    """A model server by its id, model, address, source or node, or a part of one."""
    text = wanted.strip().removeprefix("service:").casefold()
    some = list(snapshot.services.values())
    for fits in (str.__eq__, str.__contains__):
        found = [
            one
            for one in some
            if any(fits(part.casefold(), text) for part in (one.id, one.model, one.target, one.facts.get("node", "")))
        ]
        if len(found) == 1:
            return found[0]
        if found:
            raise ToolError(f"{clean(wanted, 60)!r} means {_listed([one.id for one in found])}; name one of them")
    raise unknown("model server", wanted, [one.id for one in some])


def picture_of(snapshot: Snapshot) -> SlurmPicture:
    """What Slurm says. Raises ToolError where no Slurm is read, or nothing has come of it yet."""
    if snapshot.slurm is not None:
        return snapshot.slurm
    if any(state.spec.kind == "slurm" for state in snapshot.sources.values()):
        raise ToolError("Slurm is configured, but has not answered yet: nothing is known of jobs")
    raise ToolError("no Slurm is read here: there are no jobs, partitions or queues to tell of")


def job_of(snapshot: Snapshot, wanted: str) -> SlurmJob:
    """A job that Slurm lists: `812`, `820_3`; one of an array by its own number too."""
    picture = picture_of(snapshot)
    if picture.jobs is None:
        raise ToolError(f"Slurm is read through {picture.way}, which does not list jobs")
    text = job_text(wanted)
    if text in picture.jobs:
        return picture.jobs[text]
    of_array = [job for job in picture.jobs.values() if str(job.array_job_id or "") == text]
    of_array = of_array or [job for job in picture.jobs.values() if str(job.job_id) == text]
    of_array = of_array or [job for job in picture.jobs.values() if job.name.casefold() == text.casefold()]
    if len(of_array) == 1:
        return of_array[0]
    if of_array:
        raise ToolError(
            f"{clean(text, 40)} means {len(of_array)} jobs: name one of {_listed([j.id for j in of_array])}"
        )
    raise unknown("job", text, picture.jobs)


def job_text(wanted: str) -> str:
    """A job's id without what people put before it."""
    return re.sub(r"^(?:slurm\s+)?(?:job)?[\s:#]*", "", wanted.strip(), flags=re.IGNORECASE) or wanted.strip()


def metric_of(wanted: str, scope: Scope | None = None) -> Metric:
    """A row of the catalogue by its key, its last part or its title, with or without its unit."""
    text = wanted.strip().lower().replace(" ", "_").replace("-", "_")
    found = find_metric(text, scope) or find_metric(text)
    if found is not None:
        return found
    from app.agent.tools.told import unit_name  # noqa: PLC0415 - a name with its unit is the exception

    titles = [one for one in METRICS if text in (one.title.lower().replace(" ", "_"), unit_name(one))]
    fitting = [one for one in titles if scope in (None, one.scope)] or titles
    if fitting:
        return fitting[0]
    near = get_close_matches(text, [one.short for one in METRICS], 5, 0.55)
    near += [
        one.short for one in METRICS if text and (text in one.short or one.short in text) and one.short not in near
    ]
    keys = [one.key for one in METRICS if one.short in near and scope in (None, one.scope)]
    raise unknown("metric", wanted, keys[:8] or ["gpu.utilization", "gpu.temperature", "node.memory_percent"])


def begin_of(since: str | None, now: float, default: str) -> float:
    """The moment that a span or a time means, epoch seconds: `30m`, `2h`, `14:32`, `2026-11-24T03:10`."""
    at = moment_of(since or default, now)
    if at >= now:
        raise ToolError(f"{clean(since or default, 40)!r} is not in the past; write 30m, 2h, 03:10 or an ISO time")
    return max(at, now - LONGEST_SINCE_S)


def span_of(text: str) -> float:
    """A span, seconds: `30m`, `2 hours`, `an hour`, `last 3 days`. Raises ToolError."""
    try:
        return parse_span(_plain_span(text))
    except ValueError:
        raise ToolError(f"{clean(text, 40)!r} is not a span of time; write 30m, 2h, 1h30m or 7d") from None


def _plain_span(text: str) -> str:
    wanted = text.strip().lower()
    for pattern, instead in (*_LONG_UNITS, *_LONG_UNITS[1:]):
        wanted = pattern.sub(instead, wanted).strip()
    return wanted.replace(" ", "").removeprefix("-")


def moment_of(text: str, now: float) -> float:
    """A moment, epoch seconds; a bare span is so long ago."""
    with suppress(ValueError):
        return now - parse_span(_plain_span(text))
    try:
        return parse_time(text.strip(), now)
    except ValueError:
        raise ToolError(f"{clean(text, 40)!r} is not a time; write 30m, 2h, 1d, 03:10 or an ISO time") from None


def refuse_two(**given: str | None) -> None:
    """Raise ToolError where more than one of some arguments is given."""
    named = [name for name, value in given.items() if value is not None]
    if len(named) > 1:
        raise ToolError(f"give either {' or '.join(named)}, not both")


async def look(ground: Ground) -> tuple[Snapshot, float]:
    """The cluster at the moment that is asked about, and the moment by which its values are to be judged.

    Of the past that is the picture kept last before it, and that picture's own time: by the moment that was asked for
    its values would be past their age, though nothing newer is known of it. Raises NothingKeptError.
    """
    if ground.at is None:
        return await ground.snapshot(), ground.now()
    found = await picture_of_then(ground, ground.at)
    if found is None:
        raise NothingKeptError(ground.at)
    return found


async def picture_of_then(ground: Ground, wanted: float) -> tuple[Snapshot, float] | None:
    """The picture that was kept last before a moment, and when that was; None where nothing was."""
    kept = await ground.feed.moments(wanted - KEPT_NEAR_S, wanted)
    at = max(kept, default=wanted)
    snapshot = await ground.feed.at(at)
    if snapshot is None:
        return None
    return snapshot, snapshot.at if 0.0 < at - snapshot.at <= KEPT_NEAR_S else at
