"""The dashboards: which panels stand where. What each shows follows from the catalogue and the signals. Pure."""

from __future__ import annotations

from app.domain.metrics import by_key
from app.engine.alerting.export import own_name
from app.engine.alerting.signals import BY_KEY
from app.services.metrics_page import ALERTS
from app.services.stack.grafana import Dashboard, Panel, Query, Section, Variable
from app.services.stack.sections import sections
from app.services.stack.series import PICKED, folded, panel_of, shown, signal_panel, unit_of

MOST = 10
"""Curves of a panel that could have one for each GPU or job of a fleet."""
_NODE = Variable("node", f"label_values({own_name('node.up')}, node)", "Node", has_all=False)
_GPU = Variable("gpu", f'label_values({own_name("gpu.age")}{{node=~"$node"}}, gpu)', "GPU")
_SERVICE = Variable("service", f"label_values({own_name('service.up')}, service)", "Server")


def dashboards() -> tuple[Dashboard, ...]:
    """All of them."""
    return (_fleet(), _node(), _gpu(), _jobs(), _servers(), _money())


def _stat(title: str, expr: str, help_text: str = "", unit: str = "", *, is_bad: bool = False) -> Panel:
    queries = (Query(expr, title),)
    return Panel(title, queries, help_text, unit or "short", "stat", width=3, height=4, is_bad=is_bad)


def _table(title: str, expr: str, help_text: str = "", unit: str = "", width: int = 12) -> Panel:
    return Panel(title, (Query(expr),), help_text, unit or "short", "table", width=width, height=9)


def _signals(*keys: str, picked: str = "", most: int = 0) -> tuple[Panel, ...]:
    return tuple(signal_panel(BY_KEY[key], picked, most=most) for key in keys)


def _firing() -> Panel:
    return _table("Alerts that fire", f'{ALERTS}{{alertstate="firing"}}', "As the daemon evaluates its rules.")


def _incidents() -> Panel:
    return _table("Incidents", own_name("incident.age"), "What is wrong, its root cause, and for how long.", "s")


def _fleet() -> Dashboard:
    bad = ("fleet.gpus_lost", "fleet.nodes_down")
    stats = tuple(
        _stat(row.title, own_name(row.key), row.help, unit_of(row.unit), is_bad=row.key in bad)
        for row in shown("fleet")
    )
    wrong = (_incidents(), _firing())
    whole = tuple(_folded_panel(key) for key in _HEADLINES)
    hottest = tuple(_extreme_panel(key) for key in ("gpu.temperature", "gpu.power", "gpu.memory_percent"))
    return Dashboard(
        "fleet",
        "GPU Watchdog: fleet",
        "The whole cluster: what is there, what is wrong, how busy it is.",
        (
            Section("Now", (*stats, _stat("incidents", f"sum({own_name('incidents')})", is_bad=True))),
            Section("What is wrong", wrong),
            Section("All GPUs together", whole),
            Section("By node", tuple(_by_node_panel(key) for key in _HEADLINES)),
            Section("Highest GPUs", hottest),
            Section("Over time", tuple(panel_of(row) for row in shown("fleet")), is_folded=True),
            Section("Not heard", _silent(), is_folded=True),
        ),
    )


def _silent() -> tuple[Panel, ...]:
    """What does not answer: of a thousand that do, nobody wants a curve each."""
    return (
        _table("Sources that fail", f"{own_name('source.up')} == 0", BY_KEY["source.up"].help, width=8),
        _table("Nodes that nobody speaks for", f"{own_name('node.up')} == 0", BY_KEY["node.up"].help, width=8),
        *_signals("node.age", most=MOST),
    )


_HEADLINES = ("gpu.utilization", "gpu.memory_percent", "gpu.power", "gpu.temperature", "gpu.sm_active", "gpu.sm_clock")
"""Rows that say how a fleet is doing."""


def _folded_panel(key: str) -> Panel:
    row = by_key()[key]
    return Panel(row.title, (Query(folded(row), row.fold),), row.help, unit_of(row.unit), low=0)


def _by_node_panel(key: str) -> Panel:
    row = by_key()[key]
    query = Query(f"topk({MOST}, {folded(row, by='node')})", "{{node}}")
    return Panel(f"{row.title}: highest nodes", (query,), row.help, unit_of(row.unit), low=0)


def _extreme_panel(key: str) -> Panel:
    row = by_key()[key]
    query = Query(f"topk({MOST}, {own_name(key)})", "{{node}}/{{gpu}}")
    return Panel(f"{row.title}: highest", (query,), row.help, unit_of(row.unit), low=row.low, high=row.high)


