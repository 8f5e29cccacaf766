"""Bodies as a recording holds them: without secrets, and of one that resembles the one before only what differs.

A page of numbers says the same series again and again, so mostly its numbers are kept; of the answers of commands, the
lines that were not there before. Secrets are looked for in what is new: a line that was clean once is clean again.
"""

from __future__ import annotations

import json
import operator
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from app.domain.masking import MASK
from app.services.recorder.container import RecordingError

Mode = Literal["full", "values", "lines"]
MOST_BODY = 160 * 1024 * 1024
"""Bytes of one body."""
_NUMERIC = b"0123456789.+-eENaInf"
_SERIES = re.compile(rb"([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})( (?:[0-9.eE+-]+|NaN|[+-]Inf))")
"""A sample of a page: its name, its labels, its number."""
_ESCAPED = "\\u"
"""What may stand for any letter in JSON."""
_KEY, _MASKED = b"PRIVATE KEY-----", MASK.encode()

_CHUNK = 64
"""Lines that are looked at together for anything to take out."""
_PIECE = 1 << 15
"""Bytes, and what is left of the line, that are."""

Clean = Callable[[str], str]
"""A text without its secrets."""


def _never(_text: str) -> bool:
    return False


@dataclass(slots=True)
class _Known:
    """Lines of the last large answer that held nothing to take out, by their hashes: of ten thousand few are new."""

    hashes: set[int] = field(default_factory=set)


@dataclass(slots=True)
class BodyWriter:
    """The bodies of one part of one source."""

    clean: Clean
    leaves: Callable[[str], bool] = _never
    """Whether `clean` certainly leaves a text as it is, and each line of it."""
    keeps_lines: bool = True
    """False: each body is written whole, and the last one held deflated: large answers that seldom come."""
    _raw: list[bytes] = field(default_factory=list)
    _clean: list[bytes] = field(default_factory=list)
    """The lines of the last body, as they came and as they were written."""
    _packed: bytes = b""
    _known: _Known = field(default_factory=_Known)
    _segment: int = -1
    at: float = 0.0

    def write(self, body: bytes, at: float, segment: int) -> tuple[Mode, bytes]:
        """How a body is written into a segment; the first one there is whole."""
        is_new = self.turn_to(at, segment)
        if not self.keeps_lines or body[:1] in (b"{", b"["):
            written = clean_json(body, self.clean, self.leaves, self._known)
            self._packed, self._raw, self._clean = zlib.compress(written, 1), [], []
            return "full", written
        lines = body.split(b"\n")
        values = self._values(lines)
        if values is not None:
            self._raw = self._clean = lines
            return ("full", body) if is_new else ("values", values)
        written = self._lines(lines, has_key=_KEY in body)
        return ("full", b"\n".join(self._clean)) if is_new else ("lines", written)

    def turn_to(self, at: float, segment: int) -> bool:
        """A body of this time comes into this segment; whether it is the first there, so that it must be whole."""
        is_new, self._segment, self.at = segment != self._segment, segment, at
        return is_new

    @property
    def is_clean(self) -> bool:
        """There was nothing to take out of the last body."""
        return self._raw is self._clean

    def forget(self) -> None:
        """Somebody else holds the last body, and nothing was to be taken out of it."""
        self._raw = self._clean = []

    def lean_on(self, body: bytes) -> None:
        """This was the last body, and nothing was to be taken out of it."""
        self._raw = self._clean = body.split(b"\n")

    def stands(self, body: bytes, segment: int) -> bool:
        """This body stands in this segment already, as the last one."""
        return segment == self._segment and len(self._raw) == 1 and self._raw[0] == body

    def resume(self, segment: int) -> None:
        """The last body stands in this segment, whole: the next one may lean on it."""
        self._segment = segment

    def last(self) -> bytes:
        """The last body, as it was written."""
        return zlib.decompress(self._packed) if self._packed else b"\n".join(self._clean)

    def _values(self, lines: list[bytes]) -> bytes | None:
        """The last word of each line that differs in nothing else, nothing for one that does not differ.

        None where other things differ too, or where the body before was not clean.
        """
        before = self._raw
        if len(lines) != len(before) or self._raw is not self._clean:
            return None
        words: list[bytes] = []
        for line, old in zip(lines, before, strict=True):
            if line == old:
                words.append(b"")
                continue
            place = line.rfind(b" ") + 1
            if not place or old[:place] != line[:place] or b" " in old[place:]:
                return None
            words.append(line[place:])
        if b"".join(words).translate(None, _NUMERIC):
            return None  # words may hold what numbers cannot
        return b"\n".join(words)

    def _lines(self, lines: list[bytes], *, has_key: bool) -> bytes:
        """Lines of the body before by their places, others as they are, cleaned."""
        known = {} if has_key else {line: place for place, line in enumerate(self._raw)}
        places = [known.get(line, -1) for line in lines]
        new = _hidden([line for line, place in zip(lines, places, strict=True) if place < 0], self.clean, self.leaves)
        shown = [self._clean[place] if place >= 0 else next(new) for place in places]
        is_clean = all(map(operator.is_, shown, lines)) or shown == lines
        self._raw, self._clean, self._packed = lines, lines if is_clean else shown, b""
        return b"\n".join(_operations(shown, places))


