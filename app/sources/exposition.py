"""Prometheus text to samples: every good line of a page, and what is wrong with the others.

A page is the same page again and again: its lines differ only in their values. So a line is compared with the line
that stood in its place before, up to the value, and only the number is read (`_Template`): about a hundred times as
fast as prometheus_client (`tests/bench/parse.py`). Where lines have moved, everything up to the value is looked up
whole; only a series never seen before is taken apart. `_read_lines` is the whole truth, the template a shortcut to it.

Comments are not read: the catalogue knows what a sample is, its page need not say. Both the text format of Prometheus
(0.0.4, and the quoted names of Prometheus 3) and OpenMetrics 1.0 are understood, told apart by `# EOF`. Numbers are
as strict as in Prometheus: Python alone would take `1_000`. This module knows no exporter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from itertools import compress

from app.domain.frozen import frozen
from app.domain.naming import clean
from app.sources.sample_line import BadLineError, LabelReader, parse_tail, parse_value
from app.sources.told import Sheet

LONGEST_LINE = 65536
"""Characters; a longer line is bad, and is not looked at any further."""
MOST_SAMPLES = 250_000
"""Of one page: 8,000 GPUs through a federation. What comes after is counted as one bad line and not read."""
MOST_EXAMPLES = 5
"""Bad lines that are described; the rest are counted."""
_SPARE_SERIES = 2048
"""Series remembered beyond four times the lines of the page at hand, before all are forgotten."""
_PLAIN = re.compile(r"[0-9.eE+\- ]*+")


@frozen
class Series:
    """What a sample is of: its name and labels, as sent."""

    name: str
    labels: Mapping[str, str]


@frozen
class Samples:
    """One page, read."""

    ids: list[int]
    """Of each sample its series, in the order of the page. Not to be changed: pages of one shape share it."""
    values: list[float]
    """One an id; NaN where the page says so, or where the sample is a native histogram."""
    new: Sequence[Series] = ()
    """Series never seen before; their ids follow on those known until now."""
    stamps: Mapping[int, float] = field(default_factory=dict)
    """Position of a sample → epoch seconds, where the page gives a time."""
    bad_lines: int = 0
    """Lines with something wrong; they are dropped, but for bytes that are no UTF-8: those are replaced."""
    bad_examples: tuple[tuple[int, str], ...] = ()
    """(line number, why) of the first bad lines."""
    sheet: Sheet | None = None
    """The page once more, where it is made of the same lines as the one before."""


class Exposition:
    """Reads the pages of one source; remembers their series between pages, within bounds."""

    def __init__(self) -> None:
        self.generation = 0
        """Grows when all series are forgotten and ids begin anew."""
        self._ids: dict[str, int] = {}
        """Id of a series by everything that stands before its value."""
        self._keys: list[str] = []
        """The keys of `_ids`, by id."""
        self._template: _Template | None = None

    def read(self, body: bytes) -> Samples:
        """Read one page; never raises, whatever the bytes."""
        text, is_utf8 = _decode(body)
        lines = text.split("\n")
        if is_utf8 and self._template is not None:
            samples = self._template.read(lines, len(text), has_all=len(text) == len(body))
            if samples is not None:
                return samples
        if len(self._keys) > min(4 * len(lines) + _SPARE_SERIES, MOST_SAMPLES):
            self._ids.clear()
            self._keys.clear()
            self.generation += 1
        return self._read_lines(lines, is_utf8=is_utf8)

    def _read_lines(self, lines: list[str], *, is_utf8: bool) -> Samples:
        """Every line on its own."""
        template, complaints, labels = _Template(), _Complaints(), LabelReader()
        openmetrics = "# EOF" in lines
        values: list[float] = []
        stamps: dict[int, float] = {}
        new: list[Series] = []
        after_eof = False
        for number, raw in enumerate(lines, 1):
            line = raw.strip(" \t\r")
            if not line or line[0] == "#":
                after_eof = after_eof or line == "# EOF"
                template.add(raw)
                continue
            if after_eof or len(template.ids) == MOST_SAMPLES:
                complaints.add(number, "text after # EOF" if after_eof else f"more than {MOST_SAMPLES} samples")
                break
            try:
                series, value, stamp = self._read_line(line, labels, new, openmetrics=openmetrics)
            except BadLineError as error:
                complaints.add(number, str(error))
                continue
            if not is_utf8 and "\ufffd" in line:
                complaints.add(number, "bytes that are not UTF-8, replaced")
            if stamp is not None:
                stamps[len(template.ids)] = stamp
            key = self._keys[series]
            template.add(key if raw is line else raw[: raw.index(line)] + key, series)
            values.append(value)
        self._template = template if complaints.count == 0 and not stamps else None
        return Samples(template.ids, values, new, stamps, complaints.count, tuple(complaints.examples))

    def _read_line(
        self, line: str, labels: LabelReader, new: list[Series], *, openmetrics: bool
    ) -> tuple[int, float, float | None]:
        """Series id, value and time (epoch seconds) of a line. Raises BadLineError."""
        if len(line) > LONGEST_LINE:
            raise BadLineError(f"longer than {LONGEST_LINE} characters")
        head, mark, tail = line.rpartition("} ")
        if not mark:
            head, mark, tail = line.partition(" ")
        known = self._ids.get(head + mark)
        found = parse_tail(tail, openmetrics=openmetrics)
        if known is not None and found is not None:
            return known, *found
        likely_end = len(head) + len(mark.rstrip(" "))
        name, said, end = labels.read(line, likely_end)
        if found is None or end != likely_end:
            found = parse_value(line[end:], openmetrics=openmetrics)
        # A blank belongs to the key: `a5` must not pass for the value 5 of `a`.
        key = line[: end + (line[end] in " \t")]
        series = self._ids.get(key)
        if series is None:
            series = self._ids[key] = len(self._keys)
            self._keys.append(key)
            new.append(Series(name, said))
        return series, *found


class _Template:
    """A page that was read without a complaint, as a shape for the next one."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        """Of the samples, in the order of the page."""
        self._starts: list[str] = []
        """Of every line: all that stands before its value; comments and blank lines whole."""
        self._length = 0
        """Of all of them together."""
        self._is_sample: list[bool] = []
        self._are_words = True
        """A blank stands before every value."""

    def add(self, start: str, series: int | None = None) -> None:
        """Add the page's next line."""
        self._starts.append(start)
        self._length += len(start)
        self._is_sample.append(series is not None)
        if series is not None:
            self.ids.append(series)
            self._are_words = self._are_words and start.endswith(" ")

    def read(self, lines: list[str], size: int, *, has_all: bool) -> Samples | None:
        """The samples of a page of that many characters that has this shape and plain numbers, else None.

        `has_all`: the lines put together are the page as it came.
        """
        if len(lines) != len(self._starts):
            return None
        rests = [*map(str.removeprefix, lines, self._starts)]
        numbers = [*compress(rests, self._is_sample)]
        text = " ".join(numbers)
        # Comments have no rest. What is left is as much as must be only where every line began as it should: one that
        # did not is left whole.
        if len(numbers) + rests.count("") != len(rests) or len(text) != size - self._length - (
            len(rests) - len(numbers)
        ):
            return None
        # Characters that no plain number has, Python's `1_0` among them, want a closer look.
        if not _PLAIN.fullmatch(text):
            return None
        try:
            values = [*map(float, numbers)]
        except ValueError:
            return None
        is_sheet = has_all and self._are_words and text.count(" ") == len(numbers) - 1
        return Samples(self.ids, values, sheet=Sheet(self._starts, rests, size) if is_sheet else None)


class _Complaints:
    """Counts bad lines and keeps the first few."""

    def __init__(self) -> None:
        self.count = 0
        self.examples: list[tuple[int, str]] = []

    def add(self, number: int, why: str) -> None:
        self.count += 1
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.append((number, clean(why, 160)))


def _decode(body: bytes) -> tuple[str, bool]:
    """The page as text, and whether it was UTF-8 throughout."""
    try:
        text, is_utf8 = body.decode("utf-8"), True
    except UnicodeDecodeError:
        text, is_utf8 = body.decode("utf-8", "replace"), False
    text = text.removeprefix("\ufeff")
    return (text.replace("\r\n", "\n") if "\r" in text else text), is_utf8
