"""Answers that follow one another: what is remembered of the last makes reading quicker and changes no result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.sources.slurm.details import only, split
from app.sources.slurm.node_records import NodeReader
from app.sources.slurm.parsed import Parsed, SlurmParseError
from app.sources.slurm.scontrol import parse_nodes
from app.sources.slurm.squeue import MARK, QueueReader, parse_squeue
from tests.sources.slurm.slurm_text import NODE, PENDING, one_line, queue, queue_row

T = TypeVar("T")
CASES, LOOKS = 60, 6
RECORD = one_line(NODE)
JUNK = ("\n", "\x1f", "\n\n", " ", "=", "\nJobId=3 ", "\nNodeName=x ", " CPULoad=1 ", " FreeMem=", " Comment=")
chances = st.randoms(use_true_random=False)


def said(parse: Callable[[bytes], Parsed[T]], text: str) -> Parsed[T] | str:
    """What a parser makes of a text, or its error."""
    try:
        return parse(text.encode())
    except SlurmParseError as error:
        return str(error)


def spoilt(text: str, chance: Random) -> str:
    """A text, now and then with something put into it, or cut off."""
    for _ in range(chance.choice((0, 0, 0, 1, 2))):
        at = chance.randrange(len(text) + 1)
        text = text[:at] + chance.choice((*JUNK, "")) + text[at + chance.randrange(2) :]
    return text if chance.random() < 0.9 else text[: chance.randrange(len(text) + 1)]


def node_text(number: int, chance: Random) -> str:
    """A node that says something of its own."""
    end = chance.choice(("", "", " Comment=at CPULoad=4.0 once", " Extra=AveWatts=7 x", " ConsumedJoules=5 AveWatts=9"))
    start = chance.choice(("", "", " Comment=new FreeMem=4"))
    return RECORD.replace("gpu-01 ", f"gpu-{number:02d}{start} ", 1).rstrip() + end


def moved_node(text: str, chance: Random) -> str:
    """A node's record some seconds later."""
    for key, value in (("CPULoad", "3.25"), ("FreeMem", "900000"), ("LastBusyTime", "1800000000"), ("AveWatts", "9")):
        if chance.random() < 0.5:
            new = chance.choice((str(chance.randrange(1, 99)), "N/A", "n/s", "", "2 x"))
            text = text.replace(f"{key}={value}", f"{key}={new}")
    return text


@settings(max_examples=CASES, deadline=None)
@given(chances)
def test_nodes_read_again_are_what_a_new_reader_reads(chance: Random) -> None:
    """Whatever moved, came, went or is broken: memory of the last look changes nothing."""
    reader, nodes = NodeReader(), [node_text(number, chance) for number in range(chance.randrange(6))]
    for _ in range(LOOKS):
        nodes = [text if chance.random() < 0.9 else node_text(chance.randrange(6), chance) for text in nodes]
        text = spoilt("\n".join(moved_node(one, chance) for one in nodes) + "\n", chance)

        assert said(parse_nodes, text) == said(reader.read, text)


def test_node_that_says_the_same_is_the_same_and_one_that_moved_differs_in_that() -> None:
    """Load, free memory and the last work are read anew; power that nobody reads makes no new node."""
    reader, text = NodeReader(), f"{RECORD.strip()} CurrentWatts=300\n"
    first = reader.read(text.encode()).items[0]
    warm = reader.read(text.replace("Watts=300", "Watts=310").encode()).items[0]
    text = text.replace("CPULoad=3.25", "CPULoad=9.5").replace("FreeMem=900000", "FreeMem=N/A")
    busy = reader.read(text.replace("LastBusyTime=1800000000", "LastBusyTime=1800000005").encode()).items[0]

    assert first is warm
    assert replace(first, cpu_load=9.5, memory_free_mib=None, busy_at=1_800_000_005.0) == busy


@pytest.mark.parametrize("text", ["Comment=was CPULoad={} once", "Reason=FreeMem={} is low"])
def test_numbers_in_free_text_are_text(text: str) -> None:
    """What looks like a moving value within a comment or before it is never taken for one of the node's."""
    reader = NodeReader()
    for number in range(3):
        answer = f"NodeName=a State=IDLE {text.format(number)} FreeMem=5 CPULoad=1\n".encode()

        assert parse_nodes(answer) == reader.read(answer)


