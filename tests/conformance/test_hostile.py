"""Valid and invalid pages as the makers of the format collected them: each gets its verdict, or a reason why not."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.sources.exposition import Exposition
from app.sources.page import Page, PageError
from tests.conformance.conftest import Table


@dataclass(frozen=True)
class Case:
    """One page with the verdict of the format's own parsers."""

    source: str
    name: str
    format: str
    valid: bool
    body: bytes

    @property
    def text(self) -> str:
        """The page as text."""
        return self.body.decode("utf-8", "replace")

    @property
    def is_openmetrics(self) -> bool:
        """Judged by OpenMetrics' rules, which are stricter than Prometheus's."""
        return self.format.startswith("openmetrics")


@dataclass(frozen=True)
class Tolerance:
    """A rule of the format that we do not hold exporters to, and why."""

    name: str
    reason: str
    covers: Callable[[Case], bool]
    count: int
    """Cases of the collection that it explains."""


def _has_typed_samples(case: Case) -> bool:
    has_samples = any(line.strip() and not line.lstrip().startswith("#") for line in case.text.split("\n"))
    return has_samples and bool(re.search(r"(?m)^\s*#\s*TYPE\s+\S+\s+\S", case.text))


def _has_comment(case: Case) -> bool:
    lines = [line.strip() for line in case.text.split("\n")]
    return any(line.startswith("#") and line != "# EOF" for line in lines)


def _odd_blanks(case: Case) -> bool:
    text = case.text
    return case.is_openmetrics and bool(
        re.search(r"^$.+|\n\n|^[ \t]|[ \t]$|  |\t|\"\}\d", text, re.MULTILINE | re.DOTALL)
    )


TOLERANCES = (
    Tolerance(
        "rules that follow from a type",
        "histograms, counters, order and copies are not judged: the catalogue knows what each sample is, and a value"
        " that a rule forbids is still what the exporter says",
        _has_typed_samples,
        105,
    ),
    Tolerance(
        "comments: help, types, units",
        "not read; real pages repeat, misplace and shorten them, and no value depends on them",
        _has_comment,
        58,
    ),
    Tolerance(
        "blanks where OpenMetrics allows none",
        "Prometheus text allows them, and nothing is ambiguous",
        _odd_blanks,
        11,
    ),
    Tolerance(
        "no # EOF at the end",
        "only OpenMetrics has it; a page cut short still holds good lines",
        lambda case: case.is_openmetrics and not re.search(r"(?m)^# EOF$", case.text),
        3,
    ),
    Tolerance(
        "an empty page",
        "no line of it is bad; the reader above refuses it with a sentence",
        lambda case: case.text.replace("# EOF", "").strip() == "",
        2,
    ),
    Tolerance(
        "a comma after the last label",
        "Prometheus text allows it",
        lambda case: case.is_openmetrics and ",}" in case.text,
        1,
    ),
    Tolerance(
        "unknown escapes",
        "kept as they stand, as Prometheus's own scraper does: dcgm-exporter does not escape at all",
        lambda case: bool(re.search(r"\\[^\\\"n]", case.text)),
        2,
    ),
    Tolerance(
        "quoted label names after a plain name",
        "unambiguous, and Prometheus's own scraper takes them",
        lambda case: bool(re.search(r"^\w+\{\"", case.text, re.MULTILINE)),
        1,
    ),
    Tolerance(
        "the last line without its end",
        "saved and cut pages lack it; the line is whole",
        lambda case: not case.is_openmetrics and not case.text.endswith("\n"),
        1,
    ),
)
"""The first that covers a case explains it."""


def cases(folder: Path) -> Iterator[Case]:
    """The collection."""
    for line in (folder / "expo-hostile/cases.jsonl").read_text("utf-8").splitlines():
        raw = json.loads(line)
        body = base64.b64decode(raw["b64"]) if "b64" in raw else raw["text"].encode()
        yield Case(raw["source"], raw["name"], raw["format"], raw["valid"], body)


def test_every_case_gets_its_verdict_or_a_reason(captures: Path, tables: dict[str, Table]) -> None:
    """A valid page has no bad line; an invalid one has, unless a rule is one we leave alone on purpose."""
    collection = list(cases(captures))
    explained: Counter[str] = Counter()
    wrong: list[str] = []
    for case in collection:
        is_valid = Exposition().read(case.body).bad_lines == 0
        reason = next((one.name for one in TOLERANCES if one.covers(case)), None)
        if is_valid == case.valid:
            continue
        if case.valid or reason is None:
            wrong.append(f"{case.source} {case.name}: {case.text[:80]!r}")
        else:
            explained[reason] += 1
    same = len(collection) - explained.total() - len(wrong)
    tables["hostile cases"] = [
        ("verdict", "cases", "why"),
        ("as the file says", str(same), f"of {len(collection)}"),
        *((one.name, str(explained[one.name]), one.reason) for one in TOLERANCES),
    ]

    assert [] == wrong
    assert {one.name: one.count for one in TOLERANCES} == {one.name: explained[one.name] for one in TOLERANCES}


@pytest.mark.parametrize("name", ["alltypes.237mfs.prom.txt", "common-text.txt", "1histogram.om.txt"])
def test_big_page_is_read_as_the_official_parser_reads_it(captures: Path, name: str) -> None:
    """Upstream's large pages give the same names, labels and values as prometheus_client."""
    body = gzip.decompress((captures / f"expo-hostile/big/{name}.gz").read_bytes())
    exposition = Exposition()
    samples = exposition.read(body)
    ours = Counter(
        (samples.new[number].name, tuple(sorted(samples.new[number].labels.items())), repr(float(value)))
        for number, value in zip(samples.ids, samples.values, strict=True)
    )
    theirs = Counter(
        (sample.name, tuple(sorted(sample.labels.items())), repr(float(sample.value)))
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    )

    assert 0 == samples.bad_lines
    assert theirs.total() == ours.total()
    assert {} == {name: count for (name, *_), count in (theirs - ours).items() if not name.endswith("_total")}


def test_json_is_refused_by_name(captures: Path) -> None:
    """A JSON document on the metrics path is called what it is."""
    body = gzip.decompress((captures / "expo-hostile/big/common-json2_bad.txt.gz").read_bytes())

    with pytest.raises(PageError, match="JSON"):
        Page(None, None).read(body, at=0.0)


def test_page_of_another_exporter_is_refused(captures: Path) -> None:
    """A valid page of something else is "nothing here I know", with an example of what is there."""
    body = (captures / "expo-hostile/wrong-exporter.prom").read_bytes()

    with pytest.raises(PageError, match=r"nothing here I know: 1 sample, e\.g\. process_cpu_seconds_total"):
        Page(None, None).read(body, at=0.0)
