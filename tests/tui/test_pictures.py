"""Pictures of every page, compared stroke by stroke. `make snapshots` accepts new ones: look at them first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from app.domain.alerts_now import NO_ALERTS, AlertsNow
from app.domain.diagnosis import NO_DIAGNOSIS, Diagnosis
from app.domain.snapshot import Snapshot
from app.tui.app import Watchdog
from app.tui.page import Page
from app.tui.screens.registry import PAGES, PageRow
from tests.present.fleets import troubled
from tests.present.slurm_fleet import slurm_fleet
from tests.tui.alarms import alarmed, evaluator, peaceful
from tests.tui.boards import EVENTS, NOW, empty, full, healthy, stale
from tests.tui.diagnoses import calm, troubles
from tests.tui.driving import Drive, options
from tests.tui.fake_chat import answering, ask
from tests.tui.fake_chat import opening as opening_chat
from tests.tui.fake_feed import FakeFeed, connection
from tests.tui.fake_jobs import FakeJobs, opening

Compare = Callable[..., bool]
SIZES = ((80, 24), (120, 40), (200, 60))
"""Every page is painted at each: the smallest that is promised, a laptop's, a large screen."""
SMALL, MEDIUM, _ = SIZES
ARGUMENTS = {
    "": "",
    "NODE/INDEX": " gpu-01/0",
    "NODE": " gpu-01",
    "ID": " 812",
    "[ID]": "",
    "[NAME]": " GpuWarm",
    "[LOG]": "",
}
"""What follows a page's command, by what its row says it must be followed by; a page without any needs no row here."""
OF_SLURM = frozenset({"queue", "job", "partitions", "submit", "ended"})
"""Pages that show nothing without Slurm."""
OF_ALERTS = frozenset({"alerts", "rules", "rule"})
"""Pages that show nothing while nobody evaluates."""
OF_DIAGNOSIS = frozenset({"incidents"})
"""Pages that show nothing while nothing is wrong."""
every_size = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")


def settle(
    feed: FakeFeed,
    *lines: str,
    keys: tuple[str, ...] = (),
    then: Callable[[Drive], Awaitable[None]] | None = None,
) -> Callable[[Pilot[None]], Awaitable[None]]:
    """Connect, type what is to be typed, and wait until everything asked for has come."""

    async def before(pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, Watchdog)
        drive = Drive(app, feed, pilot)
        feeding = asyncio.create_task(app.feeding())
        await drive.until(lambda: bool(app.moment.origin))
        await pilot.pause()
        for line in lines:
            await drive.type(line)
        await drive.press(*keys)
        if then is not None:
            await then(drive)
        for _ in range(2):
            await app.workers.wait_for_complete()
            look_again(app)
            await pilot.pause()
        await app.workers.wait_for_complete()
        await pilot.pause()
        feeding.cancel()
        await asyncio.wait({feeding})

    return before


def look_again(app: Watchdog) -> None:
    """As a tick does: a chart that was given another width asks for its curve anew at the next look."""
    for screen in app.screen_stack:
        if isinstance(screen, Page):
            screen.look_again()


def asking(question: str, *then: str) -> Callable[[Drive], Awaitable[None]]:
    """A question in the chat that is open, and keys when it is answered."""

    async def steps(drive: Drive) -> None:
        await ask(drive, question)
        await drive.press(*then)

    return steps


def picture(
    compare: Compare,
    folder: Path,
    board: Snapshot,
    size: tuple[int, int],
    *lines: str,
    diagnosed: Diagnosis = NO_DIAGNOSIS,
    alerted: AlertsNow = NO_ALERTS,
    keys: tuple[str, ...] = (),
    then: Callable[[Drive], Awaitable[None]] | None = None,
    **more: object,
) -> bool:
    """Whether the screen looks as it did when it was last accepted; ten minutes ago all was well."""
    feed = FakeFeed(board, EVENTS if board.nodes else ())
    feed.diagnosed = diagnosed
    if alerted.at:
        feed.alerted, feed.alerting = alerted, evaluator(board)
    feed.past = {NOW - 600: healthy()}
    app = Watchdog(
        connection(feed), options(folder, **{"jobs": opening(FakeJobs()), "chat": opening_chat(answering()), **more})
    )
    return compare(app, terminal_size=size, run_before=settle(feed, *lines, keys=keys, then=then))


