"""The numbers of an answer as claims: what each counts or measures, of whom, and by which look. Pure."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from app.agent.amounts import Amount, Reading, read
from app.agent.citations import CITATION, numbers_of
from app.agent.nouns import first_noun, tags_of, topics_of
from app.agent.passages import Passage, lines, passages
from app.domain.frozen import frozen

COMPARES = re.compile(
    r"\b(?:siblings?|others?|rest|fleet|cluster|normal(?:ly)?|typical(?:ly)?|usual(?:ly)?|threshold"
    r"|neighbou?rs?|peers?|than|compared|while|whereas|against|versus|vs|each|all|both|in all|total|together|sum|of its"
    r"|half|overall)\b",
    re.IGNORECASE,
)
"""Behind one of these a number may be somebody else's."""
_OTHERS = re.compile(
    r"\b(?:siblings?|others?|rest|neighbou?rs?|peers?)\s+(?:of|than|to|beside|but)\s+[`*]*$", re.IGNORECASE
)
_MANY = re.compile(r"/\d{1,3}\s*[-–—,]\s*\d")
"""`gpu-01/0-7`: several of a node."""
_WORDS = re.compile(r"[^\W\d_]{4}")
_SHARE = re.compile(r"^\s*\([^()]*\)")
_DIGIT = re.compile(r"\d")
_JOINED = re.compile(r"\s*(?:[-–—/]|to|of|out of|of its|of the)\s*")
_UNIT = re.compile(r"(?<=\d)\s*[^\d\s.,][^\d]*$")
_OF = re.compile(r"\s*(?:of|out of|/)\s+(?:the\s+|its\s+|all\s+)?\d[\d,]*")
_OF_ALL = re.compile(r"\d\s+(?:of|out of)\s+(?:the\s+|all\s+)?$|\d/$")
_NOUN = re.compile(r"\b(?:GPUs?|nodes?|jobs?|hosts?|machines?|cards?|alerts?|[ABHLV]\d{1,3})\b", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"\s*\([\s`*]*(?:on |of |by |GPU |node |job )?[`*]*")
_TOGETHER = re.compile(r"[\s,`*()&/]*(?:and|or|with|of)?[\s,`*()&/]*")
_RIGHT_BEFORE = re.compile(r"[\s`*:(|-]*(?:(?:has|have|holds?|uses?|with|at|is|runs?|only|just|another|and)\s+)*[`*]*")
_PRONOUN = re.compile(
    r"[\s*_>-]*(?:it|its|they|their|this|that|these|the (?:gpu|node|job|card|machine|server))\b", re.IGNORECASE
)
_UNIT_HEAD = re.compile(r"%|°C|°|\b(?:GiB|MiB|GB|MB|TiB|TB|kW|W|MHz|GHz|min|h|s|ms)(?![a-z])|\$/(?:h|day|month)|\$")
Mentions = Callable[[str], list[tuple[int, int, str]]]
"""Names in a text, each with its start and end."""


@frozen
class Claim:
    """A number in its sentence or cell."""

    amount: Amount
    passage: Passage
    readings: tuple[Reading, ...]
    noun: str = ""
    """What it counts."""
    tags: frozenset[str] = frozenset()
    about: frozenset[str] = frozenset()
    """Whose it is; empty where nobody is named."""
    is_right_behind: bool = False
    """It stands right behind the name of whose it is: `svc 4`."""
    topics: frozenset[str] = frozenset()
    """What it is a number of: `memory`, `limit`."""
    looks: frozenset[int] = frozenset()
    """The looks that are cited for it; empty where none is."""

    @property
    def before(self) -> str:
        """What stands before it."""
        return self.passage.text[: self.amount.start]

    @property
    def behind(self) -> str:
        """What stands behind it."""
        return self.passage.text[self.amount.end :]


def claims(text: str, taken: Sequence[tuple[int, int]], mentions: Mentions) -> Iterator[list[Claim]]:
    """The claims of an answer, passage by passage; numbers within what is `taken` are none.

    `taken` is ordered; of its pieces none is within another.
    """
    cited = _cited(text)
    last: frozenset[str] = frozenset()
    for passage in passages(text):
        found, last = _claims(passage, taken, mentions, last)
        looks = next((looks for start, end, looks in cited if start <= passage.start < end), {})
        own = frozenset(looks_of(passage.text)) or _next(looks, passage.end)
        yield [replace(one, looks=own) for one in found]


