"""What an expression is true of at one moment: trees to label sets with values. Pure.

As Prometheus 2.42, save that a series' name is no label here: an alert drops it anyhow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from operator import add, eq, ge, gt, le, lt, mul, ne, sub
from typing import Protocol, assert_never

from app.domain.alert import Labels, labels_of
from app.domain.frozen import frozen
from app.engine.alerting.expression import (
    COMPARISONS,
    SETS,
    Aggregate,
    Binary,
    Call,
    Expr,
    Matching,
    Number,
    Selector,
)
from app.engine.alerting.functions import AGGREGATES, COUNTS_SAMPLES, FUNCTIONS, STILL_IS_ZERO, Points, Window

Vector = Mapping[Labels, float]
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {"==": eq, "!=": ne, "<": lt, ">": gt, "<=": le, ">=": ge}


class EvaluationError(Exception):
    """An expression cannot be evaluated over what there is; the message is for a person."""


@frozen
class Bound:
    """A comparison of values with a number."""

    op: str
    limit: float

    @property
    def compare(self) -> Callable[[float, float], bool]:
        """What is asked of a value and the limit."""
        return _COMPARE[self.op]

    def passes(self, value: float) -> bool:
        """Whether it is true of a value."""
        return self.compare(value, self.limit)

    def may_pass(self, low: float, high: float) -> bool:
        """Whether it can be true of any value from `low` to `high`."""
        if self.op == "==":
            return low <= self.limit <= high
        return self.passes(low) or self.passes(high)


class Samples(Protocol):
    """Where values come from."""

    def instant(self, selector: Selector, at: float) -> Vector:
        """The newest value of every series that fits."""

    def where(self, selector: Selector, bound: Bound, at: float) -> Vector:
        """Those of them whose value passes."""

    def window(
        self, selector: Selector, start: float, at: float, *, only_moved: bool = False, dense: bool = True
    ) -> Mapping[Labels, Points]:
        """Every series that fits, with its values from `start` to `at`.

        Allowed, not demanded: `only_moved` to leave out those that did not change, not `dense` to give of these two.
        """


def evaluate(tree: Expr, samples: Samples, at: float) -> Vector:
    """The label sets a tree is true of. Raises EvaluationError."""
    found = _value(tree, samples, at)
    return {(): found} if isinstance(found, float) else found


def _value(tree: Expr, samples: Samples, at: float) -> Vector | float:
    match tree:
        case Number(value=value):
            return value
        case Selector():
            return samples.instant(tree, at)
        case Call():
            return _call(tree, samples, at)
        case Aggregate():
            return _aggregate(tree, _vector(tree.argument, samples, at))
        case Binary(op=op, left=left, right=Number(value=limit)) if op in COMPARISONS and not tree.is_bool:
            return _compared(op, left, limit, samples, at)
        case Binary(op="and", left=Binary(left=Selector(), right=Number()), right=other) if not _may_hold(
            other, samples, at
        ):
            return {}  # likewise, the other way round
        case Binary():
            before = _value(tree.left, samples, at)
            if tree.op in ("and", "unless") and not before:
                return {}  # nothing to be kept: the right side, often the whole fleet, need not be looked at
            return _binary(tree, before, _value(tree.right, samples, at))
        case _:
            assert_never(tree)


def _may_hold(tree: Expr, samples: Samples, at: float) -> bool:
    """Whether a comparison of a metric with a number is true of anything; of what costs more, perhaps."""
    match tree:
        case Binary(op=op, left=Selector() as one, right=Number(value=limit), is_bool=False) if op in COMPARISONS:
            return bool(samples.where(one, Bound(op, limit), at))
    return True


def _compared(op: str, left: Expr, limit: float, samples: Samples, at: float) -> Vector | float:
    """A comparison with a number: made where the values are, for whole fleets are compared and few are true."""
    bound = Bound(op, limit)
    if isinstance(left, Selector):
        return samples.where(left, bound, at)
    vector: Vector
    if isinstance(left, Call) and left.function in STILL_IS_ZERO and not bound.passes(0.0):
        vector = _over(left, samples, at, only_moved=True)
    else:
        vector = _vector(left, samples, at)
    return {labels: value for labels, value in vector.items() if bound.passes(value)}


def _vector(tree: Expr, samples: Samples, at: float) -> Vector:
    return evaluate(tree, samples, at)


def _call(tree: Call, samples: Samples, at: float) -> Vector:
    function, argument = FUNCTIONS[tree.function], tree.arguments[0]
    if function.over is not None:
        found = _over(tree, samples, at, only_moved=False)
        if tree.function == "absent_over_time":
            return {} if found else {_absent_labels(argument): 1.0}
        return found
    vector = _vector(argument, samples, at)
    if function.each is None:
        return {} if vector else {_absent_labels(argument): 1.0}
    given = _numbers_given(tree, samples, at)
    return {labels: function.each(value, given) for labels, value in vector.items()}


def _numbers_given(tree: Call, samples: Samples, at: float) -> list[float]:
    return [value for one in tree.arguments[1:] if isinstance(value := _value(one, samples, at), float)]


def _over(tree: Call, samples: Samples, at: float, *, only_moved: bool) -> dict[Labels, float]:
    """A function over spans of values."""
    over, argument = FUNCTIONS[tree.function].over, tree.arguments[0]
    if over is None or not isinstance(argument, Selector) or argument.window_s is None:
        raise EvaluationError(f"{tree.function}() needs a metric with a span")
    given, start = _numbers_given(tree, samples, at), at - argument.window_s
    is_dense = tree.function in COUNTS_SAMPLES
    found: dict[Labels, float] = {}
    for labels, points in samples.window(argument, start, at, only_moved=only_moved, dense=is_dense).items():
        value = over(Window(points, start, at), given)
        if value is not None:
            found[labels] = value
    return found


def _absent_labels(argument: Expr) -> Labels:
    """What is known of a series that is not there: the labels it was asked for by exact value, once each."""
    if not isinstance(argument, Selector):
        return ()
    names = [one.name for one in argument.matchers]
    return labels_of({one.name: one.value for one in argument.matchers if one.op == "=" and names.count(one.name) == 1})


def _aggregate(tree: Aggregate, vector: Vector) -> Vector:
    groups: dict[Labels, list[float]] = {}
    names = frozenset(tree.labels)
    for labels, value in vector.items():
        kept = tuple(pair for pair in labels if (pair[0] in names) is not tree.is_without)
        groups.setdefault(kept, []).append(value)
    fold = AGGREGATES[tree.op]
    return {labels: fold(values) for labels, values in groups.items()}


def _divided(one: float, other: float) -> float:
    if other:
        return one / other
    if math.isnan(one) or not one:
        return math.nan
    return math.copysign(math.inf, one) * math.copysign(1.0, other)


def _power(one: float, other: float) -> float:
    try:
        return math.pow(one, other)
    except OverflowError:
        return math.inf
    except ValueError:
        return math.nan


def _remainder(one: float, other: float) -> float:
    return math.fmod(one, other) if other and math.isfinite(one) else math.nan


_ARITHMETIC: Mapping[str, Callable[[float, float], float]] = {
    "+": add, "-": sub, "*": mul, "/": _divided, "%": _remainder, "^": _power,
}  # fmt: skip


def _binary(tree: Binary, left: Vector | float, right: Vector | float) -> Vector | float:
    if isinstance(left, float):
        if isinstance(right, float):
            return _numbers(tree.op, left, right)
        return _with_number(tree, right, left, is_right=False)
    if isinstance(right, float):
        return _with_number(tree, left, right, is_right=True)
    if tree.op in SETS:
        return _set(tree, left, right)
    return _pairs(tree, left, right)


def _numbers(op: str, left: float, right: float) -> float:
    return float(_COMPARE[op](left, right) if op in COMPARISONS else _ARITHMETIC[op](left, right))


def _with_number(tree: Binary, vector: Vector, number: float, *, is_right: bool) -> Vector:
    if tree.op not in COMPARISONS:
        reckon = _ARITHMETIC[tree.op]
        return {labels: reckon(v, number) if is_right else reckon(number, v) for labels, v in vector.items()}
    compare = _COMPARE[tree.op]
    if tree.is_bool:
        return {labels: float(compare(v, number) if is_right else compare(number, v)) for labels, v in vector.items()}
    if is_right:
        return {labels: value for labels, value in vector.items() if compare(value, number)}
    return {labels: value for labels, value in vector.items() if compare(number, value)}


def _signature(labels: Labels, matching: Matching | None) -> Labels:
    if matching is None:
        return labels
    return tuple(pair for pair in labels if (pair[0] in matching.labels) is matching.is_on)


def _set(tree: Binary, left: Vector, right: Vector) -> Vector:
    if tree.op == "or":
        ours = {_signature(labels, tree.matching) for labels in left}
        return {**left, **{k: v for k, v in right.items() if _signature(k, tree.matching) not in ours}}
    theirs = {_signature(labels, tree.matching) for labels in right}
    wanted = tree.op == "and"
    return {k: v for k, v in left.items() if (_signature(k, tree.matching) in theirs) is wanted}


def _pairs(tree: Binary, left: Vector, right: Vector) -> Vector:
    """One value of each side, paired by labels. Raises EvaluationError where a pair is not one to one."""
    theirs: dict[Labels, float] = {}
    for labels, value in right.items():
        signature = _signature(labels, tree.matching)
        if signature in theirs:
            raise EvaluationError(f"several values on the right of {tree.op!r} have the same labels {dict(signature)}")
        theirs[signature] = value
    found: dict[Labels, float] = {}
    matched: set[Labels] = set()
    for labels, value in left.items():
        signature = _signature(labels, tree.matching)
        if signature not in theirs:
            continue
        other = theirs[signature]
        if tree.op not in COMPARISONS:
            result = _ARITHMETIC[tree.op](value, other)
        elif tree.is_bool:
            result = float(_COMPARE[tree.op](value, other))
        elif _COMPARE[tree.op](value, other):
            result = value
        else:
            continue
        if signature in matched:
            raise EvaluationError(f"several values on the left of {tree.op!r} have the same labels {dict(signature)}")
        matched.add(signature)
        found[signature] = result
    return found
