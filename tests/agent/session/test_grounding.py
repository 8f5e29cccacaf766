"""Numbers and names in answers: what rests on nothing is marked, what rests on a result is not."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from app.agent import grounding
from app.agent.amounts import read
from app.agent.analyst import Analyst
from app.agent.grounding import facts_of, marks
from app.domain.chat import Chip, Exchange, Mark, ToolUse
from tests.agent.session.desks import answered, desk
from tests.agent.session.planting import Planted, planted
from tests.agent.session.right_answers import ANSWERS, looks
from tests.agent.session.right_tables import TABLES, UNTUNED
from tests.agent.tools.grounds import feed_of, ground
from tests.present.slurm_fleet import slurm_fleet
from tests.tui.alarms import alarmed
from tests.tui.diagnoses import troubles

NOW = 1_764_000_000.0


@pytest.fixture(scope="module")
def uses() -> tuple[ToolUse, ...]:
    """The results of real tools that the right answers rest on."""
    return asyncio.run(looks())


@pytest.fixture
def quick(uses: tuple[ToolUse, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Gathers the facts of the same results once for many answers."""
    facts = facts_of(exchange("", uses))
    monkeypatch.setattr(grounding, "facts_of", lambda *_: facts)


def exchange(answer: str, uses: tuple[ToolUse, ...] = (), question: str = "what is wrong?", *chips: Chip) -> Exchange:
    """An answer over results."""
    return Exchange("x", NOW, question, chips, answer, tools=uses)


def doubted(answer: str, uses: tuple[ToolUse, ...], question: str = "what is wrong?", *chips: Chip) -> list[str]:
    """The pieces of an answer that are marked as resting on nothing."""
    found = marks(exchange(answer, uses, question, *chips))
    return [answer[one.start : one.end] for one in found if one.kind == "unsupported"]


def is_caught(one: Planted, uses: tuple[ToolUse, ...]) -> bool:
    """Whether the wrong number is marked."""
    found = marks(exchange(one.answer, uses))
    return any(mark.kind == "unsupported" and mark.start < one.end and one.start < mark.end for mark in found)


def test_right_answers_are_left_alone(uses: tuple[ToolUse, ...], quick: None) -> None:
    """Of the numbers and names in more than sixty right answers at most two in a hundred are marked wrongly."""
    wrongly = [(piece, answer) for answer in ANSWERS for piece in doubted(answer, uses)]
    numbers = sum(len(list(read(answer))) for answer in ANSWERS)

    assert len(ANSWERS) >= 60
    assert numbers > 300
    assert len(wrongly) <= 0.02 * numbers, wrongly


@pytest.mark.parametrize(("answers", "most_percent"), [(TABLES, 0.0), (UNTUNED, 8.0)])
def test_right_tables_are_left_alone(
    answers: tuple[str, ...], most_percent: float, uses: tuple[ToolUse, ...], quick: None
) -> None:
    """Numbers that are rounded, in other units, or reckoned from a table's own: sums, means, shares, differences."""
    wrongly = [(piece, answer) for answer in answers for piece in doubted(answer, uses)]
    numbers = sum(len(list(read(answer))) for answer in answers)

    assert numbers > 150
    assert 100 * len(wrongly) <= most_percent * numbers, wrongly


