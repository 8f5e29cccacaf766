"""The view as the user left it: theme, zoom, order, columns, filter, metric, span; kept in one small JSON file."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from app.domain.frozen import frozen

Zoom = Literal["", "cards", "lines", "heat"]
"""Empty: whatever fits."""
Colour = Literal["metric", "job", "user", "idle"]
"""What gives the GPUs of the grid their colour."""
COLOURS: tuple[Colour, ...] = get_args(Colour)

SPANS_S: tuple[int, ...] = (300, 900, 3600, 6 * 3600, 86400, 7 * 86400, 30 * 86400)
"""Spans of time that charts step through."""
METRICS: tuple[str, ...] = (
    "gpu.utilization",
    "gpu.memory_used",
    "gpu.power",
    "gpu.temperature",
    "gpu.sm_clock",
    "gpu.pcie_rx",
)
"""Metrics that one key steps through; any other of the catalogue is reached by name."""
_LONGEST_S = 366 * 86400


@frozen
class ViewState:
    """How the user looks at the cluster; the same on every page."""

    theme: str = ""
    """A registered theme's name; empty: the default one."""
    zoom: Zoom = ""
    metric: str = "gpu.utilization"
    """Key of the metric that charts draw and maps colour."""
    span_s: float = 3600
    sort: str = ""
    """Column of the list of GPUs; empty: by place."""
    descending: bool = False
    columns: tuple[str, ...] = ()
    """Columns of the list of GPUs; empty: the usual ones."""
    filter: str = ""
    colour: Colour = "metric"
    job_filter: str = ""
    """Of the queue."""
    job_sort: str = ""
    """Column of the queue; empty: what runs, what waits, what has ended."""
    job_descending: bool = False
    incident_filter: str = ""
    incident_sort: str = ""
    """Column of the incidents; empty: the gravest first."""
    incident_descending: bool = False
    has_ended_incidents: bool = False
    """Those that are over are shown as well."""
    history: tuple[str, ...] = ()
    """Command lines, oldest first."""


def stepped_span(span_s: float, step: int) -> float:
    """The next longer (+1) or shorter (-1) span; stays at the ends."""
    if step > 0:
        return float(next((one for one in SPANS_S if one > span_s), max(span_s, SPANS_S[-1])))
    return float(next((one for one in reversed(SPANS_S) if one < span_s), min(span_s, SPANS_S[0])))


def stepped_metric(key: str, step: int) -> str:
    """The next metric of the round, or its first where the present one is not of the round."""
    if key not in METRICS:
        return METRICS[0]
    return METRICS[(METRICS.index(key) + step) % len(METRICS)]


def load_view(path: Path) -> tuple[ViewState, str]:
    """The saved view and a note for the user; a file that cannot be read gives the usual view and says so."""
    try:
        text = path.read_text("utf-8")
        import json  # noqa: PLC0415 - late: with a view that was saved

        raw = json.loads(text)
    except FileNotFoundError:
        return ViewState(), ""
    except (OSError, ValueError) as error:
        return ViewState(), f"the saved view {path} cannot be read ({type(error).__name__}); starting afresh"
    if not isinstance(raw, dict):
        return ViewState(), f"the saved view {path} is not one; starting afresh"
    return _read(raw), ""


def save_view(path: Path, view: ViewState) -> None:
    """Write the view in one piece; raises OSError where the folder cannot be written."""
    import json  # noqa: PLC0415 - late: as in `load_view`

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    beside.write_text(json.dumps(asdict(view), indent=1), "utf-8")
    beside.replace(path)


def _read(raw: Mapping[str, Any]) -> ViewState:
    """Every field that makes sense; the rest stays as usual."""
    view = ViewState()
    for one in fields(ViewState):
        value = raw.get(one.name)
        if value is None:
            continue
        if isinstance(value, list):
            value = tuple(value)
        if _FITS[one.name](value):
            view = replace(view, **{one.name: value})  # type: ignore[arg-type]  # _FITS has checked it
    return view


def _is_metric(value: str) -> bool:
    from app.domain.metrics import by_key  # noqa: PLC0415 - late: the first frame shows no value

    return value in by_key()


def _is_texts(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(one, str) and len(one) < 200 for one in value)


_FITS: Mapping[str, Callable[[object], bool]] = {
    "theme": lambda value: isinstance(value, str),
    "zoom": lambda value: value in ("", "cards", "lines", "heat"),
    "metric": lambda value: isinstance(value, str) and (value == METRICS[0] or _is_metric(value)),
    "span_s": lambda value: isinstance(value, int | float) and 10 <= value <= _LONGEST_S,
    "sort": lambda value: isinstance(value, str),
    "descending": lambda value: isinstance(value, bool),
    "columns": _is_texts,
    "filter": lambda value: isinstance(value, str),
    "colour": lambda value: value in COLOURS,
    "job_filter": lambda value: isinstance(value, str),
    "job_sort": lambda value: isinstance(value, str),
    "job_descending": lambda value: isinstance(value, bool),
    "incident_filter": lambda value: isinstance(value, str),
    "incident_sort": lambda value: isinstance(value, str),
    "incident_descending": lambda value: isinstance(value, bool),
    "has_ended_incidents": lambda value: isinstance(value, bool),
    "history": _is_texts,
}