@dataclass(slots=True)
class _Hiding:
    """Takes secrets out of lines, one after the other; a private key goes on over several."""

    clean: Clean
    is_in_key: bool = False

    def __call__(self, line: bytes) -> bytes:
        if _KEY in line:
            self.is_in_key = b"BEGIN" in line
            return _MASKED
        if self.is_in_key:
            return _MASKED
        series = _SERIES.fullmatch(line)
        if series is None:
            return self._cleaned(line)
        # The labels of a sample alone: a page says the same ones of each metric, and `clean` remembers.
        name, told, number = series.groups()
        labels = self._cleaned(told)
        return line if labels is told else name + labels + number

    def _cleaned(self, part: bytes) -> bytes:
        text = part.decode("utf-8", "surrogateescape")
        shown = self.clean(text)
        # A line stays one line: those who read it count them.
        return part if shown == text else shown.encode("utf-8", "surrogateescape").replace(b"\n", b" ")


def _hidden(lines: Sequence[bytes], clean: Clean, leaves: Callable[[str], bool]) -> Iterator[bytes]:
    """The lines without secrets; many that hold none are passed at once."""
    hide = _Hiding(clean)
    for start in range(0, len(lines), _CHUNK):
        some = lines[start : start + _CHUNK]
        if hide.is_in_key or not leaves(_text(b"\n".join(some))):
            some = [hide(line) for line in some]
        yield from some


def _cleaned_text(body: bytes, clean: Clean, leaves: Callable[[str], bool], known: _Known) -> bytes:
    """A text without secrets, looked at a piece after the other: a large cluster's queue is megabytes."""
    hide, pieces, end, is_same, clean_now = _Hiding(clean), list[bytes](), 0, True, set[int]()
    while end < len(body):
        start, end = end, body.find(b"\n", end + _PIECE) + 1 or len(body)
        ends = b"\n" if end < len(body) else b""
        lines = body[start : end - len(ends)].split(b"\n")
        hashes = list(map(hash, lines))
        new = [line for line, one in zip(lines, hashes, strict=True) if one not in known.hashes]
        if hide.is_in_key or not leaves(_text(b"\n".join(new))):
            if is_same:
                pieces, is_same = [body[:start]], False
            pieces.append(b"\n".join(map(hide, lines)) + ends)
        else:
            if not is_same:
                pieces.append(body[start:end])
            clean_now.update(hashes)
    known.hashes = clean_now
    return body if is_same else b"".join(pieces)


def _text(body: bytes) -> str:
    return body.decode("utf-8", "surrogateescape")


def _operations(lines: Sequence[bytes], places: Sequence[int]) -> Iterator[bytes]:
    """`=PLACE,COUNT` for lines that stood there before, `+LINE` for another."""
    start, count = -1, 0
    for line, place in zip(lines, places, strict=True):
        if count and place == start + count:
            count += 1
            continue
        if count:
            yield b"=%d,%d" % (start, count)
            count = 0
        if place >= 0:
            start, count = place, 1
        else:
            yield b"+" + line
    if count:
        yield b"=%d,%d" % (start, count)


def clean_json(body: bytes, clean: Clean, leaves: Callable[[str], bool] = _never, known: _Known | None = None) -> bytes:
    """JSON with every text in it cleaned; what is no JSON, line by line."""
    if body[:1] in (b"{", b"["):
        text = _text(body)
        if is_left(text, leaves):
            return body
        try:
            return json.dumps(_cleaned(json.loads(text), clean), separators=(",", ":")).encode()
        except (ValueError, RecursionError):
            pass
    return _cleaned_text(body, clean, leaves, known or _Known())


def is_left(text: str, leaves: Callable[[str], bool]) -> bool:
    """Whether JSON certainly holds nothing to take out, however its letters are written."""
    return _ESCAPED not in text and leaves(text.replace("\\/", "/"))


def _cleaned(value: Any, clean: Clean) -> Any:  # noqa: ANN401 - JSON has no better name
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_cleaned(one, clean) for one in value]
    if isinstance(value, dict):
        return {key: _cleaned(one, clean) for key, one in value.items()}
    return value


@dataclass(slots=True)
class BodyReader:
    """The other direction, for one part of one source."""

    _lines: list[bytes] = field(default_factory=list)

    def read(self, mode: str, written: bytes) -> bytes:
        """A body. Raises RecordingError for what no writer wrote."""
        if mode == "full":
            self._lines = written.split(b"\n")
            return written
        if mode == "values":
            self._lines = self._with_values(written.split(b"\n"))
        elif mode == "lines":
            self._lines = list(self._with_lines(written.split(b"\n")))
        else:
            raise RecordingError(f"a body of it is written in an unknown way {mode[:20]!r}")
        return b"\n".join(self._lines)

    def _with_values(self, words: list[bytes]) -> list[bytes]:
        if len(words) != len(self._lines):
            raise RecordingError("a page of it has other lines than the one before")
        return [
            old[: old.rfind(b" ") + 1] + word if word else old for old, word in zip(self._lines, words, strict=True)
        ]

    def _with_lines(self, operations: list[bytes]) -> Iterator[bytes]:
        before, size = self._lines, 0
        for one in operations:
            if one[:1] == b"+":
                taken = [one[1:]]
            else:
                start, _, count = one[1:].partition(b",")
                if one[:1] != b"=" or not (start.isdigit() and count.isdigit()) or len(one) > 30:
                    raise RecordingError("a body of it cannot be put together")
                taken = before[int(start) : int(start) + int(count)]
                if len(taken) != int(count):
                    raise RecordingError("a body of it names lines that are not there")
            size += sum(map(len, taken)) + len(taken)
            if size > MOST_BODY:
                raise RecordingError("a body of it is larger than it can be")
            yield from taken
