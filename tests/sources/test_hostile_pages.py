"""Pages damaged at random: nothing crashes, nothing hangs, memory stays bounded, and both ways of reading agree."""

from __future__ import annotations

import random
from collections import Counter
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sources.exposition import Exposition, Samples
from app.sources.page import Page, PageError
from tests.sources.page_files import NAMES, page_bytes

TOKENS = (
    *(b"\0", b"\xff\xfe", b"\x1b[2J", b"\\", b'\\"', b'"', b"{", b"}", b"} ", b",", b"=", b" ", b"\t", b"\r\n", b"\n"),
    *(b"#", b"# EOF\n", b"# {", b"NaN", b"+Inf", b"1_0", b"0x1p-3", b"9223372036854775794", b"1e400", b"-0"),
    *(b"...", b"GPU_I_ID", b'gpu="0"', b'{"a.b"} 1\n', b"x" * 70000, b'a="' * 3000, b"\n" * 2000, b"\xe2\x80\xae"),
)
"""What is put into pages: the format's own signs, and what exporters and attackers have been seen to send."""
SLOWEST_S = 1.0
"""No page may take longer."""
ROOM = 2048 + 4 * 5000
"""Series that may be remembered after pages of at most some thousand lines."""


def damaged(chance: random.Random, page: bytes) -> bytes:
    """A page with a few of: bytes flipped, cut, doubled or put in, lines swapped, the end missing."""
    body = bytearray(page)
    for _ in range(chance.randrange(1, 8)):
        at = chance.randrange(len(body) + 1)
        match chance.randrange(7):
            case 0 if at < len(body):
                body[at] = chance.randrange(256)
            case 1:
                del body[at : at + chance.randrange(1, 40)]
            case 2:
                body[at:at] = chance.choice(TOKENS)
            case 3:
                body[at:at] = body[at : at + chance.randrange(1, 400)]
            case 4:
                lines = bytes(body).split(b"\n")
                chance.shuffle(lines)
                body = bytearray(b"\n".join(lines))
            case 5:
                body[at : at + 4] = chance.choice(TOKENS)
            case _ if chance.random() < 0.3:
                del body[at:]
    return bytes(body)


def survive(pages: int, seed: int) -> Counter[str]:
    """Read that many damaged pages with one long-lived reader a kind; what became of them."""
    chance = random.Random(seed)
    readers = {name: Page(None, "h") for name in NAMES}
    outcome: Counter[str] = Counter()
    for number in range(pages):
        name = chance.choice(NAMES)
        body = page_bytes(name) if chance.random() < 0.1 else damaged(chance, page_bytes(name))
        began = perf_counter()
        try:
            contents = readers[name].read(body, at=float(number))
        except PageError:
            outcome["refused"] += 1
        else:
            outcome["complained of" if contents.health.bad_lines else "taken"] += 1
        assert perf_counter() - began < SLOWEST_S, body
        assert len(readers[name]._exposition._keys) < ROOM
        assert len(readers[name]._bindings) == len(readers[name]._exposition._keys)
    return outcome


def told(exposition: Exposition, body: bytes, known: list[tuple[str, tuple[tuple[str, str], ...]]]) -> Counter[str]:
    """What a reader makes of a page: its samples in words. `known` is kept by the caller between pages."""
    generation = exposition.generation
    samples: Samples = exposition.read(body)
    if exposition.generation != generation:
        known.clear()
    known.extend((series.name, tuple(sorted(series.labels.items()))) for series in samples.new)
    words = (f"{known[number]} {value!r}" for number, value in zip(samples.ids, samples.values, strict=True))
    return Counter([*words, f"{samples.bad_lines} bad: {samples.bad_examples}", f"times {dict(samples.stamps)}"])


def test_damaged_pages_do_no_harm() -> None:
    """300 damaged pages: refused, complained of or taken, never a crash and never a second."""
    outcome = survive(300, seed=1)

    assert 300 == outcome.total()
    assert min(outcome["taken"], outcome["complained of"]) > 20


@pytest.mark.slow
def test_ten_thousand_damaged_pages_do_no_harm() -> None:
    """The same ten thousand times, with another seed."""
    assert 10_000 == survive(10_000, seed=2).total()


def test_reader_with_a_past_reads_as_a_new_one() -> None:
    """What was on earlier pages never changes what a page says: the shortcut and the long way agree."""
    chance = random.Random(3)
    old = Exposition()
    known: list[tuple[str, tuple[tuple[str, str], ...]]] = []
    for number in range(300):
        name = NAMES[number // 25 % len(NAMES)]
        body = page_bytes(name) if chance.random() < 0.5 else damaged(chance, page_bytes(name))

        assert told(Exposition(), body, []) == told(old, body, known), body


@given(st.binary(max_size=400))
def test_any_bytes_are_survived(body: bytes) -> None:
    """Whatever the bytes, reading gives samples and complaints, twice the same."""
    exposition = Exposition()
    first, second = exposition.read(body), exposition.read(body)

    assert (first.ids, first.bad_lines) == (second.ids, second.bad_lines)


@pytest.mark.parametrize(
    "body",
    [
        b'a{x="' + b'\\"' * 30000,
        b"a{" + b'x="1",' * 10000,
        b"a" * 60000 + b" " * 5000 + b"x",
        b"a 1" + b" # {" * 15000,
        b'a{x="1"} ' + b"9" * 60000,
        b"{" * 60000,
        b'{"' + b"\\" * 60000,
        b"a 1\n" * 200_000,
        b"\n".join(b'a{x="%d"} 1' % number for number in range(50_000)),
        b"x y\n" * 100_000,
    ],
    ids=["quotes", "labels", "blanks", "exemplars", "digits", "braces", "backslashes", "copies", "series", "bad lines"],
)
def test_worst_pages_cost_time_in_proportion(body: bytes) -> None:
    """Lines made to make a parser search again and again take no longer than others of their length."""
    began = perf_counter()
    Exposition().read(body)

    assert perf_counter() - began < 2 * SLOWEST_S


def test_page_of_too_many_samples_is_cut() -> None:
    """Beyond a quarter of a million samples the rest is not read, and the page says so."""
    samples = Exposition().read(b"a 1\n" * 250_010)

    assert 250_000 == len(samples.ids)
    assert ((250_001, "more than 250000 samples"),) == samples.bad_examples
