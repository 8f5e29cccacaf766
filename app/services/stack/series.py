"""Catalogue rows and signals as panels: one each, under the names of the daemon's own page. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from app.domain.metric import Metric
from app.domain.metrics import METRICS
from app.engine.alerting.export import own_name
from app.engine.alerting.signals import Signal
from app.services.stack.grafana import Panel, Query

UNITS: Mapping[str, str] = {
    "%": "percent",
    "MiB": "mbytes",
    "°C": "celsius",
    "W": "watt",
    "s": "s",
    "B": "bytes",
    "B/s": "binBps",
    "J": "joule",
    "MHz": "rotmhz",
    "rpm": "rotrpm",
    "$/h": "currencyUSD",
}
"""Grafana's names of our units; others are shown behind the value as they are."""
PICKED: Mapping[str, str] = {
    "gpu": '{node=~"$node",gpu=~"$gpu"}',
    "node": '{node=~"$node"}',
    "service": '{service=~"$service"}',
    "fleet": "",
}
"""What a dashboard's choices leave of a scope's series."""
LEGENDS: Mapping[str, str] = {"gpu": "{{node}}/{{gpu}}", "node": "{{node}}", "service": "{{service}}"}
_MOMENTS = ("node.clock", "node.boot_time")
"""Values in seconds that are moments, not spans."""


@cache
def parts() -> frozenset[str]:
    """Keys of rows that only other rows are made of: counters of rates, sums and counts of means."""
    rates = {row.rate_of for row in METRICS if row.rate_of}
    means = {key for row in METRICS if row.quotient for key in row.quotient}
    return frozenset(rates | means)


def shown(scope: str) -> tuple[Metric, ...]:
    """The rows of a scope that are worth a picture: all but mere parts of others."""
    return tuple(row for row in METRICS if row.scope == scope and row.key not in parts())


def unit_of(unit: str) -> str:
    """Grafana's name of a unit of ours."""
    return UNITS.get(unit) or (f"suffix: {unit}" if unit else "short")


def panel_of(row: Metric, picked: str | None = None) -> Panel:
    """A row as curves: values as they are, counters by their growth."""
    series = f"{own_name(row.key)}{PICKED[row.scope] if picked is None else picked}"
    legend = LEGENDS.get(row.scope, row.title)
    if row.key in _MOMENTS:
        return Panel(_title(row), (Query(f"{series} * 1000", legend),), row.help, "dateTimeAsIso")
    if row.kind == "counter":
        expr, unit = _growth(row, series)
        return Panel(_title(row), (Query(expr, legend),), row.help, unit, low=0)
    return Panel(_title(row), (Query(series, legend),), row.help, unit_of(row.unit), low=row.low, high=row.high)


def _growth(row: Metric, series: str) -> tuple[str, str]:
    """Seconds a second are a share, joules a second watts; what counts events says how many there were."""
    if row.unit in ("s", "J"):
        return f"rate({series}[$__rate_interval])", "percentunit" if row.unit == "s" else "watt"
    return f"increase({series}[$__rate_interval])", "short"


def _title(row: Metric) -> str:
    return row.title[0].upper() + row.title[1:] if row.title[0].islower() and row.title[:1].isascii() else row.title


def signal_panel(signal: Signal, picked: str = "", *, most: int = 0) -> Panel:
    """A signal as curves, the highest few where there may be many."""
    name = own_name(signal.key)
    series = f"increase({name}{picked}[$__rate_interval])" if signal.is_counted else f"{name}{picked}"
    expr = f"topk({most}, {series})" if most else series
    legend = " ".join(f"{{{{{label}}}}}" for label in signal.labels)
    title = signal.key.partition(".")[2].replace("_", " ") or signal.key
    return Panel(
        title[0].upper() + title[1:], (Query(expr, legend or title),), signal.help, unit_of(signal.unit), low=0
    )


def folded(row: Metric, *, by: str = "") -> str:
    """A row of many subjects as one number, or one for each value of a label."""
    fold = {"mean": "avg", "sum": "sum", "max": "max", "min": "min", "last": "max"}[row.fold]
    return f"{fold} by ({by}) ({own_name(row.key)})" if by else f"{fold}({own_name(row.key)})"
