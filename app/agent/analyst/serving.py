"""Answers about model servers: how is vLLM, why is it slow, is the KV cache full, are there preemptions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from app.agent.analyst.draft import Draft
from app.agent.analyst.incidents import grave_first, is_grave, tell_incident
from app.agent.analyst.inquiry import Inquiry, number, part, rows, text, texts
from app.agent.analyst.pending import clean_text
from app.agent.analyst.telling import at, figure, joined, named, own, valued

_FULL = 90.0
_NUMBERS = (
    ("e2e_latency_s", "whole request"), ("queue_time_s", "in the queue"), ("preemptions", "preemptions since start"),
    ("preemptions_per_s", "preemptions a second"), ("failures_per_s", "failures a second"),
    ("requests_rejected", "rejected"), ("prefix_hit_rate_percent", "prefix cache hits"),
)  # fmt: skip
_SPREADS = (("ttft_s", "time to first token"), ("itl_s", "between tokens"))
_SPREAD_WORDS = (("mean", "mean"), ("p50", "median"), ("p95", "95th percentile"), ("p99", "99th percentile"))
_SERVING = re.compile(r"vllm|service|server|engine|kv|request", re.IGNORECASE)


async def serving(ask: Inquiry) -> str:
    """Every server, or one; its trouble before its numbers."""
    service = ask.reading.slots.service
    seen, diagnosed = await ask.look_at(("vllm_status", {"service": service} if service else {}), ("diagnose", {}))
    draft = Draft()
    if not seen.is_there:
        return draft.say(f"I cannot say: {seen.use.error} {seen.cite}").text
    servers = seen.rows("servers")
    if not servers:
        return draft.say(
            "**No model server is read here**, so I know nothing of one. Name its metrics page as a `[[target]]`, for "
            f"example `http://HOST:PORT/metrics`. {seen.cite}"
        ).text
    faults = [one for one in grave_first(diagnosed) if is_grave(one) and _is_about(one, servers)]
    draft.say(_lead(servers, ask, seen.cite))
    for one in faults[:2]:
        tell_incident(draft, one, diagnosed.cite, ask.now, deep=ask.reading.is_why)
    for one in servers[:4]:
        draft.points(own(text(one, "model"), 60), [f"{line} {seen.cite}" for line in _lines(one)])
    if not faults:
        draft.points("", [f"{told} {seen.cite}" for told in map(_judged, servers) if told])
    draft.points(
        "Its log said",
        [
            f"{at(text(one, 'at_iso'), ask.now)} {own(text(one, 'text'))} {seen.cite}"
            for one in seen.rows("log_events")[:4]
        ],
    )
    return draft.text


def _is_about(incident: Mapping[str, Any], servers: list[Mapping[str, Any]]) -> bool:
    """A fault of a server, or of the GPUs it runs on."""
    root = part(incident, "root_cause")
    about = " ".join(
        [text(incident, "title"), text(root, "fault"), *(text(one, "fault") for one in rows(incident, "consequences"))]
    )
    gpus = {text(gpu, "gpu") for server in servers for gpu in rows(server, "gpus")}
    return bool(_SERVING.search(about)) or text(root, "subject") in gpus


def _lead(servers: list[Mapping[str, Any]], ask: Inquiry, cite: str) -> str:
    down = [one for one in servers if text(one, "state") != "ok"]
    if down:
        first = down[0]
        error = own(text(first, "error"))
        return f"**{own(text(first, 'model'), 60)} does not answer: {text(first, 'state')}.** {error} {cite}"
    first = servers[0]
    doing = part(first, "doing")
    if text(doing, "state") not in ("", "serving"):
        return f"**{own(text(first, 'model'), 60)}: {text(doing, 'state')}.** {clean_text(text(doing, 'text'))} {cite}"
    waiting, kv = number(first, "waiting"), number(first, "kv_cache_usage_percent")
    words = ask.reading.words
    rate = number(part(first, "metrics"), "preemptions_per_s")
    if "preempt" in words and rate is not None:
        told = f"throws out {figure(rate, 2)} a second" if rate else "throws out none now"
        return f"**{own(text(first, 'model'), 60)} {told}.** {cite}"
    if ("kv" in words or "cache" in words) and kv is not None:
        return f"**The KV cache of {own(text(first, 'model'), 60)} is {_percent(kv)} full.** {cite}"
    if "wait" in words and waiting is not None:
        return f"**Requests waiting at {own(text(first, 'model'), 60)}: {figure(waiting)}.** {cite}"
    if "token" in words and (rate := number(first, "tokens_per_s")) is not None:
        return f"**{own(text(first, 'model'), 60)} makes {figure(rate)} tokens/s.** {cite}"
    verdict = "up, and requests wait" if waiting else "up"
    which = "Every model server" if len(servers) > 1 else own(text(first, "model"), 60)
    return f"**{which} is {verdict}.** {cite}"


def _percent(value: float) -> str:
    return f"{value:.0f} %" if value >= 10 or value == int(value) else f"{value:.1f} %"


def _lines(one: Mapping[str, Any]) -> list[str]:
    running, waiting, kv, rate = (
        number(one, key) for key in ("running", "waiting", "kv_cache_usage_percent", "tokens_per_s")
    )
    return [line for line in (
        joined((
            f"requests running: {figure(running)}" if running is not None else "",
            f"waiting: {figure(waiting)}" if waiting is not None else "",
            f"KV cache {_percent(kv)} full" if kv is not None else "",
            f"{figure(rate)} tokens/s" if rate is not None else "",
        )),
        *(_spread(part(one, key), words) for key, words in _SPREADS),
        _others(part(one, "metrics")),
        _place(one),
        *(clean_text(each) for each in texts(one, "contradictions")),
    ) if line]  # fmt: skip


def _spread(told: Mapping[str, Any], words: str) -> str:
    """A latency, by its mean and how far it spreads."""
    some = ((name, number(told, key)) for key, name in _SPREAD_WORDS)
    figures = joined(f"{name} {value:.3g}" for name, value in some if value is not None)
    return f"{words} (seconds): {figures}" if figures else ""


def _others(metrics: Mapping[str, Any]) -> str:
    told = ((words, key, number(metrics, key)) for key, words in _NUMBERS)
    return joined(f"{words}: {valued(key, value)}" for words, key, value in told if value)


def _place(one: Mapping[str, Any]) -> str:
    """Where it runs, and how sure that is."""
    gpus, jobs = [text(gpu, "gpu") for gpu in rows(one, "gpus")], texts(one, "jobs")
    where = named(gpus, 8) or text(one, "node")
    return f"on {where}{f' (job {named(jobs)})' if jobs else ''}" if where else ""


def _judged(one: Mapping[str, Any]) -> str:
    """What the numbers come to, where the diagnosis says nothing."""
    waiting, kv = number(one, "waiting"), number(one, "kv_cache_usage_percent")
    if waiting and kv is not None and kv >= _FULL:
        return (
            "requests wait because the KV cache is full: fewer at a time (`--max-num-seqs`), shorter contexts "
            "(`--max-model-len`), or more GPUs"
        )
    if waiting:
        return "requests wait though the KV cache has room: more come than one batch takes (`--max-num-seqs`)"
    return ""
