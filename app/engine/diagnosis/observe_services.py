"""Signs of model servers, from their pages and from how their sources fail. Pure.

service.down          its page cannot be had for more than two intervals; details how, said, error, seen     (state)
service.no_metrics    it answers, but not with the metrics of a model server; details how                    (state)
service.stalled       requests are in flight and not a token came between two looks; value how many          (state)
service.idle          nothing is in flight                                                                   (state)
service.generating    tokens came; said of the beginning of the interval in which they did                   (state)
service.answers       its page was had                                                                       (state)
service.queue         more than ten requests wait, and more than run; value how many wait                    (state)
service.ttft_slow     the mean time to first token of an interval is above 2 s, and not always so            (event)
service.ttft_fine     it is well below that                                                                  (event)
service.itl_slow      tokens come half as fast as they use to, or slower than five a second                  (event)
service.itl_fine      they come as they use to                                                               (event)
service.failing       requests ended in errors of the server's own; value how many                           (event)
service.giving_up     a fifth or more of the requests were broken off by their clients; value how many       (event)
service.back          it answers again after an outage, or counts anew                                       (event)
service.job_ended     it is out, and the Slurm job on its node ended with it; details job, state             (event)

A server that sleeps is left alone; one that is no longer configured says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.domain.ages import STALE_INTERVALS
from app.domain.finding import FindingSubject
from app.domain.naming import clean
from app.domain.slurm import SlurmJob
from app.domain.snapshot import Layer, Service, SourceState
from app.engine.diagnosis.outage import SAID, How, family, how, is_out
from app.engine.diagnosis.pace import pace
from app.engine.diagnosis.sign import Look, Sign
from app.engine.words import span

_ABSENT: frozenset[How] = frozenset(("absent", "no_page", "unknown_page", "denied"))
"""Failures that a server which is well gives too: only its metrics are not to be had."""
WITH_IT_S = 60.0
"""A job that ended further than this from when its server was heard last did not take it along."""
MOST_JOBS = 5


def observe_services(look: Look) -> Iterator[Sign]:
    """What each model server shows."""
    servers: dict[str, list[Service]] = {}
    for service in look.snapshot.services.values():
        if service.source in look.snapshot.sources:
            servers.setdefault(service.source, []).append(service)
    for name, state in look.snapshot.sources.items():
        some = servers.get(name, [])
        if not some and family(state) != "server":
            continue
        if state.error is not None or is_out(state, look.now):
            yield from _failing(state, some, look)
            continue
        for service in some:
            yield from _answering(service, state, look)


def _failing(state: SourceState, some: list[Service], look: Look) -> Iterator[Sign]:
    """One sign for a server whose page cannot be had, however many models it has."""
    if not is_out(state, look.now):
        return
    key = some[0].id if some else state.spec.name
    why = how(state)
    kind = "service.no_metrics" if why in _ABSENT else "service.down"
    age = "it has never answered" if state.ok_at is None else f"last heard {span(look.now - state.ok_at)} ago"
    error = clean(state.error or "no look for a while", 300)
    details = {
        "how": why,
        "said": SAID[why],
        "error": error,
        "seen": "never" if state.ok_at is None else "yes",
        "source": state.spec.name,
        "target": clean(state.spec.target, 120),
    }
    subject = FindingSubject(service=key)
    yield Sign(kind, subject, look.now, f"{age}: {error}", state.spec.name, details=details, since=state.ok_at)
    if kind == "service.down":
        for job in _ended(key, state, look):
            text = f"job {job.id} on its node ended: {job.state.lower()}"
            yield Sign(
                "service.job_ended", subject, job.end_at or look.now, text, look.snapshot.slurm.source
                if look.snapshot.slurm is not None else "", label=job.id,
                details={"job": job.id, "state": job.state}, is_event=True,
            )  # fmt: skip


def _ended(key: str, state: SourceState, look: Look) -> list[SlurmJob]:
    """Jobs on the server's node that ended about when it was heard last, told once."""
    picture, homes, heard_at = look.picture, set(look.homes.get(key, ())), state.ok_at
    if picture is None or not homes or heard_at is None:
        return []
    before = look.before.slurm.jobs if look.before is not None and look.before.slurm is not None else None
    was = look.before.sources.get(state.spec.name) if look.before is not None else None
    told_before = was is not None and is_out(was, look.before_at)
    found: list[SlurmJob] = []
    for job in (picture.jobs or {}).values():
        if not job.is_ended or job.end_at is None or abs(job.end_at - heard_at) > WITH_IT_S:
            continue
        old = (before or {}).get(job.id)
        if told_before and old is not None and old.is_ended:
            continue
        if homes & {look.boards.node(one) for one in job.nodes}:
            found.append(job)
    return found[:MOST_JOBS]


