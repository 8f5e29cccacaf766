"""Signs of how fast a model server is, and of how many requests go wrong: its last interval against limits and itself.

A server's counters since its start are its own baseline: what was always slow is how it is used (long prompts), what
has become slow is news. Signs are those of `observe_services`. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.domain.finding import FindingSubject
from app.domain.snapshot import Layer
from app.engine.diagnosis.sign import Sign

TTFT_S = 2.0
"""Mean time to first token above which people notice."""
ITL_S = 0.2
"""Mean time between tokens above which reading is faster."""
LEAST_ITL_S = 0.05
"""Faster than this nobody minds, whatever it was before."""
FINE = 0.75
"""Below this share of a limit it is over."""
WORSE_TTFT = 1.5
WORSE_ITL = 2.0
"""Times its own mean: worse than it uses to be."""
LEAST_TTFTS, LEAST_ITLS = 200, 2000
"""With fewer since its start, a server has no habits yet."""
LEAST_SHARE = 0.05
"""Of the finished requests; fewer failures are the requests' own."""
ABORTED_SHARE = 0.2


def pace(subject: FindingSubject, layer: Layer, was: Layer | None) -> Iterator[Sign]:
    """What the newest interval shows; `was` is the layer before, where there is one."""
    yield from _ttft(subject, layer)
    yield from _itl(subject, layer)
    if was is not None:
        yield from _endings(subject, layer, was)


def _ttft(subject: FindingSubject, layer: Layer) -> Iterator[Sign]:
    mean_s = layer.values.get("service.ttft")
    if mean_s is None:
        return
    usual_s = _usual(layer.values, "service.ttft", LEAST_TTFTS)
    limit_s = TTFT_S if usual_s is None else max(TTFT_S, usual_s * WORSE_TTFT)
    if mean_s > limit_s:
        yield _slow("service.ttft_slow", subject, layer, f"{mean_s:.1f} s to the first token", mean_s, usual_s)
    elif mean_s < limit_s * FINE:
        yield _fine("service.ttft_fine", subject, layer, f"{mean_s:.2f} s to the first token")


def _itl(subject: FindingSubject, layer: Layer) -> Iterator[Sign]:
    mean_s = layer.values.get("service.itl")
    if mean_s is None:
        return
    usual_s = _usual(layer.values, "service.itl", LEAST_ITLS)
    limit_s = ITL_S if usual_s is None else max(LEAST_ITL_S, usual_s * WORSE_ITL)
    if mean_s > limit_s:  # how grave it is, its value decides: a fuller batch is slower too, and that is no fault
        text = f"{mean_s * 1000:.0f} ms between tokens"
        yield _slow("service.itl_slow", subject, layer, text, mean_s, usual_s)
    elif mean_s < limit_s * FINE:
        yield _fine("service.itl_fine", subject, layer, f"{mean_s * 1000:.0f} ms between tokens")


def _usual(values: Mapping[str, float], key: str, least: int) -> float | None:
    """The mean since the server's start; None where that is too little to go by."""
    total, count = values.get(f"{key}_sum"), values.get(f"{key}_count")
    return total / count if total is not None and count is not None and count >= least else None


def _slow(kind: str, subject: FindingSubject, layer: Layer, text: str, mean_s: float, usual_s: float | None) -> Sign:
    usual = "" if usual_s is None else f", {mean_s / usual_s:.1f} times its mean since it was started"
    waiting = layer.values.get("service.requests_waiting", 0.0)
    details = {
        "speed": kind.split("_", maxsplit=1)[0],
        "mean": text,
        "waiting": f"{waiting:,.0f}",
        "load": "yes" if waiting else "",
    }
    return Sign(
        kind, subject, layer.at, f"{text}{usual}; {waiting:,.0f} wait", layer.source, mean_s, details=details,
        is_event=True,
    )  # fmt: skip


def _fine(kind: str, subject: FindingSubject, layer: Layer, text: str) -> Sign:
    details = {"speed": kind.split("_", maxsplit=1)[0]}
    return Sign(kind, subject, layer.at, text, layer.source, details=details, is_event=True)


def _endings(subject: FindingSubject, layer: Layer, was: Layer) -> Iterator[Sign]:
    """How the requests of the interval ended."""
    finished = _growth(layer, was, "service.requests_finished")
    failed = _growth(layer, was, "service.requests_failed")
    if failed and failed >= LEAST_SHARE * finished:
        text = f"{failed:,.0f} of {max(finished, failed):,.0f} requests ended in an error"
        yield Sign("service.failing", subject, layer.at, text, layer.source, failed, is_event=True)
    aborted = _growth(layer, was, "service.requests_aborted")
    if aborted and aborted >= ABORTED_SHARE * finished:
        text = f"{aborted:,.0f} of {max(finished, aborted):,.0f} requests were broken off by their clients"
        yield Sign("service.giving_up", subject, layer.at, text, layer.source, aborted, is_event=True)


def _growth(layer: Layer, was: Layer, key: str) -> float:
    now, before = layer.values.get(key), was.values.get(key)
    return max(0.0, now - before) if now is not None and before is not None else 0.0
