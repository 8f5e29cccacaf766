"""Which of a subject's values to believe now, as one mapping: `snapshot.sample` for callers that want many keys.

Whole-fleet folds ask thousands of subjects a dozen keys each; one mapping a subject costs a tenth of a dozen samples.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.snapshot import Layer

_NOTHING: Mapping[str, float] = {}
_NO_KEYS: frozenset[str] = frozenset()


def believed(layers: tuple[Layer, ...], now: float) -> Mapping[str, float]:
    """Every value not past its age, by catalogue key, each from the layer that `snapshot.sample` would take it from.

    Shared with the layer where only one is left: never written to.
    """
    if len(layers) == 1:
        return _NOTHING if layers[0].is_expired(now) else layers[0].values
    fresh: list[Layer] = []
    stale: list[Layer] = []
    for layer in layers:
        if not layer.is_stale(now):
            fresh.append(layer)
        elif not layer.is_expired(now):
            stale.append(layer)
    stale.sort(key=lambda layer: layer.at)
    order = [*stale, *reversed(fresh)]  # the most believed last, so that it wins
    if len(order) == 1:
        return order[0].values
    merged: dict[str, float] = {}
    for layer in order:
        merged.update(layer.values)
    return merged


def stale_keys(layers: tuple[Layer, ...], now: float) -> frozenset[str]:
    """Keys of `believed` whose value comes from a stale layer: to be shown grey."""
    stale = [layer for layer in layers if layer.is_stale(now)]
    if not stale:
        return _NO_KEYS
    fresh = {key for layer in layers if not layer.is_stale(now) for key in layer.values}
    return frozenset(key for layer in stale if not layer.is_expired(now) for key in layer.values) - fresh
