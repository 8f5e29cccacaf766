"""The snapshot as samples: what rules are evaluated over in a running system.

Values are believed as everywhere (`app.domain.values`): never past their source's age, fresh sources first. Whole
fleets are compared with one number a rule, so that comparison is made here, before any label set is hashed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from app.domain.alert import Labels, fits, label, labels_of
from app.domain.fleet import fleet_values
from app.domain.metrics import by_key
from app.domain.snapshot import Layered
from app.domain.values import believed
from app.engine.alerting.evaluate import Bound
from app.engine.alerting.expression import Selector
from app.engine.alerting.functions import Points
from app.engine.alerting.signals import BY_KEY, View, gpu_labels, node_labels
from app.engine.alerting.windows import Windows
from app.engine.columns import Column, Columns, gpu_table


class _Rows(NamedTuple):
    """All subjects of a kind with their values."""

    labels: Sequence[Labels]
    columns: Columns


def known_keys() -> tuple[str, ...]:
    """Every name a rule may use."""
    return (*by_key(), *BY_KEY)


class LiveSamples:
    """`Samples` over one view; made anew for each evaluation."""

    def __init__(self, view: View, windows: Windows) -> None:
        self._view = view
        self._windows = windows
        self._rows: dict[str, _Rows] = {}
        self._series: dict[str, tuple[Sequence[Labels], Column]] = {}
        self._fleet: Mapping[str, float] | None = None

    def remember(self) -> None:
        """Put this moment's values of what rules look back at into the memory."""
        for name in self._windows.names:
            signal = BY_KEY.get(name)
            labels, column = self._of(name)
            is_counted = signal is not None and signal.is_counted
            self._windows.add(name, labels, column.values, self._view.now, is_counted=is_counted)

    def instant(self, selector: Selector, at: float) -> Mapping[Labels, float]:
        """Every series of a name that has a value now."""
        del at  # the view's own time
        labels, column = self._of(selector.name)
        found = zip(labels, column.values, strict=True)
        return dict(found if not selector.matchers else ((one, v) for one, v in found if fits(selector.matchers, one)))

    def where(self, selector: Selector, bound: Bound, at: float) -> Mapping[Labels, float]:
        """Those of them whose value passes."""
        del at  # the view's own time
        labels, column = self._of(selector.name)
        if not bound.may_pass(*column.ends):
            return {}
        compare, limit = bound.compare, bound.limit
        passing = ((one, v) for one, v in zip(labels, column.values, strict=True) if compare(v, limit))
        return {one: value for one, value in passing if fits(selector.matchers, one)}

    def window(
        self, selector: Selector, start: float, at: float, *, only_moved: bool = False, dense: bool = True
    ) -> Mapping[Labels, Points]:
        """Every series of a name with what is remembered of it from `start` on."""
        wanted = (lambda labels: fits(selector.matchers, labels)) if selector.matchers else None
        return dict(self._windows.window(selector.name, wanted, start, at, only_moved=only_moved, dense=dense))

    def has(self, name: str, labels: Labels) -> bool:
        """Whether a name has a value for what an alert is about."""
        if name in BY_KEY:
            names = BY_KEY[name].labels
            about = [pair for pair in labels if pair[0] in names]
            return any(all(pair in one for pair in about) for one in self._of(name)[0])
        scope = name.partition(".")[0]
        wanted = labels_of([pair for pair in labels if pair[0] in _SCOPE_LABELS.get(scope, ())])
        rows = self._scope(scope)
        told = zip(rows.labels, rows.columns.values, strict=True)
        return any(name in values for one, values in told if one == wanted or set(wanted) <= set(one))

    def exists(self, labels: Labels) -> bool:
        """Whether what an alert is about is still there, seen or not."""
        snapshot = self._view.snapshot
        node, gpu = label(labels, "node"), label(labels, "gpu")
        if node and node not in snapshot.nodes and (snapshot.slurm is None or node not in snapshot.slurm.nodes):
            return False
        if node and gpu:
            return gpu.isdigit() and snapshot.gpu(node, int(gpu)) is not None
        job = label(labels, "job")
        if job:
            return snapshot.slurm is not None and job in (snapshot.slurm.jobs or {})
        service, source = label(labels, "service"), label(labels, "source")
        if service:
            return service in snapshot.services
        return not source or source in snapshot.sources

    def _of(self, name: str) -> tuple[Sequence[Labels], Column]:
        """Every series of a name: who they are, and their values in the same order."""
        if name not in self._series:
            self._series[name] = self._read(name)
        return self._series[name]

    def _read(self, name: str) -> tuple[Sequence[Labels], Column]:
        if name in BY_KEY:
            found = dict(BY_KEY[name].read(self._view))
            return list(found), Column(range(len(found)), list(found.values()))
        if name.startswith("fleet."):
            value = self._fleet_values().get(name)
            return ((), Column((), [])) if value is None else (((),), Column((0,), [value]))
        labels, columns = self._scope(name.partition(".")[0])
        column = columns.of(name)
        return labels if len(column.rows) == len(labels) else [labels[row] for row in column.rows], column

    def _fleet_values(self) -> Mapping[str, float]:
        if self._fleet is None:
            self._fleet = fleet_values(self._view.snapshot, self._view.now)
        return self._fleet

    def _scope(self, scope: str) -> _Rows:
        if scope not in self._rows:
            self._rows[scope] = self._rows_of(scope)
        return self._rows[scope]

    def _rows_of(self, scope: str) -> _Rows:
        snapshot, now = self._view.snapshot, self._view.now
        if scope == "gpu":
            table = gpu_table(snapshot)
            if not table.others and not table.stale(now):
                return _Rows([gpu_labels(gpu.node, gpu.index) for gpu in table.subjects], table.columns)
            there = [gpu for gpu in table.subjects if gpu.lost_at is None]
            return _rows([gpu_labels(gpu.node, gpu.index) for gpu in there], there, now)
        if scope == "node":
            nodes = tuple(snapshot.nodes.values())
            return _rows([node_labels(node.name) for node in nodes], nodes, now)
        if scope == "service":
            services = tuple(snapshot.services.values())
            return _rows([labels_of({"service": one.id}) for one in services], services, now)
        return (
            _Rows(((),), Columns(range(1), (self._fleet_values(),))) if scope == "fleet" else _Rows((), Columns((), ()))
        )


def _rows(labels: Sequence[Labels], subjects: Sequence[Layered], now: float) -> _Rows:
    return _Rows(labels, Columns(range(len(labels)), [believed(one.layers, now) for one in subjects]))


_SCOPE_LABELS = {"gpu": ("node", "gpu"), "node": ("node",), "service": ("service",)}