def queue_text(chance: Random) -> str:
    """A row of a job that waits, runs or is suspended, now and then with a name that is none."""
    number = str(chance.randrange(9))
    name = chance.choice(
        (
            "plain",
            "plain",
            "two\nlines",
            "ends\n\n",
            "sep\x1f",
            f"x\n9\x1f{MARK}\x1f1:00\x1f9\x1fRUNNING",
            "y\n9\x1fno\x1f1",
        )
    )
    states: tuple[dict[str, str], ...] = (PENDING, {}, {"State": "SUSPENDED"}, {"EndTime": "1800999999"})
    changes = {**chance.choice(states), "JobArrayID": number, "JobID": number}
    return queue_row(**{**changes, "PriorityLong": chance.choice("123"), "Name": name})


def later(row: str, chance: Random) -> str:
    """A row with another time used."""
    job, mark, _, rest = row.split("\x1f", 3)
    return "\x1f".join((job, mark, chance.choice(("0:00", "0:07", "1-00:00:09")), rest))


@settings(max_examples=CASES, deadline=None)
@given(chances)
def test_queue_read_again_is_what_a_new_reader_reads(chance: Random) -> None:
    """Whatever moved, came, went, came twice or is broken: memory of the last look changes nothing."""
    reader, rows = QueueReader(), [queue_text(chance) for _ in range(chance.randrange(9))]
    for _ in range(LOOKS):
        rows = [row if chance.random() < 0.8 else queue_text(chance) for row in rows]
        rows = [row if chance.random() < 0.5 else later(row, chance) for row in rows]
        text = spoilt(queue(*rows).decode() + chance.choice(("", "", "\n", " \n\n")), chance)

        assert said(parse_squeue, text) == said(reader.read, text)


def test_row_whose_end_is_missing_is_never_taken_as_known() -> None:
    """A row that was cut off goes on in the next line of the next answer, if it does so there."""
    reader, cut = QueueReader(), queue_row().removesuffix("\x1f")
    names = [reader.read(text.encode()).items[0].name for text in (cut, f"{cut}\nmore\x1f\n", cut)]

    assert ["llama-ft", "llama-ft more", "llama-ft"] == names


def test_what_was_made_of_a_row_is_what_it_is_the_next_time() -> None:
    """Jobs with their details take the place of those that were read, until their row says something else."""
    reader, rows = QueueReader(), [queue_row(JobArrayID=number, JobID=number) for number in ("8", "9")]
    first, second = reader.read(queue(*rows)).items
    made = replace(first, stdout="/a")
    reader.take_up((made, second))
    again = reader.read(queue(*rows)).items
    moved = reader.read(queue(queue_row(JobArrayID="8", JobID="8", PriorityLong="9"), rows[1])).items

    assert (made, second) == again
    assert made is again[0]
    assert None is moved[0].stdout
    assert second is moved[1]


def test_job_with_a_name_of_lines_is_the_same_while_it_says_the_same() -> None:
    """It is known by all of its lines."""
    reader, row = QueueReader(), queue_row(Name="a\nb")
    first = reader.read(queue(row, queue_row(JobArrayID="9", JobID="9"))).items

    assert first[0] is reader.read(queue(queue_row(JobArrayID="9", JobID="9"), row)).items[1]


@settings(max_examples=3 * CASES, deadline=None)
@given(chances)
def test_wanted_records_are_those_that_splitting_finds(chance: Random) -> None:
    """By number, with what stands below them, whatever else is in the answer."""
    tails = (" JobName=a", " JobName=b\nJobId=3 JobName=c", " JobName=d\nrest", "x JobName=e", "")
    zeros = ("", "", "0")
    records = [f"JobId={chance.choice(zeros)}{chance.randrange(12)}{chance.choice(tails)}" for _ in range(9)]
    answer = spoilt("\n".join(records), chance).encode()
    wanted = frozenset(chance.randrange(1, 12) for _ in range(chance.randrange(6)))

    assert split(answer, wanted, 1000)[0] == only(answer, wanted)
