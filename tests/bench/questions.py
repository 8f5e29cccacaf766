"""The sixty questions: `python -m tests.bench.questions [--write | --show] [PART OF A SCENE OR QUESTION…]`.

Each is asked of the offline analyst over its scene, through the real tools and the real diagnosis; counted are the
facts of its answer that were written down beforehand, and the numbers in it that no look supports.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.asked.asking import Outcome, ask
from tests.bench.asked.bank import BANK
from tests.bench.asked.question import Question
from tests.bench.asked.recorded import ground_of
from tests.bench.asked.scenes import scene

TARGET = 0.90
DOC = Path(__file__).parents[2] / "docs" / "questions.md"


_HOW = """\
Written by `python -m tests.bench.questions --write`; do not edit it by hand.

Without a model, the offline analyst answers: it recognises what people ask, looks through the same tools as a model
would, and writes the answer from templates. Here it is asked over scenes of the fault benchmark (`tests/bench/faults`,
a plant of 32 GPUs whose pages, logs and Slurm are read by the real sources, and diagnosed by the real engine). The
facts that an answer must hold were written down by hand, from what is true in the scene (`tests/bench/asked/bank.py`).
A number is unsupported if the grounding check that every answer goes through (`app/agent/grounding.py`) finds it in no
result of a look."""
_NOT = """\
What this does not measure: the questions and the analyst were written by one person, and only questions of the kinds
that `what can you do?` lists are among them. Of fifty other phrasings, written without a look at what it knows, it took
36 for what they meant at first (`tests/agent/analyst/heldout.py`; it was widened by the rest). What it does not
understand it says so of; what it takes for another question it answers that one."""


async def answered(some: Sequence[Question]) -> list[Outcome]:
    """Every question, scene by scene."""
    found: dict[Question, Outcome] = {}
    for name in dict.fromkeys(one.scene for one in some):
        ground = ground_of(await scene(name))
        for question in some:
            if question.scene == name:
                found[question] = await ask(ground, question)
    return [found[one] for one in some]


def share(outcomes: Sequence[Outcome]) -> tuple[int, int]:
    """Facts found, and facts expected."""
    return sum(sum(one.found) for one in outcomes), sum(len(one.found) for one in outcomes)


def table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """The table, as markdown."""
    yield "| scene | question | facts | unsupported numbers | wrong | looks |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for one in outcomes:
        asked = " → ".join((*one.question.after, one.question.asked))
        looks = ", ".join(dict.fromkeys(use.tool for use in one.exchange.tools)) or "none"
        numbers = ", ".join(one.numbers) or "0"
        yield (
            f"| {one.question.scene} | {asked} | {sum(one.found)} of {len(one.found)} | {numbers} | "
            f"{len(one.wrong) or 0} | {looks} |"
        )


def summary(outcomes: Sequence[Outcome]) -> str:
    """The figures that count."""
    found, expected = share(outcomes)
    unsupported, wrong = sum(len(one.unsupported) for one in outcomes), sum(len(one.wrong) for one in outcomes)
    return (
        f"{len(outcomes)} questions over {len({one.question.scene for one in outcomes})} scenes: {found} of "
        f"{expected} expected facts ({100 * found / expected:.1f} %, target at least {100 * TARGET:.0f} %), "
        f"{unsupported} unsupported numbers (target 0), {wrong} answers with something wrong (target 0)."
    )


def is_met(outcomes: Sequence[Outcome]) -> bool:
    """Whether every target is met."""
    found, expected = share(outcomes)
    return found >= TARGET * expected and not any(one.unsupported or one.wrong for one in outcomes)


def document(outcomes: Sequence[Outcome]) -> str:
    """The page in docs/."""
    title, rows = "# Sixty questions to the offline analyst", "\n".join(table(outcomes))
    return "\n\n".join((title, _HOW, f"**{summary(outcomes)}**", rows, _NOT)) + "\n"


def main(argv: Sequence[str]) -> int:
    """Ask what was chosen and print the table; 1 where a target is missed."""
    words = argparse.ArgumentParser(prog="python -m tests.bench.questions", description=__doc__)
    words.add_argument("--write", action="store_true", help="write docs/questions.md")
    words.add_argument("--show", action="store_true", help="print every answer")
    words.add_argument("part", nargs="*", help="only scenes or questions that hold one of these")
    wanted = words.parse_args(argv)
    some = [one for one in BANK if not wanted.part or any(part in f"{one.scene} {one.asked}" for part in wanted.part)]
    outcomes = asyncio.run(answered(some))
    for one in outcomes:
        if wanted.show:
            print(f"\n=== {one.question.scene}: {one.question.asked}\n{one.exchange.answer}")
        missed = [fact for fact, is_found in zip(one.question.facts, one.found, strict=True) if not is_found]
        if missed or one.unsupported or one.wrong:
            print(f"{one.question.scene}: {one.question.asked}: misses {missed}, {one.numbers}, {one.wrong}")
    if wanted.write:
        DOC.write_text(document(outcomes), encoding="utf-8")
    print(*table(outcomes), "", summary(outcomes), sep="\n")
    return 0 if is_met(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
