"""Ground shows what any container shows, one line rendered for all."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.containers import Container
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from widgets.ground import Ground


class Both(App[None]):
    """A ground above a container, both of one colour."""

    CSS = "#ours, #theirs { height: 1fr; background: rgb(10,20,30); }"

    def compose(self) -> ComposeResult:
        yield Ground(id="ours")
        yield Container(id="theirs")


@pytest.mark.parametrize("crop", [Region(0, 0, 40, 10), Region(3, 2, 20, 5), Region(0, 0, 40, 0)])
@pytest.mark.parametrize("no_colour", [False, True], ids=["colours", "no colours"])
async def test_ground_looks_as_any_container_does(
    monkeypatch: pytest.MonkeyPatch, crop: Region, no_colour: bool
) -> None:
    """Line by line, cropped or whole, and behind the filters of a terminal without colours."""
    if no_colour:
        monkeypatch.setenv("NO_COLOR", "1")
    app = Both()
    async with app.run_test(size=(40, 20)):
        ours, theirs = (app.query_one(f"#{name}").render_lines(crop) for name in ("ours", "theirs"))

    assert [list(line) for line in theirs] == [list(line) for line in ours]


async def test_one_line_is_rendered_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """However high it is."""
    asked: list[Region] = []
    render = Widget.render_lines

    def listening(widget: Widget, crop: Region) -> list[Strip]:
        if widget.id == "ours":
            asked.append(crop)
        return render(widget, crop)

    monkeypatch.setattr(Widget, "render_lines", listening)
    async with Both().run_test(size=(40, 20)):
        pass

    assert {1} == {crop.height for crop in asked}
