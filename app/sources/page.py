"""The page of one exporter, again and again: bytes to machines, model servers and the page's own health.

What a page means is worked out when its series change, which is seldom; then only its numbers are read. One `Page`
belongs to one source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from app.domain.frozen import frozen
from app.domain.naming import clean
from app.domain.quantiles import Buckets
from app.domain.reading import NodeReading, PageHealth, ServiceReading
from app.sources.binding import Binder, Binding
from app.sources.exposition import Exposition, Samples
from app.sources.layout import Layout, LayoutMaker
from app.sources.picker import RatioScale, judge_ratio
from app.sources.plans import Numbers
from app.sources.told import Sheet

_MOST_UNKNOWN = 500
"""Names that no row takes, listed one by one; what is beyond is counted under `…`."""
_WANTED = "expected the page of a GPU, node or vLLM exporter"


class PageError(ValueError):
    """A page that brings nothing, in one sentence for a person."""


@frozen
class PageContents:
    """What one page says."""

    at: float
    """Epoch seconds, as given."""
    nodes: tuple[NodeReading, ...]
    services: tuple[ServiceReading, ...]
    health: PageHealth
    simulated: bool
    buckets: Mapping[str, Mapping[str, Buckets]] = field(default_factory=dict)
    """Model → its histograms, for the quantiles that two looks give."""
    sheet: Sheet | None = field(default=None, compare=False)
    """The page as a recording takes it, where it differs from the one before in numbers alone."""


class Page:
    """Reads the pages of one source, and remembers what they look like."""

    def __init__(self, node: str | None, host: str | None) -> None:
        """`node` is the configured name of the machine, `host` the host part of the target; None where unknown."""
        self._node = node
        self._host = host
        self._exposition = Exposition()
        self._binder = Binder()
        self._bindings: list[Binding] = []
        """By series id."""
        self._generation = 0
        self._ids: list[int] | None = None
        self._layout = Layout()
        self._ratio: RatioScale = None
        self._stamps: dict[int, tuple[float, float]] = {}
        """Series id → (its time stamp, when we first saw that one)."""

    def read(self, body: bytes, at: float) -> PageContents:
        """Read one page that was complete at `at` (epoch seconds). Raises PageError; the page after may be fine."""
        samples = self._exposition.read(body)
        if not samples.ids:
            raise PageError(_sniff(body) or _why_nothing(samples))
        layout = self._understand(samples)
        if layout.flavour is None:
            raise PageError(_sniff(body) or _why_unknown(layout, len(samples.ids)))
        values = samples.values
        if layout.ratios:
            self._ratio = judge_ratio(self._ratio, [values[position] for position in layout.ratios])
        page = Numbers(values, at, self._taken(samples, layout, at), self._ratio)
        nodes = tuple(plan.read(page) for plan in layout.nodes)
        if not any(node.gpus for node in nodes):
            _check_exporter(layout, page)
        return PageContents(
            at=at,
            nodes=nodes,
            services=tuple(plan.read(page) for plan in layout.services),
            health=_health(layout, samples, len(body)),
            simulated=layout.simulated is not None and values[layout.simulated] == 1,
            buckets={plan.model: plan.counts(page) for plan in layout.services if plan.buckets},
            sheet=samples.sheet,
        )

    def _understand(self, samples: Samples) -> Layout:
        """The layout of the page: the last one, if the page has the same series."""
        values = samples.values
        if samples.ids == self._ids and self._generation == self._exposition.generation:
            if all(values[position] == pinned for position, pinned in self._layout.pinned.items()):
                return self._layout
        elif self._generation != self._exposition.generation:
            self._generation = self._exposition.generation
            self._binder, self._bindings = Binder(), []
            self._stamps.clear()
        self._bindings.extend(map(self._binder.bind, samples.new))
        maker = LayoutMaker([self._bindings[number] for number in samples.ids], values)
        self._layout = maker.make(self._node, self._host, self._layout.listing)
        self._ids = samples.ids
        return self._layout

    def _taken(self, samples: Samples, layout: Layout, at: float) -> dict[int, float]:
        """Since when, by our own clock, the time stamps on the page stand still: position → epoch seconds.

        A stamp is the exporter's clock, which may be wrong; that it moves says that the values are new.
        """
        stamps = dict(samples.stamps)
        for position in layout.taken:
            stamps |= dict.fromkeys(range(len(samples.ids)), samples.values[position])
        taken: dict[int, float] = {}
        for position, stamp in stamps.items():
            series = samples.ids[position]
            known = self._stamps.get(series)
            if known is None or known[0] != stamp:
                known = self._stamps[series] = (stamp, at)
            taken[position] = known[1]
        return taken


def _check_exporter(layout: Layout, page: Numbers) -> None:
    """Raises PageError where the exporter says itself why there is no GPU on its page."""
    if layout.trouble is not None:
        raise PageError(f"the exporter answers, but cannot read the GPUs: {clean(layout.trouble, 200)}")
    if any(plan.is_silent(page) for plan in layout.nodes):
        raise PageError(
            f"{layout.flavour} answers, but its own last reading failed or is still to come; see that exporter's log"
        )


def _health(layout: Layout, samples: Samples, size: int) -> PageHealth:
    unknown = layout.unknown
    if len(unknown) > _MOST_UNKNOWN:
        rest = sum(count for _, count in unknown[_MOST_UNKNOWN:])
        unknown = (*unknown[:_MOST_UNKNOWN], ("…", rest))
    return PageHealth(
        flavour=layout.flavour or "unknown",
        samples=len(samples.ids),
        known=layout.known,
        unknown=unknown,
        bad_lines=samples.bad_lines,
        bad_examples=samples.bad_examples,
        size_bytes=size,
    )


def _sniff(body: bytes) -> str | None:
    """What a page is that is not Prometheus text, as far as its beginning tells."""
    start = body[:4096].lstrip()
    if not start:
        return "the page is empty: the exporter has nothing to tell yet, or this is the wrong path"
    if start.startswith(b"<"):
        return "this is HTML, not Prometheus text: wrong port or path?"
    if start.startswith((b"[", b"{")) and b"} " not in start:
        return "this is JSON, not Prometheus text: wrong port or path?"
    if b"\0" in start or start.startswith(b"\x1f\x8b"):
        return "this is binary data, not Prometheus text: wrong port?"
    return None


def _why_nothing(samples: Samples) -> str:
    """Why a page without a single sample is none."""
    if not samples.bad_lines:
        return f"the page has only comments, no sample; {_WANTED}"
    number, why = samples.bad_examples[0]
    return f"no line of this page is a sample (line {number}: {why}); {_WANTED}"


def _why_unknown(layout: Layout, count: int) -> str:
    some = ", ".join(name for name, _ in layout.unknown[:3])
    return f"nothing here I know: {count} sample{'s' if count > 1 else ''}, e.g. {some}; {_WANTED}"