def looks_of(text: str) -> list[int]:
    """The looks that a text cites."""
    return [number for match in CITATION.finditer(text) for number in numbers_of(match)]


def _cited(text: str) -> list[tuple[int, int, dict[int, frozenset[int]]]]:
    """Paragraphs, each with where in it looks are cited."""
    found: list[tuple[int, int, dict[int, frozenset[int]]]] = []
    start = 0
    for at, line in (*lines(text), (len(text) + 1, "")):
        if not line.strip():
            block = text[start:at]
            cites = {start + one.start(): frozenset(numbers_of(one)) for one in CITATION.finditer(block)}
            found.append((start, at, cites))
            start = at
    return found


def _next(cites: dict[int, frozenset[int]], at: int) -> frozenset[int]:
    """What is cited next in the paragraph: a list or a few sentences share one citation at their end."""
    behind = [place for place in sorted(cites) if place >= at]
    return cites[behind[0]] if behind else frozenset()


def _claims(
    passage: Passage, taken: Sequence[tuple[int, int]], mentions: Mentions, last: frozenset[str]
) -> tuple[list[Claim], frozenset[str]]:
    """The claims of one passage, and whom it named last."""
    near = taken[max(0, bisect_left(taken, (passage.start, 0)) - 1) : bisect_left(taken, (passage.end, 0))]
    mine = [(a - passage.start, b - passage.start) for a, b in near]
    groups = _groups(passage.text, mentions(passage.text))
    row = _row(passage, mentions)
    carried = last if _PRONOUN.match(passage.text) else frozenset()
    found = []
    noun_before = ""
    for amount in _shared_units(passage.text):
        if any(start < amount.end and amount.start < end for start, end in mine):
            continue
        claim = _claim(amount, passage)
        if amount.is_word and (passage.column == 0 or not (claim.noun and _counts(claim))):
            continue
        about, is_right_behind = _whose(amount, passage.text, groups, row or carried)
        if is_right_behind and not claim.noun and amount.kinds == {"plain"}:
            claim = replace(claim, noun=noun_before)  # `ana holds 12 GPUs, svc 4`
        noun_before = claim.noun or noun_before
        found.append(replace(claim, about=about, is_right_behind=is_right_behind))
    return found, groups[-1][2] if groups else last


def _shared_units(text: str) -> list[Amount]:
    """The numbers of a text; of `63-66 °C` and `72,700 of 81,559 MiB` the first is of the second's unit too."""
    found = list(read(text))
    for at in range(len(found) - 2, -1, -1):
        one, other = found[at], found[at + 1]
        if one.kinds == {"plain"} and not one.is_word and _JOINED.fullmatch(text[one.end : other.start]):
            unit = _UNIT.search(other.text)
            if unit is not None and not other.kinds & {"plain", "clock", "date"}:
                written = next(iter(read(f"{one.text}{unit[0]}")), one)
                found[at] = replace(one, readings=written.readings)
    return found


def _row(passage: Passage, mentions: Mentions) -> frozenset[str]:
    """Whom a cell of a table is about: who is named first in its row, else in the heading of its column."""
    cells = passage.cells[:1] if passage.column == 0 else passage.cells[: passage.column]
    for text in (*cells, passage.heading):
        if found := frozenset(name for _, _, name in mentions(text)):
            return frozenset(one.partition("/")[0] for one in found) if _MANY.search(text) else found
    return frozenset()


