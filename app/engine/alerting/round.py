"""One evaluation of all rules: state in, state and transitions out. Pure but for its memory of spans, which it owns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from functools import lru_cache, partial

from app.domain.alert import Alert, Labels, Rule, Transition
from app.domain.frozen import frozen
from app.domain.pieces import Pieces, whole
from app.engine.alerting.evaluate import EvaluationError, evaluate
from app.engine.alerting.expression import Expr, selectors
from app.engine.alerting.live import LiveSamples
from app.engine.alerting.machine import step
from app.engine.alerting.parse import parse
from app.engine.alerting.signals import View
from app.engine.alerting.signals_slurm import Ended
from app.engine.alerting.windows import Windows

SPARE_S = 60.0
"""Spans are remembered a little longer than asked for, since evaluations do not come to the second."""


@frozen
class AlertingState:
    """All alerts by rule, and what the last evaluation found."""

    at: float = 0.0
    """Epoch seconds of the evaluation; 0: there was none."""
    version: int = 0
    """Version of the snapshot it rests on."""
    alerts: Mapping[str, Mapping[Labels, Alert]] = field(default_factory=dict)
    ended: Ended = field(default_factory=Ended)
    troubles: Mapping[str, str] = field(default_factory=dict)
    """Rules that could not be evaluated, and why; their alerts are as they were."""

    def all(self) -> tuple[Alert, ...]:
        """Every alert."""
        return tuple(alert for some in self.alerts.values() for alert in some.values())


def spans_of(rules: Iterable[Rule]) -> Mapping[str, float]:
    """How far back rules look, by metric."""
    return _spans(tuple(rule.expr for rule in rules))


@lru_cache(maxsize=4)
def _spans(expressions: tuple[str, ...]) -> Mapping[str, float]:
    found: dict[str, float] = {}
    for text in expressions:
        for one in selectors(parse(text)):
            if one.window_s is not None:
                found[one.name] = max(found.get(one.name, 0.0), one.window_s + SPARE_S)
    return found


def evaluate_all(
    rules: Sequence[Rule], state: AlertingState, view: View, windows: Windows
) -> tuple[AlertingState, tuple[Transition, ...]]:
    """The alerts after one evaluation over a view. One rule's trouble is its own."""
    return whole(evaluating_all(rules, state, view, windows))


def evaluating_all(
    rules: Sequence[Rule], state: AlertingState, view: View, windows: Windows
) -> Pieces[tuple[AlertingState, tuple[Transition, ...]]]:
    """As `evaluate_all`, in pieces: one a rule."""
    ended = state.ended.after(view.snapshot, view.now)
    view = replace(view, ended=ended)
    windows.want(spans_of(rules))
    samples = LiveSamples(view, windows)
    samples.remember()
    alerts: dict[str, Mapping[Labels, Alert]] = {}
    troubles: dict[str, str] = {}
    transitions: list[Transition] = []
    for rule in rules:
        yield
        tree, before = parse(rule.expr), state.alerts.get(rule.name, {})
        try:
            found = evaluate(tree, samples, view.now)
            if not found and not before:
                alerts[rule.name] = before
                continue
            moved = step(rule, before, found, view.now, partial(_is_unseen, tree, samples))
        except EvaluationError as error:
            troubles[rule.name] = str(error)
            alerts[rule.name] = before
            continue
        alerts[rule.name] = moved.alerts
        transitions += moved.transitions
    return AlertingState(view.now, view.snapshot.version, alerts, ended, troubles), tuple(transitions)


def _is_unseen(tree: Expr, samples: LiveSamples, labels: Labels) -> bool:
    """Whether what an alert is about is there, but none of what the rule asks has a value for it."""
    if not samples.exists(labels):
        return False
    return not any(samples.has(one.name, labels) for one in selectors(tree))
