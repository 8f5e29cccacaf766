"""Rules as a Prometheus rule file. Pure.

A metric of the catalogue is named as the exporters name it, each name with its scale, joined by `or`: a Prometheus that
scrapes any of them can evaluate it. Rules over signals and derived values, which no exporter publishes, go by the names
of this program's own metrics page, `gpu_watchdog_` and the key with underscores; with `own` names every rule does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Literal

from app.domain.alert import Matcher, Rule
from app.domain.frozen import frozen
from app.domain.metric import Metric, Name
from app.domain.metrics import by_key
from app.engine.alerting.expression import (
    Aggregate,
    Binary,
    Call,
    Expr,
    Number,
    Selector,
    duration,
    render,
    selectors,
)
from app.engine.alerting.parse import parse
from app.engine.alerting.signals import BY_KEY

Names = Literal["exporters", "own"]
NamesOf = Callable[[Selector], "list[Named | Selector]"]
PREFIX = "gpu_watchdog_"
_PLACE = re.compile(r"\{(\w+)\}")
_WIRE = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_UNSCALED = frozenset(("changes", "resets", "count_over_time", "absent_over_time", "present_over_time"))
"""Functions whose result has no unit of the metric's."""


def own_name(key: str) -> str:
    """A metric's or signal's name on our own page."""
    return PREFIX + re.sub(r"[^a-zA-Z0-9_]", "_", key)


def rule_file(rules: Iterable[Rule], names: Names = "exporters", interval_s: float = 0.0) -> str:
    """The text of a rule file (YAML whose texts are JSON strings, which YAML reads as they are)."""
    lines = ["groups:", "  - name: gpu-watchdog"]
    if interval_s:
        lines.append(f"    interval: {duration(interval_s)}")
    lines.append("    rules:")
    some = tuple(rules)
    if not some:
        lines[-1] += " []"
    for rule in some:
        lines += rule_lines(rule, names)
    return "\n".join(lines) + "\n"


def rule_lines(rule: Rule, names: Names) -> list[str]:
    """One rule."""
    lines = [f"      - alert: {_text(rule.name)}", f"        expr: {_text(expression(rule, names))}"]
    if rule.for_s:
        lines.append(f"        for: {duration(rule.for_s)}")
    if rule.keep_firing_for_s:
        lines.append(f"        keep_firing_for: {duration(rule.keep_firing_for_s)}")
    lines += ["        labels:", f"          severity: {_text(rule.severity)}"]
    lines += [f"          {name}: {_text(_escaped(value))}" for name, value in rule.labels]
    if rule.text or rule.source:
        lines.append("        annotations:")
    if rule.text:
        lines.append(f"          summary: {_text(template(rule.text))}")
    if rule.source:
        lines.append(f"          source: {_text(_escaped(rule.source))}")
    return lines


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _escaped(text: str) -> str:
    """Text that Prometheus must not take for a template."""
    return text.replace("{{", "{ {")


def template(text: str) -> str:
    """A rule's line as a Prometheus template."""

    def filled(place: re.Match[str]) -> str:
        name = place[1]
        if name == "value":
            return "{{ $value | humanize }}"
        if name == "where":
            return "{{ range $name, $value := $labels }}{{ $name }}={{ $value }} {{ end }}"
        return f"{{{{ $labels.{name} }}}}"

    return _PLACE.sub(filled, _escaped(text))


def expression(rule: Rule, names: Names) -> str:
    """A rule's condition as PromQL over names that Prometheus knows.

    One rule speaks one language: where any of its metrics has no exporter's name, or it asks for labels that exporters
    call otherwise, all of it goes by our own names.
    """
    tree = parse(rule.expr)
    if names == "own" or any(not _wires(one.name) or one.matchers for one in selectors(tree)) or _pairs_by_label(tree):
        return render(_rewritten(tree, lambda one: [one], _own))
    return render(_rewritten(tree, _by_exporters, lambda one: one))


def _own(one: Selector) -> Selector:
    return replace(one, name=own_name(one.name))


def _pairs_by_label(tree: Expr) -> bool:
    match tree:
        case Binary():
            return tree.matching is not None or _pairs_by_label(tree.left) or _pairs_by_label(tree.right)
        case Aggregate():
            return bool(tree.labels) or _pairs_by_label(tree.argument)
        case Call():
            return any(map(_pairs_by_label, tree.arguments))
        case _:
            return False


def _rewritten(
    tree: Expr, names: Callable[[Selector], list[Named | Selector]], one: Callable[[Selector], Selector]
) -> Expr:
    """A tree with its selectors under other names; several are joined by `or`, around the function over a span."""
    match tree:
        case Number():
            return tree
        case Selector():
            return _union([_named(found, one, None) for found in names(tree)])
        case Call(arguments=(Selector() as selector, *_)) if selector.window_s is not None:
            return _union([_named(found, one, tree) for found in names(selector)])
        case Call():
            return replace(tree, arguments=tuple(_rewritten(each, names, one) for each in tree.arguments))
        case Aggregate():
            return replace(tree, argument=_rewritten(tree.argument, names, one))
        case Binary():
            left, right = _rewritten(tree.left, names, one), _rewritten(tree.right, names, one)
            return replace(tree, left=left, right=right)


def _union(parts: list[Expr]) -> Expr:
    tree = parts[0]
    for part in parts[1:]:
        tree = Binary("or", tree, part)
    return tree


def _named(found: Named | Selector, one: Callable[[Selector], Selector], call: Call | None) -> Expr:
    """One name, within the function over its span, its parts folded and its value scaled."""
    if isinstance(found, Selector):
        tree: Expr = one(found)
        return tree if call is None else replace(call, arguments=(tree, *call.arguments[1:]))
    tree = found.selector if call is None else replace(call, arguments=(found.selector, *call.arguments[1:]))
    if found.name.parts and found.metric.merge in ("sum", "max", "min"):
        tree = Aggregate(found.metric.merge, tree, found.name.parts, is_without=True)
    is_scaled = found.name.scale != 1.0 and (call is None or call.function not in _UNSCALED)
    return Binary("*", tree, Number(found.name.scale)) if is_scaled else tree


@frozen
class Named:
    """A selector under an exporter's name."""

    metric: Metric
    name: Name
    selector: Selector


def _by_exporters(one: Selector) -> list[Named | Selector]:
    metric = by_key()[one.name]
    found: list[Named | Selector] = []
    for name in _wires(one.name):
        where = tuple(Matcher(key, "=", value) for key, value in name.where)
        unless = tuple(Matcher(key, "!~", _pattern(value)) for key, value in name.unless)
        found.append(Named(metric, name, replace(one, name=name.wire, matchers=where + unless)))
    return found


def _wires(key: str) -> tuple[Name, ...]:
    """Exporters' names of a metric, those left out whose values must be looked at to know their unit."""
    if key in BY_KEY:
        return ()
    names = by_key()[key].names
    return tuple(name for name in names if not name.ratio and _WIRE.fullmatch(name.wire))


def _pattern(shell: str) -> str:
    """A shell pattern as a regular expression."""
    return re.escape(shell).replace(r"\*", ".*").replace(r"\?", ".")
