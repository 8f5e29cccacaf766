"""What a catalogue row is: `Metric`, one quantity, and `Name`, what one exporter calls it.

A row names the quantity (key, unit, scope), says how it folds over time and over a fleet, and lists the names under
which exporters publish it. Parsing, columns, storage, charts, alert rules and the docs table all follow from the row.
The rows stand in the `catalogue_…` files, `app.domain.metrics` joins them. This module knows no exporter.
"""

from __future__ import annotations

from typing import Literal

from app.domain.frozen import frozen

Scope = Literal["gpu", "node", "service", "fleet"]
Fold = Literal["mean", "sum", "max", "min", "last"]
Merge = Literal["last", "sum", "max", "min"]
Kind = Literal["gauge", "counter"]


@frozen
class Name:
    """One exporter's name for a metric: the wire name, and how its value becomes ours."""

    wire: str
    """The sample's name on the page, exactly as sent (`_total`, `_sum` and the like included)."""
    scale: float = 1.0
    """Multiplied with the wire value to reach the metric's unit."""
    where: tuple[tuple[str, str], ...] = ()
    """Label values a sample must carry; others of the same name belong to another row or to nobody."""
    unless: tuple[tuple[str, str], ...] = ()
    """Label values that rule a sample out, as shell patterns: `device="lo"`, `device="veth*"`."""
    parts: tuple[str, ...] = ()
    """Labels that tell the parts of one quantity apart (links, devices); copies that differ only elsewhere are one.

    A sample that carries none of them is the whole, and beats its parts."""
    ratio: bool = False
    """The exporter publishes 0-1 in some releases and 0-100 in others under this name: judged from its values."""
    over: str = ""
    """Wire name of what each part is a share of, told apart by the same labels; a part without it says nothing."""
    equals: float | None = None
    """A sample of this value counts 1, any other 0: how many ports are in a state."""


@frozen
class Quantile:
    """Which quantile of which histogram a metric is, over the last interval."""

    share: float
    """0.95: 95 of 100 were no more."""
    histograms: tuple[str, ...]
    """Wire names without `_bucket`; of several on one page the first counts."""


@frozen
class Metric:
    """One quantity: identity, unit, how it combines, how it is drawn and stored."""

    key: str
    """`scope.name`, stable: it is in JSON, in the store and in alert rules."""
    unit: str
    """As shown after a value: `%`, `MiB`, `°C`, `W`, `MHz`, `B/s`, `s`, or empty for a plain number."""
    title: str
    """A few words, for a column head or a chart."""
    help: str
    """One sentence: what it means, and its trap if it has one."""
    fold: Fold = "mean"
    """How values of many subjects, or of many moments, become one."""
    merge: Merge = "last"
    """How the series of one page that belong to one subject become one value."""
    kind: Kind = "gauge"
    """A counter only grows; a fall is a restart of its source."""
    quantum: float = 1.0
    """Smallest difference the history keeps, in the metric's unit."""
    low: float | None = 0.0
    """Bottom of the fixed chart scale; None where the scale follows the data."""
    high: float | None = None
    """Top of the fixed chart scale; None where the scale follows the data or a limit of the device."""
    rate_of: str | None = None
    """Key of the counter whose growth per second this is, where no name gives it; null until two readings exist."""
    quotient: tuple[str, str] | None = None
    """(growth of A) / (growth of B): a mean over the last interval, as of latencies from `_sum` and `_count`."""
    quantile: Quantile | None = None
    """The quantile of a histogram it is, from the growth of the buckets; null where nothing came in the interval."""
    names: tuple[Name, ...] = ()
    """What exporters call it; of several on one page the first that gives a value wins."""

    @property
    def scope(self) -> Scope:
        """The kind of subject it belongs to: the part of the key before the dot."""
        return self.key.split(".", 1)[0]  # type: ignore[return-value]  # the catalogue's walk test proves the closed set

    @property
    def short(self) -> str:
        """The part of the key after the dot, as people type it (`utilization`)."""
        return self.key.split(".", 1)[1]
