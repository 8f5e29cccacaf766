"""Routes of the cluster: its state, values and their past, events, jobs, and what our own screens read."""

from __future__ import annotations

from app.api.hall import Hall
from app.api.hand import Hand
from app.api.happenings import Reader
from app.api.params import AT, FORM, LIMIT, SINCE, UNTIL, WHAT, path
from app.api.row import EVENTS, Call, Param, RefusedError, Reply, Row, json_reply
from app.domain.metrics import find
from app.domain.series import Subject, parse_subject, span_for
from app.services import queries, queries_slurm, wire

_MOST_POINTS = 100_000
HOUR_S, DAY_S = 3600.0, 86400.0


async def status(hall: Hall, call: Call) -> Reply:
    """The whole cluster, now or at a time: what `status --json` prints."""
    when = call.number("at")
    snapshot, now = await hall.seen(when)
    if when is not None:
        return await hall.json(lambda: queries.status(snapshot, now))
    watched, alerts = hall.feed.watched(), hall.feed.alerts()
    return await hall.json(lambda: queries.status(snapshot, now, watched, alerts))


async def current(hall: Hall, call: Call) -> Reply:
    """Current values as flat rows, filtered by node, GPU and metric."""
    wanted = {key: call.text(key) for key in ("node", "gpu", "metric") if key in call.given}
    snapshot, now = await hall.seen(None)
    return await hall.json(
        lambda: {"schema": queries.SCHEMA, "at": now, "values": queries.current(snapshot, now, wanted)}
    )


async def history(hall: Hall, call: Call) -> Reply:
    """The past of one metric of one subject, in steps: what `history --json` prints."""
    what = call.text("what", "fleet")
    subject = parse_subject(what)
    metric = find(call.text("metric", "utilization"))
    if metric is None:
        raise RefusedError(400, f"unknown metric {call.text('metric')!r}")
    start, end = _span(hall, call, HOUR_S)
    step = call.number("step")
    step = span_for(start, end) if step is None else step
    if end <= start or (step and (end - start) / step > _MOST_POINTS):
        raise RefusedError(400, "since must lie before until, and the step must leave at most 100,000 points")
    if call.is_wire:
        question = (subject, metric.key, start, end, step)
        return Reply(await hall.packed.past(question, lambda: _packed_series(hall, *question)))
    series = await hall.feed.series(subject, metric.key, start, end, step)
    return await hall.json(lambda: queries.history(series, what))


async def events(hall: Hall, call: Call) -> Reply:
    """What happened, the oldest first."""
    start, end = _span(hall, call, HOUR_S)
    subject = parse_subject(call.text("what")) if "what" in call.given else None
    limit = call.whole("limit", 500)
    if call.is_wire:
        question = (start, end, subject, limit)
        return Reply(await hall.packed.past(question, lambda: _packed_events(hall, *question)))
    found = tuple(await hall.feed.events(start, end, subject, limit))
    return json_reply({"schema": queries.SCHEMA, "events": queries.event_list(found)})


async def event_stream(hall: Hall, call: Call) -> Reply:
    """What happens, as server-sent events; `Last-Event-ID` goes on where a client left off, after a restart too."""
    subject = parse_subject(call.text("what")) if "what" in call.given else None
    since = call.number("since")
    reader = None if since is None else Reader(since)
    if "last-event-id" in call.given:
        reader = Reader.of(call.text("last-event-id"))
    return Reply(media=EVENTS, events=hall.happenings.follow(reader, subject, call.text("kind")))


async def jobs(hall: Hall, call: Call) -> Reply:
    """Slurm's jobs, now or at a time: what `jobs --json` prints."""
    snapshot, now = await hall.seen(call.number("at"))
    return await hall.json(lambda: queries_slurm.jobs_answer(snapshot, now))


async def job(hall: Hall, call: Call) -> Reply:
    """One job with all that is known of it, now or at a time; nothing is asked of Slurm for it."""
    snapshot, now = await hall.seen(call.number("at"))
    found = (snapshot.slurm.jobs or {}).get(call.text("id")) if snapshot.slurm is not None else None
    if found is None:
        raise LookupError("there is no such job in the queue; /api/jobs/history has those that are over")
    from app.services import queries_jobs  # noqa: PLC0415 - late: for a cluster with Slurm

    return await hall.json(lambda: queries_jobs.job(found, snapshot, now, note="the daemon asks Slurm for no details"))


async def jobs_history(hall: Hall, call: Call) -> Reply:
    """Jobs that were there within a span, each as it stood last."""
    start, end = _span(hall, call, DAY_S)
    found = tuple(await hall.feed.jobs(start, end, call.whole("limit", 500)))
    if call.is_wire:
        return Reply(wire.pack_jobs(found))
    snapshot, now = await hall.seen(None)
    listed = [queries_slurm.job_status(one, snapshot, now) for one in found]
    return json_reply({"schema": queries.SCHEMA, "at": round(now, 3), "jobs": listed})


