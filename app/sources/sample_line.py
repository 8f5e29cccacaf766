"""One line of Prometheus text or OpenMetrics taken apart: name, labels, value, time; or why it is no sample.

Every pattern is possessive (`*+`), so a hostile line costs time in proportion to its length and no more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

MOST_LABELS = 128
"""Of one sample."""
_EXEMPLAR_CHARACTERS = 128
"""The most that OpenMetrics allows in names and values of an exemplar's labels."""

_NUMBER = r"[+-]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?"
_VALUE = rf"(?:{_NUMBER}|[+-]?(?i:inf(?:inity)?)|(?i:nan))"
_QUOTED = r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"'
_BLANKS = r"[ \t]*+"
_PAIR = rf"[a-zA-Z_][a-zA-Z0-9_]*+={_QUOTED}"

_METRIC = re.compile(rf"([a-zA-Z_:][a-zA-Z0-9_:]*+)?{_BLANKS}(\{{(?!count:))?")
_LABEL = re.compile(rf"{_BLANKS}(?:([a-zA-Z_][a-zA-Z0-9_]*+)|{_QUOTED}){_BLANKS}={_BLANKS}{_QUOTED}")
_QUOTED_NAME = re.compile(rf"{_BLANKS}{_QUOTED}(?={_BLANKS}[,}}])")
_SHORTENED = re.compile(rf"{_BLANKS}\.\.\.")
_BETWEEN = re.compile(rf"(?:{_BLANKS},|[ \t]++(?=[a-zA-Z_\"]))")
_CLOSING = re.compile(rf"{_BLANKS}\}}")
_TAIL = re.compile(rf"{_BLANKS}({_VALUE})(?:[ \t]++([^ \t#]++))?")
_EXEMPLAR = re.compile(rf" # \{{((?:{_PAIR}(?:,{_PAIR})*+)?+)\}} {_VALUE}(?: {_NUMBER})?")
_NATIVE_HISTOGRAM = re.compile(rf"{_BLANKS}\{{count:[^{{}}\"]*+\}}(?: {_NUMBER})?(?: # [^#]*+)?")
_WHOLE = re.compile(r"[+-]?[0-9]{1,19}")
_DECIMAL = re.compile(_NUMBER)
_ESCAPE = re.compile(r'\\([\\"n])')
_NOT_COUNTED = str.maketrans("", "", '",=')
_NO_LABELS: Mapping[str, str] = {}
_MEANT = {"\\": "\\", '"': '"', "n": "\n"}


class BadLineError(ValueError):
    """A line that is no sample; says why."""


class LabelReader:
    """Reads what stands before the value; samples of one subject carry the same labels, which are read once."""

    def __init__(self) -> None:
        self._known: dict[str, Mapping[str, str]] = {}
        """By their text, braces included."""

    def read(self, line: str, likely_end: int) -> tuple[str, Mapping[str, str], int]:
        """Name, labels, and where the text of the value begins. Raises BadLineError.

        `likely_end` is where the labels end unless something odd comes after them.
        """
        found = _METRIC.match(line)
        name, opening = found.group(1, 2) if found else (None, None)
        if found is None or opening is None:
            end = len(name or "")
            if name is None or (end < len(line) and line[end] not in " \t"):
                raise BadLineError(f"no metric name: {line[:40]}")
            return name, _NO_LABELS, end
        begin = found.end() - 1
        if name is not None and (known := self._known.get(line[begin:likely_end])) is not None:
            return name, known, likely_end
        quoted, labels, end = _parse_labels(line, found.end(), is_named=name is not None)
        if name is None and quoted is None:
            raise BadLineError("labels without a metric name")
        if name is not None:
            self._known[line[begin:end]] = labels
        return name or quoted or "", labels, end


def parse_tail(tail: str, *, openmetrics: bool) -> tuple[float, float | None] | None:
    """Value and time (epoch seconds) where nothing else stands there, else None."""
    found = _TAIL.fullmatch(tail)
    return None if found is None else (float(found[1]), _parse_time(found[2], openmetrics=openmetrics))


def parse_value(tail: str, *, openmetrics: bool) -> tuple[float, float | None]:
    """Value and time (epoch seconds) of what stands after the labels; an exemplar is checked and dropped.

    The value is NaN for a native histogram, which is no single number. Raises BadLineError.
    """
    found = _TAIL.match(tail)
    if found is None:
        if _NATIVE_HISTOGRAM.fullmatch(tail):
            return float("nan"), None
        raise BadLineError(f"not a number: {tail.strip()[:40]}" if tail.strip() else "no value")
    rest = tail[found.end() :]
    if rest:
        exemplar = _EXEMPLAR.fullmatch(rest)
        if exemplar is None or len(exemplar[1].translate(_NOT_COUNTED)) > _EXEMPLAR_CHARACTERS:
            raise BadLineError(f"odd text after the value: {rest.strip()[:40]}")
    return float(found[1]), _parse_time(found[2], openmetrics=openmetrics)


def _parse_labels(line: str, at: int, *, is_named: bool) -> tuple[str | None, dict[str, str], int]:
    """A metric name given in quotes, the labels, and where the text after the closing brace begins."""
    name: str | None = None
    labels: dict[str, str] = {}
    between: re.Match[str] | None = None
    while (closing := _CLOSING.match(line, at)) is None:
        if (labels or name is not None) and between is None:
            raise BadLineError(f"no comma or closing brace at column {at + 1}: {line[at : at + 20]}")
        found = _LABEL.match(line, at)
        if found is not None:
            key = found[1] if found[1] is not None else _unescape(found[2])
            if key in labels or key == "__name__" or len(labels) == MOST_LABELS:
                raise BadLineError(_label_trouble(key, labels))
            labels[key] = _unescape(found[3])
        elif not is_named and name is None and not labels and (found := _QUOTED_NAME.match(line, at)) is not None:
            name = _unescape(found[1])
        elif (found := _SHORTENED.match(line, at)) is None:  # an ellipsis: a page printed in a document
            raise BadLineError(f"no label at column {at + 1}: {line[at : at + 20]}")
        between = _BETWEEN.match(line, found.end())
        at = found.end() if between is None else between.end()
    return name, labels, closing.end()


def _label_trouble(key: str, labels: Mapping[str, str]) -> str:
    if key == "__name__":
        return "the label __name__ is reserved"
    return f"label {key} twice" if key in labels else f"more than {MOST_LABELS} labels"


def _parse_time(text: str | None, *, openmetrics: bool) -> float | None:
    """Epoch seconds of a time as written: whole milliseconds in Prometheus text, seconds in OpenMetrics."""
    if text is None:
        return None
    if (_DECIMAL if openmetrics else _WHOLE).fullmatch(text) is None:
        raise BadLineError(f"not a time: {text[:40]}")
    return float(text) if openmetrics else float(text) / 1000.0


def _unescape(text: str) -> str:
    """Escapes resolved; a backslash before anything else stands for itself, as in Prometheus's own scraper."""
    return _ESCAPE.sub(lambda found: _MEANT[found[1]], text) if "\\" in text else text