def test_wrong_numbers_in_tables_are_caught(uses: tuple[ToolUse, ...], quick: None) -> None:
    """What may be reckoned excuses no wrong one: of three hundred in tables at most one in a hundred stays."""
    every = list(planted((*TABLES, *UNTUNED), uses))
    some = random.Random(300).sample(every, 300)
    missed = [str(one) for one in some if not is_caught(one, uses)]

    assert len(every) > 600
    assert len(missed) <= 0.01 * len(some), missed


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        ("| GPU | power W |\n|---|--:|\n| gpu-01/0 | 621.6 |\n| gpu-01/3 | 98 |\n| total | 729.6 |\n\n[3]", "729.6"),
        ("| GPU | util % |\n|---|--:|\n| gpu-01/0 | 98.6 |\n| gpu-01/3 | 0 |\n| mean | 59.3 |\n\n[3]", "59.3"),
        ("| user | GPUs | share |\n|---|--:|--:|\n| ana | 12 | 65 % |\n| total | 22 | 100 % |\n\n[7]", "65 %"),
        ("| GPU | power | limit | util |\n|---|---|---|---|\n| gpu-01/3 | 98 W | 700 W | 14 % |\n\n[3]", "14 %"),
        ("| metric | gpu-01/0 | gpu-01/3 |\n|---|---|---|\n| power | 98 W | 621.6 W |\n\n[3]", "98 W"),
        (
            "| job | elapsed | limit | left |\n|---|---|---|---|\n| 815 | 41 min | 2 h | 1 h 49 min |\n\n[8]",
            "1 h 49 min",
        ),
        ("| job | util |\n|---|---|\n| 819 | 89 % |\n\n[8]", "819"),
        ("| utilization | GPUs |\n|---|--:|\n| 95 % and more | 5 |\n\n[3]", "5"),
        ("Five of its GPUs are above 95 % [3].", "Five"),
        ("12 + 4 + 3 = 29 GPUs are held by ana, svc and bo [7].", "29"),
        ("At $71.52/h the cluster costs $2,716 a day [11].", "$2,716"),
        ("The month comes to $64.1k [11].", "$64.1k"),
    ],
)
def test_a_wrong_reckoning_is_caught(answer: str, wrong: str, uses: tuple[ToolUse, ...], quick: None) -> None:
    """A sum, a mean, a share, a difference, a count over a bound or a day's cost that does not come out so."""
    assert wrong in doubted(answer, uses)


def test_a_hundred_planted_numbers_are_all_caught(uses: tuple[ToolUse, ...], quick: None) -> None:
    """A hundred wrong numbers, drawn from all that the rules make of the right answers: each is marked."""
    every = list(planted(ANSWERS, uses))
    hundred = random.Random(100).sample(every, 100)
    missed = [str(one) for one in every if not is_caught(one, uses)]

    assert len(every) > 200
    assert [] == [str(one) for one in hundred if str(one) in missed]
    assert len(missed) <= 0.01 * len(every), missed


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        ("gpu-01/0 is at 0 % [3].", "0 %"),
        ("gpu-01/3 draws 621.6 W [3].", "621.6 W"),
        ("gpu-01/0 is at 98.6 %, gpu-01/3 at 95.3 % [3].", "95.3 %"),
        ("| GPU | temp °C |\n|---|---|\n| gpu-01/2 | 66 |\n| gpu-01/6 | 66 |", "66"),
        ("ana holds 4 GPUs and svc 12 [7].", "4"),
        ("bo holds 12 GPUs [7].", "12"),
        ("44 jobs run [2].", "44"),
        ("6 jobs are pending [2].", "6"),
        ("19 GPUs are allocated [2].", "19"),
        ("Job 815 has run for 2 d 4 h [8].", "2 d 4 h"),
        ("gpu-02 has a mean utilization of 84.94 % [2].", "84.94 %"),
        ("The temperature of gpu-01/3 peaked at 15:57:19 [5].", "15:57:19"),
        ("gpu-01/3 uses 72,700 GiB [4].", "72,700 GiB"),
        ("gpu-01/3 is at 64 % [4].", "64 %"),
        ("It is the driver 550.54.15 [4].", "550.54.15"),
        ("The kernel wrote Xid 97 [1].", "97"),
        ("> NVRM: Xid (PCI:0000:05:00): 48, pid=41205 [1]", "48"),
        ("It draws 9.5 MW [2].", "9.5 MW"),
        ("The cluster costs $71.52 a day less than $81.52/h [2].", "$81.52/h"),
    ],
)
def test_a_number_of_something_else_is_caught(answer: str, wrong: str, uses: tuple[ToolUse, ...], quick: None) -> None:
    """A number that stands in the results, but of another thing, another kind or another time."""
    assert wrong in doubted(answer, uses)


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        ("gpu-99 is down [1].", "gpu-99"),
        ("gpu-01/9 is lost [1].", "gpu-01/9"),
        ("Job 999 hangs [1].", "999"),
        ("See incident i-99 [1].", "i-99"),
        ("It was user mallory [1].", "mallory"),
        ("The alert a-0123456789 fires [6].", "a-0123456789"),
        ("The board GPU-deadbeef-0000 failed [4].", "GPU-deadbeef-0000"),
        ("It sits at 0000:C1:00.0 [4].", "0000:C1:00.0"),
    ],
)
def test_a_name_that_nothing_holds_is_caught(answer: str, wrong: str, uses: tuple[ToolUse, ...], quick: None) -> None:
    """Nodes, GPUs, jobs, incidents, users, alerts, boards and buses must be in the results."""
    assert [wrong] == doubted(answer, uses)


