"""One rule from its table: the simple form (`metric`, `above`) or a whole expression (`expr`). Pure."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

from app.domain.alert import SEVERITIES, Comparison, Matcher, Rule, labels_of
from app.domain.metrics import by_key, find
from app.domain.series import Severity
from app.engine.alerting.expression import Binary, Call, Expr, Number, Selector, render, selectors
from app.engine.alerting.live import known_keys
from app.engine.alerting.parse import ExpressionError, is_scalar, parse, span_s
from app.engine.alerting.signals import BY_KEY

COMPARISONS: Mapping[Comparison, str] = {"above": ">", "below": "<", "equals": "==", "absent": ""}
_KEYS = (
    "name", "alert", "expr", "metric", "above", "below", "equals", "absent", "where", "unit", "for", "for_s",
    "keep_firing_for", "keep_firing_for_s", "severity", "text", "labels", "source", "enabled", "number",
)  # fmt: skip
_UNITS: Mapping[str, Mapping[str, float]] = {
    "MiB": {"MiB": 1, "GiB": 1024, "TiB": 1048576, "MB": 1e6 / 1048576, "GB": 1e9 / 1048576},
    "W": {"W": 1, "kW": 1000},
    "MHz": {"MHz": 1, "GHz": 1000},
    "s": {"s": 1, "ms": 0.001, "m": 60, "min": 60, "h": 3600, "d": 86400},
    "%": {"%": 1},
    "°C": {"°C": 1, "C": 1},
    "B/s": {"B/s": 1, "kB/s": 1e3, "MB/s": 1e6, "GB/s": 1e9},
}
"""Units a limit may be written in, by the metric's own."""
_LIMIT = re.compile(r"^\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*(\S*)\s*$")
_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_:.-]{0,99}$")
_LABEL = re.compile(r"^[a-zA-Z_][a-zA-Z0-9_]*$")
LONGEST_S = 30 * 86400.0


class RuleError(Exception):
    """A rule cannot be used; `key` is what is wrong in its table."""

    def __init__(self, key: str, text: str) -> None:
        super().__init__(text)
        self.key = key


def rule_from(name: str, table: Mapping[str, Any], before: Rule | None, origin: str) -> Rule:
    """The rule of a table; `before` is the one of the same name that it changes. Raises RuleError."""
    if not _NAME.match(name):
        raise RuleError("name", f"{name!r} is no name for a rule: letters, digits, _ and -, at most 100")
    for key in table:
        if key not in _KEYS:
            raise RuleError(key, f"unknown key {key!r} in rule {name!r}{_nearest(key, _KEYS)}")
    condition = _condition(name, table, before)
    severity = table.get("severity", before.severity if before else "warning")
    if severity not in SEVERITIES:
        raise RuleError("severity", f"severity cannot be {severity!r}; known: {', '.join(SEVERITIES)}")
    enabled = table.get("enabled", True)
    if not isinstance(enabled, bool):
        raise RuleError("enabled", f"enabled must be true or false, not {enabled!r}")
    expr, metric, comparison, threshold = condition
    return Rule(
        name=name,
        expr=expr,
        severity=cast("Severity", severity),
        for_s=_span(table, "for", before.for_s if before else 0.0),
        keep_firing_for_s=_span(table, "keep_firing_for", before.keep_firing_for_s if before else 0.0),
        text=_text(table, "text", before.text if before else ""),
        labels=_labels(table) if "labels" in table or before is None else before.labels,
        metric=metric,
        comparison=comparison,
        threshold=threshold,
        source=_text(table, "source", before.source if before else ""),
        origin=origin,
        enabled=enabled,
    )


Condition = tuple[str, str | None, Comparison | None, float | None]


def _condition(name: str, table: Mapping[str, Any], before: Rule | None) -> Condition:
    """Expression, and the simple form where that was used."""
    given = [key for key in COMPARISONS if key in table]
    if "expr" in table:
        if given or "metric" in table:
            other = given[0] if given else "metric"
            raise RuleError("expr", f"rule {name!r} has both expr and {other}: one of them says it")
        return check_expression(_text(table, "expr", "")), None, None, None
    if not given and "metric" not in table:
        if before is None:
            raise RuleError("", f"rule {name!r} says neither expr nor metric")
        return before.expr, before.metric, before.comparison, before.threshold
    if len(given) > 1 or (not given and before is None):
        raise RuleError(given[-1] if given else "metric", f"rule {name!r} needs one of {', '.join(COMPARISONS)}")
    key = _metric(_text(table, "metric", (before.metric or "") if before else ""), name)
    comparison = given[0] if given else (before.comparison if before else None)
    if comparison is None:
        raise RuleError("metric", f"rule {name!r} needs one of {', '.join(COMPARISONS)}")
    matchers = _where(table)
    selector = Selector(key, matchers)
    if comparison == "absent":
        if given and table["absent"] is not True:
            raise RuleError("absent", "absent must be true")
        return render(Call("absent", (selector,))), key, comparison, None
    limit = _limit(key, comparison, table[comparison]) if given else (before.threshold if before else None) or 0.0
    tree = Binary(COMPARISONS[comparison], selector, Number(limit))
    return render(tree), key, comparison, limit


