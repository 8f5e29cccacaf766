"""What the terms of a filter mean, whatever it is over: a subject brings its words, fields and numbers. Pure.

How they are found, compared, and complained of where they cannot be read is here, once for every kind of subject. An
unknown value satisfies no comparison.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Generic, TypeAlias, TypeVar

from app.domain.frozen import frozen
from app.domain.nodelist import PatternError, node_matcher

S = TypeVar("S")
"""What is filtered: GPUs, jobs, incidents."""
G = TypeVar("G")
"""What a test may look at beside it."""
Test: TypeAlias = Callable[[S, G], bool]
"""Whether a subject is wanted."""
Read: TypeAlias = Callable[[S, G], float | None]
"""A number of a subject; None where nobody knows it."""

OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
    ":": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


class TermError(ValueError):
    """A term that cannot be read; the message is for a person, `offset` counts from the term's beginning.

    Where a field's value or a number cannot be read, it counts from the beginning of that; `Terms` makes it the term's.
    """

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.offset = offset


@frozen
class Terms(Generic[S, G]):
    """What the terms of a filter mean to one kind of subject."""

    states: Mapping[str, Test[S, G]]
    """By bare word."""
    word: Callable[[str], Test[S, G]]
    """Any other bare word."""
    fields: Mapping[str, Callable[[str], Test[S, G]]]
    """Fields of text, by name in small letters; each raises TermError or PatternError."""
    examples: Mapping[str, str]
    """One value a field."""
    numbers: Collection[str]
    """Names of numbers; the first one stands in messages."""
    measure: Callable[[str, str], tuple[Read[S, G], float] | None]
    """How the number of a name is read, and the number that was typed, in its unit; None for a name that no number has.

    Raises TermError.
    """
    no_field: str
    """`is nothing to filter jobs by`, after a name."""
    no_number: str
    """`no number of a job is called`, before a name."""

    def field(self, name: str, wanted: str) -> Test[S, G]:
        """`user:ana,bo`, `node:gpu-[01-04]`; of a number, that it is just this. Raises TermError."""
        make, begin = self.fields.get(name.lower()), len(name) + 1
        if make is None:
            test = self._compared(name, ":", wanted)
            if test is None:
                raise TermError(f"{name!r} {self.no_field}{nearest(name, (*self.fields, *self.numbers))}")
            return test
        if not wanted:
            raise TermError(f"{name}: what? Write {name}:{self.examples[name.lower()]}", begin)
        try:
            return make(wanted)
        except PatternError as error:
            raise TermError(str(error), begin + error.position) from error
        except TermError as error:
            raise TermError(str(error), begin + error.offset) from error

    def comparison(self, name: str, operator: str, wanted: str) -> Test[S, G]:
        """`util<10`, `elapsed>2h`, `mem>=100g`. Raises TermError."""
        test = self._compared(name, operator, wanted)
        if test is None:
            raise TermError(f"{self.no_number} {name!r}{nearest(name, self.numbers)}")
        return test

    def _compared(self, name: str, operator: str, wanted: str) -> Test[S, G] | None:
        """A number against the one that was typed; None where there is none of this name."""
        try:
            measured = self.measure(name, wanted)
        except TermError as error:
            raise TermError(str(error), len(name) + len(operator) + error.offset) from error
        if measured is None:
            return None
        (read, number), compare = measured, OPERATORS[operator]

        def test(one: S, ground: G) -> bool:
            value = read(one, ground)
            return value is not None and compare(value, number)

        return test


def texts(read: Callable[[S, G], Iterable[str]], *, whole: bool) -> Callable[[str], Test[S, G]]:
    """A field of texts: whole or in part, whatever the case, several by commas; `*` and `?` make any of them a glob."""

    def make(wanted: str) -> Test[S, G]:
        matchers = [_matcher(one, whole=whole) for one in wanted.lower().split(",") if one]
        return lambda one, ground: any(match(text.lower()) for text in read(one, ground) for match in matchers)

    return make


def names(read: Callable[[S, G], Iterable[str]]) -> Callable[[str], Test[S, G]]:
    """A field of names, whole, in patterns as Slurm's users write them (`app.domain.nodelist`)."""

    def make(wanted: str) -> Test[S, G]:
        matches = node_matcher(wanted)
        return lambda one, ground: any(matches(name) for name in read(one, ground))

    return make


def ids(read: Callable[[S, G], Iterable[str]]) -> Callable[[str], Test[S, G]]:
    """A field of ids, exact, several by commas."""

    def make(wanted: str) -> Test[S, G]:
        known = set(wanted.split(","))
        return lambda one, ground: not known.isdisjoint(read(one, ground))

    return make


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint for a mistyped word: `; did you mean 'util'?`, or nothing."""
    close = difflib.get_close_matches(word.lower(), list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def _matcher(wanted: str, *, whole: bool) -> Callable[[str], bool]:
    if "*" in wanted or "?" in wanted:
        return node_matcher(wanted.replace("[", "?").replace("]", "?"))
    return (lambda text: text == wanted) if whole else (lambda text: wanted in text)