def _claim(amount: Amount, passage: Passage) -> Claim:
    behind, before = passage.text[amount.end :], passage.text[: amount.start]
    part = _OF.match(behind)
    rest = behind[part.end() :] if part else behind
    # What a cell with words is of, it says itself.
    label = passage.row if passage.column > 0 and not _WORDS.search(passage.text) else ""
    noun = ""
    if amount.kinds == {"plain"}:
        noun = first_noun(rest) or first_noun(passage.heading) or first_noun(label)
    tags = tags_of(passage.heading) or tags_of(label)
    if part:  # `2 of 3 GPUs are idle`: the two are; `12 of the 22 allocated GPUs`: the twelve may be any
        tags |= tags_of(_NOUN.split(rest, maxsplit=1)[-1], most=4) if _NOUN.search(rest) else frozenset()
    elif _OF_ALL.search(before):
        tags |= tags_of(_NOUN.split(rest, maxsplit=1)[0], most=4)
    else:
        told = tags_of(_SHARE.sub("", behind), most=4)  # `44 (85 %) are pending, 6 (12 %) running`
        tags |= told or (frozenset() if before.rstrip().endswith(",") else tags_of("".join(before.split()[-1:])))
    return Claim(amount, passage, _by_heading(amount, passage), noun, tags, topics=_topics(amount, passage))


def _topics(amount: Amount, passage: Passage) -> frozenset[str]:
    """What it is a number of: by the heading, else by its own clause."""
    if passage.column >= 0:
        return topics_of(passage.heading) or topics_of(passage.row if passage.column else "")
    before = re.split(r"[,;:()]|\b(?:and|while|but|of|against)\b", passage.text[: amount.start])[-1]
    behind = re.split(r"[,;:()]|\b(?:and|while|but|of|against)\b", passage.text[amount.end :], maxsplit=1)[0]
    return topics_of(before) | topics_of(" ".join(behind.split()[:3]))


def _groups(text: str, found: Sequence[tuple[int, int, str]]) -> list[tuple[int, int, frozenset[str]]]:
    """Names that stand together (`815 and 816`, `812 (ana)`) as one."""
    groups: list[tuple[int, int, frozenset[str]]] = []
    for start, end, name in sorted(found):
        if groups and _TOGETHER.fullmatch(text[groups[-1][1] : start]):
            first, _, names = groups.pop()
            groups.append((first, end, names | {name}))
        else:
            groups.append((start, end, frozenset({name})))
    return groups


def _whose(
    amount: Amount, text: str, groups: Sequence[tuple[int, int, frozenset[str]]], outside: frozenset[str]
) -> tuple[frozenset[str], bool]:
    """Whom a number is about, by the name before it, else the row or the sentence before, else the one behind it."""
    before = [one for one in groups if one[1] <= amount.start]
    if _OF_ALL.search(text[: amount.start]):
        return frozenset(), False
    behind = [one for one in groups if one[0] >= amount.end]
    if behind and _IN_BRACKETS.fullmatch(text[amount.end : behind[0][0]]):
        return behind[0][2], False  # `622 W (gpu-03/3)`
    if before:
        between = text[before[-1][1] : amount.start]
        if _OTHERS.search(text[: before[-1][0]]):
            return frozenset(), False  # `the siblings of gpu-01/3 are at 98 %`
        if COMPARES.search(between):
            return frozenset(), False
        return before[-1][2], _RIGHT_BEFORE.fullmatch(between) is not None
    if outside:
        return (frozenset(), False) if COMPARES.search(text[: amount.start]) else (outside, False)
    behind = [one for one in groups if one[0] >= amount.end]
    if (
        behind
        and not COMPARES.search(text[: behind[0][0]])
        and not re.search(r"[,;:(]", text[amount.end : behind[0][0]])
    ):
        return behind[0][2], False
    return frozenset(), False


def _counts(claim: Claim) -> bool:
    """Whether a number word counts: `two GPUs`; `one` does so only right before what it counts."""
    if claim.amount.text.casefold() != "one":
        return True
    return bool(first_noun(claim.behind, most=1)) and not claim.behind.casefold().startswith((" of", " more", " or"))


def _by_heading(amount: Amount, passage: Passage) -> tuple[Reading, ...]:
    """How a number may be meant; in a table with a unit in its column's heading or its row's, as one of that unit."""
    if passage.column < 0 or amount.kinds != {"plain"}:
        return amount.readings
    unit = _UNIT_HEAD.search(passage.heading) or (
        _UNIT_HEAD.search(passage.row) if passage.column and not _DIGIT.search(passage.row) else None
    )
    if unit is None:
        return amount.readings
    written = f"${amount.text}" if unit[0][0] == "$" else f"{amount.text} {unit[0]}"
    found = next(iter(read(written)), None)
    return found.readings if found is not None else amount.readings
