"""Signs of the links of GPUs: PCIe, NVLink and its fabric, by their values. Pure.

pcie.narrow, pcie.slow    fewer lanes, a lower generation than there could be, under load; details has, could  (states)
nvlink.down               fewer NVLinks up than siblings have; details has, could, fabric                      (state)
nvlink.lost, nvlink.back  fewer or more NVLinks up than at the last look; details fabric                       (events)
nvlink.recovered, nvlink.replayed    links had to be brought up again, packets sent again; details fabric     (events)
nvlink.noisy              damaged packets over NVLink, a second, at least 100; details fabric                  (state)
fabric.unhealthy          the fabric's health bits or its error; details what, how (limited, broken)           (state)
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from app.domain.finding import FindingSubject
from app.domain.snapshot import Gpu, Layer, Node
from app.engine.columns import Compared, by_node
from app.engine.diagnosis.observe_nvlinks import fabric_of
from app.engine.diagnosis.sign import Look, Sign

LOADED_PERCENT = 20.0
"""At or above this utilization a link uses all its lanes; below it may save power."""
BUSY_PERCENT = 50.0
"""The same for its generation, which follows load later."""
FAST_CRC = 100.0
"""Damaged packets a second beyond which DCGM gives a link up."""
_HEALTH: tuple[tuple[int, str, str], ...] = (
    (4, "a route is unhealthy", "broken"),
    (0, "degraded bandwidth", "limited"),
    (2, "a route is being recovered", "limited"),
    (6, "recovering from an access time-out", "limited"),
)
"""(lowest of two bits, what it says, how bad): 1 is true, 2 false, 0 not supported."""
_MISFITS: Mapping[int, str] = {
    2: "wrong system GUID",
    3: "wrong chassis serial number",
    4: "no partition",
    5: "too few NVLinks",
    6: "incompatible GPU firmware",
    7: "wrong location of the GPU",
}
"""Bits 8 … 11 of the health mask: what is configured wrongly; 1 is nothing."""


_UP = "gpu.nvlinks_active"
_COUNTERS = (
    ("gpu.nvlink_crc_errors", "nvlink.noisy", "damaged packets over NVLink"),
    ("gpu.nvlink_crc_data_errors", "nvlink.noisy", "damaged data packets over NVLink"),
    ("gpu.nvlink_recovery_errors", "nvlink.recovered", "NVLinks had to be brought up again"),
    ("gpu.nvlink_replay_errors", "nvlink.replayed", "packets sent again over NVLink"),
)
_PCIE = (
    ("gpu.pcie_width", "gpu.pcie_width_max", "pcie.narrow", LOADED_PERCENT),
    ("gpu.pcie_gen", "gpu.pcie_gen_max", "pcie.slow", BUSY_PERCENT),
)


def observe_links(look: Look) -> Iterator[Sign]:
    """Every link that is not as it could be."""
    odd = by_node(look.gpus.picked(*_worth_a_look(look.gpus)))
    for name, node in look.snapshot.nodes.items():
        if name not in odd:
            continue
        was = look.before.nodes.get(name) if look.before is not None else None
        gpus = [one for one in [_seen(gpu, look.now) for gpu in node.gpus] if one is not None]
        if gpus:
            yield from _pcie(gpus, look)
            yield from _nvlinks(gpus, was if was is not node else None, look)
            yield from _fabric(gpus)


def _worth_a_look(gpus: Compared[Gpu]) -> Iterator[Iterable[int]]:
    """Rows of GPUs whose machines may have something to tell: hardly any of thousands, by the ends of columns."""
    for key, most_key, _, least in _PCIE:
        yield _below_most(gpus, key, most_key, least)
    yield _unlike(gpus, _UP)
    for key in (_UP, *(counter for counter, *_ in _COUNTERS)):
        yield gpus.moved(key)
    yield gpus.column("gpu.fabric_health").nonzero()
    yield gpus.column("gpu.fabric_error").nonzero()
    yield gpus.column("gpu.fabric_health_summary").where((2.0, 3.0).__contains__)


def _below_most(gpus: Compared[Gpu], key: str, most_key: str, least: float) -> Sequence[int]:
    """Rows of GPUs at work whose link has less than it could have, or nobody tells what that is."""
    has, could, use = gpus.column(key), gpus.column(most_key), gpus.column("gpu.utilization")
    if has.rows == could.rows and has.values == could.values:
        return ()
    most = dict(zip(could.rows, could.values, strict=True))
    below = [row for row, value in zip(has.rows, has.values, strict=True) if not value >= most.get(row, math.inf)]
    uses = dict(zip(use.rows, use.values, strict=True))
    return [row for row in below if uses.get(row, 0.0) >= least]


def _unlike(gpus: Compared[Gpu], key: str) -> Sequence[int]:
    """Rows of a value that another GPU of the same machine does not have."""
    column, subjects = gpus.column(key), gpus.table.subjects
    least, most = column.ends
    if least == most:
        return ()
    first: dict[str, float] = {}
    told = zip(column.rows, column.values, strict=True)
    return [row for row, value in told if first.setdefault(subjects[row].node, value) != value]


class _Seen(NamedTuple):
    """A GPU with its values. A tuple, since there is one for each GPU at each look."""

    gpu: Gpu
    layer: Layer
    values: Mapping[str, float]

    @property
    def subject(self) -> FindingSubject:
        return FindingSubject(node=self.gpu.node, gpu=self.gpu.index)


def _seen(gpu: Gpu, now: float) -> _Seen | None:
    if gpu.lost_at is not None:
        return None
    layers = gpu.layers
    if len(layers) == 1:
        (layer,) = layers
        return None if layer.is_stale(now) else _Seen(gpu, layer, layer.values)
    fresh = [one for one in layers if not one.is_stale(now)]
    if not fresh:
        return None
    return _Seen(gpu, fresh[0], _merged(fresh))


def _merged(layers: Sequence[Layer]) -> Mapping[str, float]:
    """Values of several sources, the first one's before the others'."""
    return {key: value for one in reversed(layers) for key, value in one.values.items()}


def usual(some: Iterable[float]) -> float | None:
    """The value that more than half of at least three have."""
    counted = Counter(some)
    value, times = counted.most_common(1)[0] if counted else (0.0, 0)
    return value if times > counted.total() / 2 and counted.total() >= 3 else None


# ── PCIe ──


def _pcie(gpus: list[_Seen], look: Look) -> Iterator[Sign]:
    for key, most_key, kind, least in _PCIE:
        has_of = [one.values.get(key) for one in gpus]
        if has_of == [one.values.get(most_key) for one in gpus] and None not in has_of:
            continue
        for one, has in zip(gpus, has_of, strict=True):
            most = one.values.get(most_key)
            if not has or (most is not None and has >= most) or one.values.get("gpu.utilization", 0.0) < least:
                continue
            if most is None and has_of.count(has) * 2 > len(has_of):
                continue
            could = _could(one, gpus, key, most, least)
            if could is not None and has < could and (kind != "pcie.slow" or _was_busy(one.gpu, look)):
                yield _pcie_sign(one, kind, has, could)


def _could(one: _Seen, gpus: list[_Seen], key: str, most: float | None, least: float) -> float | None:
    """What its link could be: by its board and slot, else by its siblings at work; None where they have no more."""
    siblings = usual(
        other.values[key]
        for other in gpus
        if other is not one
        and other.gpu.model == one.gpu.model
        and other.values.get(key)
        and other.values.get("gpu.utilization", 0.0) >= least
    )
    if siblings is not None and one.values[key] >= siblings:
        return None  # the machine is built so
    return most if most is not None else siblings


def _was_busy(gpu: Gpu, look: Look) -> bool:
    """Whether it was busy at the last look as well, so that its link had time to follow."""
    before = look.before.gpu(gpu.node, gpu.index) if look.before is not None else None
    use = before.value("gpu.utilization", look.before_at) if before is not None else None
    return use is None or use >= BUSY_PERCENT


def _pcie_sign(one: _Seen, kind: str, has: float, could: float) -> Sign:
    what = f"×{has:.0f} of ×{could:.0f}" if kind == "pcie.narrow" else f"generation {has:.0f} of {could:.0f}"
    busy = one.values.get("gpu.utilization", 0.0)
    text = f"PCIe link is {what} at {busy:.0f} % utilization"
    details = {"has": f"{has:.0f}", "could": f"{could:.0f}", "link": what}
    return Sign(kind, one.subject, one.layer.at, text, one.layer.source, has, details=details)


# ── NVLink and fabric ──


def _nvlinks(gpus: list[_Seen], was: Node | None, look: Look) -> Iterator[Sign]:
    ups = [one.values.get(_UP) for one in gpus]
    most = usual(up for up in ups if up is not None) if len(ups) >= 4 and ups.count(ups[0]) < len(ups) else None
    keys = [key for key, *_ in _COUNTERS if any(key in one.values for one in gpus)]
    if not keys and ups.count(None) == len(ups):
        return
    olds = was.gpus if was is not None else ()
    for place, one in enumerate(gpus):
        gpu, links = one.gpu, ups[place]
        # GPUs keep their places; where they do not, they are looked for.
        old = olds[place] if place < len(olds) and olds[place].index == gpu.index else _at(olds, gpu.index)
        if old is None or old is gpu:
            had = links
        else:
            values, past = one.values, old.layers[0].values if len(old.layers) == 1 else _merged(old.layers)
            had = past.get(_UP, links)
            for key in keys:
                if values.get(key) != past.get(key):
                    yield from _noise(one, old, past, look)
                    break
        if links is not None and (had != links or (most is not None and links < most)):
            yield from _links_up(one, links, most, had, look)


def _at(gpus: tuple[Gpu, ...], index: int) -> Gpu | None:
    return next((gpu for gpu in gpus if gpu.index == index), None)


def _links_up(one: _Seen, links: float, most: float | None, had: float | None, look: Look) -> Iterator[Sign]:
    at, source = one.layer.at, one.layer.source
    if most is not None and links < most:
        details = {"has": f"{links:.0f}", "could": f"{most:.0f}", "fabric": fabric_of(look, one.gpu.node)}
        text = f"{links:.0f} NVLinks are up, its siblings have {most:.0f}"
        yield Sign("nvlink.down", one.subject, at, text, source, most - links, details=details)
    if had is not None and had != links:
        details = {"has": f"{links:.0f}", "could": f"{had:.0f}", "fabric": fabric_of(look, one.gpu.node)}
        kind = "nvlink.lost" if links < had else "nvlink.back"
        yield Sign(
            kind, one.subject, at, f"{links:.0f} NVLinks are up, were {had:.0f}", source, abs(had - links),
            details=details, is_event=True,
        )  # fmt: skip


def _noise(one: _Seen, before: Gpu, olds: Mapping[str, float], look: Look) -> Iterator[Sign]:
    values, was = one.values, next((each for each in before.layers if each.source == one.layer.source), None)
    if was is None or one.layer.at <= was.at:
        return
    for key, kind, words in _COUNTERS:
        value = values.get(key)
        if not value or value <= olds.get(key, value):
            continue
        more, is_event = value - olds[key], kind != "nvlink.noisy"
        rate = more / (one.layer.at - was.at)
        if is_event or rate >= FAST_CRC:
            text = f"{more:,.0f} {words} ({rate:,.0f} a second)" if rate >= 1 else f"{more:,.0f} {words}"
            yield Sign(
                kind, one.subject, one.layer.at, text, one.layer.source, more if is_event else rate,
                details={"fabric": fabric_of(look, one.gpu.node)}, is_event=is_event,
            )  # fmt: skip


def _fabric(gpus: list[_Seen]) -> Iterator[Sign]:
    for one in gpus:
        get = one.values.get
        mask, summary = get("gpu.fabric_health"), get("gpu.fabric_health_summary")
        error = get("gpu.fabric_error")
        if not mask and not error and summary not in (2, 3):
            continue
        told = list(_unhealthy(int(mask) if mask and 0 < mask < 1 << 16 else 0))
        if not told and summary in (2, 3):
            told = [("it is unhealthy", "broken") if summary == 2 else ("it is limited", "limited")]
        if not told and error and get("gpu.fabric_state") == 3:
            told = [(f"registration ended with NVML error {error:.0f}", "broken")]
        if told:
            what, how = told[0]
            text = f"NVLink fabric: {'; '.join(words for words, _ in told)}"
            details = {"what": what, "how": how}
            yield Sign("fabric.unhealthy", one.subject, one.layer.at, text, one.layer.source, details=details)


def _unhealthy(mask: int) -> Iterator[tuple[str, str]]:
    misfit = _MISFITS.get(mask >> 8 & 0xF)
    if misfit is not None:
        yield f"configured wrongly: {misfit}", "broken"
    for low, words, how in _HEALTH:
        if mask >> low & 0x3 == 1:
            yield words, how
