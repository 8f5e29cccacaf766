"""A rule being written: the texts of a form, the rule they mean, and the wish that saves it. Pure.

A condition is one text: a metric alone is compared with a limit, anything else is a whole condition.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from app.domain.alert import Comparison, Rule
from app.domain.frozen import frozen
from app.engine.alerting.expression import COMPARISONS as COMPARED
from app.engine.alerting.expression import Binary, Expr, Selector, duration, selectors
from app.engine.alerting.parse import parse
from app.engine.alerting.rule_table import COMPARISONS, RuleError, rule_from, unit_of
from app.services.alert_notes import MADE_HERE

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_FIELDS: Mapping[str, str] = {
    "name": "name", "for": "hold", "keep_firing_for": "keep", "severity": "severity", "text": "text",
    "above": "limit", "below": "limit", "equals": "limit",
}  # fmt: skip
"""Key of a rule's table → field of the form; all else is the condition's."""


class DraftError(Exception):
    """The draft is no rule yet; `field` says where, the message is for a person."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


@frozen
class Draft:
    """What stands in the form."""

    name: str = ""
    condition: str = ""
    comparison: Comparison = "above"
    limit: str = ""
    hold: str = ""
    """How long it must hold."""
    keep: str = ""
    """How long it goes on firing."""
    severity: str = "warning"
    text: str = ""

    @property
    def is_simple(self) -> bool:
        """Whether the condition is a metric alone, compared with the limit."""
        return _WORD.fullmatch(self.condition.strip()) is not None


def draft_of(rule: Rule) -> Draft:
    """A rule as texts."""
    draft = Draft(
        rule.name,
        rule.expr,
        hold=_span(rule.for_s),
        keep=_span(rule.keep_firing_for_s),
        severity=rule.severity,
        text=rule.text,
    )
    if rule.metric is None or rule.comparison is None or _is_narrowed(rule):
        return draft
    limit = "" if rule.threshold is None else f"{rule.threshold:.12g} {unit_of(rule.metric)}".strip()
    return replace(draft, condition=rule.metric, comparison=rule.comparison, limit=limit)


def rule_of_draft(draft: Draft, before: Rule | None) -> Rule:
    """The rule that a draft means; `before` is the one it changes. Raises DraftError."""
    table = _table(draft)
    try:
        return rule_from(draft.name.strip(), table, before, MADE_HERE)
    except RuleError as error:
        raise DraftError(_FIELDS.get(error.key, "condition"), str(error)) from error


def wish_of(draft: Draft, before: Rule | None) -> dict[str, Any]:
    """What to ask of the desk: a whole table, or only what differs from the rule it changes; empty: nothing does."""
    if before is None:
        return {"name": draft.name.strip(), **_table(draft)}
    was, wish = draft_of(before), {}
    table = _table(draft)
    condition = ("condition", "comparison", "limit") if draft.is_simple else ("condition",)
    if any(_of(draft, one) != _of(was, one) for one in condition):
        wish = {key: table[key] for key in ("metric", "expr", *COMPARISONS) if key in table}
        if "metric" in wish:
            wish["where"] = None  # what it was narrowed to before goes with the old condition
    for key, field in (("for", "hold"), ("keep_firing_for", "keep"), ("severity", "severity"), ("text", "text")):
        if _of(draft, field) != _of(was, field):
            wish[key] = table[key]
    return wish


def value_unit(rule: Rule) -> str:
    """The unit of the values of a rule's alerts; empty where that is a plain number, or where nobody can say."""
    return _unit(parse(rule.expr))


def _unit(tree: Expr) -> str:
    if isinstance(tree, Selector):
        return unit_of(tree.name)
    if not isinstance(tree, Binary) or tree.is_bool:
        return ""
    if tree.op == "or":
        left, right = _unit(tree.left), _unit(tree.right)
        return left if left == right else ""
    return _unit(tree.left) if tree.op in {*COMPARED, "and", "unless"} else ""


def _table(draft: Draft) -> dict[str, Any]:
    """The draft as a table. Raises DraftError for what is missing."""
    if not draft.name.strip():
        raise DraftError("name", "a rule needs a name, such as GpuTooHot")
    table: dict[str, Any] = {
        "for": draft.hold.strip() or 0.0,
        "keep_firing_for": draft.keep.strip() or 0.0,
        "severity": draft.severity,
        "text": draft.text.strip(),
    }
    condition = draft.condition.strip()
    if not condition:
        raise DraftError("condition", "write a metric, such as gpu.temperature, or a whole condition")
    if not draft.is_simple:
        return {**table, "expr": condition}
    if draft.comparison == "absent":
        return {**table, "metric": condition, "absent": True}
    return {**table, "metric": condition, draft.comparison: draft.limit.strip()}


def _of(draft: Draft, field: str) -> str:
    return str(asdict(draft)[field]).strip()


def _is_narrowed(rule: Rule) -> bool:
    """Whether it asks for some labels only, which a metric alone cannot say."""
    return any(one.matchers for one in selectors(parse(rule.expr)))


def _span(seconds: float) -> str:
    return duration(seconds) if seconds else ""
