"""The snapshot as samples: what rules are evaluated over in a running system.

Values are believed as everywhere (`app.domain.values`): never past their source's age, fresh sources first. Whole
fleets are compared with one number a rule, so that comparison is made here, before any label set is hashed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from app.domain.alert import Labels, fits, label, labels_of
from app.domain.fleet import fleet_values
from app.domain.metrics import by_key
from app.domain.values import believed
from app.engine.alerting.expression import Selector
from app.engine.alerting.functions import Points
from app.engine.alerting.signals import BY_KEY, View, gpu_labels, node_labels
from app.engine.alerting.windows import Windows

Rows = list[tuple[Labels, Mapping[str, float]]]


def known_keys() -> tuple[str, ...]:
    """Every name a rule may use."""
    return (*by_key(), *BY_KEY)


class LiveSamples:
    """`Samples` over one view; made anew for each evaluation."""

    def __init__(self, view: View, windows: Windows) -> None:
        self._view = view
        self._windows = windows
        self._rows: dict[str, Rows] = {}
        self._signals: dict[str, Mapping[Labels, float]] = {}
        self._fleet: Mapping[str, float] | None = None

    def remember(self) -> None:
        """Put this moment's values of what rules look back at into the memory."""
        for name in self._windows.names:
            signal = BY_KEY.get(name)
            vector = self.instant(Selector(name), self._view.now)
            self._windows.add(name, vector, self._view.now, is_counted=signal is not None and signal.is_counted)

    def instant(self, selector: Selector, at: float) -> Mapping[Labels, float]:
        """Every series of a name that has a value now."""
        del at  # the view's own time
        return dict(self._pairs(selector))

    def where(self, selector: Selector, test: Callable[[float], bool], at: float) -> Mapping[Labels, float]:
        """Those of them whose value passes a test."""
        del at  # the view's own time
        return {labels: value for labels, value in self._pairs(selector) if test(value)}

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
            return any(all(pair in one for pair in about) for one in self._signal(name))
        scope = name.partition(".")[0]
        wanted = labels_of([pair for pair in labels if pair[0] in _SCOPE_LABELS.get(scope, ())])
        return any(name in values for one, values in self._scope(scope) if one == wanted or set(wanted) <= set(one))

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

    def _pairs(self, selector: Selector) -> Iterator[tuple[Labels, float]]:
        name, matchers = selector.name, selector.matchers
        if name in BY_KEY:
            found: Iterator[tuple[Labels, float]] = iter(self._signal(name).items())
        elif name.startswith("fleet."):
            value = self._fleet_values().get(name)
            found = iter(() if value is None else (((), value),))
        else:
            rows = self._scope(name.partition(".")[0])
            found = ((labels, values[name]) for labels, values in rows if name in values)
        return (pair for pair in found if fits(matchers, pair[0])) if matchers else found

    def _signal(self, name: str) -> Mapping[Labels, float]:
        if name not in self._signals:
            self._signals[name] = dict(BY_KEY[name].read(self._view))
        return self._signals[name]

    def _fleet_values(self) -> Mapping[str, float]:
        if self._fleet is None:
            self._fleet = fleet_values(self._view.snapshot, self._view.now)
        return self._fleet

    def _scope(self, scope: str) -> Rows:
        if scope not in self._rows:
            self._rows[scope] = list(self._read(scope))
        return self._rows[scope]

    def _read(self, scope: str) -> Iterator[tuple[Labels, Mapping[str, float]]]:
        snapshot, now = self._view.snapshot, self._view.now
        if scope == "gpu":
            for gpu in snapshot.gpus():
                if not gpu.is_lost:
                    yield gpu_labels(gpu.node, gpu.index), believed(gpu.layers, now)
        elif scope == "node":
            for node in snapshot.nodes.values():
                yield node_labels(node.name), believed(node.layers, now)
        elif scope == "service":
            for service in snapshot.services.values():
                yield labels_of({"service": service.id}), believed(service.layers, now)
        elif scope == "fleet":
            yield (), self._fleet_values()


_SCOPE_LABELS = {"gpu": ("node", "gpu"), "node": ("node",), "service": ("service",)}
