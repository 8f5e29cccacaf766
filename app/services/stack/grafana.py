"""Grafana dashboards as values, and their JSON. Pure; knows no metric."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from app.domain.frozen import frozen
from app.services.stack.compose import DATASOURCE

Kind = Literal["timeseries", "stat", "table"]
WIDTH = 24
"""Columns of Grafana's grid."""
SCHEMA_VERSION = 39
TAG = "gpu-watchdog"
_SOURCE = {"type": "prometheus", "uid": DATASOURCE}


@frozen
class Query:
    """One line of PromQL with the name of its curves."""

    expr: str
    legend: str = ""


@frozen
class Panel:
    """One picture."""

    title: str
    queries: tuple[Query, ...]
    help: str = ""
    unit: str = ""
    """Grafana's name of it."""
    kind: Kind = "timeseries"
    low: float | None = None
    high: float | None = None
    width: int = 8
    height: int = 7
    is_stacked: bool = False
    is_bad: bool = False
    """Of a stat: anything above 0 is red."""


@frozen
class Section:
    """A row of panels under a title; a folded one asks nothing until it is opened."""

    title: str
    panels: tuple[Panel, ...]
    is_folded: bool = False


@frozen
class Variable:
    """A choice at the top of a dashboard, out of a label's values."""

    name: str
    query: str
    """`label_values(series, label)`."""
    label: str = ""
    """As it is shown; empty: the name."""
    has_all: bool = True
    """All at once may be chosen, and is at first."""


@frozen
class Dashboard:
    """One page."""

    uid: str
    """Also the name of its file, with `gpu-watchdog-` before it as Grafana's uid."""
    title: str
    help: str
    sections: tuple[Section, ...]
    variables: tuple[Variable, ...] = ()


def dashboard_json(dashboard: Dashboard) -> dict[str, Any]:
    """As Grafana reads it."""
    return {
        "uid": f"{TAG}-{dashboard.uid}",
        "title": dashboard.title,
        "description": dashboard.help,
        "tags": [TAG],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": []},
        "links": [
            {"type": "dashboards", "title": "GPU Watchdog", "tags": [TAG], "asDropdown": True, "keepTime": True},
        ],
        "templating": {"list": [_variable(one) for one in dashboard.variables]},
        "panels": list(_panels(dashboard)),
    }


def _panels(dashboard: Dashboard) -> Iterator[dict[str, Any]]:
    """All panels, laid out; those of a folded row stand within it, as Grafana wants them."""
    number, top = 0, 0
    for section in dashboard.sections:
        number += 1
        row: dict[str, Any] = {
            "id": number,
            "type": "row",
            "title": section.title,
            "collapsed": section.is_folded,
            "gridPos": {"x": 0, "y": top, "w": WIDTH, "h": 1},
            "panels": [],
        }
        placed, end = _laid_out(section.panels, number, top + 1)
        number += len(placed)
        if section.is_folded:
            row["panels"] = placed
            yield row
            top += 1
        else:
            yield row
            yield from placed
            top = end


def _laid_out(panels: tuple[Panel, ...], before: int, top: int) -> tuple[list[dict[str, Any]], int]:
    """Panels from left to right, a new line where the grid ends; with where the next row begins."""
    placed, left, tallest = [], 0, 0
    for number, panel in enumerate(panels, start=before + 1):
        if left + panel.width > WIDTH:
            left, top, tallest = 0, top + tallest, 0
        place = {"x": left, "y": top, "w": panel.width, "h": panel.height}
        placed.append(_panel(panel, number, place))
        left, tallest = left + panel.width, max(tallest, panel.height)
    return placed, top + tallest


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    is_now = panel.kind != "timeseries"
    targets = [
        {
            "refId": chr(ord("A") + at),
            "datasource": _SOURCE,
            "expr": query.expr,
            "legendFormat": query.legend or "__auto",
            "instant": is_now,
            "range": not is_now,
            **({"format": "table"} if panel.kind == "table" else {}),
        }
        for at, query in enumerate(panel.queries)
    ]
    whole = {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.help,
        "datasource": _SOURCE,
        "gridPos": place,
        "targets": targets,
        "fieldConfig": {"defaults": _field(panel), "overrides": []},
        "options": _options(panel),
    }
    if panel.kind == "table":
        hidden = {"Time": True, "__name__": True, "instance": True}
        whole["transformations"] = [{"id": "organize", "options": {"excludeByName": hidden}}]
    return whole


def _field(panel: Panel) -> dict[str, Any]:
    field: dict[str, Any] = {"unit": panel.unit or "short"}
    field |= {key: value for key, value in (("min", panel.low), ("max", panel.high)) if value is not None}
    if panel.kind == "timeseries":
        stacking = {"mode": "normal" if panel.is_stacked else "none", "group": "A"}
        field["custom"] = {"fillOpacity": 20 if panel.is_stacked else 0, "showPoints": "never", "stacking": stacking}
    if panel.kind == "stat":
        colours = [{"color": "green", "value": None}, {"color": "red", "value": 1}] if panel.is_bad else []
        field["thresholds"] = {"mode": "absolute", "steps": colours or [{"color": "text", "value": None}]}
    return field


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "timeseries":
        return {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    if panel.kind == "stat":
        shown = {"calcs": ["lastNotNull"], "fields": "", "values": False}
        return {"reduceOptions": shown, "colorMode": "value", "graphMode": "none", "textMode": "auto"}
    return {"showHeader": True, "cellHeight": "sm"}


def _variable(one: Variable) -> dict[str, Any]:
    every = {"text": ["All"], "value": ["$__all"]}
    return {
        "name": one.name,
        "label": one.label or one.name,
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": one.query, "refId": "variable"},
        "definition": one.query,
        "refresh": 2,
        "sort": 7,
        "multi": True,
        "includeAll": one.has_all,
        "current": every if one.has_all else {},
        "options": [],
        "hide": 0,
        "regex": "",
    }
