"""The grammar of filters, whatever they are over: terms, not, or, groups. What a term means is a `Terms`. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic

from app.domain.filter_vocabulary import G, S, TermError, Terms, Test
from app.domain.frozen import frozen

_OPERATORS = ("<=", ">=", "!=", "<", ">", "=", ":")
_MOST_DEEP = 20


class FilterError(ValueError):
    """A filter that cannot be read."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position
        """Of the mistake, counted in characters from the filter's beginning."""


@frozen
class TermFilter(Generic[S, G]):
    """A filter ready to use."""

    text: str
    """As typed, without blanks around it; empty: keeps everything."""
    test: Test[S, G]

    def keeps(self, one: S, ground: G) -> bool:
        """Whether a subject is wanted."""
        return self.test(one, ground)

    def __bool__(self) -> bool:
        """Whether it leaves anything out at all."""
        return bool(self.text)


@dataclass(slots=True)
class Parser(Generic[S, G]):
    """Reads one text from left to right, in the terms of one kind of subject."""

    text: str
    terms: Terms[S, G]
    at: int = 0
    depth: int = 0

    def whole(self) -> Test[S, G]:
        test = self.either()
        if self.at < len(self.text):
            raise FilterError(") closes nothing", self.at)
        return test

    def either(self) -> Test[S, G]:
        """One or more runs of terms, with `|` between."""
        tests = [self.together()]
        while self.peek() == "|":
            self.at += 1
            tests.append(self.together())
        return tests[0] if len(tests) == 1 else lambda one, ground: any(test(one, ground) for test in tests)

    def together(self) -> Test[S, G]:
        """One or more terms that must all hold."""
        tests: list[Test[S, G]] = []
        while self.peek() not in ("", "|", ")"):
            tests.append(self.one())
        if not tests:
            raise FilterError("a term is missing", min(self.at, len(self.text)))
        return tests[0] if len(tests) == 1 else lambda one, ground: all(test(one, ground) for test in tests)

    def one(self) -> Test[S, G]:
        """A term, perhaps negated, perhaps a group."""
        is_negated = False
        while self.peek() in ("!", "-"):
            is_negated = not is_negated
            self.at += 1
        test = self.group() if self.peek() == "(" else self.term()
        return (lambda one, ground: not test(one, ground)) if is_negated else test

    def group(self) -> Test[S, G]:
        """What stands in parentheses."""
        opened = self.at
        self.at += 1
        self.depth += 1
        if self.depth > _MOST_DEEP:
            raise FilterError("too many parentheses inside each other", opened)
        test = self.either()
        if self.peek() != ")":
            raise FilterError("( is never closed", opened)
        self.at += 1
        self.depth -= 1
        return test

    def term(self) -> Test[S, G]:
        """One word, field or comparison."""
        start = self.at
        left, operator = self.left_side()
        if not operator:
            if not left:
                raise FilterError("a word is missing", start)
            state = self.terms.states.get(left.lower()) if self.text[start] != '"' else None
            return state or self.terms.word(left)
        right_at = self.at
        right = self.right_side()
        if not left:
            example = f"{next(iter(self.terms.numbers))}{operator}{right}"
            raise FilterError(f"what is {operator}{right}? Put a name before it, as in {example}", start)
        try:
            return self.terms.field(left, right) if operator == ":" else self.terms.comparison(left, operator, right)
        except TermError as error:
            shift = 1 if self.text[right_at : right_at + 1] == '"' and error.offset > len(left) else 0
            raise FilterError(str(error), min(start + error.offset + shift, len(self.text))) from error

    def left_side(self) -> tuple[str, str]:
        """What stands before the operator, and the operator; blank where there is none."""
        start = self.at
        if self.text[start : start + 1] == '"':
            return self.quoted(), ""
        while self.at < len(self.text) and self.text[self.at] not in ' \t|()"':
            for operator in _OPERATORS:
                if self.text.startswith(operator, self.at):
                    left = self.text[start : self.at]
                    self.at += len(operator)
                    return left, operator
            self.at += 1
        return self.text[start : self.at], ""

    def right_side(self) -> str:
        """What stands after the operator; brackets may hold anything but blanks."""
        if self.text[self.at : self.at + 1] == '"':
            return self.quoted()
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in " \t|()":
            self.at += 1
        return self.text[start : self.at]

    def quoted(self) -> str:
        """What stands between two quotes."""
        end = self.text.find('"', self.at + 1)
        if end < 0:
            raise FilterError('" is never closed', self.at)
        inside = self.text[self.at + 1 : end]
        self.at = end + 1
        return inside

    def peek(self) -> str:
        """The next character that is no blank; empty at the end."""
        while self.at < len(self.text) and self.text[self.at] in " \t":
            self.at += 1
        return self.text[self.at : self.at + 1]
