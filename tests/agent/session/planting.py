"""Plants wrong numbers in right answers: each number is changed by a rule, where the new one stands in no result."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.agent.amounts import Amount, read
from app.domain.chat import ToolUse

_NUMBER = re.compile(r"\d\d:\d\d(?::\d\d)?|(?<![\d.])\d+(?:\.\d+)?")
_DIGITS = re.compile(r"\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Planted:
    """A wrong number in an answer."""

    answer: str
    start: int
    end: int
    was: str

    def __str__(self) -> str:
        """For the names of tests."""
        around = self.answer[max(0, self.start - 40) : self.end + 20]
        return f"{self.was} -> {self.answer[self.start : self.end]}: {around!r}"


def planted(answers: Sequence[str], uses: Sequence[ToolUse]) -> Iterator[Planted]:
    """Every wrong number that the rules make, in the order of the answers."""
    held = [one for use in uses for one in _NUMBER.findall(use.result)]
    for answer in answers:
        for amount in read(answer):
            if not _is_told(answer, amount):
                continue
            for text in _changed(amount):
                if not _is_held(text, held):
                    yield Planted(
                        answer[: amount.start] + text + answer[amount.end :],
                        amount.start,
                        amount.start + len(text),
                        amount.text,
                    )


def _is_held(text: str, held: Sequence[str]) -> bool:
    """Whether a number of some result may be written so: then nothing but the sentence tells that it is wrong."""
    digits = _DIGITS.search(text)
    if digits is None or ":" in text:
        return text in held
    places = len(digits.group().partition(".")[2])
    return any(f"{float(one):.{places}f}" == digits.group().replace(",", "") for one in held if ":" not in one)


def _is_told(answer: str, amount: Amount) -> bool:
    """Whether it is a number of the answer itself: no citation, no numbering, no word, nothing in code."""
    line = answer[answer.rfind("\n", 0, amount.start) + 1 : amount.start]
    is_numbering = re.fullmatch(r"\s*(?:#+\s*)?", line) is not None and re.match(r"[.)]\s", answer[amount.end :])
    return not (amount.is_word or line.endswith("[") or line.count("`") % 2 or is_numbering)


def _changed(amount: Amount) -> Iterator[str]:
    """The number ten times as large, turned round, some per cent off, or seven minutes later."""
    digits = _DIGITS.search(amount.text)
    if digits is None or amount.kinds & {"date"}:
        return
    if "clock" in amount.kinds:
        hour, _, rest = amount.text.partition(":")
        minute, colon, second = rest.partition(":")
        yield f"{hour}:{(int(minute) + 7) % 60:02}{colon}{second}"
        return
    plain = digits.group().replace(",", "")
    if "." in plain:
        places = len(plain.partition(".")[2])
        numbers = [f"{float(plain) * factor:.{places}f}" for factor in (1.07, 0.9, 10.0)]
    else:
        numbers = [str(int(plain) * 10 + (3 if plain == "0" else 0))]
        if plain != plain[::-1] and len(plain) > 1:
            numbers.append(plain[::-1].lstrip("0"))
    for number in numbers:
        if number != plain:
            yield amount.text.replace(digits.group(), number, 1)
