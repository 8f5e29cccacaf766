"""Whether a claim of a number rests on a fact. Pure.

A claim is held against the facts of the looks that it cites, of whom it names, of what it counts, as far as there are
such; the fewer it may rest on, the less a wrong number finds one by chance.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from app.agent.amounts import Amount, Reading, read
from app.agent.bounds import bound_of
from app.agent.citations import Names
from app.agent.claims import Claim
from app.agent.facts import Fact, Facts
from app.agent.nouns import first_noun

VERBATIM = 16
"""So many characters before a number that stand so in a result are a quotation."""
_SCOPED = frozenset({"percent", "memory", "temperature", "power", "frequency", "energy", "money", "rate", "time"})
"""Kinds that are told of one thing: whose number it is matters."""
_TOPICAL = frozenset({"percent", "money", "memory"})
"""Kinds of which one thing has several: whether it is of the memory or of the time is all that tells them apart."""
_ABOUT = re.compile(
    r"(?:\b(?:about|around|roughly|approximately|approx\.?|nearly|almost|close to|some|circa)|[~≈])\s*$", re.IGNORECASE
)
_MORE = re.compile(
    r"(?:\b(?:more than|over|above|at least|exceed(?:s|ing|ed)?|beyond|greater than|higher than|past)|[>≥])\s*$",
    re.IGNORECASE,
)
_LESS = re.compile(
    r"(?:\b(?:less than|under|below|at most|up to|fewer than|lower than|within)|[<≤])\s*$", re.IGNORECASE
)
_LABEL = re.compile(
    r"\b(?P<label>s?xid|gpus?|rank|port|link|lane|exit code|exit status|signal|code|pid|rack|slot|version|cuda"
    r"|driver|python|vllm|bus|numa|step|looks?|results?)[\s#:*`]*(?:\d+\s*(?:,|and|or|/|–|-|to)\s*)*$",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"\b(?:between|from)\b", re.IGNORECASE)
_PAIR = re.compile(r"(?<![\d.])(?P<part>\d+) of (?:the |its )?(?P<whole>\d+)(?![\d.])")
_INDICES = re.compile(r"/\d{1,3}(?:\s*[-–—,]\s*\d{1,3})*\s*[-–—,]\s*$")
_NUMBERED = re.compile(r"\s*(?:#|no\.?|nr\.?|rank|place|step|)\s*", re.IGNORECASE)
"""Headings of a column that numbers the rows."""
_REST = re.compile(r"[_+][\d_+]*\d|")
_A_DAY = re.compile(r"\s*(?:\*\*)?\s?(?:/\s?|an? |per |each |every )(?P<span>day|month)\b", re.IGNORECASE)
_PER_CENTILE = re.compile(r"(?:th|st|nd|rd)?\s*percentile|(?:th|st|nd|rd)\b", re.IGNORECASE)


class Checker:
    """Holds claims against facts."""

    def __init__(self, facts: Facts, names: Names) -> None:
        self._facts = facts
        self._names = names
        self._by_kind: dict[str, list[Fact]] = {}
        for fact in facts.numbers:
            self._by_kind.setdefault(fact.kind, []).append(fact)

    def is_supported(self, claim: Claim) -> bool:
        """Whether a claim rests on something."""
        if self._is_misquoted(claim):
            return False
        if (is_known := self._is_name(claim)) is not None:
            return is_known
        if self._is_said_so(claim) or self._is_verbatim(claim) or self._is_span_asked(claim):
            return True
        readings = claim.readings
        if _ABOUT.search(claim.before):
            readings = tuple(_wider(one, 0.05, 0.05) for one in readings)
        elif _MORE.search(claim.before):
            readings = tuple(_wider(one, 0.0, 0.1) for one in readings)
        elif _LESS.search(claim.before):
            readings = tuple(_wider(one, 0.1, 0.0) for one in readings)
        return any(self._fits(one, claim) for one in readings)

    def is_measured(self, claim: Claim) -> bool:
        """Whether the looks hold the very thing of whom it names: then what else it may follow from is no excuse."""
        return bool(claim.topics and claim.about) and any(
            fact.topics & claim.topics and fact.about & claim.about
            for kind in claim.amount.kinds | {one.kind for one in claim.readings}
            for fact in self._by_kind.get(kind, ())
        )

    def _is_misquoted(self, claim: Claim) -> bool:
        """Whether a quotation has another number where the results have theirs."""
        if not claim.passage.text.lstrip().startswith(">"):
            return False
        before = claim.before[-8:].casefold()
        return (
            len(before) == 8
            and before in self._facts.text
            and f"{before}{claim.amount.text.casefold()}" not in self._facts.text
        )

    def _is_verbatim(self, claim: Claim) -> bool:
        """Whether it stands in the results with the very words before it."""
        words = f"{claim.before[-VERBATIM:]}{claim.amount.text}".casefold()
        return len(words) > VERBATIM and words in self._facts.text

    def _is_span_asked(self, claim: Claim) -> bool:
        """Whether it ends a span around the time that was asked about: of 13:30, `between 13:15 and 13:45`."""
        if "clock" not in claim.amount.kinds or not _BETWEEN.search(claim.passage.text):
            return False
        found = [one for one in read(claim.passage.text) if "clock" in one.kinds][:2]
        lows = [each.low + 0.5 for one in found for each in one.readings if each.kind == "clock"]
        if len(lows) != 2 or claim.amount not in found:
            return False
        asked = (one.value for one in self._by_kind.get("clock", ()) if not (one.look or one.about))
        return any(abs(one - sum(lows) / 2) <= 60 for one in asked)

    def _is_said_so(self, claim: Claim) -> bool:
        """Whether `7 of 8` stands so in a text of the results."""
        pair = _PAIR.search(claim.passage.text, max(0, claim.amount.start - 12))
        if pair is None or not pair.start() <= claim.amount.start < pair.end():
            return False
        return f"{pair['part']} of {pair['whole']} " in self._facts.text

    def _is_name(self, claim: Claim) -> bool | None:
        """Of a number that names (`Xid 79`, `GPU 3`, `812`) whether it was found so; None of one that measures."""
        if claim.amount.kinds != {"plain"} or claim.amount.is_word:
            return None
        number = claim.amount.text.strip()
        if self._is_named_cell(claim):
            return True
        if _PER_CENTILE.match(claim.behind):
            return (
                True if not claim.behind.lstrip("thsndr ").startswith("percentile") else f"p{number}" in self._names.all
            )
        label = _LABEL.search(claim.before)
        if label is None or claim.noun:
            is_job = number in self._facts.jobs and len(number) > 2 and not claim.noun
            return True if is_job else None
        word = label["label"].casefold()
        if word.startswith(("look", "result", "step")):
            return True
        if word in {"gpu", "gpus"}:
            known = (fact.raw for fact in self._by_kind.get("plain", ()) if fact.is_name)
            is_known = number in self._names.indices or float(number.replace(",", "")) in known
            return is_known or _stands_so(word, number, self._facts.text)
        return _stands_so(word, number, self._facts.text)

    def _is_named_cell(self, claim: Claim) -> bool:
        """Whether it is part of a name that was found: the job of a row, a GPU's index, the number of the row."""
        place = claim.passage
        token = _token(place.text, claim.amount)
        if place.column < 0:
            return token != claim.amount.text and token in self._facts.jobs
        if _INDICES.search(claim.before):  # `gpu-01/0-7`
            return claim.amount.text in self._names.indices
        what = first_noun(place.heading) or (first_noun(place.row) if place.column == 1 else "")
        if what == "job" and place.text.strip(" *_`#").startswith(token) and token in self._facts.jobs:
            return True
        if place.text.strip(" *_`#") != token:
            return False
        if _NUMBERED.fullmatch(place.heading):
            return place.column == 0
        return what == "gpu" and place.column == 0 and token in self._names.indices

    def _fits(self, reading: Reading, claim: Claim) -> bool:
        if reading.kind == "plain":
            return self._fits_count(reading, claim)
        facts = self._by_kind.get(reading.kind, [])
        if reading.kind == "money" and (hours := _hours(claim)):
            facts = [*facts, *(replace(one, value=one.value * hours) for one in facts if one.is_hourly)]
        cited = _on_topic(_cited(facts, claim), claim)
        own = _own(cited, claim) if reading.kind in _SCOPED else []
        if own:
            return _any(reading, own) or self._fits_elsewhere(reading, facts, claim)
        if _any(reading, cited):
            return True
        if reading.kind in {"clock", "date"} and _any(reading, (one for one in facts if not one.about)):
            return True  # the span that was looked at, by a look that need not be cited for it
        return self._fits_elsewhere(reading, facts, claim) or self._fits_bare(reading, claim, has_kind=bool(cited))

    @staticmethod
    def _fits_elsewhere(reading: Reading, facts: Sequence[Fact], claim: Claim) -> bool:
        """Whether a look that is not cited holds it of the very thing that is named: the citation is careless then."""
        return bool(claim.looks and claim.about) and _any(reading, _on_topic(_very_own(facts, claim), claim))

    def _fits_bare(self, reading: Reading, claim: Claim, *, has_kind: bool) -> bool:
        """Whether a number without a unit in the results is meant: 0.97 may be told as 97 %, 600 as 600 W."""
        plain = [
            one for one in _cited(self._by_kind.get("plain", ()), claim) if not (one.is_name or one.nouns or one.tags)
        ]
        if reading.kind == "percent" and any(0 < one.raw <= 1 and reading.fits(one.raw * 100) for one in plain):
            return True
        written = None if has_kind else _written(claim)
        return written is not None and any(written.fits(one.raw) and one.raw != 0 for one in plain)

    def _fits_count(self, reading: Reading, claim: Claim) -> bool:
        beyond = list(self._beyond(claim))
        if beyond and claim.passage.column > 0:  # the row says what is counted, so no other number is meant
            return any(reading.fits(many) for many in beyond)
        return self._fits_counted(reading, claim) or any(reading.fits(many) for many in beyond)

    def _beyond(self, claim: Claim) -> Iterator[int]:
        """How many GPUs are beyond the bound that is told with their number: `seven of them above 90 %`."""
        bound = bound_of(claim) if claim.noun in {"gpu", ""} else None
        if bound is None:
            return
        groups: dict[tuple[int, frozenset[str]], dict[frozenset[str], float]] = {}
        for one in _cited(self._by_kind.get(bound.kind, ()), claim):
            if one.about >= claim.about and any("/" in name for name in one.about):
                groups.setdefault((one.look, one.topics), {}).setdefault(one.about, one.value)
        for values in groups.values():
            if len(values) > 1:
                yield sum(bound.holds(value) for value in values.values())

    def _fits_counted(self, reading: Reading, claim: Claim) -> bool:
        plain = [one for one in self._by_kind.get("plain", ()) if not one.is_name]
        cited = _cited(plain, claim)
        fits = partial(_any, reading)
        if claim.noun:
            counted = [one for one in cited if claim.noun in one.nouns]
            own = _own(counted, claim)
            alike = [one for one in own or counted if one.tags & claim.tags]
            alike += [one for one in cited if not one.nouns and one.tags & claim.tags]
            if alike or own or counted:
                return fits(alike or own or counted) or fits(self._elsewhere(plain, claim))
        elif claim.tags:
            tagged = [one for one in cited if one.tags & claim.tags]
            if tagged:
                return fits(tagged)
        if claim.is_right_behind and (own := _own(cited, claim)):
            return fits(own) or any(reading.fits(one.raw) for one in _own(self._measured(claim), claim))
        return fits(cited) or any(reading.fits(one.raw) for one in self._measured(claim))

    @staticmethod
    def _elsewhere(plain: Sequence[Fact], claim: Claim) -> list[Fact]:
        """What a look that is not cited counts of the very thing that is named."""
        counted = [one for one in plain if claim.noun in one.nouns and (not one.tags or one.tags & claim.tags)]
        return _very_own(counted, claim) if claim.looks else []

    def _measured(self, claim: Claim) -> list[Fact]:
        """Facts with a unit, for a number whose unit was left out."""
        kinds = [facts for kind, facts in self._by_kind.items() if kind not in {"plain", "clock", "date"}]
        return _cited((one for facts in kinds for one in facts), claim)


