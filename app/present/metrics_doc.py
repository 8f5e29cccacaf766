"""The catalogue as a document: `docs/metrics.md`, written by `make docs`. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from app.domain.derive import DERIVED, GROWN
from app.domain.metric import Metric, Name, Scope
from app.domain.metrics import METRICS

_SCOPES: tuple[tuple[Scope, str], ...] = (
    ("gpu", "GPU (and MIG slice)"),
    ("node", "Node"),
    ("service", "Model server"),
    ("fleet", "Fleet"),
)
_INTRODUCTION = """\
# Metrics

Every quantity the program knows, by its key: the key is what `status --json` puts under `metrics`, what `history` and
alert rules take, and what the store keeps. Values are in the unit given here, whatever the exporter's unit.

*Read from* lists the names exporters publish it under; the first that gives a value wins. `×` is the factor from the
exporter's unit to ours, and labels in braces say which samples are meant. A value that is not known is absent, never 0.
Counters only grow; *ours* marks what this program works out itself.
"""


def metrics_table() -> str:
    """The whole document, as Markdown."""
    sections = (_section(scope, title) for scope, title in _SCOPES)
    return "\n".join([_INTRODUCTION, *sections])


def _section(scope: Scope, title: str) -> str:
    lines = [f"## {title}", "", "| key | unit | what it is | read from |", "|---|---|---|---|"]
    lines += [_row(metric) for metric in METRICS if metric.scope == scope]
    return "\n".join([*lines, ""])


def _row(metric: Metric) -> str:
    kind = " (counter)" if metric.kind == "counter" else ""
    sources = "<br>".join([*map(_name, metric.names), *_derivations(metric)])
    return f"| `{metric.key}` | {metric.unit} | {metric.help.replace('|', '/')}{kind} | {sources} |"


def _name(name: Name) -> str:
    labels = ",".join(f'{label}="{value}"' for label, value in name.where)
    labels = f"{{{labels}}}" if labels else ""
    if name.ratio:
        return f"`{name.wire}{labels}` × 1 or 100, by its values"
    return f"`{name.wire}{labels}`" + (f" × {_factor(name.scale)}" if name.scale != 1 else "")


def _factor(scale: float) -> str:
    """A factor as people write it: small ones as a division."""
    for divisor in (1048576, 1000000, 1000):
        if scale == 1 / divisor:
            return f"1/{divisor:,}"
    return f"{scale:,g}" if scale < 1e4 else f"{scale:,.0f}"


def _derivations(metric: Metric) -> Iterator[str]:
    if metric.rate_of is not None:
        yield f"ours: growth of `{metric.rate_of}` a second"
    if metric.quantile is not None:
        yield f"ours: the {metric.quantile.share:.0%} quantile of `{metric.quantile.histograms[0]}`, over the interval"
    if metric.quotient is not None:
        above, below = metric.quotient
        yield f"ours: growth of `{above}` / growth of `{below}`"
    for rule in (*DERIVED, *GROWN):
        if rule.key == metric.key:
            yield f"ours: {rule.text}"
    if metric.scope == "fleet":
        yield "ours: counted over the fleet"
