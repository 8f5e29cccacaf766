"""Rows of GPUs, nodes, sources, services, events and details."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import pytest

from app.domain.reading import GpuProcess, PageHealth, XidCount
from app.domain.series import Event, Subject
from app.domain.snapshot import Gpu, Layer, MigSlice, Service, SourceState
from app.present.cells import line_text
from app.present.detail_rows import MIG_COLUMNS, PROCESS_COLUMNS, VALUE_COLUMNS, mig_rows, process_rows, value_rows
from app.present.entry import owner
from app.present.events import EVENT_COLUMNS, event_line, event_rows, notable
from app.present.fleet_view import fleet_view
from app.present.gpu_rows import GPU_COLUMNS, gpu_columns, gpu_rows, sort_gpus
from app.present.look import Look
from app.present.node_rows import NODE_COLUMNS, node_rows
from app.present.rows import Column, Rows
from app.present.service_rows import SERVICE_COLUMNS, service_rows
from app.present.source_rows import SOURCE_COLUMNS, source_advice, source_rows
from app.present.titles import facts_line, gpu_title, node_title
from app.present.trouble_rows import ERROR_COLUMNS, LINK_COLUMNS, error_rows, link_rows
from app.present.worst import WORST_COLUMNS, worst_rows
from tests.present.fleets import NOW, changed, fleet, hot, lost, troubled, with_values

LOOK = Look(NOW, tz=UTC)
SNAPSHOT = troubled(8, 8)
ONE = next(SNAPSHOT.gpus())


def full_gpu() -> Gpu:
    more = {
        "gpu.pcie_gen": 4.0, "gpu.pcie_gen_max": 5.0, "gpu.nvlink_rx": 3.4e11, "gpu.nvlink_crc_errors": 2.0,
        "gpu.ecc_sbe_volatile": 3.0,
    }  # fmt: skip
    layer = Layer("s", NOW, 5.0, {"gpu.engine_active": 31.0, "gpu.memory_used": 4096.0, "gpu.memory_total": 9728.0})
    return replace(
        with_values(ONE, more), xids=(XidCount(79, 1, NOW - 41),), mig=(MigSlice(7, "1g.10gb", None, (layer,)),)
    )


def tables() -> dict[str, tuple[tuple[Column, ...], Rows]]:
    gpu = full_gpu()
    layer = Layer("v", NOW, 5.0, {"service.requests_running": 4.0, "service.requests_waiting": 2.0})
    served = replace(SNAPSHOT, services={"a": Service("vllm", "v", "http://n:8000", "m", {}, (layer,))})
    event = Event(NOW - 41, "gpu.lost", "critical", Subject("gpu", node="n", index=5), "n/5 is lost")
    return {
        "gpus": (gpu_columns(), gpu_rows(tuple(SNAPSHOT.gpus()), LOOK)),
        "nodes": (NODE_COLUMNS, node_rows(tuple(SNAPSHOT.nodes.values()), LOOK, SNAPSHOT)),
        "sources": (SOURCE_COLUMNS, source_rows(SNAPSHOT, LOOK)),
        "services": (SERVICE_COLUMNS, service_rows(served, LOOK)),
        "values": (VALUE_COLUMNS, value_rows(gpu, LOOK)),
        "processes": (PROCESS_COLUMNS, process_rows(gpu, LOOK)),
        "mig": (MIG_COLUMNS, mig_rows(gpu, LOOK)),
        "links": (LINK_COLUMNS, link_rows(gpu, LOOK)),
        "errors": (ERROR_COLUMNS, error_rows(gpu, LOOK)),
        "events": (EVENT_COLUMNS, event_rows([event, event], LOOK)),
        "worst": (WORST_COLUMNS, worst_rows(fleet_view(SNAPSHOT, LOOK))),
    }


@pytest.mark.parametrize("name", list(tables()))
def test_every_table_has_a_cell_for_each_column_and_keys_of_its_own(name: str) -> None:
    """Rows match their columns, and no key comes twice."""
    columns, rows = tables()[name]

    assert len(rows) > 0
    assert all(len(columns) == len(row.cells) for row in rows)
    assert len(set(rows.keys)) == len(rows)
    assert len({column.key for column in columns}) == len(columns)


def test_every_gpu_column_has_a_cell_and_an_order_for_every_kind_of_gpu() -> None:
    """The registry is walked: healthy, lost, silent and empty GPUs."""
    gpus = (*SNAPSHOT.gpus(), Gpu("n", 0, None))
    keys = [column.key for column in GPU_COLUMNS]

    assert len(set(keys)) == len(keys)
    assert all(len(keys) == len(row.cells) for row in gpu_rows(gpus, LOOK, keys))
    assert all(len(gpus) == len(sort_gpus(gpus, key, LOOK)) for key in keys)
    assert ["power", "gpu"] == [column.key for column in gpu_columns(["power", "nonsense", "gpu"])]


def test_sorting_puts_unknown_last_both_ways() -> None:
    """A lost GPU has no utilization: it is last, ascending and descending."""
    gpus = tuple(SNAPSHOT.gpus())

    for descending in (False, True):
        ordered = sort_gpus(gpus, "utilization", LOOK, descending=descending)
        assert {"gpu-01/5", "gpu-08/5"} == {gpu.id for gpu in ordered[-2:]}


def test_close_values_keep_the_order_they_had() -> None:
    """Rows do not dance while values differ by less than a fiftieth of the scale."""
    gpus = tuple(fleet(1, 3).gpus())
    near = tuple(with_values(gpu, {"gpu.utilization": 90.2 + gpu.index * 0.1}) for gpu in gpus)

    ordered = sort_gpus(near, "utilization", LOOK, descending=True, before=["gpu-01/0", "gpu-01/1", "gpu-01/2"])

    assert [0, 1, 2] == [gpu.index for gpu in ordered]


def test_a_lost_gpu_has_dashes_for_values() -> None:
    """The row of a lost GPU says so, and shows no old number."""
    row = gpu_rows(tuple(changed(fleet(1, 8), "gpu-01", 5, lost).gpus()), LOOK, ["gpu", "utilization", "why"])[5]

    assert ("gpu-01/5", "—", "lost 15:59:19 · Xid 79") == tuple(text.strip() for text in row.text)


def test_the_worst_come_first() -> None:
    """Lost, critical, warning, silent, then the hottest."""
    rows = worst_rows(fleet_view(SNAPSHOT, LOOK))

    assert ["gpu-01/5", "gpu-05/5", "gpu-03/5", "gpu-08/5"] == list(rows.keys[:4])
    assert 12 == len(rows)


def test_owner_is_job_then_user_then_process() -> None:
    """What the exporter ties to the GPU, else who runs there, else what."""
    bare = replace(ONE, hpc_jobs=(), processes=(GpuProcess(1, "/usr/bin/python3"),))

    assert ("812 ana", "python3", "") == tuple(owner(gpu, LOOK) for gpu in (ONE, bare, replace(bare, processes=None)))


def test_sources_that_are_not_well_come_first_and_say_what_to_do() -> None:
    """A source that is down stands on top, with its error; its advice has what was not understood."""
    page = PageHealth("dcgm-exporter", 200, 180, (("odd_metric", 20),), 2, ((7, "no value"),), 69_000)
    was = SNAPSHOT.sources["exporter-gpu-03"]
    down = SourceState(was.spec, NOW, NOW - 60, "timed out after 4 s", 4.0, 12, page, 3)
    snapshot = replace(SNAPSHOT, sources={**SNAPSHOT.sources, "exporter-gpu-03": down})

    assert "exporter-gpu-03" == source_rows(snapshot, LOOK).keys[0]
    advice = "\n".join(line_text(one) for one in source_advice(down, LOOK, 60))
    for said in (
        "timed out after 4 s",
        "12 failures in a row; last good 60 s ago",
        "line 7: no value",
        "odd_metric ×20",
    ):
        assert said in advice


def test_titles_name_what_matters() -> None:
    """Name, model, owner, trouble; a node's size and load; facts by name."""
    hot_one = hot(ONE)

    assert "gpu-01/0 · H100 80GB HBM3 · 812 ana · ▲ hardware heat slowdown" == line_text(gpu_title(hot_one, LOOK))
    assert "gpu-02 · 8 GPUs · 31 % CPU · 42 % RAM" == line_text(node_title(SNAPSHOT.nodes["gpu-02"], LOOK))
    assert "driver 570.86.15" in line_text(facts_line(ONE, LOOK))


