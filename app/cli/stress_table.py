"""`stress` for people: a line a GPU with its verdict, the reasons under it, then all-reduces and notes. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from app.domain.naming import short_model
from app.engine.stress import Report, Verdict
from app.engine.stress_groups import Group
from app.engine.stress_words import figure, phase_words
from app.present.cells import Cell, Line, Tone, cells, fit, fit_line, line, tidy, wrap
from app.present.rows import GAP_WIDTH, Column, lay_out

LEAST_WIDTH = 60
COLUMNS: tuple[Column, ...] = (
    Column("gpu", "GPU", 10, grow=1),
    Column("model", "model", 12, grow=1, drop=3),
    Column("verdict", "verdict", 7),
    Column("sustained", "sustained", 13, "right"),
    Column("memory.copy", "memory", 10, "right"),
    Column("host.to_device", "to device", 10, "right", drop=1),
    Column("host.from_device", "from device", 11, "right", drop=2),
    Column("clock", "clock", 8, "right", drop=4),
)
TONES: Mapping[str, Tone] = {"ok": "good", "slow": "look", "faulty": "bad", "unknown": "quiet"}


def stress_lines(report: Report, width: int) -> list[Line]:
    """The report in lines of at most `width` columns."""
    width = max(LEAST_WIDTH, width)
    if not report.verdicts:
        return [cells("nothing was heard: no GPU was tested", "bad"), *_notes(report, width)]
    fitted = lay_out(COLUMNS, width)
    head = (" " * GAP_WIDTH).join(fit(column.title, wide, column.align) for _, column, wide in fitted)
    lines: list[Line] = [(Cell(head, "head"),)]
    for verdict in report.verdicts:
        parts: list[Cell | str | Line] = []
        for _, column, wide in fitted:
            parts += [" " * GAP_WIDTH if parts else "", fit_line(_cell(verdict, column.key), wide, column.align)]
        lines.append(line(*parts))
        for reason in verdict.reasons:
            lines += [line("    ", Cell(part, TONES[verdict.state])) for part in wrap(tidy(reason, 400), width - 4)]
    return [*lines, *(part for group in report.groups for part in _group(group, width)), *_notes(report, width)]


def _cell(verdict: Verdict, key: str) -> Line:
    """One cell of a GPU's line."""
    device = verdict.device
    match key:
        case "gpu":
            return cells(device.name, "strong")
        case "model":
            return cells(short_model(device.model) or device.model)
        case "verdict":
            return cells(verdict.state, TONES[verdict.state])
        case "clock":
            found = device.result("sustained")
            mhz = found.number("clock_last_mhz") if found is not None else None
            return cells("" if mhz is None else f"{mhz:.0f} MHz")
    found = device.result(key)
    if found is None or found.value is None:
        return cells("—", "quiet")
    measure = next((one for one in verdict.measures if one.phase == key), None)
    is_low = measure is not None and (measure.is_behind or measure.is_short)
    return cells(figure(found.value, found.unit), "look" if is_low else "plain")


def _group(group: Group, width: int) -> list[Line]:
    value = "—" if group.value is None else figure(group.value, "B/s")
    text = f"{group.name}: {phase_words(group.phase)}, {group.ranks} processes, {value}"
    lines = [line(cells(text), "  ", cells(group.state, TONES[group.state]))]
    for reason in group.reasons:
        lines += [line("    ", Cell(part, TONES[group.state])) for part in wrap(tidy(reason, 400), width - 4)]
    return lines


def _notes(report: Report, width: int) -> list[Line]:
    return [line(Cell(part, "quiet")) for note in report.notes for part in wrap(f"note: {tidy(note, 400)}", width)]
