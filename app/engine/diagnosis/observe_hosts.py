"""Signs of machines: that they were told to reboot, fill up, have the wrong time, are kept too busy. Pure.

node.reboot_ordered    Slurm was told to reboot it or to switch it off                                  (event)
node.young             it booted less than 10 minutes ago                                               (state)
host.clock_off         its clock is apart from those of other machines, or far from ours; in seconds    (state)
disk.filling           a file system with little room left lost a hundredth of it or more; in hundredths (event)
disk.emptying          it gained as much                                                                (event)
disk.full_said         a program was told that there is no space left, on its node                      (event)
host.saturated         more runnable tasks than processors, five minutes on average                     (state)
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from statistics import median

from app.domain.finding import FindingSubject
from app.domain.snapshot import Layer
from app.engine.diagnosis.sign import Look, Sign
from app.engine.diagnosis.subjects import node_subject, snapshot_name
from app.engine.words import span

YOUNG_S = 600.0
CLOCK_OFF_S = 5.0
"""Apart from the machines around; below lie the times that pages take to come."""
ALONE_OFF_S = 60.0
"""Far from our own clock, where there are fewer than three machines to compare with."""
LITTLE_PERCENT = 20.0
"""While there is more room than this, that it gets less means nothing."""
SATURATED = 1.2
"""Runnable tasks for each processor."""
_ORDERED = frozenset(
    ("REBOOT_REQUESTED", "REBOOT_ISSUED", "REBOOT", "POWER_DOWN", "POWERING_DOWN", "POWERED_DOWN", "POWERING_UP")
)


def observe_hosts(look: Look) -> Iterator[Sign]:
    """What machines show beside their GPUs."""
    yield from _orders(look)
    clocks: list[tuple[FindingSubject, Layer, float]] = []
    processors = _processors(look)
    for name, node in look.snapshot.nodes.items():
        was = look.before.nodes.get(name) if look.before is not None else None
        subject = FindingSubject(node=name)
        for layer in node.layers:
            if layer.is_stale(look.now):
                continue
            yield from _state(subject, layer, processors.get(name))
            clock = layer.values.get("node.clock")
            if clock is not None:
                clocks.append((subject, layer, clock - layer.at))
            old = next((one for one in was.layers if one.source == layer.source), None) if was is not None else None
            if old is not None and old is not layer:
                yield from _filled(subject, layer, old)
    yield from _clocks(clocks)
    for one in look.said:
        if one.kind == "job.disk_full" and one.node:
            subject = FindingSubject(node=look.boards.node(one.node))
            yield Sign("disk.full_said", subject, one.at, one.text, one.source, float(one.repeats), is_event=True)


def _orders(look: Look) -> Iterator[Sign]:
    picture = look.picture
    for node in picture.nodes.values() if picture is not None else ():
        if picture is not None and (node.state in _ORDERED or not _ORDERED.isdisjoint(node.flags)):
            text = "Slurm was told to reboot it or to switch it off"
            subject = node_subject(look, node.name)
            yield Sign("node.reboot_ordered", subject, picture.at, text, picture.source, is_event=True)


def _processors(look: Look) -> Mapping[str, float]:
    """Processors of machines as Slurm has them."""
    nodes = look.picture.nodes.values() if look.picture is not None else ()
    return {snapshot_name(look, one.name): float(one.cpus) for one in nodes if one.cpus}


def _state(subject: FindingSubject, layer: Layer, processors: float | None) -> Iterator[Sign]:
    booted = layer.values.get("node.boot_time")
    age = layer.at - booted if booted is not None else layer.values.get("node.uptime")
    if age is not None and 0 <= age < YOUNG_S:
        yield Sign("node.young", subject, layer.at, f"it booted {span(age)} ago", layer.source, age)
    load, own = layer.values.get("node.load_5m"), layer.values.get("node.cpu_count") or processors
    if load is not None and own and load >= SATURATED * own:
        text = f"{load:.0f} runnable tasks for {own:.0f} processors"
        yield Sign("host.saturated", subject, layer.at, text, layer.source, load / own)


def _filled(subject: FindingSubject, layer: Layer, old: Layer) -> Iterator[Sign]:
    """Room that went or came, told by whole hundredths so that slow changes are told as well."""
    free, was = layer.values.get("node.disk_free_percent"), old.values.get("node.disk_free_percent")
    if free is None or was is None:
        return
    steps = math.floor(was) - math.floor(free)
    if steps < 0 or (steps > 0 and free < LITTLE_PERCENT):
        kind = "disk.filling" if steps > 0 else "disk.emptying"
        text = f"{free:.1f} % of the fullest file system is free, was {was:.1f} %"
        yield Sign(kind, subject, layer.at, text, layer.source, float(abs(steps)), is_event=True)


def _clocks(some: list[tuple[FindingSubject, Layer, float]]) -> Iterator[Sign]:
    """Clocks apart from the others': a page takes its time to come, so ours is no measure while there are others."""
    middle = median(off for _, _, off in some) if len(some) >= 3 else 0.0
    bound = CLOCK_OFF_S if len(some) >= 3 else ALONE_OFF_S
    for subject, layer, off in some:
        apart = abs(off - middle)
        if apart < bound or (off < middle and apart < 2 * layer.interval_s):  # an old page looks like a slow clock
            continue
        how = "ahead of" if off > middle else "behind"
        text = f"its clock is {span(apart)} {how} {'the others' if len(some) >= 3 else 'ours'}"
        yield Sign("host.clock_off", subject, layer.at, text, layer.source, apart)
