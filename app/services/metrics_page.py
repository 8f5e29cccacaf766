"""The daemon's own page of metrics: the series that rules are evaluated over, and the diagnosis, for Prometheus.

Names are `gpu_watchdog_` and the key with underscores; exported rules use them, so that they mean the same there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.domain.alert import Alert, Labels, labels_of
from app.domain.alerts_now import AlertsNow
from app.domain.diagnosis import NO_DIAGNOSIS, Diagnosis
from app.domain.metrics import METRICS
from app.domain.snapshot import Snapshot
from app.domain.watched import Watched
from app.engine.alerting.export import PREFIX, own_name
from app.engine.alerting.expression import Selector, number
from app.engine.alerting.live import LiveSamples
from app.engine.alerting.signals import SIGNALS, View
from app.engine.alerting.windows import Windows
from app.services import metrics_diagnosis

ALERTS = f"{PREFIX}alerts"
SIMULATED = f"{PREFIX}simulated"


def page(
    snapshot: Snapshot, now: float, watched: Watched, alerts: AlertsNow, diagnosis: Diagnosis = NO_DIAGNOSIS
) -> str:
    """The whole page."""
    samples = LiveSamples(View(snapshot, now, watched, diagnosis.findings), Windows())
    lines: list[str] = []
    for key, help_text, kind in _rows():
        lines += _family(own_name(key), help_text, kind, samples.instant(Selector(key), now))
    for told, series in metrics_diagnosis.series(diagnosis, now):
        lines += _family(own_name(told.key), told.help, "gauge", series)
    if snapshot.mode == "simulated":
        lines.append(f"{SIMULATED} 1")
    if alerts.is_current(now):
        found = {_about(one): 1.0 for one in alerts.alerts}
        lines += _family(ALERTS, "Alerts by state: pending, firing, no_data, resolved.", "gauge", found)
    return "\n".join(lines) + "\n"


def names() -> frozenset[str]:
    """Every name that the page may hold."""
    keys = (*(key for key, _, _ in _rows()), *(told.key for told in metrics_diagnosis.TOLD))
    return frozenset((*map(own_name, keys), ALERTS, SIMULATED))


def _family(name: str, help_text: str, kind: str, series: Mapping[Labels, float]) -> list[str]:
    """One name with its series; nothing where there are none."""
    if not series:
        return []
    lines = [f"# HELP {name} {_help(help_text)}", f"# TYPE {name} {kind}"]
    return lines + [_line(name, labels, value) for labels, value in series.items()]


def _about(one: Alert) -> Labels:
    told = {**dict(one.labels), "alertname": one.rule, "alertstate": one.state, "severity": one.severity}
    return labels_of(told)


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
