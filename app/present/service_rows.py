"""Model servers as rows of a table."""

from __future__ import annotations

from app.domain.metrics import by_key
from app.domain.service_place import ServicePlace, place_of
from app.domain.service_state import LoadState, load_state
from app.domain.snapshot import Service, Snapshot
from app.present.cells import Cell, Line, Tone, cells
from app.present.look import Look
from app.present.rows import Column, Row, Rows
from app.present.units import MISSING, value_line

SERVICE_COLUMNS = (
    Column("model", "model", 20, grow=3),
    Column("state", "state", 8),
    Column("running", "run", 7, "right"),
    Column("waiting", "wait", 7, "right"),
    Column("kv", "KV", 5, "right"),
    Column("tokens", "tok/s out", 12, "right", drop=1),
    Column("prompt_tokens", "tok/s in", 12, "right", drop=6),
    Column("ttft", "TTFT p95", 10, "right", drop=2),
    Column("itl", "ITL p95", 10, "right", drop=3),
    Column("preemptions", "preempt", 9, "right", drop=8),
    Column("failed", "failed", 7, "right", drop=9),
    Column("hits", "hits", 5, "right", drop=7),
    Column("gpus", "GPUs", 14, drop=4),
    Column("job", "job", 8, drop=5),
    Column("target", "server", 24, grow=1, drop=10),
)
STATE_TONES: dict[LoadState, Tone] = {
    "serving": "plain",
    "idle": "quiet",
    "asleep": "quiet",
    "starting": "info",
    "loading": "info",
    "stale": "old",
    "down": "bad",
    "never": "old",
}
MOST_GPUS = 4
"""GPUs that are named one by one."""


def service_rows(snapshot: Snapshot, look: Look) -> Rows:
    """Rows for SERVICE_COLUMNS; the key of a row is the service's id."""
    known = tuple(snapshot.services.values())
    return Rows([service.id for service in known], lambda at: _service_row(known[at], snapshot, look))


def _service_row(service: Service, snapshot: Snapshot, look: Look) -> Row:
    place = place_of(service, snapshot, look.now)
    state, _ = load_state(service, snapshot, look.now, place)

    def value(short: str) -> Line:
        metric, found = by_key()[f"service.{short}"], service.sample(f"service.{short}", look.now)
        return value_line(metric, found.value if found else None, stale=bool(found and found.stale))

    return Row(
        service.id,
        (
            cells(service.model, "strong"),
            (Cell(state, STATE_TONES[state]),),
            value("requests_running"),
            _marked(value("requests_waiting"), service.value("service.requests_waiting", look.now)),
            value("kv_cache_usage"),
            value("tokens_per_s"),
            value("prompt_tokens_per_s"),
            value("ttft_p95"),
            value("itl_p95"),
            _marked(value("preemptions_per_s"), service.value("service.preemptions_per_s", look.now)),
            value("requests_failed"),
            value("prefix_hit_rate"),
            gpu_names(place),
            cells(" ".join(place.jobs), "plain" if place.certainty == "exact" else "quiet"),
            cells(service.target, "quiet"),
        ),
    )


def gpu_names(place: ServicePlace) -> Line:
    """`gpu-02/0,1`; a `?` where it is a guess."""
    if not place.gpus:
        return cells(f"{place.node} {MISSING}" if place.node else MISSING, "old")
    shown = ",".join(str(gpu.index) for gpu in place.gpus[:MOST_GPUS])
    rest = len(place.gpus) - MOST_GPUS
    text = f"{place.node}/{shown}" + (f" +{rest}" if rest > 0 else "") + ("?" if place.certainty == "guess" else "")
    return cells(text, "old" if any(gpu.is_lost for gpu in place.gpus) else "plain")


def _marked(shown: Line, value: float | None) -> Line:
    """What should be none stands out where it is some."""
    return tuple(cell._replace(tone="look") for cell in shown) if value else shown
