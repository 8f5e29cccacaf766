"""The grid at its three levels: what is chosen when, what is said where, and that every line has its width."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC

import pytest

from app.domain.pieces import whole
from app.domain.snapshot import Layer, Snapshot
from app.present.cells import Line, line_text, line_width
from app.present.entry import entry_shape
from app.present.fleet_view import FleetView, fleet_view
from app.present.glyphs import ASCII, UNICODE, Glyphs
from app.present.grid import Plan, Zoom, farther, nearer, plan_for, zoom_for
from app.present.look import Look
from tests.present.fleets import INTERVAL_S, NOW, changed, fleet, hot, lost, silent, trend, troubled


def view_of(snapshot: Snapshot, glyphs: Glyphs = UNICODE) -> FleetView:
    return fleet_view(snapshot, Look(NOW, glyphs, UTC), trend=trend)


def drawn(
    snapshot: Snapshot, width: int, height: int, zoom: Zoom | None = None, glyphs: Glyphs = UNICODE
) -> list[Line]:
    view = view_of(snapshot, glyphs)
    plan = plan_for(view.shape, zoom, width, height, glyphs)
    return plan.lines(view, 0, max(height, plan.height), None)


def texts(lines: list[Line]) -> str:
    return "\n".join(line_text(one) for one in lines)


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
@pytest.mark.parametrize("zoom", ["cards", "lines", "heat", None])
@pytest.mark.parametrize(("nodes", "gpus"), [(1, 1), (2, 8), (9, 4), (14, 8)])
@pytest.mark.parametrize(("width", "height"), [(40, 10), (118, 30)])
def test_every_line_has_exactly_the_width(
    nodes: int, gpus: int, width: int, height: int, zoom: Zoom | None, glyphs: Glyphs
) -> None:
    """Whatever fleet, size, level and signs: no line is short or long."""
    assert {width} == {line_width(one) for one in drawn(troubled(nodes, gpus), width, height, zoom, glyphs)}


@pytest.mark.parametrize("zoom", ["cards", "lines", "heat"])
def test_every_gpu_has_a_place_of_its_own(zoom: Zoom) -> None:
    """Boxes are inside the grid, and a point in one names its GPU."""
    view = view_of(fleet(9, 8))
    plan = plan_for(view.shape, zoom, 120, 200, UNICODE)

    assert list(range(72)) == [plan.places.at(box.x, box.y) for box in plan.places.boxes]
    assert all(box.x + box.width <= 120 and box.y + box.height <= plan.height for box in plan.places.boxes)


def test_few_gpus_are_cards_dozens_lines_and_thousands_a_map() -> None:
    """The nearest level that shows all at once is chosen."""
    shapes = {count: view_of(fleet(count, 8)).shape for count in (1, 12, 128)}

    assert "cards" == zoom_for(shapes[1], 100, 20)
    assert "lines" == zoom_for(shapes[12], 120, 36)
    assert "heat" == zoom_for(shapes[128], 200, 50)


def test_zoom_stops_at_its_ends() -> None:
    """There is nothing nearer than cards or farther than the map."""
    assert ("cards", "lines", "lines", "heat") == (nearer("cards"), nearer("heat"), farther("cards"), farther("heat"))


def test_a_lost_gpu_says_since_when_and_why() -> None:
    """At every level a lost GPU stays, marked, with its time and reason where there is room."""
    snapshot = changed(fleet(1, 8), "gpu-01", 5, lost)

    for zoom in ("cards", "lines"):
        assert "x 5 lost 15:59:19 · Xid 79" in texts(drawn(snapshot, 100, 20, zoom))
    assert " x " in texts(drawn(snapshot, 100, 20, "heat"))


def test_a_silent_gpu_shows_no_number() -> None:
    """Values past their age are gone; in their place stands for how long."""
    snapshot = changed(fleet(1, 8), "gpu-01", 5, silent)
    line = next(one for one in texts(drawn(snapshot, 60, 20, "lines")).splitlines() if " 5 " in one)

    assert "no data for 90 s" in line
    assert "%" not in line


def test_trouble_stands_in_the_frame_of_its_node() -> None:
    """The node's frame names the worst of its GPUs."""
    assert "▲ GPU 2: hardware heat slowdown" in texts(drawn(changed(fleet(1, 8), "gpu-01", 2, hot), 100, 20, "cards"))


