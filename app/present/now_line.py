"""A GPU as it is now, on one line: what it does, holds, draws, who has it, what is wrong. Pure.

Always the same facts in the same order; what nobody knows is `—`.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.health import gpu_health
from app.domain.metrics import by_key
from app.domain.snapshot import Gpu
from app.domain.values import believed
from app.present.cells import Cell, Line, Tone, cells, fit, line, tidy
from app.present.entry import lost_text, owner, silent_text
from app.present.look import Look
from app.present.scale import LIMIT_OF
from app.present.units import quantity

_FIELDS = (("gpu.utilization", 3), ("gpu.memory_used", 4), ("gpu.temperature", 3), ("gpu.power", 3))
"""Key, and columns of its number, so that the line stands still while values change."""


def now_line(gpu: Gpu, look: Look) -> Line:
    """`gpu-01/3   0 %  68.2/79.6 G  41°  98/700 W  812 ana`, then its trouble if it has any."""
    head = cells(gpu.id, "strong")
    if gpu.is_lost:
        return line(head, "  ", Cell(lost_text(gpu, look), "lost"))
    values = believed(gpu.layers, look.now)
    if not values:
        return line(head, "  ", Cell(silent_text(gpu, look), "old"))
    tone: Tone = "old" if all(layer.is_stale(look.now) for layer in gpu.layers) else "plain"
    parts: list[Cell | str | Line] = [head]
    for key, width in _FIELDS:
        parts += ["  ", _value(key, values, width, tone)]
    held = owner(gpu, look)
    parts += ["  ", cells(held, tone)] if held else []
    verdict = gpu_health(gpu, look.now)
    if verdict.state in {"critical", "warning"}:
        is_bad = verdict.state == "critical"
        mark = look.glyphs.critical if is_bad else look.glyphs.warning
        parts += ["  ", Cell(f"{mark} {tidy(verdict.reason)}", "bad" if is_bad else "look")]
    return line(*parts)


def _value(key: str, values: Mapping[str, float], width: int, tone: Tone) -> Line:
    """The number, its limit where the device says one, the unit."""
    metric = by_key()[key]
    shown = quantity(metric, values.get(key))
    limit = values.get(LIMIT_OF.get(key, ""))
    of = f"/{quantity(metric, limit).number}" if limit is not None and shown.unit else ""
    gap = "" if shown.unit in ("°", "") else " "
    return (
        Cell(fit(shown.number, width, "right"), tone),
        Cell(f"{of}{gap}{shown.unit}", "unit" if tone == "plain" else tone),
    )