def test_names_and_citations_lead_somewhere(uses: tuple[ToolUse, ...]) -> None:
    """Each kind of mark with its target, by offset, none over another."""
    answer = "gpu-01/5 on gpu-01 was lost in job 812, see i-17 [1]. Also [2, 3] and [40]."
    found = marks(exchange(answer, uses))

    assert [
        ("gpu-01/5", "gpu", "gpu-01/5"),
        ("gpu-01", "node", "gpu-01"),
        ("812", "job", "812"),
        ("i-17", "incident", "i-17"),
        ("[1]", "citation", "1"),
        ("2", "citation", "2"),
        ("3", "citation", "3"),
        ("[40]", "unsupported", "there is no look [40]"),
    ] == [(answer[one.start : one.end], one.kind, one.target) for one in found]


def test_the_reason_says_what_the_cited_look_does_not_hold(uses: tuple[ToolUse, ...]) -> None:
    """A person reads which look, which number, and of whom."""
    answer = "gpu-01/3 is at 71 °C [4]."
    mark = next(one for one in marks(exchange(answer, uses)) if one.kind == "unsupported")

    assert Mark(answer.index("71"), answer.index(" [4]"), "unsupported", "[4] does not hold 71 °C of gpu-01/3") == mark


@pytest.mark.parametrize(
    "answer",
    [
        "1. Drain it.\n2. Wait.\n3. Reboot.",
        "## 4. What to do",
        "Run `scontrol update nodename=gpu-01 state=drain reason=gpu-watchdog` [1].",
        "```sh\nscontrol update nodename=gpu-01 state=drain reason=gpu-watchdog\n```",
        "One of them is odd, and no one knows why.",
        "You asked about 4711 GPUs.",
        "An H100 or A100 in fp8, on CUDA12.",
    ],
)
def test_what_counts_nothing_is_left_alone(answer: str, uses: tuple[ToolUse, ...]) -> None:
    """Numbering, headings, commands of the results, words, models, and what the person said themselves."""
    assert [] == doubted(answer, uses, "why do 4711 GPUs fail?")


@pytest.mark.parametrize(
    "told",
    ["71000 MiB", "71,000 MiB", "71 GB", "69.3 GiB", "69.3 G", "97 %", "97 percent", "0.97", "41 min", "2460 s",
     "41:00", "0.68 h", "$23.84/h", "$23.84 per hour", "612 W", "0.61 kW", "1980 MHz", "1.98 GHz", "14:32", "14:32:10",
     "1.2 GB/s", "2,150 tok/s", "3 h 12 min", "3 h 12", "3:12:00", "2025-11-24", "about 70 GB", "over 600 W",
     "less than 700 W"],
)  # fmt: skip
def test_units_and_rounding_are_understood(told: str) -> None:
    """The same value in every way in which people write it."""
    result = (
        '{"used_mib":71000,"utilization_percent":97,"kv_cache_usage":0.97,"idle_s":2460,"cost_per_hour":23.84,'
        '"power_w":612,"sm_clock_mhz":1980,"since_iso":"2025-11-24T14:32:10+00:00","rx_bytes_per_s":1.2e9,'
        '"tokens_per_s":2150,"elapsed_s":11520,"power_limit_w":700}'
    )

    assert [] == doubted(f"It is {told} [1].", (ToolUse(1, "t", {}, result=result),))


