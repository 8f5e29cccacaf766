"""Signs out of clocks, heat and power: why a GPU runs slower than it could, and what it is allowed. Pure.

clocks.hw_thermal       the hardware halves the clocks for heat (clock event 0x40)                     (state)
clocks.sw_thermal       the driver lowers the clocks for heat (0x20)                                   (state)
clocks.power_brake      the machine's power brake is on (0x80): supply, rack or board controller       (state)
clocks.hw_slowdown      the hardware slows down without saying for what (0x8 alone)                    (state)
clocks.slowed           one of the hardware's slowdowns began; details why                             (event)
gpu.hot                 degrees left to its limit below 5, or above 85 where no limit is known         (state)
gpu.memory_hot          its memory is at the temperature it is made for at most, or above              (state)
power.limit_low         its power limit, or that of its whole node, is below what the board is made for;
                        value in percent; not said where most of its kind in the fleet have it         (state)
power.limit_apart       its power limit is below that of most others of its kind                       (state)

The software power cap (0x4) gives no sign: at full load it is as it should be.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from statistics import median_high

from app.domain.finding import FindingSubject
from app.domain.snapshot import Gpu, Layer, Node
from app.engine.columns import Compared, by_node
from app.engine.diagnosis.sign import Look, Sign

HW_SLOWDOWN, SW_THERMAL, HW_THERMAL, POWER_BRAKE = 0x8, 0x20, 0x40, 0x80
"""Bits of NVML's clock-event reasons (nvml.h)."""
_TOLD = HW_SLOWDOWN | SW_THERMAL | HW_THERMAL | POWER_BRAKE
_STATES = (
    (HW_THERMAL, "clocks.hw_thermal", "the hardware slows it down for heat"),
    (SW_THERMAL, "clocks.sw_thermal", "the driver lowers its clocks for heat"),
    (POWER_BRAKE, "clocks.power_brake", "the power brake of its machine is on"),
)
MARGIN_C = 5.0
"""Degrees to the limit from which a GPU is hot."""
HOT_C = 85.0
"""Degrees from which a GPU is hot that tells no limit."""
MEMORY_HOT_C = 106.0
"""Degrees from which device memory is hot that tells no limit: kinds of it are made for 95 … 105."""
_WARM_C = 70.0
"""No GPU and no memory has its limit below this."""
LIMIT_SHARE = 0.97
"""Power limits within 3 % of each other are the same."""
_REASONS = "gpu.clock_event_reasons"


def observe_clocks(look: Look) -> Iterator[Sign]:
    """What holds GPUs back now."""
    for name, gpus in by_node(look.gpus.picked(*_held_back(look.gpus))).items():
        node = look.snapshot.nodes[name]
        before = look.before.nodes.get(name) if look.before is not None else None
        for gpu in gpus:
            layer = _layer(gpu, look.now)
            if layer is None:
                continue
            values = layer.values
            reasons = _bits(layer)
            if reasons & _TOLD:
                yield from _reasons(gpu, layer, reasons)
                yield from _onset(gpu, layer, reasons, before if before is not node else None)
            if values.get("gpu.temperature", HOT_C) >= _WARM_C or "gpu.temperature_margin" in values:
                yield from _heat(gpu, layer)
            memory = values.get("gpu.memory_temperature")
            if memory is not None and memory >= _WARM_C:
                yield from _memory_heat(gpu, layer, memory)
    odd = _models_limited_apart(look)
    if odd:
        yield from _limits(look, odd)


def _held_back(gpus: Compared[Gpu]) -> Iterator[Iterable[int]]:
    """Rows of GPUs that may be slowed down or hot."""
    yield gpus.column(_REASONS).beyond(-math.inf, HW_SLOWDOWN)
    margin = gpus.column("gpu.temperature_margin")
    yield margin.beyond(MARGIN_C, math.inf)
    if margin.rows != gpus.rows:
        yield gpus.column("gpu.temperature").beyond(-math.inf, _WARM_C)
    most = gpus.column("gpu.memory_temperature_max_operating").ends[0]
    yield gpus.column("gpu.memory_temperature").beyond(-math.inf, min(most, MEMORY_HOT_C))


def _models_limited_apart(look: Look) -> Collection[str]:
    """Models of which not all GPUs have one power limit, the board's own."""
    told, default = look.gpus.column("gpu.power_limit"), look.gpus.column("gpu.power_limit_default")
    least, most = told.ends
    are_alike = not told.rows or 0.0 < LIMIT_SHARE * max(most, default.ends[1]) <= least
    if are_alike and not look.gpus.odd:
        return ()  # whatever their models
    limits: dict[str, tuple[float, float]] = {}
    for gpu in look.gpus.table.subjects:
        layer, model = _layer(gpu, look.now), gpu.facts.get("model")
        limit = layer.values.get("gpu.power_limit") if layer is not None else None
        if layer is not None and limit and model:
            low, high = limits.get(model, (limit, limit))
            limits[model] = (min(low, limit), max(high, limit, layer.values.get("gpu.power_limit_default", limit)))
    return {model for model, (low, high) in limits.items() if low < LIMIT_SHARE * high}


def _layer(gpu: Gpu, now: float) -> Layer | None:
    """The values of its best source that is fresh."""
    if gpu.lost_at is not None:
        return None
    for layer in gpu.layers:
        if not layer.is_stale(now):
            return layer
    return None


def _bits(layer: Layer) -> int:
    mask = layer.values.get(_REASONS, 0.0)
    return int(mask) if 0 < mask < 2**63 else 0


