"""What makes a Grafana dashboard sound, as far as that can be said without Grafana."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from app.services import metrics_page
from app.services.stack.compose import DATASOURCE
from app.services.stack.grafana import WIDTH

SOURCE = {"type": "object", "properties": {"type": {"const": "prometheus"}, "uid": {"const": DATASOURCE}},
          "required": ["type", "uid"], "additionalProperties": False}  # fmt: skip
PLACE = {
    "type": "object",
    "properties": {
        "x": {"type": "integer", "minimum": 0, "maximum": WIDTH - 1}, "y": {"type": "integer", "minimum": 0},
        "w": {"type": "integer", "minimum": 1, "maximum": WIDTH}, "h": {"type": "integer", "minimum": 1},
    },
    "required": ["x", "y", "w", "h"], "additionalProperties": False,
}  # fmt: skip
TARGET = {
    "type": "object",
    "properties": {
        "refId": {"type": "string", "pattern": "^[A-Z]$"}, "datasource": SOURCE,
        "expr": {"type": "string", "minLength": 1}, "legendFormat": {"type": "string", "minLength": 1},
        "instant": {"type": "boolean"}, "range": {"type": "boolean"}, "format": {"const": "table"},
    },
    "required": ["refId", "datasource", "expr", "legendFormat", "instant", "range"], "additionalProperties": False,
}  # fmt: skip
PANEL = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "minimum": 1}, "type": {"enum": ["timeseries", "stat", "table"]},
        "title": {"type": "string", "minLength": 1}, "description": {"type": "string"}, "datasource": SOURCE,
        "gridPos": PLACE, "targets": {"type": "array", "minItems": 1, "items": TARGET},
        "fieldConfig": {"type": "object", "required": ["defaults", "overrides"]}, "options": {"type": "object"},
        "transformations": {"type": "array"},
    },
    "required": ["id", "type", "title", "datasource", "gridPos", "targets", "fieldConfig", "options"],
    "additionalProperties": False,
}  # fmt: skip
ROW = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "minimum": 1}, "type": {"const": "row"}, "title": {"type": "string", "minLength": 1},
        "collapsed": {"type": "boolean"}, "gridPos": PLACE, "panels": {"type": "array", "items": PANEL},
    },
    "required": ["id", "type", "title", "collapsed", "gridPos", "panels"], "additionalProperties": False,
}  # fmt: skip
VARIABLE = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z]+$"}, "type": {"const": "query"}, "datasource": SOURCE,
        "query": {"type": "object", "required": ["query", "refId"]},
    },
    "required": ["name", "type", "datasource", "query", "refresh", "multi", "includeAll", "current"],
}  # fmt: skip
DASHBOARD = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "uid": {"type": "string", "pattern": "^[a-zA-Z0-9_-]{1,40}$"}, "title": {"type": "string", "minLength": 1},
        "schemaVersion": {"type": "integer", "minimum": 36},
        "panels": {"type": "array", "items": {"anyOf": [ROW, PANEL]}},
        "templating": {"type": "object", "properties": {"list": {"type": "array", "items": VARIABLE}},
                       "required": ["list"]},
        "time": {"type": "object", "required": ["from", "to"]},
    },
    "required": ["uid", "title", "schemaVersion", "panels", "templating", "time", "annotations", "links"],
}  # fmt: skip
"""The part of Grafana's form that we use, and nothing else: a slip of the pen in a key is an error."""

FROM_GRAFANA = {"$__rate_interval": "5m", "$__range_s": "3600", "$__range": "1h", "$__interval": "15s"}
"""What Grafana itself fills in, with an example of each; the longer name first."""
OTHERS = frozenset(("up",))
"""Series that Prometheus makes itself."""


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every panel, those within folded rows and the rows too."""
    for one in dashboard["panels"]:
        yield one
        yield from one.get("panels", ())


def expressions(dashboard: dict[str, Any]) -> Iterator[str]:
    """Every query."""
    for one in panels(dashboard):
        yield from (target["expr"] for target in one.get("targets", ()))


def choices(dashboard: dict[str, Any]) -> dict[str, str]:
    """Name → query of each variable."""
    return {one["name"]: one["query"]["query"] for one in dashboard["templating"]["list"]}


def plain(expr: str, values: dict[str, str]) -> str:
    """A query as Prometheus is asked it: what Grafana fills in, and the variables, as these values."""
    for name, example in FROM_GRAFANA.items():
        expr = expr.replace(name, example)
    return re.sub(r"\$([a-z]+)\b", lambda found: values[found[1]], expr)


def series_of(expr: str) -> set[str]:
    """Names of series that a query asks for."""
    return set(re.findall(r"\b(gpu_watchdog_\w+|up)\b", expr))


def unknown(expr: str) -> set[str]:
    """Names that neither our page nor Prometheus itself has."""
    return series_of(expr) - metrics_page.names() - OTHERS


def overlaps(places: list[dict[str, int]]) -> list[tuple[int, int]]:
    """Pairs of places of one dashboard that share a field of the grid."""
    taken: dict[tuple[int, int], int] = {}
    found = []
    for number, place in enumerate(places):
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                if (x, y) in taken:
                    found.append((taken[x, y], number))
                taken[x, y] = number
    return found