def _hours(claim: Claim) -> float:
    """Hours of the time that dollars are told for, where it is not one; 0: none is told."""
    words = claim.passage.heading if claim.passage.column >= 0 else claim.behind[:24]
    found = _A_DAY.match(words) if claim.passage.column < 0 else _A_DAY.search(words)
    return 0.0 if found is None else 24.0 if found["span"].casefold() == "day" else 730.0


def _token(text: str, amount: Amount) -> str:
    """The whole word that a number is in: `820_1`, `830+0`."""
    behind = _REST.match(text, amount.end)
    return amount.text.strip() + (behind[0] if behind is not None else "")


def _cited(facts: Iterable[Fact], claim: Claim) -> list[Fact]:
    """Those of the looks that are cited, and what is true without any."""
    return [one for one in facts if not claim.looks or not one.look or one.look in claim.looks]


def _on_topic(facts: list[Fact], claim: Claim) -> list[Fact]:
    """Those of what the claim is a number of, where there are such."""
    alike = [one for one in facts if one.topics & claim.topics] if claim.topics else []
    if not alike:
        return facts
    most = max(len(one.topics & claim.topics) for one in alike)
    return [one for one in facts if len(one.topics & claim.topics) == most or not (one.topics or one.kind in _TOPICAL)]


def _own(facts: Iterable[Fact], claim: Claim) -> list[Fact]:
    """Those of whom the claim names; of `815 (bo)` those of both, where there are such."""
    own = [one for one in facts if one.about & claim.about] if claim.about else []
    return [one for one in own if one.about >= claim.about] or own


