"""An answer of 10,000 tokens at 200 a second: what showing it costs, how late its words are, how soon keys are seen.

Every word of the answer has a number, so that the terminal's picture tells when a word is seen; it came when the model
was to send it. Where others use the machine, a frame may be late because the screen was given no core, or because the
kernel was late to carry it from one end of the terminal to the other. How long the screen was ready to run and waited,
and how far its frames were apart as it sent them, stands beside the figures of who reads, which alone have targets.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise

from tests.bench.chat_app import TOKEN_CHARS, WATCHED, Watched, text_of
from tests.bench.paint import environ
from tests.bench.report import Report, Target
from tests.bench.terminal import Measured, measure, pictures

SIZE = (200, 60)
TOKENS, PER_S = 10_000, 200
CPU_TARGET, LATE_TARGET, KEY_TARGET = Target(at_most=15.0), Target(at_most=100.0), Target(at_most=50.0)
WARM_S = 5.0
WHOLE_S = 65.0
"""Start, answer and end."""
KEYS = 60
_FRAME_END = b"\x1b[?2026l"
_NUMBER = re.compile(r"~(\d+)\b")
_FURTHER = 400
"""No frame brings more new words than this: another number on the screen is none of theirs."""
Span = tuple[float, float]
"""From when to when, monotonic seconds."""


def command(tokens: int, place: str) -> tuple[str, ...]:
    """The program to measure."""
    return (sys.executable, "-m", "tests.bench.chat_app", str(tokens), str(PER_S), place)


def run(report: Report) -> None:
    """Measure the page and the docked chat; what the same screen costs without an answer; keys while it comes."""
    for place, name in (("PAGE", "its own page"), ("HOME", "docked")):
        still = measure(command(0, place), environ(), {}, warm_s=WARM_S, window_s=10.0, size=SIZE)
        report.add(f"CPU without an answer, {name}", "% of a core", still.cpu_percent)
        with tempfile.NamedTemporaryFile("r", encoding="utf-8") as file:
            around = {**environ(), WATCHED: file.name}
            # Nothing is weighed before the end: reading /proc holds the reader of the terminal up, and the program.
            got = measure(command(TOKENS, place), around, {}, warm_s=WHOLE_S, window_s=0.0, size=SIZE)
            told = file.read()
        if told:
            _tell(report, name, got, Watched(**json.loads(told)))
        else:
            report.skip(f"the answer did not end within {WHOLE_S:.0f} s, {name}")
    waits = key_waits_ms()
    report.add("letter typed to letter seen, median", "ms", waits[len(waits) // 2])
    report.add("letter typed to letter seen, p95", "ms", waits[int(len(waits) * 0.95)], KEY_TARGET)


def _tell(report: Report, name: str, got: Measured, watched: Watched) -> None:
    """The figures of one answer."""
    first, last = watched.began_s, watched.began_s + TOKENS / PER_S
    frames, sent = ([at for at in every if first <= at <= last + 1.0] for every in (frame_ends(got), watched.sent_s))
    written = sum(len(one.text) for one in got.written if first <= got.began_s + one.at_s <= last)
    report.add(f"CPU, {name}", "% of a core", watched.cpu_percent, CPU_TARGET)
    report.add(f"terminal, {name}", "kB/s", written / 1000 / (last - first))
    report.add(f"longest step without a breath, CPU, {name}", "ms", watched.longest_ms, LATE_TARGET)
    apart = [(before, later) for before, later in pairwise(sent) if before <= last]
    report.add(f"between two frames as they were sent, longest, {name}", "ms", max(map(length_ms, apart)))
    gaps = [(before, later) for before, later in pairwise(frames) if before <= last]
    for what, spans in (("between two frames", gaps), ("word come to word seen", list(word_spans(got, watched)))):
        found = sorted(spans, key=length_ms)
        report.add(f"{what}, median, {name}", "ms", length_ms(found[len(found) // 2]))
        report.add(f"{what}, p99, {name}", "ms", length_ms(found[int(len(found) * 0.99)]))
        report.add(f"{what}, longest, {name}", "ms", length_ms(found[-1]), LATE_TARGET)
        report.add(f"… of it without a core, {name}", "ms", waited_ms(watched, found[-1]))
        rest = max(length_ms(one) - waited_ms(watched, one) for one in found)
        report.add(f"… the longest less the wait for a core, {name}", "ms", rest)


def frame_ends(got: Measured) -> Iterator[float]:
    """When each frame was whole, monotonic; the terminal was told to hold it back until then."""
    kept = b""
    for one in got.written:
        kept += one.text
        if _FRAME_END in kept:
            yield got.began_s + one.at_s
        kept = kept[-len(_FRAME_END) + 1 :] if not kept.endswith(_FRAME_END) else b""


def word_spans(got: Measured, watched: Watched) -> Iterator[Span]:
    """From when each word was whole as the model sent it until it was seen. Raises ValueError where some never were."""
    due = [watched.began_s + found.end() // TOKEN_CHARS / PER_S for found in _NUMBER.finditer(text_of(TOKENS))]
    seen = 0
    for shown in pictures(got.written, SIZE):
        if seen == len(due):
            return
        numbers = (int(one) for one in _NUMBER.findall("\n".join(shown.lines)))
        newest = max((one + 1 for one in numbers if seen <= one < min(len(due), seen + _FURTHER)), default=seen)
        yield from ((due[number], got.began_s + shown.at_s) for number in range(seen, newest))
        seen = newest
    if seen < len(due):
        raise ValueError(f"{len(due) - seen} of {len(due)} words were never seen")


def length_ms(span: Span) -> float:
    """Of a span of time."""
    return 1000 * (span[1] - span[0])


def waited_ms(watched: Watched, span: Span) -> float:
    """For how long within a span the screen was ready to run without being given a core; looked at with each token."""
    taken, waited = watched.taken_s, watched.waited_s
    first = max(0, bisect_right(taken, span[0]) - 1)
    last = min(bisect_left(taken, span[1]), len(taken) - 1)
    return 1000 * (waited[last] - waited[first])


def key_waits_ms() -> Sequence[float]:
    """Milliseconds from a letter typed into the line until it stands there, while an answer comes."""
    typed = "abcdefghijklmnopqrstuvwxyz"
    keys = [(WARM_S + number * 0.217, typed[number % 26].encode()) for number in range(KEYS)]
    got = measure(
        command(TOKENS, "PAGE"), environ(), {}, warm_s=WARM_S, window_s=KEYS * 0.217 + 1, size=SIZE, keys=keys
    )
    waits: list[float] = []
    text = ""
    wanted = [typed[number % 26] for number in range(KEYS)]
    for shown in pictures(got.written, SIZE):
        line = next((one for one in shown.lines[::-1] if one[1:].lstrip().startswith("> ")), "")
        text = line.strip("│ ").removeprefix("> ").strip()
        while len(waits) < len(text) and text.startswith("".join(wanted[: len(waits) + 1])):
            waits.append(1000 * (shown.at_s - got.typed_s[len(waits)]))
    return sorted(waits) or [float("nan")]
