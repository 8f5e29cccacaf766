"""A queue of 10,000 jobs on 1,000 nodes: from poll to paint, keys meanwhile, CPU and memory, beside other viewers.

The first job's name tells when squeue was called. So the time from a poll's beginning to its paint is read off the
screen, of ours and of the peers alike; it is the name's width that decides who shows it.
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from tests.bench.report import Report, Target
from tests.bench.slurm_stage import cluster, environment, peers
from tests.bench.stage import Program, UnreadyError, ours, usable
from tests.bench.terminal import Measured, measure, pictures

SIZE = (120, 40)
ROUNDS = 3
WARM_S, WINDOW_S = 15.0, 60.0
PATIENCE_S = 20.0
SLOWEST_S, SLOWEST_KEY_MS, MOST_MIB = 1.0, 50.0, 150e6 / 2**20
BEACON = re.compile(r"@(\d{6})")
FRAME, QUEUE = r"\w", r"\b41\d{5}\b"
"""The first thing said at all; the first job's number."""
_JOB, _PROMPT = re.compile(QUEUE), re.compile(r"^ /.*$", re.MULTILINE)
_DOWN, _UP, _PAGE, _ERASE, _LEAVE = b"\x1b[B", b"\x1b[A", b"\x1b[6~", b"\x7f", b"\x1b"
_MOVES = (_DOWN, _DOWN, _DOWN, _PAGE, _DOWN, _DOWN, _UP, _UP, _DOWN, _PAGE)
_WORD = "train"


def run(report: Report) -> None:
    """Measure ours and the peers on the same squeue."""
    try:
        with cluster() as bin_dir, environment(bin_dir) as environ:
            mine = ours()
            others = usable(peers(environ), report)
            _starts(report, mine, others, environ)
            _keys(report, mine, environ)
            _costs(report, mine, others, environ)
    except UnreadyError as error:
        report.skip(str(error))


def _starts(report: Report, mine: Program, others: Sequence[Program], environ: Mapping[str, str]) -> None:
    """The first frame and the first jobs, every program in turn, some rounds."""
    frames: dict[str, list[float]] = {one.name: [] for one in (mine, *others)}
    queues: dict[str, list[float]] = {one.name: [] for one in (mine, *others)}
    marks = {"frame": FRAME, "queue": QUEUE}
    for number in range(ROUNDS):
        for one in (mine, *others):
            seen = measure(
                one.command, environ, marks, warm_s=PATIENCE_S, window_s=0.0, until_marked=True, size=SIZE
            ).marks
            frames[one.name].append(seen["frame"] or PATIENCE_S)
            queues[one.name].append(seen["queue"] or PATIENCE_S)
        print(f"slurm, starts: round {number + 1} of {ROUNDS}", file=sys.stderr)
    report.add("first frame", "s", frames.pop(mine.name), None, frames)
    report.add("first jobs on screen", "s", queues.pop(mine.name), None, queues)


def _costs(report: Report, mine: Program, others: Sequence[Program], environ: Mapping[str, str]) -> None:
    """A minute of every program: from poll to paint, CPU, memory."""
    got: dict[str, Measured] = {}
    for one in (mine, *others):
        keys = ((WARM_S / 2, b"3"),) if one is mine else ()
        got[one.name] = measure(one.command, environ, {}, warm_s=WARM_S, window_s=WINDOW_S, size=SIZE, keys=keys)
        print(f"slurm: a minute of {one.name}", file=sys.stderr)
    own = got.pop(mine.name)
    polls = list(poll_waits_s(own))
    if not polls:
        raise UnreadyError("our own screen never showed the first job's name: " + " / ".join(own.picture[:4]))
    waits = {name: [median(found)] for name, one in got.items() if (found := list(poll_waits_s(one)))}
    report.add(f"poll to painted, median of {len(polls)}", "s", median(polls), None, waits)
    report.add("poll to painted, slowest", "s", max(polls), Target(at_most=SLOWEST_S))
    report.add("CPU over a minute", "%", own.cpu_percent, None, {name: [one.cpu_percent] for name, one in got.items()})
    report.add("RSS", "MiB", own.rss_mib, Target(at_most=MOST_MIB), {name: [one.rss_mib] for name, one in got.items()})
    report.note(
        "slurm-top asks every 3 s and stui every second, and neither can be told otherwise; the others every 5 s"
    )


def poll_waits_s(got: Measured) -> Iterator[float]:
    """Seconds from each call of squeue to the paint of what it said, once the program has warmed up."""
    last = ""
    for picture in pictures(got.written, SIZE):
        found, at_s = BEACON.search("\n".join(picture.lines)), picture.at_s
        if found is None or found[1] == last:
            continue
        last = found[1]
        wait_ms = (1000 * (got.began_s + at_s) - int(last)) % 1_000_000
        if at_s > WARM_S:
            yield wait_ms / 1000


def _keys(report: Report, mine: Program, environ: Mapping[str, str]) -> None:
    """How soon keys on the queue's page are answered while polls go on."""
    keys = list(_typing())
    last_s = keys[-1][0]
    got = measure(mine.command, environ, {}, warm_s=last_s + 2, window_s=0.0, size=SIZE, keys=[one[:2] for one in keys])
    waits = key_waits_ms(got, [kind for _, _, kind in keys])
    for kind, name in (("move", "arrows and pages"), ("type", "a letter of a filter")):
        some = sorted(waits[kind])
        report.add(f"key to its frame, {name}, median of {len(some)}", "ms", median(some))
        report.add(f"key to its frame, {name}, p99", "ms", some[int(len(some) * 0.99)], Target(at_most=SLOWEST_KEY_MS))


def _typing() -> Iterator[tuple[float, bytes, str]]:
    """Seconds, key, and what it should change: `move`, `type`, or nothing that is measured."""
    chance, at_s = random.Random(3), WARM_S
    yield WARM_S / 2, b"3", ""
    for number in range(200):
        at_s += chance.uniform(0.1, 0.3)
        yield at_s, _MOVES[number % len(_MOVES)], "move"
    for _ in range(10):
        for key in ("/", *_WORD, *["\x7f"] * len(_WORD)):
            at_s += chance.uniform(0.1, 0.3)
            yield at_s, key.encode(), "type"
        at_s += 0.6
        yield at_s, _LEAVE, ""
        at_s += 0.6


def key_waits_ms(got: Measured, kinds: Sequence[str]) -> dict[str, list[float]]:
    """Milliseconds until what a key should change had changed: the job the cursor is on, or the prompt's line.

    The next key comes after 100 ms and more; of several that wait for the same change all are answered by it, and the
    first of them has waited for that long all the same.
    """
    waits: dict[str, list[float]] = {"move": [], "type": []}
    typed = [(at_s, kind) for at_s, kind in zip(got.typed_s, kinds, strict=False) if kind]
    seen = {"move": "", "type": ""}
    pending: dict[str, list[float]] = {"move": [], "type": []}
    for picture in pictures(got.written, SIZE):
        at_s = picture.at_s
        while typed and typed[0][0] <= at_s:
            pressed_s, kind = typed.pop(0)
            pending[kind].append(pressed_s)
        chosen, prompt = _JOB.search(picture.marked), _PROMPT.search("\n".join(picture.lines))
        now = {"move": chosen[0] if chosen else seen["move"], "type": prompt[0].rstrip() if prompt else ""}
        for kind, value in now.items():
            if value != seen[kind]:
                waits[kind] += [1000 * (at_s - pressed_s) for pressed_s in pending[kind]]
                pending[kind] = []
        seen = now
    return waits