@pytest.mark.parametrize(
    "told",
    ["72000 MiB", "72 GB", "71 GiB", "71 TB", "96 %", "0.96", "42 min", "2470 s", "$24.84/h", "613 W", "0.62 kW",
     "1890 MHz", "14:33", "14:32:40", "1.3 GB/s", "2,510 tok/s", "3 h 21 min", "2025-11-25", "about 80 GB",
     "over 800 W", "-97 %"],
)  # fmt: skip
def test_wrong_ones_are_not(told: str) -> None:
    """A little too much, another unit, figures turned round."""
    result = (
        '{"used_mib":71000,"utilization_percent":97,"kv_cache_usage":0.97,"idle_s":2460,"cost_per_hour":23.84,'
        '"power_w":612,"sm_clock_mhz":1980,"since_iso":"2025-11-24T14:32:10+00:00","rx_bytes_per_s":1.2e9,'
        '"tokens_per_s":2150,"elapsed_s":11520,"power_limit_w":700}'
    )

    assert doubted(f"It is {told} [1].", (ToolUse(1, "t", {}, result=result),))


def test_an_answer_may_rest_on_what_was_looked_at_before() -> None:
    """A second question about the same results needs no new look."""
    before = exchange("", (ToolUse(1, "t", {}, result='{"node":"gpu-07","power_w":612}'),))
    later = exchange("gpu-07 draws 612 W, not 613 W.")

    found = marks(later, (before,))

    assert ["613 W"] == [later.answer[one.start : one.end] for one in found if one.kind == "unsupported"]


def test_hostile_answers_cost_no_time() -> None:
    """Thousands of characters of anything are checked in a moment, and never raise."""
    use = ToolUse(1, "t", {}, result='{"gpus":[' + ",".join('{"gpu":"n-1/0","power_w":1}' for _ in range(500)) + "]}")
    for piece in ("1 ", "| 1 |\n", "[1]", "a-1/", "job 1, ", "1:1:1 ", "```\n", "9" * 50, "-" * 10, "1e9", "user x "):
        answer = (piece * 60_000)[:6_000]
        found = marks(exchange(answer, (use,)))
        assert all(0 <= one.start < one.end <= len(answer) for one in found)


QUESTIONS = (
    "what is wrong?", "status", "why is gpu-01/3 slow?", "why is job 831 pending?", "who wastes GPUs?",
    "is it safe to drain gpu-02?", "how hot is gpu-01?", "which GPUs are free?", "cost today", "alerts",
    "tell me about job 816", "temperature of gpu-01/3 over the last hour", "what happened at 13:30?",
    "which jobs are pending?", "why is gpu-03 drained?", "what does ana run?", "power of the cluster", "incident i-17",
    "what happened to gpu-01/5?", "how long has job 815 run?",
)  # fmt: skip


async def test_the_analysts_answers_are_left_alone(tmp_path: Path) -> None:
    """Answers that are written from the results alone, by templates, have no number that rests on nothing."""
    over = ground(slurm_fleet(), troubles())
    feed_of(over).alerted = alarmed()
    wrongly: list[str] = []
    numbers = 0
    async with desk(tmp_path, Analyst(), over=over) as one:
        for question in QUESTIONS:
            told = await answered(one.session, question)
            numbers += len(list(read(told.answer)))
            doubts = [each for each in told.marks if each.kind == "unsupported"]
            wrongly += [told.answer[max(0, each.start - 30) : each.end + 10] for each in doubts]

    assert numbers > 300
    assert [] == wrongly