def test_whole_fields_give_way_never_digits() -> None:
    """Narrow entries have fewer fields; utilization, or what colours the grid, is always there."""
    assert ("gpu.utilization",) == entry_shape(20).fields
    assert ("gpu.power",) == entry_shape(20, "gpu.power").fields
    assert ("gpu.utilization", "gpu.memory_used", "gpu.temperature", "gpu.power") == entry_shape(60).fields
    assert entry_shape(60).owner > 0


def test_a_map_shows_numbers_where_cells_are_wide() -> None:
    """Two nodes of eight at 80 columns: every GPU's utilization, every node's name."""
    text = texts(drawn(fleet(2, 8), 80, 9, "heat"))

    assert "gpu-01" in text
    assert "gpu-02" in text
    assert 16 == sum(part.isdigit() for part in text.split() if part != "kW")


def test_thousands_fit_by_halves() -> None:
    """4,096 GPUs on 120 × 40 are two to a character, and all are there."""
    view = view_of(fleet(512, 8))
    plan = plan_for(view.shape, "heat", 120, 40, UNICODE)

    assert plan.height <= 40
    assert 4096 == len(plan.places.boxes)
    assert any(cell.text.startswith("▀") for line in plan.lines(view, 0, plan.height, None) for cell in line)


def test_the_map_in_ascii_shows_levels_as_digits() -> None:
    """Without colour a level is a digit, a state a sign."""
    text = texts(drawn(changed(fleet(64, 8), "gpu-02", 5, lost), 120, 24, "heat", ASCII))

    assert text.isascii()
    assert "9" in text
    assert "x" in text


def test_levels_do_not_flicker_about_an_edge() -> None:
    """A value that moves a little across a step's edge keeps its colour; one that moves more changes it."""
    plan: Plan | None = None
    shown: list[str | None] = []
    for use in (54.0, 55.5, 54.5, 58.0):
        view = view_of(with_use(use))
        plan = plan or plan_for(view.shape, "heat", 30, 1, UNICODE)
        line = plan.lines(view, 0, 1, None)[0]
        shown.append(next(cell.back for cell in line if cell.back is not None))

    assert ["level5", "level5", "level5", "level6"] == shown


def with_use(use: float) -> Snapshot:
    from tests.present.fleets import with_values

    return changed(fleet(1, 1), "gpu-01", 0, lambda gpu: with_values(gpu, {"gpu.utilization": use}))


def test_a_gpu_that_falls_silent_turns_without_new_readings() -> None:
    """The map judges an unchanged GPU again once its values are past their age."""
    snapshot = fleet(1, 8)
    view = view_of(snapshot)
    plan = plan_for(view.shape, "heat", 60, 3, UNICODE)
    before = line_text(plan.lines(view, 0, 1, None)[0])

    later = fleet_view(snapshot, Look(NOW + 60, UNICODE, UTC))

    assert "99" in before
    assert "99" not in line_text(plan.lines(later, 0, 1, None)[0])


def test_a_filter_leaves_out_gpus_and_empty_nodes() -> None:
    """What is not kept takes no place; a node's title says how many of how many."""
    view = fleet_view(fleet(3, 8), Look(NOW, tz=UTC), keep=lambda gpu: gpu.node == "gpu-02" and gpu.index < 2)
    plan = plan_for(view.shape, "cards", 80, 10, UNICODE)

    assert (("gpu-02", (0, 1)),) == view.shape
    assert "2 × H100 80GB HBM3 of 8" in line_text(plan.lines(view, 0, 1, None)[0])


def nodes_of(snapshot: Snapshot, name: str) -> Snapshot:
    first = next(iter(snapshot.nodes.values()))
    return replace(snapshot, nodes={name: replace(first, name=name)})


