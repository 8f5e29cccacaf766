"""Frozen alerts for tests of the screen, and who evaluates and takes wishes there."""

from __future__ import annotations

from dataclasses import replace

from app.domain.alert import Ack, Alert, Matcher, Silence, labels_of
from app.domain.alerts_now import AlertsNow
from app.domain.snapshot import Snapshot
from app.engine.alerting.rulebook import RuleBook, extended, load
from app.services.alerting import Alerting
from app.services.board import Board
from tests.present.fleets import NOW
from tests.tools.fake_clock import FakeClock
from tests.tui.diagnoses import HOSTILE

AT = NOW - 1.0
SERVER = "vllm-01#nvidia/Nemotron-3-Nano-30B-A3B"
"""The board's model server."""
OWN = """
[rule.EvalIdle]
metric = "gpu.utilization"
below = "5 %"
for = "20m"
severity = "info"
text = "{where}: idle at {value} %"

[rule.GpuWarm]
metric = "gpu.temperature"
above = "68 °C"
for = "2m"
keep_firing_for = "2m"
text = "{where}: {value} °C"

[rule.Broken]
metric = "gpu.temprature"
above = "80 °C"

[rule.Impossible]
metric = "gpu.utilization"
above = "120 %"
"""
"""A user's rule file: one rule that is good, two that are not."""


def _alert(rule: str, severity: str, text: str, value: float | None, since_s: float, **labels: str) -> Alert:
    began = NOW - since_s
    return Alert(rule, severity, labels_of(labels), "firing", began - 60, value, text, fired_at=began)  # type: ignore[arg-type]  # a severity


LOST = _alert(
    "GpuXidFatal", "critical", "gpu-01/5: Xid 79, a fault of the GPU itself", 1.0, 161, node="gpu-01", gpu="5"
)
HOT = _alert("GpuHot", "warning", "gpu-02/2: 91 °C", 91.0, 2460, node="gpu-02", gpu="2")
IDLE = _alert("GpuAllocatedIdle", "warning", "gpu-01/3: held and idle for 41 min", 2460.0, 660, node="gpu-01", gpu="3")
MISSING = replace(
    _alert("GpuMissing", "critical", "gpu-01: 1 GPU fewer than it had", 1.0, 150, node="gpu-01"),
)
DOWN = replace(
    _alert(
        "GpuMetricsStale", "warning", "node-03: no answer for 32 min", None, 1900, source="node-03", kind="exporter"
    ),
    state="no_data",
    unseen_since=NOW - 300,
)
QUEUE = replace(
    _alert("VllmQueue", "warning", f"{SERVER}: 3 requests wait", 3.0, 0, service=SERVER),
    state="pending",
    fired_at=None,
    active_at=NOW - 95,
)
OVER = replace(
    _alert("GpuPcieReplays", "info", "gpu-02/0: its PCIe link repeats itself", 12.0, 1500, node="gpu-02", gpu="0"),
    state="resolved",
    resolved_at=NOW - 420,
)
DRAINED = _alert("SlurmNodeDrainedUnplanned", "info", "gpu-04: drained for 3 h", 10800.0, 10800, node="gpu-04")
SILENCE = Silence(
    "s-4a47b0bd",
    (Matcher("alertname", "=", "GpuHot"), Matcher("node", "=", "gpu-02")),
    NOW - 1800,
    NOW + 5400,
    "ana",
    "fan ordered, ticket 4711",
)
OTHER = Silence("s-77aa01cc", (Matcher("alertname", "=~", "Vllm.*"),), NOW - 60, NOW + 900, "bo", "rolling out 0.11.3")


def alarmed() -> AlertsNow:
    """Something of every state, and every reason why nobody is told."""
    return AlertsNow(
        AT,
        5.0,
        (LOST, HOT, IDLE, MISSING, DOWN, QUEUE, OVER, DRAINED),
        {
            HOT.id: (f"silence {SILENCE.id}",),
            MISSING.id: (f"GpuXidFatal ({LOST.id}) says it already",),
            DRAINED.id: ("gpu-04 is in maintenance (drained by ana: new board)",),
            QUEUE.id: (f"silence {OTHER.id}",),
        },
        (Ack(IDLE.id, NOW - 600, "ana", "asked bo to cancel his notebook"),),
        (SILENCE, OTHER),
        {"GpuEccUncorrected": "more than 10,000 label sets"},
    )


def peaceful() -> AlertsNow:
    """Nothing fires."""
    return AlertsNow(AT)


def hostile() -> AlertsNow:
    """One alert whose every text is made to do harm."""
    bad = Alert(
        HOSTILE,
        "critical",
        labels_of({"node": HOSTILE, "gpu": "1", "x": HOSTILE}),
        "firing",
        NOW - 60,
        1e300,
        HOSTILE,
        NOW - 50,
    )
    silence = Silence(HOSTILE, (Matcher("node", "=", HOSTILE),), NOW - 60, NOW + 60, HOSTILE, HOSTILE)
    muted = {bad.id: (f"silence {HOSTILE}", HOSTILE)}
    return AlertsNow(AT, 5.0, (bad,), muted, (Ack(bad.id, NOW, HOSTILE, HOSTILE),), (silence,), {HOSTILE: HOSTILE})


def many(count: int = 10_000) -> AlertsNow:
    """So many alerts of one rule."""
    some = tuple(
        _alert(
            "GpuHot",
            "warning",
            f"gpu-{at // 8:04}/{at % 8}: 91 °C",
            91.0,
            at,
            node=f"gpu-{at // 8:04}",
            gpu=str(at % 8),
        )
        for at in range(count)
    )
    return AlertsNow(AT, 5.0, some)


def book() -> RuleBook:
    """Our rules and those of a user's file."""
    return extended(load(()), OWN, "/home/ana/rules.toml")


def evaluator(snapshot: Snapshot) -> Alerting:
    """Who evaluates and takes wishes, over one picture."""
    return Alerting(Board(snapshot), FakeClock(NOW), 5.0, book())