@every_size
@pytest.mark.parametrize("row", PAGES, ids=lambda row: row.id)
def test_page(snap_compare: Compare, tmp_path: Path, row: PageRow, size: tuple[int, int]) -> None:
    """A page on the board with every kind of trouble, or with every kind of job."""
    board = slurm_fleet() if row.id in OF_SLURM else full()
    diagnosed = troubles() if row.id in OF_DIAGNOSIS else NO_DIAGNOSIS
    alerted = alarmed() if row.id in OF_ALERTS else NO_ALERTS
    line = f":{row.id}{ARGUMENTS[row.argument]}"
    assert picture(snap_compare, tmp_path, board, size, line, diagnosed=diagnosed, alerted=alerted)


@pytest.mark.parametrize(
    ("line", "keys"),
    [
        (":alerts", ("z",)),
        (":alerts", ("k",)),
        (":rule GpuWarm", ("end", "backspace", "x")),
        (":rule", ()),
        (":rule GpuHot", ()),
    ],
    ids=["silence", "acknowledge", "wrong", "new", "whole-condition"],
)
def test_alerts_at_work(snap_compare: Compare, tmp_path: Path, line: str, keys: tuple[str, ...]) -> None:
    """The forms over the alerts, and the editor with a mistake, empty, and with a whole condition."""
    assert picture(snap_compare, tmp_path, full(), SMALL, line, alerted=alarmed(), keys=keys)


def test_alerts_calm(snap_compare: Compare, tmp_path: Path) -> None:
    """Nothing fires."""
    assert picture(snap_compare, tmp_path, full(), MEDIUM, ":alerts", alerted=peaceful())


@pytest.mark.parametrize("line", [":alerts", ":rule GpuWarm"], ids=["alerts", "rule"])
@pytest.mark.parametrize("more", [{"theme": "light"}, {"theme": "mono", "ascii": True}], ids=["light", "mono-ascii"])
def test_alerts_by_theme(snap_compare: Compare, tmp_path: Path, line: str, more: dict[str, object]) -> None:
    """In the light theme, and without colours and characters beyond ASCII."""
    assert picture(snap_compare, tmp_path, full(), MEDIUM, line, alerted=alarmed(), **more)  # type: ignore[arg-type]  # likewise


@every_size
@pytest.mark.parametrize("lines", [(":home",), (":gpu gpu-01/5",)], ids=["home", "gpu"])
def test_page_with_incident(
    snap_compare: Compare, tmp_path: Path, lines: tuple[str, ...], size: tuple[int, int]
) -> None:
    """Pages of other things that an incident touches."""
    assert picture(snap_compare, tmp_path, full(), size, *lines, diagnosed=troubles())


@pytest.mark.parametrize("lines", [(":incidents i-9",), (":incidents",)], ids=["ended", "calm"])
def test_incidents_otherwise(snap_compare: Compare, tmp_path: Path, lines: tuple[str, ...]) -> None:
    """One that is over, and a cluster in which nothing is wrong."""
    diagnosed = troubles() if "i-9" in lines[0] else calm()
    assert picture(snap_compare, tmp_path, full(), MEDIUM, *lines, diagnosed=diagnosed)


@pytest.mark.parametrize("more", [{"theme": "light"}, {"theme": "mono", "ascii": True}], ids=["light", "mono-ascii"])
def test_incidents_by_theme(snap_compare: Compare, tmp_path: Path, more: dict[str, object]) -> None:
    """The page in the light theme, and without colours and characters beyond ASCII."""
    assert picture(snap_compare, tmp_path, full(), MEDIUM, ":incidents", diagnosed=troubles(), **more)  # type: ignore[arg-type]  # fields of ScreenOptions


