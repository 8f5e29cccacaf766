"""Signs out of who answers: GPUs that are gone, silent, back or begun anew, and drivers that are not there.

gpu.lost              its source says that the driver has lost it                                     (state)
gpu.unlisted          a source that listed it does so no longer, while it lists others of the node    (state)
gpu.silent            no new values of it, while its neighbours have some; text says why, if told     (state)
gpu.back              a GPU that was gone answers                                                     (event)
gpu.restarted         its counters fell back: it was reset, or its driver was loaded anew             (event)
gpu.recovered         the driver asks for no recovery action any more                                 (event)
node.gpus_gone        no GPU of the node is listed any more; value says how many                      (state)
node.gpus_missing     fewer GPUs than the node was ever known to have; details has, wanted            (state)
node.booted           the machine was started                                                         (event)
node.driver_missing   a source of the node says that the driver is not loaded; details error          (state)
                      or a line of its logs does, and no GPU of it answers                            (event)
node.driver_mismatch  a source of the node says that driver and library differ; details error         (state)

A GPU is one thing and its node another: where all GPUs of a node are gone at once, only the node's sign is said. Pure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator

from app.domain.ages import STALE_INTERVALS
from app.domain.finding import FindingSubject
from app.domain.naming import clean
from app.domain.snapshot import Gpu, Layer, Node
from app.engine.columns import Compared, by_node
from app.engine.diagnosis.sign import Look, Sign

_ENERGY, _BOOT = "gpu.energy", "node.boot_time"
_LIFELONG = (_ENERGY, "gpu.ecc_sbe_volatile", "gpu.ecc_dbe_volatile", "gpu.pcie_replay")
"""Counters that only a reset or a new driver sets back."""
_BOOTED_S = 60.0
"""Boot times differ by less than this from look to look, since some sources reckon them from the uptime."""
_MISMATCH = re.compile(r"driver.{0,3}library version mismatch|LIB_RM_VERSION_MISMATCH", re.IGNORECASE)
_MISSING = re.compile(r"driver not loaded|couldn.t communicate with the NVIDIA driver|DRIVER_NOT_LOADED", re.IGNORECASE)


def observe_gpus(look: Look) -> Iterator[Sign]:
    """Who is there, who is not, and who is there again."""
    table = look.gpus.table
    bare = by_node(table.picked(table.others, table.columns.bare()))
    moved = by_node(table.picked(_may_have_begun_anew(look.gpus)))
    booted = frozenset(node.name for node in look.machines.picked(look.machines.moved(_BOOT)))
    for name, node in look.snapshot.nodes.items():
        before = look.before.nodes.get(name) if look.before is not None else None
        if _is_odd(node, is_bare=name in bare):
            yield from _missing(node, look.now)
            yield from _silent(node, look.now)
        if before is not None and before is not node:
            if name in booted:
                yield from _booted(node, before)
            if name in moved:
                yield from _began_anew(node, before)
    yield from _drivers(look)
    yield from _drivers_said(look)


def _is_odd(node: Node, *, is_bare: bool) -> bool:
    """Whether its GPUs are not all there with values of one moment: hardly any node of thousands, and cheap to ask."""
    gpus = node.gpus
    if not gpus:
        return False
    return is_bare or (node.gpus_expected or 0) > len(gpus) or len({gpu.seen_at for gpu in gpus}) > 1


def _may_have_begun_anew(gpus: Compared[Gpu]) -> Iterable[int]:
    """Rows of GPUs that one cannot say of, by the energy they have used, that they simply went on."""
    if gpus.before is None:
        return () if gpus.is_first else range(len(gpus.table.subjects))
    used, was = gpus.column(_ENERGY), gpus.before.columns.of(_ENERGY)
    found = {*gpus.table.others, *gpus.before.others, *gpus.before.columns.of("gpu.recovery_action").nonzero()}
    if used.rows == was.rows == gpus.rows:
        told = zip(used.rows, used.values, was.values, strict=True)
        return found.union(row for row, now, then in told if not now >= then > 0.0)
    return found.union(gpus.rows)


def _missing(node: Node, now: float) -> Iterator[Sign]:
    """GPUs that are not there: each, or all as one."""
    lost = [gpu for gpu in node.gpus if gpu.lost_at is not None]
    wanted, has = node.gpus_expected or 0, len(node.gpus) - len(lost)
    if not lost and wanted <= has:
        return
    source = next((gpu.layers[0].source for gpu in node.gpus if gpu.layers), "")
    subject = FindingSubject(node=node.name)
    if wanted > has:
        said = f"{has} of {wanted} GPUs are there"
        details = {"has": str(has), "wanted": str(wanted)}
        yield Sign("node.gpus_missing", subject, now, said, source, float(wanted - has), details=details)
    unlisted = [gpu for gpu in lost if gpu.is_unlisted]
    if len(unlisted) == len(node.gpus):
        since = min(gpu.lost_at or now for gpu in unlisted)
        text = f"none of its {len(unlisted)} GPUs is listed any more"
        yield Sign("node.gpus_gone", subject, now, text, source, float(len(unlisted)), since=since)
        return
    for gpu in lost:
        yield _gone(gpu, now)


def _gone(gpu: Gpu, now: float) -> Sign:
    kind = "gpu.unlisted" if gpu.is_unlisted else "gpu.lost"
    source = gpu.layers[0].source if gpu.layers else ""
    text = f"{gpu.id}: {clean(gpu.note, 120) if gpu.note else 'gone'}"
    return Sign(kind, _subject(gpu), now, text, source, since=gpu.lost_at)


def _silent(node: Node, now: float) -> Iterator[Sign]:
    """GPUs without values beside neighbours that have some: all silent together are their node's or source's matter."""
    newest = max((gpu.seen_at for gpu in node.gpus), default=0.0)
    for gpu in node.gpus:
        layer = gpu.layers[0] if gpu.layers else None
        if gpu.lost_at is not None or layer is None or (layer.values and gpu.seen_at >= newest):
            continue
        is_late = newest - gpu.seen_at > STALE_INTERVALS * layer.interval_s
        is_empty = not any(one.values for one in gpu.layers)
        if (is_late or is_empty) and _answers(node, gpu, now):
            why = clean(gpu.note, 120) if gpu.note else "no new values, though its neighbours have some"
            since = gpu.seen_at if is_late else None
            yield Sign("gpu.silent", _subject(gpu), now, f"{gpu.id}: {why}", layer.source, since=since)


def _answers(node: Node, but: Gpu | None, now: float) -> bool:
    """Whether a GPU of the node other than `but` has fresh values."""
    return any(
        not layer.is_stale(now) and layer.values
        for gpu in node.gpus
        if gpu is not but and gpu.lost_at is None
        for layer in gpu.layers
    )


def _booted(node: Node, before: Node) -> Iterator[Sign]:
    boot, was_boot = _value(node.layers, _BOOT), _value(before.layers, _BOOT)
    if boot is not None and was_boot is not None and boot > was_boot + _BOOTED_S:
        source = node.layers[0].source
        yield Sign(
            "node.booted", FindingSubject(node=node.name), boot, "the machine was started", source, is_event=True
        )


def _began_anew(node: Node, before: Node) -> Iterator[Sign]:
    olds = before.gpus if len(before.gpus) == len(node.gpus) else ()
    for gpu, old in zip(node.gpus, olds, strict=bool(olds)):
        if old is gpu or old.index != gpu.index or not gpu.layers:
            continue
        if old.lost_at is not None and gpu.lost_at is None:
            yield _event("gpu.back", gpu, "it answers again")
        for layer, past in zip(gpu.layers, old.layers, strict=False):
            now_of, was_of = layer.values.get, past.values.get
            energy = now_of(_ENERGY)
            if energy and energy >= (was_of(_ENERGY) or math.inf) and not was_of("gpu.recovery_action"):
                continue  # nothing began anew: the cheap answer for all GPUs but a few
            if past is not layer and past.source == layer.source:
                yield from _turned(gpu, layer, past)


def _turned(gpu: Gpu, layer: Layer, past: Layer) -> Iterator[Sign]:
    """A GPU that was reset, or whose driver is content again."""
    now_of, was_of = layer.values.get, past.values.get
    if was_of("gpu.recovery_action") and now_of("gpu.recovery_action") == 0:
        yield _event("gpu.recovered", gpu, "the driver asks for no recovery any more")
    for key in _LIFELONG:
        was = was_of(key)
        if was and (value := now_of(key)) is not None and value < was:
            yield _event("gpu.restarted", gpu, "its counters began anew: it was reset, or its driver loaded again")
            return


def _event(kind: str, gpu: Gpu, text: str) -> Sign:
    return Sign(kind, _subject(gpu), gpu.seen_at, f"{gpu.id}: {text}", gpu.layers[0].source, is_event=True)


def _drivers(look: Look) -> Iterator[Sign]:
    """What sources that cannot read their node say of its driver."""
    for state in look.snapshot.sources.values():
        if state.error is None or not state.spec.node:
            continue
        for pattern, kind in ((_MISMATCH, "node.driver_mismatch"), (_MISSING, "node.driver_missing")):
            if pattern.search(state.error):
                error = clean(state.error, 200)
                subject = FindingSubject(node=look.boards.node(state.spec.node))
                yield Sign(kind, subject, look.now, error, state.spec.name, details={"error": error})


def _drivers_said(look: Look) -> Iterator[Sign]:
    """Lines that say the driver is missing: a program without a GPU of its own says so on healthy nodes too."""
    for one in look.said:
        name = look.boards.node(one.node) if one.kind == "gpu.driver_missing" and one.node else ""
        node = look.snapshot.nodes.get(name)
        if name and (node is None or not _answers(node, None, look.now)):
            subject, details = FindingSubject(node=name), {"error": one.text}
            yield Sign(
                "node.driver_missing",
                subject,
                one.at,
                one.text,
                one.source,
                label="log",
                details=details,
                is_event=True,
            )


def _value(layers: tuple[Layer, ...], key: str) -> float | None:
    return next((layer.values[key] for layer in layers if key in layer.values), None)


def _subject(gpu: Gpu) -> FindingSubject:
    return FindingSubject(node=gpu.node, gpu=gpu.index)
