"""The model servers' page and their logs: what a person sees and does there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.boards import full
from tests.tui.driving import driving
from tests.tui.model_logs import opened, ready, starting
from tests.tui.servers import serving
from tests.tui.test_pictures import Compare, every_size, picture


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A log of a start under way, in the folder that is current: its path is part of pictures."""
    monkeypatch.chdir(tmp_path)
    path = Path("vllm.log")
    path.write_text(starting(), "utf-8")
    return path


def fill(log: Path, text: str) -> None:
    """Write the log anew, in the same file."""
    log.write_text(text, "utf-8", "surrogateescape")


@every_size
def test_services_picture(snap_compare: Compare, tmp_path: Path, size: tuple[int, int]) -> None:
    """A server on two GPUs in a job, one that is down, one whose KV cache is full while its GPU idles."""
    assert picture(snap_compare, tmp_path, serving(), size, ":services")


def test_hung_server_picture(snap_compare: Compare, tmp_path: Path) -> None:
    """The chosen server's numbers and its GPU's do not agree: that stands first."""
    assert picture(snap_compare, tmp_path, serving(), (120, 40), ":services", keys=("down",))


@every_size
def test_log_picture(snap_compare: Compare, tmp_path: Path, log: Path, size: tuple[int, int]) -> None:
    """A start in the middle of its CUDA graphs."""
    assert picture(snap_compare, tmp_path, full(), size, ":log", model_logs=opened(log))


@every_size
def test_stuck_log_picture(snap_compare: Compare, tmp_path: Path, log: Path, size: tuple[int, int]) -> None:
    """A start that has not moved for ten minutes: the phase is named, with what it is typically stuck at."""
    log.write_text(starting(age_s=600), "utf-8")

    assert picture(snap_compare, tmp_path, full(), size, ":log", model_logs=opened(log))


async def test_the_log_of_the_chosen_server_opens_and_grows(tmp_path: Path, log: Path) -> None:
    """`l` on the services' page opens its node's log; what is written then comes by itself."""
    async with driving(tmp_path, model_logs=opened(log)) as drive:
        await drive.type(":services")
        await drive.press("l")
        await drive.shows("CUDA graphs 23/51")
        fill(log, ready())
        await drive.shows("Application startup complete")

        assert "ready" in drive.line("Nemotron")


async def test_levels_leave_out_what_is_less_grave(tmp_path: Path, log: Path) -> None:
    """`v` steps from all lines to warnings and errors."""
    async with driving(tmp_path, model_logs=opened(log)) as drive:
        await drive.type(":log")
        await drive.shows("14 of 14 lines")
        await drive.press("v", "v")

        assert "1 of 14 lines" in drive.text
        assert "limit of open files" in drive.text


async def test_a_search_marks_and_steps(tmp_path: Path, log: Path) -> None:
    """`/` finds, `n` goes on to the next place and begins again at the end."""
    fill(log, "".join(f"INFO 11-24 15:59:{at % 60:02} [a.py:1] line {at} of many\n" for at in range(200)))
    async with driving(tmp_path, model_logs=opened(log)) as drive:
        await drive.type(":log")
        await drive.shows("200 of 200 lines")
        await drive.type("/line 1.0 ")
        await drive.shows("10 found")
        await drive.press("n")

        assert "of 10" in drive.line("of 10")


async def test_a_paused_log_stands_still_and_counts(tmp_path: Path, log: Path) -> None:
    """`f` holds the lines where they are and says how many came; a second `f` shows them."""
    async with driving(tmp_path, model_logs=opened(log)) as drive:
        await drive.type(":log")
        await drive.shows("14 of 14 lines")
        await drive.press("f")
        with log.open("a") as file:
            file.write("INFO 11-24 15:59:59 [a.py:1] one more\n")
        await drive.shows("paused, 1 new")
        assert "one more" not in drive.text
        await drive.press("f")

        await drive.shows("one more")


async def test_a_log_is_saved_for_its_owner_only(tmp_path: Path, log: Path) -> None:
    """`s` writes every kept line to a private file, without the secret that one of them holds."""
    fill(log, starting() + "HF_TOKEN=hf_abcdefghijklmnopqrst is set\n")
    async with driving(tmp_path, model_logs=opened(log)) as drive:
        await drive.type(":log")
        await drive.shows("15 of 15 lines")
        await drive.press("s")
        await drive.shows("15 lines are in")
        (saved,) = (tmp_path / "logs").iterdir()

        assert 0o600 == saved.stat().st_mode & 0o777
        assert "hf_abc" not in saved.read_text() + drive.text


async def test_hostile_lines_do_no_harm(tmp_path: Path, log: Path) -> None:
    """Escapes, markup and control characters are text or nothing."""
    fill(log, "\x1b[31mred\x1b[0m [bold]no markup[/bold] \x00\x07 \udcff bell \u202e turned\n" + "x" * 100_000)
    async with driving(tmp_path, model_logs=opened(log)) as drive:
        await drive.type(":log")
        await drive.shows("[bold]no markup[/bold]")

        assert "\x1b" not in drive.text


async def test_no_log_is_explained(tmp_path: Path) -> None:
    """Without a log the page says what would give one."""
    async with driving(tmp_path) as drive:
        await drive.type(":log")

        await drive.shows("no model server's log can be read here")
