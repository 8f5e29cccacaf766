"""One model server in words and numbers: load, latencies, caches, troubles, its GPUs' truth, its job. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.domain.metrics import by_key
from app.domain.service_place import ServicePlace, place_of
from app.domain.service_state import contradictions, load_state
from app.domain.snapshot import Gpu, Service, Snapshot
from app.present.cells import Cell, Line, cells, fit, line, wrap
from app.present.look import Look
from app.present.now_line import now_line
from app.present.service_rows import STATE_TONES
from app.present.units import MISSING, quantity

LATENCIES = (("TTFT", "ttft"), ("ITL", "itl"))
SHARES = ("p50", "p95", "p99", "mean")
SURE = {"exact": "", "node": "likely", "guess": "a guess", "unknown": "not known"}
_LABEL, _NUMBER = 10, 9
MOST_GPUS = 16


def service_lines(service: Service, snapshot: Snapshot, look: Look, width: int) -> tuple[Line, ...]:
    """Everything worth knowing of a server at a glance, what is wrong first."""
    place = place_of(service, snapshot, look.now)
    return (
        *_state(service, snapshot, look, place, width),
        *_load(service, look),
        *_latencies(service, look),
        *_counts(service, look),
        *_where(place, look, width),
    )


def _state(service: Service, snapshot: Snapshot, look: Look, place: ServicePlace, width: int) -> Iterator[Line]:
    state, words = load_state(service, snapshot, look.now, place)
    yield line(_label("state"), Cell(state, STATE_TONES[state]), cells(f"  {words}" if words else "", "quiet"))
    for one in contradictions(service, place, look.now, state):
        is_grave = one.severity == "warning"
        sign = look.glyphs.warning if is_grave else look.glyphs.info
        for at, text in enumerate(wrap(one.text, max(20, width - 2))):
            yield line(Cell(f"{sign} " if at == 0 else "  ", "look" if is_grave else "info"), *cells(text))


def _load(service: Service, look: Look) -> Iterator[Line]:
    reasons = (
        (_text(service, f"waiting_{key}", look), word)
        for key, word in (("capacity", "for room"), ("deferred", "deferred"))
    )
    told = ", ".join(f"{number} {word}" for number, word in reasons if number not in (MISSING, "0"))
    yield line(
        _label("requests"),
        *_pair(service, "requests_running", "running", look),
        *_pair(service, "requests_waiting", "waiting", look),
        cells(f"({told})" if told else "", "quiet"),
    )
    share = service.value("service.kv_cache_usage", look.now)
    yield line(_label("KV cache"), _bar(share, 20, look), Cell(f" {_text(service, 'kv_cache_usage', look)}"))
    yield line(
        _label("tokens/s"),
        *_pair(service, "tokens_per_s", "out", look),
        *_pair(service, "prompt_tokens_per_s", "in", look),
        *_pair(service, "requests_per_s", "requests", look),
    )


def _latencies(service: Service, look: Look) -> Iterator[Line]:
    yield line(_label(""), *(Cell(fit(head, _NUMBER, "right"), "head") for head in SHARES))
    for title, short in LATENCIES:
        keys = (*(f"{short}_{share}" for share in SHARES[:-1]), short)
        yield line(_label(title), *(Cell(fit(_text(service, key, look), _NUMBER, "right")) for key in keys))
    means = (
        *_pair(service, "queue_time", "queue", look),
        *_pair(service, "e2e_latency", "whole request", look),
    )
    if means:
        yield line(_label("mean"), means)


def _counts(service: Service, look: Look) -> Iterator[Line]:
    cache = (
        *_pair(service, "prefix_hit_rate", "prefix hits", look),
        *_pair(service, "preemptions_per_s", "preemptions", look, is_trouble=True),
        *_pair(service, "preemptions", "in all", look),
    )
    ended = (
        *_pair(service, "requests_finished", "finished", look),
        *_pair(service, "requests_failed", "failed", look, is_trouble=True),
        *_pair(service, "requests_aborted", "aborted", look),
        *_pair(service, "requests_rejected", "rejected", look, is_trouble=True),
    )
    for title, told in (("cache", cache), ("ended", ended)):
        if told:
            yield line(_label(title), told)


def _where(place: ServicePlace, look: Look, width: int) -> Iterator[Line]:
    sure = SURE[place.certainty]
    said = f"{sure}: {place.why}" if sure else place.why
    yield line(_label("runs on"), *cells(place.node or MISSING, "strong"), Cell("  "), *cells(said, "quiet"))
    if place.jobs:
        yield line(_label("job"), *cells(" ".join(place.jobs), "strong"))
    yield from gpu_lines(place.gpus, look, width)


def gpu_lines(gpus: Sequence[Gpu], look: Look, width: int) -> Iterator[Line]:
    """Its GPUs as they are now, as the driver tells."""
    del width  # a line that is too long is cut where it is painted
    for gpu in gpus[:MOST_GPUS]:
        yield line(Cell("  "), *now_line(gpu, look))
    if len(gpus) > MOST_GPUS:
        yield line(Cell(f"  and {len(gpus) - MOST_GPUS} more", "quiet"))


def _pair(service: Service, short: str, word: str, look: Look, *, is_trouble: bool = False) -> Line:
    """A number and the word behind it; nothing where nobody tells it."""
    value = service.value(f"service.{short}", look.now)
    if value is None:
        return ()
    text = _text(service, short, look)
    return (Cell(text, "look" if is_trouble and value else "plain"), Cell(f" {word}  ", "quiet"))


def _text(service: Service, short: str, look: Look) -> str:
    metric = by_key()[f"service.{short}"]
    shown = quantity(metric, service.value(metric.key, look.now))
    return shown.number if metric.unit == "tok/s" else shown.text


def _bar(share: float | None, width: int, look: Look) -> Cell:
    if share is None:
        return Cell(look.glyphs.rest * width, "old")
    full = max(0, min(width, round(share / 100 * width)))
    return Cell(look.glyphs.fill * full + look.glyphs.rest * (width - full), "look" if share >= 95 else "accent")


def _label(text: str) -> Cell:
    return Cell(fit(text, _LABEL), "quiet")
