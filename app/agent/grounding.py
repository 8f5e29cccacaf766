"""Whether an answer's numbers and names rest on what was looked at; those that do not are marked. Pure.

Deterministic, so that no model judges itself: every number is read in each way it can be meant and held against the
facts of the looks (`app.agent.facts`), of the question and of what was looked at before. A right number said of the
wrong thing is found where the sentence or the row of a table names whose it is, and where it says by which look.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from app.agent.checking import Checker
from app.agent.citations import Names, citations, named
from app.agent.claims import Claim, claims
from app.agent.facts import Facts
from app.agent.passages import codes, quotes
from app.agent.reckoning import Reckoning
from app.agent.runbooks import texts_about
from app.domain.chat import Exchange, Mark

MOST_MARKS = 500
MOST_CLAIMS = 4000
"""Numbers that are checked: who writes more writes for nobody to read."""
EARLIER = 12
"""Exchanges before this one whose looks an answer may rest on."""


def marks(exchange: Exchange, before: Sequence[Exchange] = ()) -> tuple[Mark, ...]:
    """Every mark of an answer, by offset, never overlapping."""
    text = exchange.answer
    if not text.strip():
        return ()
    facts = facts_of(exchange, before)
    chips = [chip for one in (exchange, *before[-EARLIER:]) for chip in one.chips]
    names = Names(facts.text, chips, facts.nodes)
    found = _apart((*citations(text, exchange.tools), *named(text, names)))
    taken = [(one.start, one.end) for one in found]
    taken += [(start, end) for start, end, code in (*codes(text), *quotes(text)) if _is_quoted(code, facts)]
    return _apart((*found, *_unsupported(text, sorted(taken), facts, names)))[:MOST_MARKS]


def facts_of(exchange: Exchange, before: Sequence[Exchange] = ()) -> Facts:
    """What an answer may rest on: its looks, the question, and the looks and questions before."""
    facts = Facts()
    for one in before[-EARLIER:]:
        _add(facts, one, is_now=False)
    _add(facts, exchange, is_now=True)
    for text in texts_about(facts.text):
        facts.add_text(text)
    return facts


def _add(facts: Facts, exchange: Exchange, *, is_now: bool) -> None:
    facts.add_text(exchange.question)
    for chip in exchange.chips:
        facts.add_text(chip.key)
    for use in exchange.tools:
        if use.result:
            facts.add_result(use.result, use.began, use.arguments, use.number if is_now else -1)
        facts.add_text(f"{use.summary}\n{use.error}", use.number if is_now else -1)
        for value in use.arguments.values():
            facts.add_text(str(value))
    for proposal in exchange.proposals:
        plan = proposal.plan
        facts.add_text("\n".join((plan.summary, *plan.hits, *plan.shown, plan.undo, *plan.warnings)))


def _unsupported(text: str, taken: Sequence[tuple[int, int]], facts: Facts, names: Names) -> list[Mark]:
    """Numbers that rest on nothing; those within what is `taken` are passed over."""
    checker = Checker(facts, names)
    people = _people(facts)

    def mentions(piece: str) -> list[tuple[int, int, str]]:
        found = [
            (one.start, one.end, one.target.casefold()) for one in named(piece, names) if one.kind != "unsupported"
        ]
        return found + [(one.start(), one.end(), one[0].casefold()) for one in people.finditer(piece)]

    every: list[tuple[Claim, bool]] = []
    for passage in claims(text, taken, mentions):
        if len(every) > MOST_CLAIMS:
            break
        every += ((one, checker.is_supported(one)) for one in passage)
    reckoning = Reckoning(one for one, is_supported in every if is_supported)
    found: list[Mark] = []
    for one, is_supported in every:
        if is_supported or reckoning.holds(one, is_measured=checker.is_measured(one)):
            continue
        start = one.passage.start + one.amount.start
        found.append(Mark(start, one.passage.start + one.amount.end, "unsupported", _why(one)))
        if len(found) > MOST_MARKS:
            break
    return found


def _people(facts: Facts) -> re.Pattern[str]:
    """Names of users, and ids of jobs that a sentence gives without the word."""
    names = sorted(
        {re.escape(one) for one in facts.users if len(one) > 1} | {one for one in facts.jobs if len(one) > 2}
    )
    return re.compile(rf"(?<![\w./$-])(?:{'|'.join(names)})(?![\w/%]|[.,]\d|-\w)" if names else r"(?!)", re.IGNORECASE)


def _apart(found: Iterable[Mark]) -> tuple[Mark, ...]:
    """Marks by offset; of two that overlap the one that begins first, else the longer."""
    kept: list[Mark] = []
    for one in sorted(found, key=lambda mark: (mark.start, -mark.end)):
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return tuple(kept)


def _is_quoted(code: str, facts: Facts) -> bool:
    """Whether a piece of code stands so in what was found."""
    return not code or " ".join(code.casefold().split()) in facts.text


def _why(claim: Claim) -> str:
    number = claim.amount.text.strip()
    whose = f" of {', '.join(sorted(claim.about))}" if claim.about else ""
    where = f"[{', '.join(map(str, sorted(claim.looks)))}] does not hold" if claim.looks else "no result holds"
    return f"{where} {number}{whose}"
