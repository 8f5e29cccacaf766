"""The queue and what can be done from it: looking, filtering, marking, the dialogue before every deed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.job_actions import Outcome
from app.domain.slurm import SlurmJob
from app.domain.snapshot import Snapshot
from app.tui.dialogue import Dialogue
from app.tui.screens.queue import MANY
from tests.present.fleets import NOW
from tests.present.slurm_fleet import job, slurm_fleet
from tests.tui.driving import Drive, driving
from tests.tui.fake_jobs import FakeJobs, opening


@asynccontextmanager
async def at_queue(folder: Path, jobs: FakeJobs | None = None, **more: object) -> AsyncIterator[Drive]:
    """The queue's page, open."""
    opened = opening(jobs or FakeJobs())
    async with driving(folder, slurm_fleet(), **{"jobs": opened, **more}) as drive:
        await drive.press("3")
        await drive.shows("llama-ft")
        yield drive


async def test_queue_shows_who_runs_and_why_others_wait(tmp_path: Path) -> None:
    """Every job has a row; the chosen one's explanation stands below in full."""
    async with at_queue(tmp_path) as drive:
        assert "6 running · 44 pending" in drive.text
        assert "2R 38PD" in drive.line("820_[")
        for _ in range(7):
            await drive.press("down")
        await drive.shows("pretrain · cy")
        assert "best has" in drive.text


async def test_typed_filter_keeps_jobs_and_says_its_mistake(tmp_path: Path) -> None:
    """While it is typed it already works; a mistake is named and keeps the line open; escape drops it."""
    async with at_queue(tmp_path) as drive:
        await drive.type("/user:bo")
        assert "bo" in drive.line("notebook")
        assert "llama-ft" not in drive.text
        await drive.type("/usr:bo")
        assert "did you mean 'user'" in drive.text
        await drive.press("escape")
        await drive.type("/")
        await drive.shows("llama-ft")


def large_fleet(*more: SlurmJob) -> Snapshot:
    """Thousands of jobs beside those of the small one."""
    fleet = slurm_fleet()
    assert fleet.slurm is not None
    many = [job(number, f"n{number}", "ana", "PENDING") for number in range(5000, 5000 + 2 * MANY)]
    jobs = {**(fleet.slurm.jobs or {}), **{one.id: one for one in (*many, *more)}}
    return replace(fleet, slurm=replace(fleet.slurm, jobs=jobs))


async def test_newer_pictures_of_many_jobs_are_shown_however_fast_they_come(tmp_path: Path) -> None:
    """Each is made ready in pieces; one that comes before the last was ready is shown at once."""
    async with driving(tmp_path, large_fleet()) as drive:
        await drive.press("3")
        await drive.shows("llama-ft")
        drive.feed.push(large_fleet(job(1, "newest", "ana", "RUNNING")))
        await drive.shows("newest")
        for number in range(5):
            drive.feed.push(large_fleet(job(1, f"burst{number}", "ana", "RUNNING")))
        await drive.shows("burst4")


async def test_filter_over_many_jobs_is_tried_in_pieces_and_kept_or_dropped_whole(tmp_path: Path) -> None:
    """Of thousands of jobs too it works while it is typed, and what is dropped in between shows nothing later."""
    async with driving(tmp_path, large_fleet()) as drive:
        await drive.press("3")
        await drive.shows("llama-ft")
        await drive.press("slash", *"n5999")
        await drive.shows("1 kept")
        await drive.press(*["backspace"] * 2, "escape")
        await drive.shows("llama-ft")
        await drive.type("/n5998")
        await drive.shows("1 kept")
        assert "n5999" not in drive.text


async def test_jobs_command_opens_the_queue_with_a_filter(tmp_path: Path) -> None:
    """`:jobs state:pd` from anywhere."""
    async with driving(tmp_path, slurm_fleet()) as drive:
        await drive.type(":jobs state:r user:svc")
        await drive.shows("1 kept")
        assert "vllm" in drive.text


async def test_arrays_open_and_close(tmp_path: Path) -> None:
    """`+` shows the tasks of all, `-` one row each, enter those of one."""
    async with at_queue(tmp_path) as drive:
        await drive.press("plus")
        await drive.shows("820_1")
        await drive.press("minus")
        await drive.until(lambda: "820_1" not in drive.text)
        await drive.press("down", "down", "down", "down", "enter")
        await drive.shows("820_2")


async def test_nothing_is_done_without_a_yes(tmp_path: Path) -> None:
    """The dialogue shows whom it hits and the exact command; any key but y leaves it undone."""
    jobs = FakeJobs()
    async with at_queue(tmp_path, jobs) as drive:
        for key in ("n", "escape", "enter", "q"):
            await drive.press("x")
            await drive.until(lambda: isinstance(drive.app.screen, Dialogue))
            assert "/opt/slurm/bin/scancel 812" in drive.text
            assert "nothing undoes this" in drive.text
            await drive.press(key)
            await drive.until(lambda: not isinstance(drive.app.screen, Dialogue))

    assert [] == jobs.performed


async def test_yes_does_it_once_and_tells(tmp_path: Path) -> None:
    """What came of it is a note on the page one is on."""
    jobs = FakeJobs()
    async with at_queue(tmp_path, jobs) as drive:
        await drive.press("x")
        await drive.until(lambda: isinstance(drive.app.screen, Dialogue))
        await drive.press("y")
        await drive.shows("cancelled job 812")

    assert [("cancel", ("812",), (("scancel", "812"),))] == [(p.verb, p.targets, p.commands) for p in jobs.performed]