def check_expression(text: str) -> str:
    """An expression that can be read and names only what is known, as it is kept. Raises RuleError."""
    try:
        tree = parse(text.strip())
    except ExpressionError as error:
        raise RuleError("expr", str(error)) from error
    if is_scalar(tree):
        raise RuleError("expr", f"{text.strip()!r} is a number, not a condition")
    for one in selectors(tree):
        _metric(one.name, "", "expr")
    _check_limits(tree)
    return " ".join(text.split())


def _check_limits(tree: Expr) -> None:
    """Refuse comparisons that can never be true of a percentage."""
    if isinstance(tree, Binary):
        if isinstance(tree.left, Selector) and isinstance(tree.right, Number) and tree.op in (">", "<", "=="):
            word = next(key for key, op in COMPARISONS.items() if op == tree.op)
            _check_possible(tree.left.name, word, tree.right.value, "expr")
        _check_limits(tree.left)
        _check_limits(tree.right)


def _metric(text: str, rule: str, key: str = "metric") -> str:
    if text in BY_KEY or text in by_key():
        return text
    found = find(text)
    if found is not None and key == "metric":
        return found.key
    about = f" of rule {rule!r}" if rule else ""
    raise RuleError(key, f"unknown metric {text!r}{about}{_nearest(text, known_keys())}")


def unit_of(key: str) -> str:
    """The unit of a metric or signal."""
    return BY_KEY[key].unit if key in BY_KEY else by_key()[key].unit


def _limit(metric: str, word: Comparison, raw: object) -> float:
    unit = unit_of(metric)
    if isinstance(raw, str):
        found = _LIMIT.match(raw)
        known = _UNITS.get(unit, {unit: 1.0})
        if found is None or (found[2] and found[2] not in known):
            ours = f"{metric} is in {unit}" if unit else f"{metric} is a plain number"
            also = f" (or {', '.join(one for one in known if one != unit)})" if len(known) > 1 else ""
            raise RuleError(word, f"{raw!r} cannot be compared: {ours}{also}")
        raw = float(found[1]) * (known[found[2]] if found[2] else 1.0)
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw):
        raise RuleError(word, f"{word} must be a number, not {raw!r}")
    _check_possible(metric, word, float(raw), word)
    return float(raw)


def _check_possible(metric: str, word: Comparison, limit: float, key: str) -> None:
    if unit_of(metric) != "%":
        return
    if (
        (word == "above" and limit >= 100)
        or (word == "below" and limit <= 0)
        or (word == "equals" and not 0 <= limit <= 100)
    ):
        raise RuleError(key, f"{metric} is 0 … 100 %: it is never {word} {limit:g}")


def _where(table: Mapping[str, Any]) -> tuple[Matcher, ...]:
    where = table.get("where", {})
    if not isinstance(where, dict):
        raise RuleError("where", 'where must be a table of labels, { node = "gpu-1" }')
    for name, value in where.items():
        if not _LABEL.match(name) or not isinstance(value, str):
            raise RuleError("where", f"where.{name} must be a label with a text, not {value!r}")
    return tuple(
        Matcher(name, "=~" if any(c in value for c in "*|[(\\+?") else "=", value) for name, value in where.items()
    )


def _labels(table: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    labels = table.get("labels", {})
    if not isinstance(labels, dict):
        raise RuleError("labels", "labels must be a table")
    for name, value in labels.items():
        if not _LABEL.match(name) or name in ("alertname", "severity") or not isinstance(value, str):
            raise RuleError("labels", f"labels.{name} cannot be {value!r}: a label of your own with a text")
    return labels_of(labels)


def _span(table: Mapping[str, Any], key: str, before: float) -> float:
    raw = table.get(key, table.get(f"{key}_s"))
    if raw is None:
        return before
    try:
        seconds = span_s(raw) if isinstance(raw, str) else float(raw)
    except (ExpressionError, TypeError, ValueError):
        raise RuleError(key, f'{key} must be a span of time such as "5m", or seconds, not {raw!r}') from None
    if isinstance(raw, bool) or not 0 <= seconds <= LONGEST_S:
        raise RuleError(key, f"{key} must be 0 … 30 days, not {raw!r}")
    return seconds


def _text(table: Mapping[str, Any], key: str, before: str) -> str:
    value = table.get(key, before)
    if not isinstance(value, str) or len(value) > 4000:
        raise RuleError(key, f"{key} must be a text of at most 4,000 characters")
    return value


def _nearest(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""