def _answering(service: Service, state: SourceState, look: Look) -> Iterator[Sign]:
    subject = FindingSubject(service=service.id)
    layer = next((one for one in service.layers if one.source == service.source), None)
    missing = _missing(service, layer, state)
    if layer is None or missing:
        if missing:
            at = state.ok_at or look.now
            details = {"how": "gone" if layer is None or not layer.values else "partly", "said": missing}
            yield Sign("service.no_metrics", subject, at, missing, service.source, details=details)
        return
    before = look.before.services.get(service.id) if look.before is not None else None
    was = next((one for one in before.layers if one.source == service.source), None) if before is not None else None
    yield Sign("service.answers", subject, layer.at, "its page answers", service.source)
    if _is_back(service, layer, was, look):
        yield Sign("service.back", subject, layer.at, "it answers anew", service.source, is_event=True)
    if not layer.values.get("service.sleeping"):
        yield from _flow(subject, layer, was)
        if was is not layer:
            yield from pace(subject, layer, was)


def _missing(service: Service, layer: Layer | None, state: SourceState) -> str:
    """What a page that answers lacks; empty where it is as it should be."""
    if layer is None:
        return ""
    heard = state.ok_at or layer.at
    if heard - layer.at > STALE_INTERVALS * layer.interval_s:
        return f"its page answers, and tells nothing of {clean(service.model, 60)} any more"
    # Triton passes on only some of vLLM's metrics: neither of these two.
    if "service.kv_cache_usage" in layer.values and "service.requests_running" not in layer.values:
        return "its page answers, without the number of running requests that every vLLM tells"
    return ""


def _is_back(service: Service, layer: Layer, was: Layer | None, look: Look) -> bool:
    if was is layer or look.before is None:
        return False
    before = look.before.sources.get(service.source)
    if before is not None and (before.error is not None or is_out(before, look.before_at)):
        return True
    key = "service.generation_tokens"
    return was is not None and layer.values.get(key, 0.0) < was.values.get(key, 0.0)


def _flow(subject: FindingSubject, layer: Layer, was: Layer | None) -> Iterator[Sign]:
    """Whether work is there, and whether it gets done."""
    values, at, source = layer.values, layer.at, layer.source
    running, waiting = values.get("service.requests_running", 0.0), values.get("service.requests_waiting", 0.0)
    in_flight = running + waiting
    rate = values.get("service.tokens_per_s")
    if not in_flight:
        yield Sign("service.idle", subject, at, "no request is in flight", source)
    if rate:
        yield Sign("service.generating", subject, at - layer.interval_s, f"{rate:,.0f} tokens a second", source, rate)
    if waiting > 10 and waiting > running and "service.requests_running" in values:
        text = f"{waiting:,.0f} requests wait while {running:,.0f} run"
        yield Sign("service.queue", subject, at, text, source, waiting, details=_load(values))
    if in_flight and rate == 0.0 and not values.get("service.prompt_tokens_per_s"):
        text = f"{running:,.0f} requests run and {waiting:,.0f} wait, and not a token came"
        # What was in flight at the look before has been waiting all the time; what is new may have come just now.
        since = was.at if was is not None and was is not layer and _in_flight(was.values) else None
        yield Sign("service.stalled", subject, at, text, source, in_flight, details=_load(values), since=since)


def _in_flight(values: Mapping[str, float]) -> float:
    return values.get("service.requests_running", 0.0) + values.get("service.requests_waiting", 0.0)


def _load(values: Mapping[str, float]) -> dict[str, str]:
    kv = values.get("service.kv_cache_usage")
    return {
        "running": f"{values.get('service.requests_running', 0.0):,.0f}",
        "waiting": f"{values.get('service.requests_waiting', 0.0):,.0f}",
        "kv": "?" if kv is None else f"{kv:.0f}",
    }