@every_size
@pytest.mark.parametrize(
    "lines",
    [(":home",), (":node gpu-03",), (":heat", ":color job"), (":job 831",), (":queue", ":cancel 815")],
    ids=["home", "node", "heat-by-job", "waiting-job", "dialogue"],
)
def test_page_with_slurm(snap_compare: Compare, tmp_path: Path, lines: tuple[str, ...], size: tuple[int, int]) -> None:
    """Pages that show more where there is Slurm, and the dialogue before a deed."""
    assert picture(snap_compare, tmp_path, slurm_fleet(), size, *lines)


@every_size
@pytest.mark.parametrize(
    ("keys", "then"),
    [(("5",), ()), (("a",), ("tab",)), (("5",), ("tab", *("shift+tab",) * 8, "enter"))],
    ids=["page", "docked", "unfolded"],
)
def test_chat(
    snap_compare: Compare, tmp_path: Path, keys: tuple[str, ...], then: tuple[str, ...], size: tuple[int, int]
) -> None:
    """An answer with looks, links, code and a proposal: on its own page, docked with the proposal's card, unfolded."""
    steps = asking("why is job 812 slow?", *then)
    assert picture(snap_compare, tmp_path, slurm_fleet(), size, keys=keys, then=steps)


@pytest.mark.parametrize("more", [{"theme": "light"}, {"theme": "mono", "ascii": True}], ids=["light", "mono-ascii"])
def test_chat_by_theme(snap_compare: Compare, tmp_path: Path, more: dict[str, object]) -> None:
    """In the light theme, and without colours and characters beyond ASCII."""
    steps = asking("why is job 812 slow?", "tab")
    assert picture(snap_compare, tmp_path, slurm_fleet(), MEDIUM, keys=("5",), then=steps, **more)  # type: ignore[arg-type]  # likewise


@every_size
def test_conversations(snap_compare: Compare, tmp_path: Path, size: tuple[int, int]) -> None:
    """The list of earlier conversations."""
    assert picture(snap_compare, tmp_path, slurm_fleet(), size, keys=("5", "ctrl+r"))


@pytest.mark.parametrize("colour", ["user", "idle"])
def test_grid_by_holder(snap_compare: Compare, tmp_path: Path, colour: str) -> None:
    """The cards of home coloured by user, and by idle time where nobody watched."""
    assert picture(snap_compare, tmp_path, slurm_fleet(), MEDIUM, f":color {colour}")


@every_size
def test_replay(snap_compare: Compare, tmp_path: Path, size: tuple[int, int]) -> None:
    """Home ten minutes ago, before the trouble."""
    assert picture(snap_compare, tmp_path, full(), size, ":at 15:50")


@pytest.mark.parametrize("board", [empty(), stale()], ids=["empty", "stale"])
@pytest.mark.parametrize("page", [":home", ":gpus", ":sources"], ids=lambda page: page[1:])
def test_page_without_news(snap_compare: Compare, tmp_path: Path, page: str, board: Snapshot) -> None:
    """A page on a board that has nothing, or nothing new."""
    assert picture(snap_compare, tmp_path, board, MEDIUM, page)


@pytest.mark.parametrize("theme", ["light", "colourblind", "colourblind-light", "mono"])
def test_theme(snap_compare: Compare, tmp_path: Path, theme: str) -> None:
    """Home in each theme."""
    assert picture(snap_compare, tmp_path, full(), MEDIUM, theme=theme)


def test_thousand_gpus(snap_compare: Compare, tmp_path: Path) -> None:
    """The heat map of 1,024 GPUs, four of them in trouble."""
    assert picture(snap_compare, tmp_path, troubled(128), MEDIUM, ":heat")


def test_filter_being_typed(snap_compare: Compare, tmp_path: Path) -> None:
    """The filter line with its mistake, at the size of a phone line."""
    assert picture(snap_compare, tmp_path, full(), SMALL, "/util<ten")