@pytest.mark.parametrize(
    "name", ["[b]x[/b]", "\x1b[31mred", "日本語のノード", "q" + "\u0301" * 30, "\u202eevil", "x" * 300]
)
@pytest.mark.parametrize("zoom", ["cards", "lines", "heat"])
def test_hostile_names_move_nothing(name: str, zoom: Zoom) -> None:
    """A node's name takes its columns and no more, and no escape gets through."""
    lines = drawn(nodes_of(fleet(1, 8), name), 90, 12, zoom)

    assert {90} == {line_width(one) for one in lines}
    assert all(char.isprintable() for one in lines for char in line_text(one))


def test_the_cursor_is_seen_at_every_level() -> None:
    """The GPU under the cursor stands over another colour."""
    view = view_of(fleet(2, 8))
    for plan in _plans(view):
        backs = {cell.back for line in plan.lines(view, 0, plan.height, 3) for cell in line}
        assert backs & {"cursor", "chosen"}


def _plans(view: FleetView) -> Iterator[Plan]:
    for zoom, width, height in (
        ("cards", 100, 30),
        ("lines", 100, 30),
        ("heat", 100, 30),
        ("heat", 30, 2),
        ("heat", 12, 1),
    ):
        yield plan_for(view.shape, zoom, width, height, UNICODE)  # type: ignore[arg-type]  # literals in a tuple


def test_old_values_are_grey_and_show_their_age() -> None:
    """Past two intervals numbers turn grey and the owner's place says how old; fresh ones beside them stay."""
    snapshot = fleet(1, 8, at=NOW - 12)
    fresh = changed(snapshot, "gpu-01", 1, lambda gpu: replace(gpu, layers=(*gpu.layers, heat_layer())))
    lines = drawn(fresh, 80, 20, "lines")

    assert "12 s old" in line_text(lines[0])
    tones = {cell.text.strip(): cell.tone for cell in lines[1]}
    assert ("old", "plain") == (tones["98"], tones["55"])


def heat_layer() -> Layer:
    return Layer("other", NOW - 1, INTERVAL_S, {"gpu.temperature": 55.0})


def test_a_map_got_ready_ahead_changes_nothing_that_is_shown() -> None:
    """Until it is shown the map of before is drawn, whole; then the new one, as if nothing had been ready."""
    before, after = fleet(64, 8), changed(fleet(64, 8), "gpu-02", 5, lost)
    old, new = view_of(before), view_of(after)
    plan, other = (plan_for(old.shape, "heat", 120, 24, UNICODE) for _ in range(2))
    shown = plan.lines(old, 0, 24, 3)
    other.lines(old, 0, 24, 3)

    for _ in plan.ahead(new, 0, 24, 3):
        assert shown == plan.lines(old, 0, 24, 3)

    assert shown == plan.lines(old, 0, 24, 3)
    assert other.lines(new, 0, 24, 3) == plan.lines(new, 0, 24, 3)


def test_lines_got_ready_ahead_are_those_that_are_shown() -> None:
    """They are drawn once, also where a key came meanwhile; a cursor that moved draws its own lines anew."""
    view, later = view_of(fleet(128, 8)), view_of(changed(fleet(128, 8), "gpu-002", 5, lost))
    plan = plan_for(view.shape, "heat", 120, 24, UNICODE)
    plan.lines(view, 0, 24, 3)

    pieces = plan.ahead(later, 0, 24, 3)
    next(pieces)
    plan.lines(view, 0, 24, 500)
    ready = whole(pieces)
    shown = plan.lines(later, 0, 24, 500)

    assert 2 == sum(line is not other for line, other in zip(ready, shown, strict=True))


def test_a_large_map_gets_ready_in_pieces() -> None:
    """A key is answered between two of them; where nothing has changed there is nothing to do."""
    view, later = view_of(fleet(128, 8)), view_of(fleet(128, 8))
    plan = plan_for(view.shape, "heat", 120, 24, UNICODE)
    plan.lines(view, 0, 24, None)

    assert 3 <= len(list(plan.ahead(later, 0, 24, None)))
    assert [] == list(plan.ahead(view, 0, 24, None))
