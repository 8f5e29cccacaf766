"""What the Infra page costs while nothing happens: a second that goes by touches ages and sums, and nothing else."""

from __future__ import annotations

from pathlib import Path

from textual.geometry import Region
from textual.widget import Widget

from tests.tui.deployments import FakeDeploys, ready, standing
from tests.tui.infra_driving import infra, settled
from widgets.text_lines import TextLines


async def test_second_without_news_paints_no_line_of_steps_plan_or_log(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]  # pytest's own
    """Their lines are compared before they are refreshed."""
    fake = FakeDeploys(tmp_path, {"lab": standing(ready(tmp_path))})
    painted: list[str] = []
    async with infra(tmp_path, fake) as drive:
        refresh = Widget.refresh

        def counted(self: Widget, *regions: Region, **how: bool) -> Widget:
            if isinstance(self, TextLines):
                painted.append(self.id or "")
            return refresh(self, *regions, **how)

        monkeypatch.setattr(Widget, "refresh", counted)
        drive.feed.advance(1.0)
        await settled(drive)

    assert [] == painted
