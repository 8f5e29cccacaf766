"""A GPU's links and errors as rows."""

from __future__ import annotations

from app.domain.metrics import by_key
from app.domain.reading import XidCount
from app.domain.snapshot import Gpu, Sample
from app.present.cells import Cell, Line, Tone, cells, line
from app.present.look import Look
from app.present.rows import Column, Row, Rows
from app.present.units import MISSING, format_age, format_value, value_line

LINK_COLUMNS = (
    Column("link", "link", 7),
    Column("state", "state", 22),
    Column("received", "rx", 9, "right"),
    Column("sent", "tx", 9, "right"),
    Column("errors", "errors", 24, grow=1, drop=1),
)
ERROR_COLUMNS = (
    Column("what", "what", 24, grow=1),
    Column("count", "count", 9, "right"),
    Column("at", "last", 11, "right"),
    Column("meaning", "meaning", 30, grow=3, drop=1, sortable=False),
)

_ERRORS = (
    "gpu.ecc_dbe_volatile", "gpu.ecc_sbe_volatile", "gpu.ecc_dbe_aggregate", "gpu.ecc_sbe_aggregate",
    "gpu.row_remap_failure", "gpu.row_remap_pending", "gpu.remapped_rows_uncorrectable",
    "gpu.remapped_rows_correctable", "gpu.retired_pages_dbe", "gpu.retired_pages_sbe", "gpu.retired_pages_pending",
    "gpu.recovery_action", "gpu.pcie_replay", "gpu.nvlink_crc_errors", "gpu.nvlink_replay_errors",
    "gpu.nvlink_recovery_errors",
)  # fmt: skip
_GRAVE = {"gpu.ecc_dbe_volatile", "gpu.row_remap_failure"}
_NVLINK = (
    "nvlink_rx", "nvlink_tx", "nvlinks_active", "nvlink_crc_errors", "nvlink_replay_errors", "nvlink_recovery_errors",
)  # fmt: skip


def link_rows(gpu: Gpu, look: Look) -> Rows:
    """PCIe and NVLink: width, traffic, errors; links of which nothing is known are left out."""
    pcie = _pcie_row(gpu, look)
    nvlink = _nvlink_row(gpu, look)
    return Rows.of(row for row in (pcie, nvlink) if row is not None)


def _pcie_row(gpu: Gpu, look: Look) -> Row | None:
    get = {
        short: gpu.value(f"gpu.pcie_{short}", look.now)
        for short in ("gen", "gen_max", "width", "width_max", "rx", "tx")
    }
    replays = gpu.value("gpu.pcie_replay", look.now)
    if all(value is None for value in (*get.values(), replays)):
        return None
    state: list[Cell | str] = []
    if get["gen"] is not None:
        state.append(Cell(f"gen {get['gen']:.0f}"))
        state.append(Cell(f" of {get['gen_max']:.0f}  " if get["gen_max"] is not None else "  ", "quiet"))
    if get["width"] is not None:
        narrow = get["width_max"] is not None and get["width"] < get["width_max"]
        state.append(Cell(f"×{get['width']:.0f}", "look" if narrow else "plain"))
        state.append(Cell(f" of ×{get['width_max']:.0f}" if get["width_max"] is not None else "", "quiet"))
    errors = () if replays is None else (Cell(f"{replays:.0f} replays", "quiet"),)
    return Row("pcie", (cells("PCIe", "strong"), line(*state), *_traffic(get["rx"], get["tx"], "pcie"), errors))


def _nvlink_row(gpu: Gpu, look: Look) -> Row | None:
    get = {short: gpu.value(f"gpu.{short}", look.now) for short in _NVLINK}
    if all(value is None for value in get.values()):
        return None
    up = get["nvlinks_active"]
    state = () if up is None else (Cell(f"{up:.0f} up", "plain"),)
    errors: list[Cell | str] = []
    for short, word in (("crc_errors", "CRC"), ("replay_errors", "replays"), ("recovery_errors", "recoveries")):
        count = get[f"nvlink_{short}"]
        if count is not None:
            errors.append(Cell(f"{', ' if errors else ''}{count:.0f} {word}", "look" if count else "quiet"))
    traffic = _traffic(get["nvlink_rx"], get["nvlink_tx"], "nvlink")
    return Row("nvlink", (cells("NVLink", "strong"), state, *traffic, line(*errors)))


def _traffic(received: float | None, sent: float | None, kind: str) -> tuple[Line, Line]:
    return value_line(by_key()[f"gpu.{kind}_rx"], received), value_line(by_key()[f"gpu.{kind}_tx"], sent)


def error_rows(gpu: Gpu, look: Look) -> Rows:
    """Xids by code, then every error counter a source publishes; what is above 0 stands out."""
    rows = [_xid_row(one, look) for one in sorted(gpu.xids_told, key=lambda one: one.code)]
    for key in _ERRORS:
        found = gpu.sample(key, look.now)
        if found is not None:
            rows.append(_error_row(key, found))
    return Rows.of(rows)


def _xid_row(one: XidCount, look: Look) -> Row:
    last = look.clock(one.last_at) if one.last_at is not None else MISSING
    said = cells("events counted by its exporter", "quiet")
    shown = ((Cell(f"Xid {one.code}", "look"),), (Cell(f"{one.count}", "look"),), (Cell(last, "quiet"),), said)
    return Row(f"xid {one.code}", shown)


def _error_row(key: str, found: Sample) -> Row:
    metric = by_key()[key]
    tone: Tone = ("bad" if key in _GRAVE else "look") if found.value else "quiet"
    count = format_value(metric, found.value)
    age = format_age(found.age_s)
    shown = ((Cell(metric.title, tone),), (Cell(count, tone),), (Cell(age, "quiet"),), cells(metric.help, "quiet"))
    return Row(key, shown)
