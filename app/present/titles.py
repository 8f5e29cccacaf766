"""A GPU's and a node's name with what matters about it, for titles and the line under the heat map."""

from __future__ import annotations

from app.domain.health import gpu_health, node_health
from app.domain.metrics import by_key
from app.domain.naming import short_model
from app.domain.snapshot import Gpu, Node
from app.present.cells import Cell, Line, Tone, cells, line, tidy
from app.present.entry import lost_text, owner, silent_text
from app.present.fleet_view import FleetView, NodeGroup
from app.present.look import Look
from app.present.units import format_power, format_value


def gpu_title(gpu: Gpu, look: Look) -> Line:
    """`gpu-01/3 · H100 80GB HBM3 · 812 ana`, and how it is where it is not well."""
    dot = Cell(f" {look.glyphs.dot} ", "frame")
    parts: list[Cell | str | Line] = [cells(gpu.id, "strong")]
    if gpu.model:
        parts += [dot, cells(short_model(gpu.model), "quiet")]
    if gpu.is_lost:
        return line(*parts, dot, Cell(lost_text(gpu, look), "lost"))
    held = owner(gpu, look)
    if held:
        parts += [dot, cells(held)]
    verdict = gpu_health(gpu, look.now)
    match verdict.state:
        case "critical":
            parts += [dot, Cell(f"{look.glyphs.critical} {tidy(verdict.reason)}", "bad")]
        case "warning":
            parts += [dot, Cell(f"{look.glyphs.warning} {tidy(verdict.reason)}", "look")]
        case "unknown":
            parts += [dot, Cell(silent_text(gpu, look), "old")]
        case _:
            pass
    return line(*parts)


def node_title(node: Node, look: Look) -> Line:
    """`gpu-01 · 8 GPUs · 31 % CPU · 42 % RAM`."""
    dot = Cell(f" {look.glyphs.dot} ", "frame")
    parts: list[Cell | str | Line] = [cells(node.name, "strong"), dot, f"{len(node.gpus)}", Cell(" GPUs", "quiet")]
    for key, word in (("node.cpu_utilization", "CPU"), ("node.memory_percent", "RAM")):
        value = node.value(key, look.now)
        if value is not None:
            parts += [dot, format_value(by_key()[key], value), Cell(f" {word}", "quiet")]
    return line(*parts)


def facts_line(holder: Gpu | Node, look: Look) -> Line:
    """What never changes, as one line: UUID, bus address, driver, serial, and the rest by name."""
    dot = Cell(f" {look.glyphs.dot} ", "frame")
    known = {key: value for key, value in holder.facts.items() if key != "model" and value}
    if isinstance(holder, Gpu) and holder.uuid:
        known = {"uuid": holder.uuid, **known}
    parts: list[Cell | str | Line] = []
    for key, value in known.items():
        label = tidy(key, 24).replace("_", " ").removesuffix(" version")
        parts += [dot if parts else "", Cell(f"{label} ", "quiet"), cells(tidy(value, 64))]
    return line(*parts)


def group_title(group: NodeGroup, view: FleetView) -> Line:
    """`gpu-01 · 8 × H100 80GB HBM3`."""
    models = {short_model(gpu.model) for gpu in group.node.gpus if gpu.model}
    count = len(group.gpus)
    what = f"{count} {view.look.glyphs.times} {tidy(models.pop(), 40)}" if len(models) == 1 else f"{count} GPUs"
    of = f" of {len(group.node.gpus)}" if count < len(group.node.gpus) else ""
    return line(cells(group.node.name, "strong"), Cell(f" {view.look.glyphs.dot} ", "frame"), Cell(what + of, "quiet"))


def group_state(group: NodeGroup, view: FleetView) -> Line:
    """At the right of a node's frame: its trouble, else how many of its GPUs are busy and their power."""
    now = view.look.now
    verdict = node_health(group.node, now)
    glyphs = view.look.glyphs
    if verdict.state in {"critical", "warning"}:
        tone: Tone = "bad" if verdict.state == "critical" else "look"
        mark = glyphs.critical if verdict.state == "critical" else glyphs.warning
        return (Cell(f"{mark} {tidy(verdict.reason, 60)}", tone),)
    if verdict.state == "unknown":
        return (Cell("no data", "old"),)
    powers = [value for gpu in group.gpus if (value := gpu.value("gpu.power", now)) is not None]
    return (Cell(format_power(sum(powers)), "quiet"),) if powers else ()