def _very_own(facts: Iterable[Fact], claim: Claim) -> list[Fact]:
    """Of whom the claim names, those about nobody else beside: of a person all they hold, not one job of it."""
    own = _own(facts, claim)
    least = min((len(one.about - claim.about) for one in own), default=0)
    return [one for one in own if len(one.about - claim.about) == least]


def _any(reading: Reading, facts: Iterable[Fact]) -> bool:
    return any(reading.fits(one.value) for one in facts)


def _written(claim: Claim) -> Reading | None:
    """The number as it is written, without its unit."""
    text = claim.amount.text
    digits = re.search(r"\d[\d,]*(?:\.\d+)?", text)
    if digits is None or claim.amount.kinds & {"clock", "date"} or re.search(r"\d[^\d.,]+\d", text):
        return None
    found = next(iter(read(digits[0])), None)
    return found.readings[0] if found is not None else None


def _wider(one: Reading, less: float, more: float) -> Reading:
    return replace(one, low=one.low - less * abs(one.low), high=one.high + more * abs(one.high))


def _stands_so(label: str, number: str, text: str) -> bool:
    name = re.escape(label.rstrip("s"))
    return re.search(rf"{name}\w*\D{{0,24}}(?<![\d.]){re.escape(number)}(?!\d|\.\d)", text) is not None