def test_the_strip_keeps_the_gravest_of_the_newest() -> None:
    """A critical event is not pushed out by a newer piece of information."""
    subject = Subject("gpu", node="n", index=0)
    events = [
        Event(NOW - 50, "gpu.lost", "critical", subject, "lost"),
        Event(NOW - 40, "gpu.xid", "warning", subject, "Xid 13"),
        Event(NOW - 10, "gpu.found", "info", subject, "back"),
    ]

    assert ["lost"] == [event.text for event in notable(events, 1)]
    assert ["Xid 13", "lost"] == [event.text for event in notable(events, 2)]
    assert "▲ 15:59:10 lost" == line_text(event_line(events[0], LOOK, 40)).rstrip()


def test_nothing_from_outside_keeps_an_escape() -> None:
    """Hostile texts in every place where outside text goes lose what could move a cursor."""
    evil = "\x1b[2J[red]x\u202e\n"
    gpu = replace(
        ONE, node=evil, note=evil, hpc_jobs=(evil,), facts={"model": evil, evil: evil}, uuid=evil,
        processes=(GpuProcess(1, evil, evil, evil),),
    )  # fmt: skip
    event = Event(NOW, evil, "info", Subject("node", node=evil), evil)
    shown = [
        *(cell for row in gpu_rows((gpu,), LOOK, [column.key for column in GPU_COLUMNS]) for cell in row.cells),
        *(cell for row in process_rows(gpu, LOOK) for cell in row.cells),
        *(cell for row in event_rows([event], LOOK) for cell in row.cells),
        gpu_title(replace(gpu, lost_at=NOW), LOOK),
        facts_line(gpu, LOOK),
    ]

    assert all(char.isprintable() for one in shown for char in line_text(one))
