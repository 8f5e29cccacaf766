"""The burn-in's own parts: the pattern check, the ring, what is printed, and an end in the middle."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pod.stress.clocks import Meter, Sample, summary_of
from pod.stress.engine import BLOCK_BYTES, Load, Matmul, Meeting, Place, Words
from pod.stress.launch import _free_port
from pod.stress.lines import LONGEST, Lines, Who
from pod.stress.patterns import PATTERNS, Checked, check
from pod.stress.phases import HUNG, Run
from pod.stress.plain import PlainEngine, PlainMatmul, PlainMemory
from pod.stress.ring import WORD, Ring, join
from pod.stress.settings import PHASES, Settings, device_of, parse, place_of
from pod.stress.wire import WireError, dial
from tests.tools.ports import free_port

ROOT = Path(__file__).parents[2]
SMALL = 4 * BLOCK_BYTES


class Leaky(PlainMemory):
    """Memory with a cell that cannot hold a 0."""

    def __init__(self, size: int, byte: int, bit: int) -> None:
        super().__init__(size)
        self._byte, self._bit = byte, bit

    def fill(self, words: Words) -> None:
        super().fill(words)
        self.raw[self._byte] |= 1 << self._bit


def clock(*, rounds: int) -> Callable[[], float]:
    """A clock that gives time for so many passes."""
    ticks = iter(range(10_000))
    return lambda: 0.0 if next(ticks) <= rounds else 1e9


def test_sound_memory_passes_every_pattern() -> None:
    """Nothing is found where nothing is wrong, and every pattern was tried."""
    assert Checked(0, (), 6, is_whole=True) == check(PlainMemory(SMALL), 1.0, clock(rounds=5))


def test_stuck_bit_is_found_with_its_address() -> None:
    """A bit that stays 1 shows in the patterns that want a 0 there, with the address of its word."""
    place = 2 * BLOCK_BYTES + 4096
    said = check(Leaky(SMALL, place + 3, 2), 1.0, clock(rounds=5))

    wants_zero = [one.name for one in PATTERNS if not one.words(2) >> (8 * 3 + 2) & 1]
    assert len(wants_zero) == said.mismatches
    assert f"{wants_zero[0]}@{place:#x}" == said.first[0]


def test_folded_addresses_are_found() -> None:
    """Two blocks that are one and the same cell array differ from what was written, since each holds its own number."""

    class Folded(PlainMemory):
        def fill(self, words: Words) -> None:
            super().fill(words)
            self.raw[:BLOCK_BYTES] = self.raw[BLOCK_BYTES : 2 * BLOCK_BYTES]

    said = check(Folded(SMALL), 1.0, clock(rounds=5))

    assert {"address@0x0"} == set(said.first[:1])
    assert 2 * BLOCK_BYTES // WORD == said.mismatches


def rings(count: int) -> list[Ring]:
    """So many processes, here threads, that have met."""
    at = free_port()
    with ThreadPoolExecutor(count) as pool:
        met = [pool.submit(join, Meeting(rank, count, "127.0.0.1", at, "secret", 10)) for rank in range(count)]
        return [one.result() for one in met]


def test_ring_of_three_gives_everybody_the_sum() -> None:
    """Each of three processes ends with the sum of all three, word by word."""
    words = [[rank * 1000 + at for at in range(30)] for rank in range(3)]
    three = rings(3)

    with ThreadPoolExecutor(3) as pool:
        given = [b"".join(word.to_bytes(WORD, "little") for word in one) for one in words]
        sums = list(pool.map(lambda ring, mine: ring.all_reduce(mine), three, given))

    wanted = [sum(column) for column in zip(*words, strict=True)]
    assert [wanted] * 3 == [
        [int.from_bytes(one[at : at + WORD], "little") for at in range(0, 240, WORD)] for one in sums
    ]
    for ring in three:
        ring.close()


def test_stranger_is_sent_away_and_the_others_meet() -> None:
    """Who does not know the secret gets no place, and does not keep those who do from theirs."""
    at = free_port()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(join, Meeting(0, 2, "127.0.0.1", at, "secret", 10))
        with dial("127.0.0.1", at, 10) as stranger:
            stranger.recv(16)
            stranger.sendall(bytes(32))
            assert b"" == stranger.recv(1)
        second = pool.submit(join, Meeting(1, 2, "127.0.0.1", at, "secret", 10))
        assert [0, 1] == [first.result().rank, second.result().rank]
    first.result().close()
    second.result().close()


def test_missing_process_is_told_and_not_waited_for_without_end() -> None:
    """A process that never comes is an error after the time that was given."""
    with pytest.raises(WireError, match="did not come in time"):
        join(Meeting(0, 2, "127.0.0.1", free_port(), "secret", 0.1))


def settings(phases: tuple[str, ...]) -> Settings:
    """Settings of a process that is alone."""
    return replace(parse(["--engine", "plain", "--seconds", "0.05", "--phase-seconds", "0.01"], {}), phases=phases)


def printed(
    do: Callable[[Run], object], engine: PlainEngine, meter: Meter | None = None, phases: tuple[str, ...] = ()
) -> list[dict[str, Any]]:
    """What a run prints."""
    reading, writing = os.pipe()
    lines = Lines(writing, Who("n1", 0, 0, "cpu", engine.model))
    taken: list[bytes] = []
    taker = threading.Thread(target=lambda: taken.append(b"".join(iter(lambda: os.read(reading, 65536), b""))))
    taker.start()
    do(Run(settings(phases), engine, meter, lines))
    os.close(writing)
    taker.join()
    os.close(reading)
    return [json.loads(line) for line in taken[0].splitlines()]


class Flawed(PlainEngine):
    """An engine whose memory cannot be had, and whose arithmetic errs once."""

    def matmul(self, precision: str) -> Matmul:
        work = PlainMatmul(8)
        step = work.step

        def errs() -> float:
            done = step()
            work.last[3][4] += 1
            return done

        work.step = errs  # type: ignore[method-assign]  # the fault
        return work

    def copy(self) -> Load:
        raise MemoryError("nothing is free")


def test_failing_phase_is_an_error_and_the_others_go_on() -> None:
    """What cannot be measured is told with its reason; every other phase brings its result."""
    told = printed(lambda run: run.all(), Flawed(), phases=("matmul", "memory", "pattern"))

    by_phase = {one["phase"]: one for one in told}
    assert ("error", "MemoryError: nothing is free") == (
        by_phase["memory.copy"]["event"],
        by_phase["memory.copy"]["detail"]["text"],
    )
    assert ["result"] * 3 == [by_phase[name]["event"] for name in ("matmul.fp64", "memory.read", "memory.pattern")]


def test_wrong_arithmetic_is_counted() -> None:
    """An element that is not, bit for bit, what it was the first time is a difference."""
    told = printed(lambda run: run.all(), Flawed(), phases=("matmul",))

    assert 1 == told[0]["detail"]["differences"]


def test_hung_phase_ends_the_process_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that does not come back is told and left: the process ends, since nothing else could use it."""
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)

    told = printed(lambda run: run._give_up("matmul.bf16", 90.0), PlainEngine())

    assert [("error", "matmul.bf16"), ("end", "")] == [(one["event"], one["phase"]) for one in told]
    assert [HUNG] == codes