async def test_failure_is_told_whole_in_the_dialogue(tmp_path: Path) -> None:
    """Slurm's own words stay on screen until a key."""
    jobs = FakeJobs()
    jobs.outcome = Outcome(False, "you may not cancel job 815: it is bo's", ("scancel: error: Access denied",))
    async with at_queue(tmp_path, jobs) as drive:
        await drive.press("down", "x")
        await drive.until(lambda: isinstance(drive.app.screen, Dialogue))
        await drive.press("y")
        await drive.shows("scancel: error: Access denied")
        assert "it is bo's" in drive.text
        await drive.press("space")
        await drive.until(lambda: not isinstance(drive.app.screen, Dialogue))


async def test_deed_goes_on_when_its_dialogue_is_left(tmp_path: Path) -> None:
    """A slow one can be left; what came of it is told later."""
    jobs = FakeJobs()
    jobs.gate = asyncio.Event()
    async with at_queue(tmp_path, jobs) as drive:
        await drive.press("x")
        await drive.until(lambda: isinstance(drive.app.screen, Dialogue))
        await drive.press("y")
        await drive.shows("at work")
        await drive.press("escape")
        await drive.until(lambda: not isinstance(drive.app.screen, Dialogue))
        jobs.gate.set()
        await drive.shows("cancelled job 812")

    assert 1 == len(jobs.performed)


async def test_marked_jobs_are_done_together(tmp_path: Path) -> None:
    """Space marks and goes on; the deed is one command for all."""
    jobs = FakeJobs()
    async with at_queue(tmp_path, jobs) as drive:
        await drive.press("space", "space")
        await drive.shows("2 marked")
        await drive.press("x")
        await drive.until(lambda: isinstance(drive.app.screen, Dialogue))
        await drive.press("y")
        await drive.until(lambda: bool(jobs.performed))

    assert {"812", "815"} == set(jobs.performed[0].targets)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (":hold 831", "hold"),
        (":requeue 815", "requeue 815"),
        (":extend 1h 812", "TimeLimit+=60"),
        (":nice 100 831", "Nice=100"),
        (":drain gpu-02 bad fan", "Reason=bad fan"),
        (":undrain gpu-03", "State=RESUME"),
        (":signal USR1 812", "USR1"),
    ],
)
async def test_every_verb_shows_its_command(tmp_path: Path, line: str, command: str) -> None:
    """Typed with its number or reason, each opens the same dialogue."""
    async with at_queue(tmp_path) as drive:
        await drive.type(line)
        await drive.until(lambda: isinstance(drive.app.screen, Dialogue))
        assert command.lower() in drive.text.lower().replace("'", "")


async def test_read_only_and_the_past_refuse(tmp_path: Path) -> None:
    """With --read-only no dialogue opens; neither does one on a moment of the past."""
    async with at_queue(tmp_path, read_only=True) as drive:
        await drive.press("x")
        await drive.shows("--read-only")
    async with at_queue(tmp_path) as drive:
        drive.feed.past = {NOW - 600: slurm_fleet()}
        await drive.type(":at 15:50")
        await drive.shows("REPLAY")
        await drive.press("x")
        await drive.shows("this is the past")


async def test_without_slurm_every_page_says_what_connects_it(tmp_path: Path) -> None:
    """The queue names the setting; a deed is refused in one line."""
    async with driving(tmp_path) as drive:
        await drive.press("3")
        await drive.shows("No Slurm is connected")
        await drive.press("x")
        await drive.shows("choose one, or write its id".capitalize())


async def test_old_picture_stays_with_its_age(tmp_path: Path) -> None:
    """When Slurm is silent the last queue stays, and says how old it is."""
    async with at_queue(tmp_path) as drive:
        drive.feed.push(slurm_fleet(), NOW + 300)
        await drive.shows("Slurm was last heard")
        assert "llama-ft" in drive.text


async def test_grid_is_coloured_by_job_user_and_idle_time(tmp_path: Path) -> None:
    """C goes round; the legend of the heat map says whose each letter is."""
    async with driving(tmp_path, slurm_fleet()) as drive:
        await drive.type(":heat")
        await drive.type(":color job")
        await drive.shows("a 812")
        await drive.press("C")
        await drive.shows("by user")
        assert "a ana" in drive.text
        await drive.press("C")
        await drive.shows("minutes held idle")


async def test_home_shows_the_queue_and_opens_a_job(tmp_path: Path) -> None:
    """Short columns, counts in the title; enter goes to the job."""
    async with driving(tmp_path, slurm_fleet(), jobs=opening(FakeJobs())) as drive:
        await drive.shows("Queue ─ 6 running · 44 pending")
        drive.app.screen.query_one("#jobs").focus()
        await drive.press("enter")
        await drive.shows("in use now")


async def test_hostile_names_reach_no_escape(tmp_path: Path) -> None:
    """Markup is text, escapes and controls are gone, ten thousand letters are cut."""
    async with at_queue(tmp_path) as drive:
        assert "[b]evil[/b]" in drive.text
        assert "\x1b" not in drive.text
        await drive.type(":job 834")
        await drive.shows("eve")
        assert all(char.isprintable() or char == "\n" for char in drive.text)


async def test_ten_thousand_jobs_answer_keys(tmp_path: Path) -> None:
    """The cursor moves through them without a row being made that is not looked at."""
    extra = tuple(
        replace(job, id=str(number), job_id=number)
        for number, job in zip(range(2000, 12_000), [(slurm_fleet().slurm.jobs or {})["815"]] * 10_000, strict=True)  # type: ignore[union-attr]  # the fleet has Slurm
    )
    async with driving(tmp_path, slurm_fleet(extra)) as drive:
        await drive.press("3")
        await drive.shows("10,0")
        await drive.press("end", "pageup", "up")
        await drive.press("home")
        assert "812" in drive.text