def _reasons(gpu: Gpu, layer: Layer, reasons: int) -> Iterator[Sign]:
    clock = layer.values.get("gpu.sm_clock")
    now_at = f", now at {clock:.0f} MHz" if clock is not None else ""
    for bit, kind, words in _STATES:
        if reasons & bit:
            yield _state(kind, gpu, layer, f"{gpu.id}: {words}{now_at}", clock)
    if reasons & HW_SLOWDOWN and not reasons & (HW_THERMAL | POWER_BRAKE):
        yield _state("clocks.hw_slowdown", gpu, layer, f"{gpu.id}: the hardware slows it down{now_at}", clock)


def _onset(gpu: Gpu, layer: Layer, reasons: int, before: Node | None) -> Iterator[Sign]:
    """A slowdown of the hardware that was not there at the look before."""
    old = next((one for one in before.gpus if one.index == gpu.index), None) if before is not None else None
    past = next((one for one in old.layers if one.source == layer.source), None) if old is not None else None
    if past is None or past is layer or _REASONS not in past.values:
        return
    hardware = HW_SLOWDOWN | HW_THERMAL | POWER_BRAKE
    if reasons & hardware and not _bits(past) & hardware:
        why = "heat" if reasons & HW_THERMAL else "power brake" if reasons & POWER_BRAKE else "not said"
        text = f"{gpu.id}: the hardware began to slow it down ({why})"
        yield Sign("clocks.slowed", _subject(gpu), layer.at, text, layer.source, details={"why": why}, is_event=True)


def _heat(gpu: Gpu, layer: Layer) -> Iterator[Sign]:
    value_of = layer.values.get
    margin, temperature = value_of("gpu.temperature_margin"), value_of("gpu.temperature")
    slowdown = value_of("gpu.temperature_slowdown")
    if margin is None and slowdown is not None and temperature is not None:
        margin = slowdown - temperature
    is_hot = margin < MARGIN_C if margin is not None else temperature is not None and temperature > HOT_C
    if is_hot:
        shown = [f"{temperature:.0f} °C"] if temperature is not None else []
        shown += [f"{margin:.0f} °C left to its limit"] if margin is not None else []
        yield _hot("gpu.hot", gpu, layer, ", ".join(shown), temperature)


def _memory_heat(gpu: Gpu, layer: Layer, memory: float) -> Iterator[Sign]:
    if memory >= (layer.values.get("gpu.memory_temperature_max_operating") or MEMORY_HOT_C):
        yield _hot("gpu.memory_hot", gpu, layer, f"its memory is at {memory:.0f} °C", memory)


def _hot(kind: str, gpu: Gpu, layer: Layer, heat: str, value: float | None) -> Sign:
    details = {"heat": heat}
    return Sign(kind, _subject(gpu), layer.at, f"{gpu.id}: {heat}", layer.source, value, details=details)


def _limits(look: Look, odd: Collection[str]) -> Iterator[Sign]:
    """Power limits below the board's own or below most others of its kind; one that most have is the site's choice."""
    kinds: dict[str, list[_Limited]] = {}
    for name, node in look.snapshot.nodes.items():
        for gpu in node.gpus:
            layer = _layer(gpu, look.now)
            limit = layer.values.get("gpu.power_limit") if layer is not None else None
            model = gpu.facts.get("model", "")
            if layer is not None and limit and model in odd:
                default = layer.values.get("gpu.power_limit_default") or limit
                kinds.setdefault(model, []).append((name, gpu, layer, limit, default))
    for some in kinds.values():
        usual = median_high([one[3] for one in some])
        is_fleet = some[0][0] != some[-1][0]
        for one in _together(some, usual):
            yield from _limited(one, usual, is_fleet=is_fleet)


_Limited = tuple[str, Gpu, Layer, float, float]
"""Node, GPU, its values, its limit, the board's own."""


def _together(some: list[_Limited], usual: float) -> Iterator[tuple[FindingSubject, _Limited]]:
    """Whom to speak of: each GPU whose limit is low, or its node where all of its GPUs have the same low one."""
    by_node: dict[str, list[_Limited]] = {}
    for one in some:
        by_node.setdefault(one[0], []).append(one)
    for name, here in by_node.items():
        low = [one for one in here if one[3] < LIMIT_SHARE * max(usual, one[4])]
        is_whole = len(low) == len(here) > 1 and len({round(one[3]) for one in low}) == 1
        if is_whole:
            yield FindingSubject(node=name), low[0]
        else:
            yield from ((_subject(one[1]), one) for one in low)


def _limited(found: tuple[FindingSubject, _Limited], usual: float, *, is_fleet: bool) -> Iterator[Sign]:
    subject, (name, _, layer, limit, default) = found
    details = {"node": name, "limit": f"{limit:.0f}", "default": f"{default:.0f}", "usual": f"{usual:.0f}"}
    if limit < LIMIT_SHARE * usual:
        text = f"{subject}: limited to {limit:.0f} W, most others of its kind to {usual:.0f} W"
        yield Sign("power.limit_apart", subject, layer.at, text, layer.source, 100.0 * limit / usual, details=details)
    elif is_fleet:
        return
    if limit < LIMIT_SHARE * default:
        text = f"{subject}: limited to {limit:.0f} W, made for {default:.0f} W"
        yield Sign("power.limit_low", subject, layer.at, text, layer.source, 100.0 * limit / default, details=details)


def _state(kind: str, gpu: Gpu, layer: Layer, text: str, value: float | None) -> Sign:
    return Sign(kind, _subject(gpu), layer.at, text, layer.source, value)


def _subject(gpu: Gpu) -> FindingSubject:
    return FindingSubject(node=gpu.node, gpu=gpu.index)
