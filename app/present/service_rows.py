"""Model servers as rows of a table."""

from __future__ import annotations

from app.domain.metrics import by_key
from app.domain.snapshot import Service, Snapshot
from app.present.cells import Line, cells
from app.present.look import Look
from app.present.rows import Column, Row, Rows
from app.present.units import value_line

SERVICE_COLUMNS = (
    Column("model", "model", 24, grow=2),
    Column("running", "running", 7, "right"),
    Column("waiting", "waiting", 7, "right"),
    Column("kv", "KV cache", 8, "right", drop=1),
    Column("tokens", "tokens/s", 12, "right", drop=2),
    Column("ttft", "TTFT", 10, "right", drop=3),
    Column("itl", "ITL", 10, "right", drop=4),
    Column("target", "server", 24, grow=1, drop=5),
)


def service_rows(snapshot: Snapshot, look: Look) -> Rows:
    """Rows for SERVICE_COLUMNS; the key of a row is the service's id."""
    known = tuple(snapshot.services.values())
    return Rows([service.id for service in known], lambda at: _service_row(known[at], look))


def _service_row(service: Service, look: Look) -> Row:
    def value(short: str) -> Line:
        key = f"service.{short}"
        found = service.sample(key, look.now)
        return value_line(by_key()[key], found.value if found else None, stale=bool(found and found.stale))

    waiting = service.value("service.requests_waiting", look.now)
    shown = value("requests_waiting")
    return Row(
        service.id,
        (
            cells(service.model, "strong"),
            value("requests_running"),
            tuple(cell._replace(tone="look") for cell in shown) if waiting else shown,
            value("kv_cache_usage"),
            value("tokens_per_s"),
            value("ttft"),
            value("itl"),
            cells(service.target, "quiet"),
        ),
    )
