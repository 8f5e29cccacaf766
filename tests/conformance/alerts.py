"""Alert-oracle cases: rules and series in, the pending and firing alerts of every evaluation out, and compared.

`python -m tests.conformance.alerts FILE` reads one JSON object a line (gzip or plain) and ends with `N of M`. A case
has `rules` (alert, expr, for_s, keep_firing_for_s), `input_series` in promtool's notation, `eval_interval_s`,
`series_step_s` and `timeline`: at each `t` for each rule the label sets that are `true`, `pending` and `firing`.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from app.domain.alert import Alert, Labels, Rule, labels_of
from app.engine.alerting.evaluate import EvaluationError, evaluate
from app.engine.alerting.machine import step
from app.engine.alerting.parse import parse
from app.engine.alerting.series import Mark, Series, SeriesBook

Case = Mapping[str, Any]
Found = Mapping[str, Mapping[str, frozenset[Labels]]]
_REPEAT = re.compile(r"^(?P<first>[^x]+?)(?:(?P<step>[+-][0-9.eE]+))?x(?P<times>\d+)$")
_SERIES = re.compile(r"^\s*(?P<name>[a-zA-Z_:][\w:]*)?\s*(?:\{(?P<labels>.*)\})?\s*$", re.DOTALL)
_LABEL = re.compile(r'\s*([a-zA-Z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*,?')


def read_cases(path: Path) -> Iterator[Case]:
    """Every case of a file."""
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8")
    for line in text.splitlines():
        if line.strip():
            yield json.loads(line)


def values_of(text: str) -> Iterator[float | str | None]:
    """Promtool's series notation: numbers, None for stale, `_` for no sample."""
    for word in text.split():
        repeat = _REPEAT.match(word)
        if repeat is None:
            yield _one(word)
            continue
        first, grow, times = _one(repeat["first"]), repeat["step"], int(repeat["times"])
        if first == "_":
            yield from ["_"] * times
            continue
        for count in range(times + 1):
            yield first + count * float(grow or 0) if isinstance(first, float) else first


def _one(word: str) -> float | str | None:
    if word == "_":
        return "_"
    return None if word == "stale" else float(word)


def book_of(series: Iterable[Mapping[str, str]], step_s: float) -> SeriesBook:
    """The input series, sampled every step from 0 on."""
    found: dict[str, list[Series]] = {}
    for one in series:
        shape = _SERIES.match(one["series"])
        if shape is None:
            raise ValueError(f"not a series: {one['series']!r}")
        labels = dict(_LABEL.findall(shape["labels"] or ""))
        name = shape["name"] or labels.pop("__name__", "")
        marks: list[Mark] = [
            (place * step_s, value)
            for place, value in enumerate(values_of(one["values"]))
            if not isinstance(value, str)
        ]
        found.setdefault(name, []).append(Series(labels_of(labels), marks))
    return SeriesBook(found)


def rule_of(raw: Mapping[str, Any]) -> Rule:
    """A rule of a case."""
    return Rule(
        name=raw["alert"],
        expr=raw["expr"],
        for_s=float(raw.get("for_s") or 0),
        keep_firing_for_s=float(raw.get("keep_firing_for_s") or 0),
        labels=labels_of(raw.get("labels") or {}),
    )


def run_case(case: Case) -> Iterator[tuple[float, Found]]:
    """At each evaluation: by rule, the label sets that are true, pending and firing."""
    book = book_of(case["input_series"], float(case["series_step_s"]))
    rules = [rule_of(raw) for raw in case["rules"]]
    alerts: dict[str, Mapping[Labels, Alert]] = {rule.name: {} for rule in rules}
    for wanted in case["timeline"]:
        at = float(wanted["t"])
        found: dict[str, Mapping[str, frozenset[Labels]]] = {}
        for rule in rules:
            true = evaluate(parse(rule.expr), book, at)
            alerts[rule.name] = step(rule, alerts[rule.name], true, at).alerts
            some = alerts[rule.name].values()
            found[rule.name] = {
                "true": frozenset(true),
                "pending": frozenset(one.labels for one in some if one.state == "pending"),
                "firing": frozenset(one.labels for one in some if one.state == "firing"),
            }
        yield at, found


def differences(case: Case) -> list[str]:
    """What differs from the timeline of a case, in words."""
    found: list[str] = []
    for (at, ours), wanted in zip(run_case(case), case["timeline"], strict=True):
        for rule in case["rules"]:
            for state, labels in wanted[rule["alert"]].items():
                theirs = frozenset(labels_of(one) for one in labels)
                if ours[rule["alert"]][state] != theirs:
                    here = sorted(map(dict, ours[rule["alert"]][state]), key=str)
                    found.append(f"{case['id']} t={at:g} {rule['alert']} {state}: {here} instead of {labels}")
    return found


def main(argv: list[str]) -> int:
    """Run every case of a file; 0 when all are as the oracle says."""
    if len(argv) != 1:
        sys.stderr.write("Say which cases: make conformance ORACLE=FILE\n")
        return 64
    good = total = 0
    for case in read_cases(Path(argv[0])):
        total += 1
        try:
            wrong = differences(case)
        except (ValueError, KeyError, EvaluationError) as error:
            wrong = [f"{case.get('id')}: {error!r}"]
        good += not wrong
        for line in wrong[:3]:
            sys.stdout.write(f"{line}\n")
    sys.stdout.write(f"{good} of {total}\n")
    return 0 if total and good == total else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
