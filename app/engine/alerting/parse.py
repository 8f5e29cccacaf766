"""Reading the alert language: text to tree. Pure; every mistake says where it is and what is near."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal, cast

from app.domain.alert import Matcher
from app.domain.frozen import frozen
from app.engine.alerting.expression import (
    COMPARISONS,
    LEVELS,
    SETS,
    Aggregate,
    Binary,
    Call,
    Expr,
    Matching,
    Number,
    Selector,
)
from app.engine.alerting.functions import AGGREGATES, FUNCTIONS

LONGEST = 4000
"""Characters of an expression."""
DEEPEST = 40
"""Nested parts of one."""
_TOKEN = re.compile(
    r"""\s*(?:
    (?P<word>[a-zA-Z_:][a-zA-Z0-9_:.]*)
  | (?P<span>(?:\d+(?:ms|[smhdwy]))+)(?![a-zA-Z0-9_.])
  | (?P<number>(?:0x[0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?))
  | (?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
  | (?P<sign>=~|!~|==|!=|<=|>=|[-+*/%^<>=(){}\[\],])
    )""",
    re.VERBOSE,
)
_SPAN = re.compile(r"(\d+)(ms|[smhdwy])")
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}


class ExpressionError(ValueError):
    """An expression that cannot be read; the message says where and why."""


@frozen
class _Token:
    kind: str
    text: str
    at: int


@lru_cache(maxsize=4096)
def parse(text: str) -> Expr:
    """The tree of an expression. Raises ExpressionError."""
    if len(text) > LONGEST:
        raise ExpressionError(f"the expression has {len(text):,} characters; {LONGEST:,} are allowed")
    parser = _Parser(text)
    tree = parser.expression(0, 0)
    parser.end()
    return tree


def span_s(text: str) -> float:
    """Seconds of a PromQL duration. Raises ExpressionError."""
    parts = _SPAN.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ExpressionError(f"{text!r} is not a span of time; write 30s, 5m, 1h30m or 1d")
    return sum(int(number) * _UNITS_S[unit] for number, unit in parts)


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text.rstrip()):
        found = _TOKEN.match(text, at)
        if found is None:
            place = at + len(text[at:]) - len(text[at:].lstrip())
            raise ExpressionError(f"unexpected {text[place]!r} at character {place + 1} of {_short(text)}")
        yield _Token(str(found.lastgroup), found.group(str(found.lastgroup)), found.start(str(found.lastgroup)))
        at = found.end()
    yield _Token("end", "", len(text))


def _short(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")


class _Parser:
    """A climb over the operators' levels, one token ahead."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._at = 0

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        token = self._next
        self._at += 1
        return token

    def _is(self, text: str) -> bool:
        token = self._next
        return token.kind in ("sign", "word") and token.text.lower() == text

    def _want(self, text: str) -> None:
        if not self._is(text):
            self._fail(f"{text!r} expected")
        self._take()

    def _fail(self, why: str) -> None:
        token = self._next
        found = repr(token.text) if token.kind != "end" else "the end"
        raise ExpressionError(f"{why}, not {found}, at character {token.at + 1} of {_short(self._text)}")

    def end(self) -> None:
        """Nothing may follow."""
        if self._next.kind != "end":
            self._fail("an operator expected")

    def expression(self, level: int, depth: int) -> Expr:
        """What binds at least as tightly as a level."""
        if depth > DEEPEST:
            raise ExpressionError(f"more than {DEEPEST} parts are nested in {_short(self._text)}")
        if level == len(LEVELS):
            return self._part(depth)
        left = self.expression(level + 1, depth)
        while self._next.kind in ("sign", "word") and self._next.text.lower() in LEVELS[level]:
            op = self._take().text.lower()
            is_bool, matching = self._modifiers(op)
            right = self.expression(level if op == "^" else level + 1, depth + 1)
            self._check(op, left, right, is_bool=is_bool)
            left = Binary(op, left, right, matching, is_bool)
        return left

    def _check(self, op: str, left: Expr, right: Expr, *, is_bool: bool) -> None:
        scalars = is_scalar(left), is_scalar(right)
        if op in SETS and any(scalars):
            raise ExpressionError(f"{op!r} needs metrics on both sides in {_short(self._text)}")
        if op in COMPARISONS and all(scalars) and not is_bool:
            raise ExpressionError(f"two numbers are compared in {_short(self._text)}: that is never an alert")
        if any(isinstance(one, Selector) and one.window_s is not None for one in (left, right)):
            raise ExpressionError(f"{op!r} cannot take a span of values ([5m]) in {_short(self._text)}")

    def _modifiers(self, op: str) -> tuple[bool, Matching | None]:
        is_bool = op in COMPARISONS and self._is("bool")
        if is_bool:
            self._take()
        if not (self._is("on") or self._is("ignoring")):
            return is_bool, None
        is_on = self._take().text.lower() == "on"
        matching = Matching(self._names(), is_on)
        if self._is("group_left") or self._is("group_right"):
            self._fail("one-to-one matching expected (group_left and group_right are not known here)")
        return is_bool, matching

    def _names(self) -> tuple[str, ...]:
        self._want("(")
        names: list[str] = []
        while not self._is(")"):
            if self._next.kind != "word":
                self._fail("a label's name expected")
            names.append(self._take().text)
            if self._is(","):
                self._take()
            elif not self._is(")"):
                self._fail("',' or ')' expected")
        self._take()
        return tuple(names)

    def _part(self, depth: int) -> Expr:
        token = self._next
        if token.text in ("-", "+") and token.kind == "sign":
            self._take()
            inner = self.expression(len(LEVELS) - 1, depth + 1)
            if token.text == "+":
                return inner
            return Number(-inner.value) if isinstance(inner, Number) else Binary("*", Number(-1.0), inner)
        if self._is("("):
            self._take()
            tree = self.expression(0, depth + 1)
            self._want(")")
            return tree
        if token.kind == "number":
            self._take()
            return Number(float(int(token.text, 16)) if token.text.startswith("0x") else float(token.text))
        if token.kind == "word":
            return self._word(depth)
        if self._is("{"):
            self._fail("a metric's name expected before its labels")
        self._fail("a metric, a number or '(' expected")
        raise AssertionError

    def _word(self, depth: int) -> Expr:
        word = self._take().text
        lower = word.lower()
        if lower in ("inf", "nan"):
            return Number(float(lower))
        if lower in AGGREGATES and (self._is("(") or self._is("by") or self._is("without")):
            return self._aggregate(lower, depth)
        if self._is("("):
            return self._call(word, depth)
        return self._selector(word)

    def _aggregate(self, op: str, depth: int) -> Expr:
        grouping = self._grouping()
        self._want("(")
        argument = self.expression(0, depth + 1)
        self._want(")")
        grouping = grouping or self._grouping() or ((), False)
        if is_scalar(argument) or (isinstance(argument, Selector) and argument.window_s is not None):
            raise ExpressionError(f"{op}() needs a metric's newest values in {_short(self._text)}")
        return Aggregate(op, argument, *grouping)

    def _grouping(self) -> tuple[tuple[str, ...], bool] | None:
        if not (self._is("by") or self._is("without")):
            return None
        is_without = self._take().text.lower() == "without"
        return self._names(), is_without

    def _call(self, word: str, depth: int) -> Expr:
        function = FUNCTIONS.get(word)
        if function is None:
            close = difflib.get_close_matches(word, [*FUNCTIONS, *AGGREGATES], n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ExpressionError(f"unknown function {word!r} in {_short(self._text)}{hint}")
        self._want("(")
        arguments: list[Expr] = []
        while not self._is(")"):
            arguments.append(self.expression(0, depth + 1))
            if self._is(","):
                self._take()
            elif not self._is(")"):
                self._fail("',' or ')' expected")
        self._take()
        if len(arguments) != function.arguments:
            raise ExpressionError(f"{word}() takes {function.arguments} arguments, not {len(arguments)}")
        for place, one in enumerate(arguments):
            has_window = isinstance(one, Selector) and one.window_s is not None
            if has_window != (function.is_ranged and place == 0):
                wants = "a metric with a span ([5m])" if function.is_ranged and place == 0 else "no span ([5m])"
                raise ExpressionError(f"{word}() wants {wants} as argument {place + 1} in {_short(self._text)}")
            if is_scalar(one) != (place > 0):
                wants = "a number" if place else "a metric"
                raise ExpressionError(f"{word}() wants {wants} as argument {place + 1} in {_short(self._text)}")
        return Call(word, tuple(arguments))

    def _selector(self, name: str) -> Selector:
        matchers: list[Matcher] = []
        if self._is("{"):
            self._take()
            while not self._is("}"):
                matchers.append(self._matcher())
                if self._is(","):
                    self._take()
                elif not self._is("}"):
                    self._fail("',' or '}' expected")
            self._take()
        window_s = None
        if self._is("["):
            self._take()
            if self._next.kind != "span":
                self._fail("a span of time such as 5m expected")
            window_s = span_s(self._take().text)
            self._want("]")
            if window_s <= 0:
                raise ExpressionError(f"a span of no time in {_short(self._text)}")
        if self._is("offset"):
            self._fail("an operator expected (offset is not known here)")
        return Selector(name, tuple(matchers), window_s)

    def _matcher(self) -> Matcher:
        if self._next.kind != "word":
            self._fail("a label's name expected")
        name = self._take().text
        if self._next.text not in ("=", "!=", "=~", "!~"):
            self._fail("one of = != =~ !~ expected")
        op = cast("Literal['=', '!=', '=~', '!~']", self._take().text)
        if self._next.kind != "text":
            self._fail("a text in quotes expected")
        value = _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), self._take().text[1:-1])
        if op in ("=~", "!~"):
            try:
                re.compile(value)
            except re.error as error:
                raise ExpressionError(f"{value!r} is not a pattern: {error}") from None
        return Matcher(name, op, value)


def is_scalar(tree: Expr) -> bool:
    """Whether a tree is a plain number."""
    if isinstance(tree, Binary):
        return is_scalar(tree.left) and is_scalar(tree.right)
    return isinstance(tree, Number)


def parse_matchers(text: str) -> tuple[Matcher, ...]:
    """Conditions on labels, `alertname="GpuHot", node=~"gpu-.*"`, braces or none. Raises ExpressionError."""
    inner = text.strip()
    inner = inner[1:-1] if inner.startswith("{") and inner.endswith("}") else inner
    try:
        tree = parse(f"x{{{inner}}}")
    except ExpressionError as error:
        raise ExpressionError(f'{_short(text)} is no list of labels such as node="gpu-1": {error}') from None
    if not isinstance(tree, Selector) or not tree.matchers or tree.window_s is not None:
        raise ExpressionError(f'{text!r} names no label; write node="gpu-1"')
    return tree.matchers
