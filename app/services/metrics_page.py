"""The daemon's own page of metrics: the series that rules are evaluated over, as Prometheus reads them.

Names are `gpu_watchdog_` and the key with underscores; exported rules use them, so that they mean the same there.
"""

from __future__ import annotations

from collections.abc import Iterator

from app.domain.alert import Labels, labels_of
from app.domain.alerts_now import AlertsNow
from app.domain.finding import Finding
from app.domain.metrics import METRICS
from app.domain.snapshot import Snapshot
from app.domain.watched import Watched
from app.engine.alerting.export import PREFIX, own_name
from app.engine.alerting.expression import Selector, number
from app.engine.alerting.live import LiveSamples
from app.engine.alerting.signals import SIGNALS, View
from app.engine.alerting.windows import Windows


def page(
    snapshot: Snapshot, now: float, watched: Watched, alerts: AlertsNow, findings: tuple[Finding, ...] = ()
) -> str:
    """The whole page; `findings` are the diagnosis' own."""
    samples = LiveSamples(View(snapshot, now, watched, findings), Windows())
    lines: list[str] = []
    for key, help_text, kind in _rows():
        series = samples.instant(Selector(key), now)
        if series:
            name = own_name(key)
            lines += (f"# HELP {name} {_help(help_text)}", f"# TYPE {name} {kind}")
            lines += [_line(name, labels, value) for labels, value in series.items()]
    if snapshot.mode == "simulated":
        lines.append("gpu_watchdog_simulated 1")
    if alerts.is_current(now):
        name = f"{PREFIX}alerts"
        lines += (f"# HELP {name} Alerts by state: pending, firing, no_data, resolved.", f"# TYPE {name} gauge")
        for one in alerts.alerts:
            about = {**dict(one.labels), "alertname": one.rule, "alertstate": one.state, "severity": one.severity}
            lines.append(_line(name, labels_of(about), 1.0))
    return "\n".join(lines) + "\n"


def _rows() -> Iterator[tuple[str, str, str]]:
    for metric in METRICS:
        yield metric.key, metric.help, metric.kind
    for signal in SIGNALS:
        yield signal.key, signal.help, "counter" if signal.is_counted else "gauge"


def _line(name: str, labels: Labels, value: float) -> str:
    inner = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels)
    return f"{name}{{{inner}}} {number(value)}" if inner else f"{name} {number(value)}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", " ")
