"""The alert language as a tree: the part of PromQL that alerts need, over the catalogue's keys. Pure values.

`render` writes a tree as PromQL again; whoever exports rules says there what a selector is called elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TypeAlias

from app.domain.alert import Matcher
from app.domain.frozen import frozen

SECONDS = (("w", 604800), ("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
LEVELS = ({"or"}, {"and", "unless"}, {"==", "!=", "<=", ">=", "<", ">"}, {"+", "-"}, {"*", "/", "%"}, {"^"})
"""Operators by how tightly they bind, the loosest first."""
COMPARISONS = frozenset(LEVELS[2])
SETS = frozenset(LEVELS[0] | LEVELS[1])


@frozen
class Number:
    """A plain number."""

    value: float


@frozen
class Selector:
    """Every series of a name whose labels fit."""

    name: str
    matchers: tuple[Matcher, ...] = ()
    window_s: float | None = None
    """None: the newest value; else all values of so long."""


@frozen
class Call:
    """A function."""

    function: str
    arguments: tuple[Expr, ...]


@frozen
class Aggregate:
    """Many series folded into few."""

    op: str
    argument: Expr
    labels: tuple[str, ...] = ()
    is_without: bool = False
    """All labels but these are kept; else these alone."""


@frozen
class Matching:
    """Which labels pair the two sides; without one, all of them do."""

    labels: tuple[str, ...]
    is_on: bool
    """These labels pair; else all but these."""


@frozen
class Binary:
    """Two sides and what is done with them."""

    op: str
    left: Expr
    right: Expr
    matching: Matching | None = None
    is_bool: bool = False


Expr: TypeAlias = Number | Selector | Call | Aggregate | Binary


def selectors(tree: Expr) -> Iterator[Selector]:
    """Every selector of a tree."""
    match tree:
        case Number():
            return
        case Selector():
            yield tree
        case Call(arguments=arguments):
            for one in arguments:
                yield from selectors(one)
        case Aggregate(argument=argument):
            yield from selectors(argument)
        case Binary(left=left, right=right):
            yield from selectors(left)
            yield from selectors(right)


def duration(seconds: float) -> str:
    """A span as PromQL writes it: `90s` is `1m30s`."""
    left_ms, parts = round(seconds * 1000), []
    for unit, unit_s in SECONDS:
        count, left_ms = divmod(left_ms, unit_s * 1000)
        if count:
            parts.append(f"{count}{unit}")
    if left_ms:
        parts.append(f"{left_ms}ms")
    return "".join(parts) or "0s"


def number(value: float) -> str:
    """A number as PromQL writes it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def selector_text(one: Selector) -> str:
    """A selector under its own name."""
    inner = ",".join(map(str, one.matchers))
    window = "" if one.window_s is None else f"[{duration(one.window_s)}]"
    return f"{one.name}{{{inner}}}{window}" if inner else f"{one.name}{window}"


def render(tree: Expr, name: Callable[[Selector], str] = selector_text) -> str:
    """A tree as PromQL."""
    match tree:
        case Number(value=value):
            return number(value)
        case Selector():
            return name(tree)
        case Call(function=function, arguments=arguments):
            return f"{function}({', '.join(render(one, name) for one in arguments)})"
        case Aggregate():
            word = "without" if tree.is_without else "by"
            grouping = f" {word} ({', '.join(tree.labels)}) " if tree.labels or tree.is_without else ""
            return f"{tree.op}{grouping}({render(tree.argument, name)})"
        case Binary():
            return _render_binary(tree, name)


def _render_binary(tree: Binary, name: Callable[[Selector], str]) -> str:
    level = _level(tree.op)
    left = _inner(tree.left, name, level + (tree.op == "^"))
    right = _inner(tree.right, name, level + (tree.op != "^"))
    matching = ""
    if tree.matching is not None:
        matching = f" {'on' if tree.matching.is_on else 'ignoring'} ({', '.join(tree.matching.labels)})"
    return f"{left} {tree.op}{' bool' if tree.is_bool else ''}{matching} {right}"


def _inner(tree: Expr, name: Callable[[Selector], str], least: int) -> str:
    """A side of an operator, in parentheses where it binds less tightly."""
    text = render(tree, name)
    return f"({text})" if isinstance(tree, Binary) and _level(tree.op) < least else text


def _level(op: str) -> int:
    return next(level for level, ops in enumerate(LEVELS) if op in ops)
