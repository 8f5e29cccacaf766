"""Slurm's output cut, doubled and overwritten at random: no crash but SlurmParseError, nothing unsafe within."""

from __future__ import annotations

import copy
import json
import unicodedata
from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.slurm import SlurmJob, SlurmNode, SlurmPartition
from app.sources.slurm.json_jobs import jobs_of
from app.sources.slurm.json_nodes import nodes_of
from app.sources.slurm.json_partitions import partitions_of
from app.sources.slurm.parsed import MOST_NOTES, Parsed, SlurmParseError
from app.sources.slurm.scontrol import parse_jobs, parse_nodes, parse_partitions
from app.sources.slurm.sdiag import sdiag_of
from app.sources.slurm.squeue import parse_squeue
from tests.sources.slurm.slurm_text import (
    JOB,
    NODE,
    PARTITION,
    PENDING,
    answer,
    job_record,
    json_job,
    old_json_job,
    one_line,
    queue,
    queue_row,
)  # fmt: skip

QUICK, LONG = 500, 10_000
"""Cases in the normal suite and in the long one, over all inputs together."""
SHARES = {"squeue": 0.4, "scontrol": 0.3, "json": 0.3}

NASTY = [
    b"\n", b"\x1f", b"\x00", b"\x1b[2J", b"\xff\xfe", "\u202e".encode(), b"=", b" JobId=1 ", b"\nJobId=812 ", b"(IDX:",
    b"0-999999999", b"[1-99999999]", b"9" * 30, b"A" * 10_000, b"%", b",", b"(null)", b"-1", b"gpu:", b"{}", b"\x85",
]  # fmt: skip
TEXTS: list[tuple[str, Callable[[bytes], Parsed[Any]], bytes]] = [
    ("squeue", parse_squeue, queue(queue_row(), queue_row(**PENDING, JobArrayID="9", JobID="9"),
     queue_row(JobArrayID="7_1", JobID="8"))),
    ("scontrol", parse_jobs, f"{job_record()}\n{job_record(JobId='9')}\n{JOB}".encode()),
    ("scontrol", parse_nodes, f"{one_line(NODE)}\n{NODE}".encode()),
    ("scontrol", parse_partitions, f"{one_line(PARTITION)}\n{PARTITION}".encode()),
]  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn, text: bytes) -> bytes:
    """The text with some pieces cut, doubled, moved or overwritten."""
    for _ in range(draw(st.integers(1, 6))):
        at, end = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
        end = min(end, at + 200)
        match draw(st.integers(0, 4)):
            case 0:
                text = text[:at] + text[end:]
            case 1:
                text = text[:end] + text[at:end] + text[end:]
            case 2:
                text = text[:at] + draw(st.sampled_from(NASTY)) + text[at:]
            case 3:
                text = text[:at] + draw(st.binary(max_size=20)) + text[end:]
            case _:
                text = text[end:] + text[:at]
    return text


def safe(value: object) -> bool:
    """Whether no text within a value could do something to a terminal, or fill it."""
    if isinstance(value, str):
        return len(value) <= 4096 and not any(unicodedata.category(char) in ("Cc", "Cf", "Cs") for char in value)
    if isinstance(value, tuple):
        return len(value) <= 65_536 and all(map(safe, value[:100]))
    return True


def check(parsed: Parsed[Any], command: str) -> None:
    """What came out is whole and safe, and what was skipped is told with command and line."""
    for one in parsed.items:
        assert isinstance(one, SlurmJob | SlurmNode | SlurmPartition)
        assert all(safe(getattr(one, field.name)) for field in fields(one))
    assert len(parsed.notes) <= 4 * MOST_NOTES
    assert all(safe(note) and note.startswith(command) for note in parsed.notes)
    assert bool(parsed.skipped) <= bool(parsed.notes)


def read_text(case: tuple[str, Callable[[bytes], Parsed[Any]], bytes], text: bytes) -> None:
    command, parse, _ = case
    try:
        check(parse(text), command)
    except SlurmParseError as error:
        problem = str(error)
    else:
        return
    assert problem.startswith(command)
    assert " line " in problem
    assert safe(problem)


LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(),
    st.sampled_from(["", "(null)", "Infinity", "\x1b", "9" * 400]),
    st.text(max_size=20), st.just([]), st.just({}), st.just({"set": True, "infinite": False, "number": "x"}),
    st.just({"set": True, "infinite": True}),
    st.lists(st.one_of(st.none(), st.text(max_size=5), st.integers()), max_size=3),
)  # fmt: skip
NODE_ROW = {
    "name": "gpu-01",
    "state": ["IDLE"],
    "gres": "gpu:8",
    "gres_used": "gpu:0",
    "cpu_load": 1,
    "features": ["a"],
}
PARTITION_ROW = {
    "name": "gpu",
    "nodes": {"configured": "a[1-2]"},
    "maximums": {"time": 5},
    "partition": {"state": ["UP"]},
}
ANSWERS: list[tuple[Callable[[object], object], dict[str, Any]]] = [
    (jobs_of, answer("jobs", json_job(), old_json_job(job_id=9))),
    (nodes_of, answer("nodes", NODE_ROW, NODE_ROW | {"name": "gpu-02", "state": "idle", "state_flags": ["DRAIN"]})),
    (partitions_of, answer("partitions", PARTITION_ROW)),
    (sdiag_of, {"statistics": {"server_thread_count": 3, "rpcs_by_user": [{"user": "a", "count": 1}]}}),
]


@st.composite
def mutated_answer(draw: st.DrawFn, obj: dict[str, Any]) -> object:
    """The answer with some values replaced, dropped or put elsewhere."""
    obj = json.loads(json.dumps(obj))
    for _ in range(draw(st.integers(1, 8))):
        place: Any = obj
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and draw(st.integers(0, 3)):
                place = place[key]
                continue
            if isinstance(place, dict) and draw(st.integers(0, 3)) == 0:
                del place[key]
            else:
                place[key] = copy.deepcopy(draw(LEAVES))
            break
    return obj


def read_answer(case: tuple[Callable[[object], object], dict[str, Any]], obj: object) -> None:
    read, _ = case
    try:
        found = read(obj)
    except SlurmParseError as error:
        found = str(error)
        assert safe(found)
    if isinstance(found, Parsed):
        check(found, found.notes[0].split(" ")[0] if found.notes else "")


def run(share: str, cases: int) -> None:
    """Read so many mutations of one kind of input."""

    @settings(max_examples=round(cases * SHARES[share]), database=None)
    @given(st.data())
    def some(data: st.DataObject) -> None:
        if share == "json":
            answer_case = data.draw(st.sampled_from(ANSWERS))
            read_answer(answer_case, data.draw(mutated_answer(answer_case[1])))
            return
        case = data.draw(st.sampled_from([one for one in TEXTS if one[0] == share]))
        read_text(case, data.draw(mutated(case[2])))

    some()


@pytest.mark.parametrize("share", SHARES)
def test_mutated_output_never_crashes_a_parser(share: str) -> None:
    """Five hundred cases: values are safe, errors name the command and the line."""
    run(share, QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("share", SHARES)
def test_mutated_output_never_crashes_a_parser_however_often(share: str) -> None:
    """Ten thousand cases: values are safe, errors name the command and the line."""
    run(share, LONG)
