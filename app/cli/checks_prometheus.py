"""Checks that `doctor` makes of a Prometheus server: does it answer, what it has of ours, how far back, its rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

from app.cli.checks import Check
from app.config.settings import Settings
from app.runtime.options import RuntimeOptions
from app.sources.adapters import adapter_of
from app.sources.prometheus_names import names_selector, wanted
from app.transport.prometheus import PrometheusError, PrometheusServer

GROUP = "Prometheus"
_BACK = ((365, "a year"), (30, "30 days"), (7, "7 days"), (1, "a day"))
_DRIFT_S = 2.0


async def prometheus_checks(settings: Settings, options: RuntimeOptions) -> list[Check]:
    """All of them; none where no server is configured."""
    if not settings.prometheus.url:
        return []
    server = PrometheusServer(settings.prometheus)
    try:
        return [check async for check in _checks(server, settings, options)]
    except PrometheusError as error:
        return [
            Check(GROUP, "server", "failed", str(error), "mend [prometheus], or the server; see docs/prometheus.md")
        ]
    finally:
        await server.close()


async def _checks(server: PrometheusServer, settings: Settings, options: RuntimeOptions) -> AsyncIterator[Check]:
    began = options.clock.monotonic()
    version = await server.version()
    took_ms = (options.clock.monotonic() - began) * 1000
    told = f"{server.shown} answers in {took_ms:.0f} ms" + (f", version {version}" if version else "")
    yield Check(GROUP, "server", "ok", told)
    only = settings.prometheus.only
    answer = await server.instant(f"count by (__name__) ({names_selector(wanted(), only)})")
    counts: Counter[str] = Counter()
    for row in answer.rows:
        owner = adapter_of(row.labels.get("__name__", ""))
        if owner is not None and row.values:
            counts[owner[0].flavour] += int(row.values[-1])
    if counts:
        yield Check(GROUP, "series", "ok", ", ".join(f"{name} {count:,}" for name, count in counts.most_common()))
    else:
        meets = f" that meets {only}" if only else ""
        text = f"no series{meets} of a GPU, node or vLLM exporter"
        yield Check(GROUP, "series", "failed", text, "let it scrape one (docs/prometheus.md), or mend prometheus.only")
    if answer.notes:
        yield Check(GROUP, "answers", "warning", "; ".join(answer.notes), "what is missing there is missing here")
    now = options.clock.now()
    ahead_s = next((now - row.times[-1] for row in answer.rows if row.times), 0.0)
    if abs(ahead_s) > _DRIFT_S:
        text = f"its clock is {abs(ahead_s):.0f} s {'behind' if ahead_s > 0 else 'ahead of'} this machine's"
        yield Check(GROUP, "clock", "warning", f"{text}; ages are reckoned by its own", "see chrony on both")
    yield await _back(server, only, now)
    yield await _alerts(server, settings)


async def _back(server: PrometheusServer, only: str, now: float) -> Check:
    """How far back there is something."""
    for days, words in _BACK:
        answer = await server.instant(f"count({names_selector(wanted(), only)})", now - days * 86400)
        if answer.rows:
            return Check(GROUP, "history", "ok", f"reaches back {words} at least")
    return Check(GROUP, "history", "note", "reaches back less than a day")


async def _alerts(server: PrometheusServer, settings: Settings) -> Check:
    if not settings.prometheus.alerts:
        return Check(GROUP, "alerts", "note", "not shown (prometheus.alerts is off)")
    try:
        found = await server.alerts()
    except PrometheusError as error:
        return Check(GROUP, "alerts", "note", f"it has none to show: {error}")
    firing = sum(one.state == "firing" for one in found)
    return Check(GROUP, "alerts", "ok", f"{firing} fire there, {len(found) - firing} wait; who is told is its business")