async def free(hall: Hall, call: Call) -> Reply:
    """Free GPUs by model, partition and node, and what would start at once: what `free --json` prints."""
    from app.services import queries_jobs  # noqa: PLC0415 - late: for a cluster with Slurm

    snapshot, now = await hall.seen(call.number("at"))
    return await hall.json(lambda: queries_jobs.free(snapshot, now))


async def moments(hall: Hall, call: Call) -> Reply:
    """Times within a span at which something was kept."""
    start, end = _span(hall, call, HOUR_S)
    return json_reply({"schema": queries.SCHEMA, "moments": list(await hall.feed.moments(start, end))})


async def snapshot(hall: Hall, call: Call) -> Reply:
    """The whole picture in the form that our own screens read, now or at a time."""
    found, _ = await hall.seen(call.number("at"))
    return Reply(await hall.made(lambda: wire.pack_snapshot(found)))


async def watched(hall: Hall, _call: Call) -> Reply:
    """What watching for a while has shown, in the form that our own screens read."""
    return Reply(wire.pack_watched(hall.feed.watched()))


async def store(hall: Hall, _call: Call) -> Reply:
    """How the history is doing."""
    return Reply(wire.pack_health(await hall.feed.store_health()))


async def stream(hall: Hall, call: Call) -> Reply:
    """For our own screens: a snapshot, then every reading as it is applied, as server-sent events."""
    fanout, hand = hall.deflated if call.is_wire else hall.fanout, Hand()
    return Reply(media=EVENTS, events=fanout.follow(hand.gives), hand=hand)


async def _packed_series(hall: Hall, subject: Subject, metric: str, start: float, end: float, step: float) -> str:
    series = await hall.feed.series(subject, metric, start, end, step)
    return await hall.made(lambda: wire.pack_series(series))


async def _packed_events(hall: Hall, start: float, end: float, subject: Subject | None, limit: int) -> str:
    return wire.pack_events(tuple(await hall.feed.events(start, end, subject, limit)))


def _span(hall: Hall, call: Call, usual_s: float) -> tuple[float, float]:
    """From when until when, epoch seconds."""
    end = call.number("until")
    end = hall.feed.now() if end is None else end
    start = call.number("since")
    return (end - usual_s if start is None else start), end


ROWS: tuple[Row, ...] = (
    Row("GET", "/api/cluster/status", "view", status, (AT,), answer="status", fails=(404,)),
    Row(
        "GET",
        "/api/metrics/current",
        "view",
        current,
        (
            Param("node", "text", "Only of this node."),
            Param("gpu", "text", "Only of GPUs with this index."),
            Param("metric", "text", "A key of the catalogue, or the last part of one."),
        ),
        answer="api#/$defs/values",
    ),
    Row(
        "GET",
        "/api/metrics/history",
        "view",
        history,
        (
            WHAT,
            Param("metric", "text", "A key of the catalogue, or the last part of one; `utilization` without it."),
            SINCE,
            UNTIL,
            Param("step", "number", "Seconds of a step; 0: every sample kept.", least=0, most=1e9),
            FORM,
        ),
        answer="history",
        fails=(404,),
    ),
    Row("GET", "/api/events", "view", events, (WHAT, SINCE, UNTIL, LIMIT, FORM), answer="api#/$defs/events"),
    Row(
        "GET",
        "/api/events/stream",
        "view",
        event_stream,
        (
            WHAT,
            SINCE,
            Param("kind", "text", "Only of this kind, `gpu.lost`, or of a family of them, `gpu`."),
            Param("last-event-id", "text", "Where a client left off; a browser sends it by itself.", "header"),
        ),
        media=EVENTS,
        fails=(503,),
    ),
    Row("GET", "/api/jobs", "view", jobs, (AT,), answer="jobs", fails=(404,)),
    Row("GET", "/api/jobs/history", "view", jobs_history, (SINCE, UNTIL, LIMIT, FORM), answer="jobs"),
    Row(
        "GET", "/api/jobs/{id}", "view", job, (path("id", "Id of the job: 812, 820_3."), AT), answer="job", fails=(404,)
    ),
    Row("GET", "/api/free", "view", free, (AT,), answer="free", fails=(404,)),
    Row("GET", "/api/moments", "view", moments, (SINCE, UNTIL), answer="api#/$defs/moments"),
    Row("GET", "/api/store", "view", store, answer="api#/$defs/store"),
    Row("GET", "/api/watched", "view", watched, answer="api#/$defs/wire"),
    Row("GET", "/api/snapshot", "view", snapshot, (AT,), answer="api#/$defs/wire", fails=(404,)),
    Row("GET", "/api/stream", "view", stream, (FORM,), media=EVENTS, fails=(503,)),
)