def _node() -> Dashboard:
    mine = tuple(panel_of(by_key()[key], PICKED["node"]) for key in _HEADLINES)
    state = _signals("node.gpus_missing", "node.cost_per_hour", "slurm.node_down", picked=PICKED["node"])
    return Dashboard(
        "node",
        "GPU Watchdog: node",
        "One machine: its GPUs, processors, memory, disks, network.",
        (Section("Its GPUs", mine), Section("State", state), *sections("node")),
        (_NODE,),
    )


def _gpu() -> Dashboard:
    state = _signals(
        *("gpu.age", "gpu.lost", "gpu.clock_event", "gpu.xid", "gpu.xid_last_code", "gpu.allocated_idle"),
        *("gpu.cost_per_hour",),
        picked=PICKED["gpu"],
    )
    return Dashboard(
        "gpu",
        "GPU Watchdog: GPU",
        "Everything that exporters tell of a GPU, under one name each.",
        (*sections("gpu"), Section("As GPU Watchdog sees it", state, is_folded=True)),
        (_NODE, _GPU),
    )


def _jobs() -> Dashboard:
    queue = (
        *(panel_of(by_key()[key]) for key in ("fleet.jobs_running", "fleet.jobs_pending", "fleet.gpus_allocated")),
        *_signals("slurm.gpus_idle", "slurm.gpu_jobs_pending", "slurm.jobs_failed"),
    )
    waits = (
        _table("Jobs that never start", own_name("slurm.job_never_starts"), BY_KEY["slurm.job_never_starts"].help),
        *_signals("job.pending", most=MOST),
    )
    nodes = _signals("slurm.nodes_down", "slurm.partition_down", "slurm.node_drained", "slurm.scheduler_cycle")
    costs = _signals("job.cost_per_hour", "job.idle_cost_per_hour", most=MOST)
    return Dashboard(
        "jobs",
        "GPU Watchdog: jobs",
        "Slurm: who runs, who waits and why, which nodes are out.",
        (
            Section("The queue", queue),
            Section("Waiting", waits),
            Section("Nodes", nodes),
            Section("Dearest jobs", costs),
            Section("As an exporter of Slurm counts", _signals("slurm.count"), is_folded=True),
        ),
    )


def _servers() -> Dashboard:
    up = _signals("service.up", picked=PICKED["service"])
    return Dashboard(
        "vllm",
        "GPU Watchdog: model servers",
        "vLLM and Triton: load, latency, caches.",
        (Section("Answering", up), *sections("service")),
        (_SERVICE,),
    )


def _money() -> Dashboard:
    rates = (
        *(panel_of(by_key()[key]) for key in ("fleet.cost_per_hour", "fleet.idle_cost_per_hour")),
        *_signals("fleet.held_idle_cost_per_hour", "fleet.unheld_cost_per_hour"),
    )
    whose = _signals("user.cost_per_hour", "partition.cost_per_hour", "node.cost_per_hour", most=MOST)
    waste = (*_signals("job.idle_cost_per_hour", most=MOST), _spent())
    found = (
        _incidents(),
        _table("Findings", own_name("finding"), BY_KEY["finding"].help),
        _table("Could not be looked at", own_name("diagnosis.blind")),
        _firing(),
    )
    counted = Query(own_name("incidents"), "{{severity}}")
    over = (
        Panel("Incidents over time", (counted,), "By the gravest finding.", "short", low=0, is_stacked=True),
        _curve(
            "Cost of incidents", f"topk({MOST}, {own_name('incident.cost_per_hour')})", "{{incident}}", "currencyUSD"
        ),
        _curve("Over within a day", own_name("incidents.ended"), "ended", "short"),
        _curve("Age of the diagnosis", own_name("diagnosis.age"), "age", "s"),
    )
    return Dashboard(
        "money",
        "GPU Watchdog: cost and findings",
        "What the GPUs cost an hour, by whom, how much for nothing; what is wrong, and what that costs.",
        (
            Section("Dollars an hour", rates),
            Section("By whom", whose),
            Section("For nothing", waste),
            Section("What is wrong", found),
            Section("Over time", over),
        ),
    )


def _curve(title: str, expr: str, legend: str, unit: str) -> Panel:
    return Panel(title, (Query(expr, legend),), "", unit, low=0)


def _spent() -> Panel:
    """The rate summed over the time that is shown."""
    cost, idle = own_name("fleet.cost_per_hour"), own_name("fleet.idle_cost_per_hour")
    queries = tuple(
        Query(f"avg_over_time({name}[$__range]) * $__range_s / 3600", legend)
        for name, legend in ((cost, "all"), (idle, "idle"))
    )
    help_text = "Dollars over the time that is shown, as far as there are samples."
    return Panel("Spent", queries, help_text, "currencyUSD", "stat", width=8, height=7)