def test_ecc_errors_of_the_run_are_counted() -> None:
    """Only errors that came during the run count: the counter goes back to the driver's start."""

    class Counting(Meter):
        counts = iter((40.0, 43.0))

        def uncorrected_errors(self) -> float | None:
            return next(self.counts)

    told = printed(lambda run: run.all(), PlainEngine(), Counting())

    assert [("ecc", 3.0)] == [(one["phase"], one["value"]) for one in told]


def test_no_line_is_longer_than_srun_keeps_whole() -> None:
    """Long names and texts are cut, so that lines of many processes never mix."""
    reading, writing = os.pipe()
    lines = Lines(writing, Who("n" * 500, 0, 0, "cpu", "m\u202e" * 500))

    lines.error("matmul.fp16", "x" * 5000)
    lines.result("sustained", 1.0, "FLOP/s", {f"key{at}": "v" * 300 for at in range(20)})

    raw = os.read(reading, 65536).splitlines(keepends=True)
    assert 2 == len(raw)
    assert max(map(len, raw)) <= LONGEST
    assert {"error", "result"} == {json.loads(line)["event"] for line in raw}


def test_heat_is_told_by_first_and_last_clocks() -> None:
    """The summary has what clocks were at first and at last, the hottest moment, and why the clocks fell."""
    cool, hot = Sample(1980, 61, 690, 0x4), Sample(1200, 88, 640, 0x24)

    told = summary_of([cool] * 5 + [hot] * 5)

    assert {
        "clock_first_mhz": 1980,
        "clock_last_mhz": 1200,
        "clock_min_mhz": 1200,
        "temperature_max_c": 88,
        "power_max_w": 690,
        "slowed_by": ["software thermal slowdown", "software power cap"],
        "hot_share": 0.5,
    } == told
    assert {} == summary_of([Sample()])


