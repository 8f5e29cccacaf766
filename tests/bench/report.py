"""What a benchmark reports: figures with their target, peers of the same run beside them, one table at the end.

A figure is a list, one number a round; a comparison is the median of the rounds' ratios, since two programs measured in
one round shared the same machine and the same moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure is held to; at least one bound is set."""

    at_most: float | None = None
    at_least: float | None = None
    peer: str = ""
    """If set, the bounds are for the ratio ours / that peer's."""

    def __str__(self) -> str:
        bound = f"≤ {short(self.at_most)}" if self.at_most is not None else f"≥ {short(self.at_least or 0.0)}"
        return f"{bound} × {self.peer}" if self.peer else bound


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    section: str
    what: str
    unit: str
    ours: tuple[float, ...]
    target: Target | None = None
    peers: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def value(self) -> float:
        """The median of our rounds."""
        return median(self.ours)

    def ratio(self, peer: str) -> float | None:
        """Median of ours / theirs, round by round; None where theirs is zero or missing."""
        rounds = [ours / theirs for ours, theirs in zip(self.ours, self.peers.get(peer, ()), strict=False) if theirs]
        return median(rounds) if rounds else None

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None where there is none, or where its peer could not be measured."""
        if self.target is None:
            return None
        judged = self.ratio(self.target.peer) if self.target.peer else self.value
        if judged is None:
            return None
        low, high = self.target.at_least, self.target.at_most
        return (high is None or judged <= high) and (low is None or judged >= low)


class Report:
    """Collects figures and what had to be left out."""

    def __init__(self) -> None:
        self.figures: list[Figure] = []
        self.notes: list[str] = []
        self._section = ""

    def begin(self, section: str) -> None:
        """The figures that follow belong to this section."""
        self._section = section

    def add(
        self,
        what: str,
        unit: str,
        ours: Sequence[float] | float,
        target: Target | None = None,
        peers: Mapping[str, Sequence[float]] | None = None,
    ) -> None:
        """Take one figure: ours and the peers', one number a round (or one number)."""
        rounds = (float(ours),) if isinstance(ours, int | float) else tuple(ours)
        if not rounds:
            raise ValueError(f"{what}: no round was measured")
        others = {name: tuple(values) for name, values in (peers or {}).items() if len(values)}
        self.figures.append(Figure(self._section, what, unit, rounds, target, others))

    def skip(self, why: str) -> None:
        """Say loudly what is not in the table."""
        self.notes.append(f"{self._section}: SKIPPED {why}")

    def note(self, text: str) -> None:
        """Say what the reader of the section should know."""
        self.notes.append(f"{self._section}: {text}")

    @property
    def misses(self) -> list[Figure]:
        """Figures that do not meet their target."""
        return [figure for figure in self.figures if figure.is_met is False]


def short(value: float) -> str:
    """A number with three digits that count."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3g}"


def table(report: Report) -> list[str]:
    """The report as aligned lines: sections, figures, targets, peers with ours / theirs, and what was skipped."""
    rows = [("", "ours", "target", "", "peers (ours / theirs)")]
    for figure in report.figures:
        peers = []
        for name, values in figure.peers.items():
            ratio = figure.ratio(name)
            peers.append(f"{name} {short(median(values))}" + (f" ({short(ratio)} ×)" if ratio is not None else ""))
        mark = {True: "met", False: "MISSED", None: ""}[figure.is_met]
        target = str(figure.target) if figure.target else ""
        rows.append((figure.what, f"{short(figure.value)} {figure.unit}".rstrip(), target, mark, ", ".join(peers)))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines, section = [], None
    for index, row in enumerate(rows):
        if index and report.figures[index - 1].section != section:
            section = report.figures[index - 1].section
            lines += ["", section]
        what, ours, target, mark, others = row
        lines.append(
            f"  {what:<{widths[0]}}  {ours:>{widths[1]}}  {target:<{widths[2]}}  {mark:<{widths[3]}}  {others}".rstrip()
        )
    return [*lines, "", *report.notes] if report.notes else lines