@pytest.mark.parametrize(
    ("environ", "place"),
    [
        ({}, Place(0, 1, 0, 1)),
        (
            {"SLURM_PROCID": "5", "SLURM_NTASKS": "8", "SLURM_LOCALID": "1", "SLURM_NTASKS_PER_NODE": "4"},
            Place(5, 8, 1, 4),
        ),
        (
            {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "SLURM_PROCID": "0", "SLURM_NTASKS": "9"},
            Place(1, 2, 1, 2),
        ),
    ],
)
def test_place_comes_from_launcher_or_slurm(environ: dict[str, str], place: Place) -> None:
    """The names of torchrun count first, then Slurm's; alone where neither says."""
    assert place == place_of(environ)


def test_device_is_called_as_the_node_counts() -> None:
    """A job that was given GPUs 4 and 6 speaks of those, whatever CUDA calls them; the place where Slurm is silent."""
    given = {"SLURM_STEP_GPUS": "4,6"}

    assert [4, 6, 2] == [device_of(given, local_rank) for local_rank in range(3)]
    assert 1 == device_of({}, 1)


def test_sigterm_ends_with_what_is_there() -> None:
    """A process that is told to end says so in its last line, after the results it has, and ends well."""
    line = [sys.executable, "-m", "pod.stress", "--engine", "plain", "--phase-seconds", "0.05", "--seconds", "600"]
    process = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    seen = []
    for text in process.stdout:
        seen.append(json.loads(text))
        if seen[-1]["phase"] == "host.from_device":  # the sustained load is next
            process.send_signal(signal.SIGTERM)
    process.stdout.close()

    assert 0 == process.wait(timeout=20)
    assert ("end", "terminated") == (seen[-1]["event"], seen[-1]["detail"]["reason"])
    assert "matmul.fp64" in [one["phase"] for one in seen]


def test_old_pythons_can_read_it() -> None:
    """The grammar is Python 3.8's: nodes have what their distribution gave them."""
    for path in (ROOT / "pod" / "stress").glob("*.py"):
        ast.parse(path.read_text("utf-8"), feature_version=(3, 8))


def test_every_phase_brings_something_alone() -> None:
    """Without siblings the phases that need them say so, and none fails."""
    told = printed(lambda run: run.all(), PlainEngine(), phases=PHASES)

    assert {"result"} == {one["event"] for one in told}
    left_out = {one["phase"]: one["detail"]["text"] for one in told if one["value"] is None}
    assert {"host.to_device", "host.from_device", "allreduce.node", "allreduce.all"} == left_out.keys()


def test_meeting_point_is_a_port_that_no_connection_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes take a while to start; where all ports are given out, or nobody says which, any must do."""
    told = tmp_path / "ip_local_port_range"
    monkeypatch.setattr("pod.stress.launch._GIVEN_OUT", told)
    told.write_text("20000\t60999\n")
    assert all(10_000 <= _free_port() < 19_999 for _ in range(50))
    for odd in ("1024\t65535\n", "", "many\n"):
        told.write_text(odd)
        assert 1024 <= _free_port() < 65_535
    told.unlink()
    assert 1024 <= _free_port() < 65_535
