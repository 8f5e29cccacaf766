"""The page of incidents, and where other pages speak of them: looking, unfolding, filtering, going, copying, doing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.diagnosis import Diagnosis
from app.tui.dialogue import Dialogue
from app.tui.incident_deeds import Deed, deed_of
from app.tui.page import Page
from app.tui.viewstate import load_view
from tests.present.fleets import NOW
from tests.present.slurm_fleet import slurm_fleet
from tests.tui.boards import full, healthy
from tests.tui.diagnoses import calm, hostile, many, troubles
from tests.tui.driving import Drive, driving
from tests.tui.fake_jobs import FakeJobs, opening
from widgets.virtual_table import VirtualTable


@asynccontextmanager
async def at_incidents(
    folder: Path,
    diagnosis: Diagnosis | None = None,
    size: tuple[int, int] = (120, 40),
    *,
    fake: FakeJobs | None = None,
    is_ascii: bool = False,
    read_only: bool = False,
) -> AsyncIterator[Drive]:
    """The page of incidents on the board with Slurm, something wrong."""
    jobs = opening(fake or FakeJobs())
    async with driving(folder, slurm_fleet(), size, jobs=jobs, ascii=is_ascii, read_only=read_only) as drive:
        diagnose(drive, troubles() if diagnosis is None else diagnosis)
        await drive.press("4")
        yield drive


def diagnose(drive: Drive, diagnosis: Diagnosis) -> None:
    """The feed finds something."""
    drive.feed.diagnosed = diagnosis
    drive.app.on_fresh()


def page_id(drive: Drive) -> str:
    """The page that is open."""
    assert isinstance(drive.app.screen, Page)
    return drive.app.screen.ID


async def test_page_shows_root_evidence_strip_and_steps(tmp_path: Path) -> None:
    """Everything about the gravest incident is there without a key."""
    async with at_incidents(tmp_path) as drive:
        for text in (
            "GPU gpu-01/5: fell off the bus",
            "NVRM: Xid (PCI:0000:05:00): 79",
            "3 consequences",
            "keep new jobs off gpu-01",
            "scontrol update nodename=gpu-01",
            "Looks alike",
        ):
            assert text in drive.text
        assert "NFS" not in drive.text


async def test_consequences_unfold_by_space_and_by_enter(tmp_path: Path) -> None:
    """Space in the list unfolds them; in the story, enter on one of them shows its evidence, and hides it again."""
    async with at_incidents(tmp_path) as drive:
        await drive.press("space")
        assert "▾ 3 consequences" in drive.text
        await drive.press("enter", "end", "up", "enter")
        await drive.shows("EngineDeadError")
        await drive.press("enter")
        assert "EngineDeadError" not in drive.text
        await drive.press("home", "space")
        assert "▸ 3 consequences" in drive.text


async def test_ended_ones_appear_by_a_key_and_are_remembered(tmp_path: Path) -> None:
    """`e` shows what is over, below; the next start shows it again."""
    async with at_incidents(tmp_path) as drive:
        await drive.press("e")
        assert "ended 13:43  gpu-02: NFS server filer-1" in drive.text
        await drive.press("end")
        await drive.shows("nfs: server filer-1 OK")

    assert load_view(tmp_path / "view.json")[0].has_ended_incidents


async def test_filter_keeps_explains_and_is_dropped(tmp_path: Path) -> None:
    """A filter that is wrong says so; one that keeps nothing says how to see all again."""
    async with at_incidents(tmp_path) as drive:
        await drive.type("/user:svc")
        assert "1 kept" in drive.text
        assert "fell off the bus" not in drive.line("5 h 00")
        await drive.type("/user:nobody")
        await drive.shows("No incident fits the filter")
        await drive.type("/severity>")
        await drive.shows("no number of an incident is called")
        await drive.press("escape")
        await drive.type("/")
        assert "kept" not in drive.text


async def test_sort_goes_round_and_turns(tmp_path: Path) -> None:
    """`s` sorts by the next column, `S` turns round, the command names one."""
    async with at_incidents(tmp_path) as drive:
        await drive.type(":sortincidents -age")
        titles = [line for line in drive.text.splitlines() if "i-1" in line and " GPU " in line]
        assert "i-12" in titles[0]
        await drive.press("S")
        await drive.type(":sortincidents pink")
        await drive.shows("is no column of the incidents")


@pytest.mark.parametrize(
    ("key", "page", "text"),
    [
        ("g", "gpu", "gpu-01/5"),
        ("n", "node", "gpu-01"),
        ("j", "job", "812"),
    ],
)
async def test_keys_lead_to_what_a_finding_names(tmp_path: Path, key: str, page: str, text: str) -> None:
    """From the list, the root's own; where the root names none, the next finding's. Escape comes back."""
    async with at_incidents(tmp_path) as drive:
        await drive.press(key)
        assert page == page_id(drive)
        assert text in drive.text
        await drive.press("escape")
        assert "incidents" == page_id(drive)


async def test_log_and_server_lead_to_their_rows(tmp_path: Path) -> None:
    """`l` is at the source of the evidence, `v` at the model server of the consequence."""
    async with driving(tmp_path, full()) as drive:
        diagnose(drive, troubles())
        await drive.press("4", "l")
        assert "sources" == page_id(drive)
        assert "exporter-gpu-01" in drive.text
        await drive.press("4", "v")
        assert "services" == page_id(drive)
        await drive.press("4")
        await drive.press("down", "j")
        await drive.shows("names no job that is known here")


async def test_command_is_copied_from_where_the_cursor_is(tmp_path: Path) -> None:
    """`c` takes the first command; with the cursor on a step, that step's."""
    async with at_incidents(tmp_path) as drive:
        await drive.press("c")
        assert "scontrol update nodename=gpu-01 state=drain reason=gpu-watchdog" == drive.app.clipboard
        advice = drive.app.screen.query_one("#advice", VirtualTable)
        advice.focus()
        assert advice.select("action f-9 1 0")
        await drive.press("c")
        assert "dmesg -T | grep -E 'AER|pcieport'" == drive.app.clipboard
        await drive.shows("copied: dmesg")


async def test_step_that_is_ours_asks_first_and_is_then_done(tmp_path: Path) -> None:
    """`r` opens the usual dialogue with Slurm's own plan; y does it, once."""
    fake = FakeJobs()
    async with at_incidents(tmp_path, fake=fake) as drive:
        await drive.press("r")
        await drive.until(lambda: isinstance(drive.app.screen, Dialogue))
        assert "NodeName=gpu-01 State=DRAIN" in drive.text
        await drive.press("y")
        await drive.until(lambda: bool(fake.performed))
        assert ("drain", ("gpu-01",)) == (fake.performed[0].verb, fake.performed[0].targets)


async def test_step_that_is_not_ours_is_only_copied(tmp_path: Path) -> None:
    """No command of an advice is ever run by itself."""
    fake = FakeJobs()
    async with at_incidents(tmp_path, fake=fake) as drive:
        await drive.press("down", "r")
        await drive.shows("nothing here can be done from the screen; c copies it")
        assert [] == fake.performed


async def test_nothing_is_done_about_what_is_over(tmp_path: Path) -> None:
    """An incident that ended offers no deed, whatever its steps say."""
    fake = FakeJobs()
    now = troubles()
    over = replace(now, incidents=(), findings=(), ended=(replace(now.incidents[0], ended=NOW - 9),), past=now.findings)
    async with at_incidents(tmp_path, over, fake=fake) as drive:
        await drive.press("e")
        assert "runs it" not in drive.text
        await drive.press("r")
        await drive.shows("i-17 is over")
        assert [] == fake.performed


async def test_read_only_and_the_past_refuse_to_act(tmp_path: Path) -> None:
    """The switch that forbids deeds forbids these too."""
    async with at_incidents(tmp_path, read_only=True) as drive:
        await drive.press("r")
        await drive.shows("--read-only")


@pytest.mark.parametrize(
    ("command", "deed"),
    [
        ("scontrol update nodename=gpu-1 state=drain reason='bad fan'", Deed("node_drain", "gpu-1 bad fan")),
        ("scontrol update NodeName=gpu-1 State=RESUME", Deed("node_undrain", "gpu-1")),
        ("scontrol requeue 812", Deed("job_requeue", "812")),
        ("scancel 812", Deed("job_cancel", "812")),
        ("scancel 812 --signal=KILL", None),
        ("scancel -u ana", None),
        ("scancel --me", None),
        ("scontrol update nodename=gpu-1 state=drain", None),
        ("scontrol update nodename='gpu-1 x' state=resume", None),
        ("scontrol update nodename=gpu-1 nodename=gpu-2 state=resume", None),
        ("scontrol update nodename=gpu-1 state=down reason=x", None),
        ("scontrol requeue 812; rm -rf /", None),
        ("scontrol requeue 812\nrm -rf /", None),
        ("scontrol requeue '812", None),
        ("nvidia-smi --gpu-reset -i 3", None),
        ("", None),
        (None, None),
    ],
)
def test_only_a_command_that_is_wholly_a_deed_of_ours_can_be_done(command: str | None, deed: Deed | None) -> None:
    """One word more, and it is for a person to type."""
    assert deed == deed_of(command)


async def test_home_counts_and_leads_with_the_worst(tmp_path: Path) -> None:
    """The header has their number, the strip the worst with its first step; `d` goes there."""
    async with driving(tmp_path) as drive:
        assert "lost: Xid 79" in drive.text
        diagnose(drive, troubles())
        await drive.shows("i-17 GPU gpu-01/5: fell off the bus")
        assert "▲ 1  ▲ 1" in drive.text.splitlines()[0]
        assert "keep new jobs off gpu-01?" in drive.text
        await drive.press("d")
        assert "incidents" == page_id(drive)
        await drive.press("escape")
        diagnose(drive, calm())
        await drive.shows("lost: Xid 79")


@pytest.mark.parametrize("where", [":gpu gpu-01/5", ":node gpu-01", ":job 812"])
async def test_page_of_what_it_touches_has_a_line_and_a_key(tmp_path: Path, where: str) -> None:
    """One line that is not there without an incident; `d` opens that incident."""
    async with driving(tmp_path, slurm_fleet(), jobs=opening(FakeJobs())) as drive:
        await drive.type(where)
        assert "details" not in drive.text
        await drive.press("d")
        await drive.shows("no incident touches this")
        diagnose(drive, troubles())
        await drive.shows("i-17 GPU gpu-01/5: fell off the bus")
        await drive.press("d")
        assert "incidents" == page_id(drive)
        await drive.shows("3 consequences")


async def test_command_opens_an_incident_whatever_hides_it(tmp_path: Path) -> None:
    """`:incidents i-9` finds one that is over behind a filter; an id that is not known says which are open."""
    async with at_incidents(tmp_path) as drive:
        await drive.type("/critical")
        await drive.type(":incidents i-9")
        await drive.shows("nfs: server filer-1 OK")
        await drive.type(":incidents i-99")
        await drive.shows("open are i-17, i-12, i-15")


async def test_selection_stays_on_its_incident_when_others_come(tmp_path: Path) -> None:
    """What is looked at does not jump when the order changes."""
    async with at_incidents(tmp_path) as drive:
        await drive.press("down")
        await drive.shows("A row was marked bad")
        now = troubles()
        diagnose(drive, replace(now, incidents=now.incidents[::-1]))
        await drive.shows("A row was marked bad")


async def test_nothing_is_laid_out_anew_while_nothing_changed(tmp_path: Path) -> None:
    """The same diagnosis a second later makes no line of the story anew."""
    async with at_incidents(tmp_path, many(500, 500)) as drive:
        story = drive.app.screen.query_one("#story", VirtualTable)
        before = story.shown_rows
        drive.feed.advance(1)
        drive.app.on_fresh()
        await drive.pilot.pause()
        assert before is story.shown_rows
        await drive.press("space", "end", "home")
        assert "GPU gpu-000/5" in drive.text


async def test_calm_page_says_what_it_cannot_see(tmp_path: Path) -> None:
    """Nothing is wrong, as far as was looked; before any look it says that instead."""
    async with at_incidents(tmp_path, calm()) as drive:
        await drive.shows("Nothing is wrong that I can see; 1 thing could not be looked at")
        assert "the kernel log of gpu-02: no [[log]] of it is configured" in drive.text
        await drive.press("space", "enter", "c", "r", "g")
    async with driving(tmp_path) as drive:
        await drive.press("4")
        await drive.shows("Nothing was looked at yet")


async def test_past_moment_has_its_own_diagnosis(tmp_path: Path) -> None:
    """`:at` shows what was wrong then, and says so where nothing was kept that tells."""
    async with at_incidents(tmp_path) as drive:
        drive.feed.past = {NOW - 7200: healthy(), NOW - 600: healthy()}
        drive.feed.diagnosed_past = {NOW - 600: replace(troubles(), at=NOW - 600, incidents=troubles().incidents[1:2])}
        await drive.type(":at 15:55")
        await drive.shows("a memory row waits")
        assert "fell off the bus" not in drive.text
        await drive.press("r")
        await drive.type(":at 15:00")
        await drive.shows("What was wrong at that moment is not known")
        await drive.press("right_curly_bracket")
        await drive.shows("fell off the bus")


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60), (24, 8)], ids=str)
@pytest.mark.parametrize("is_ascii", [False, True], ids=["unicode", "ascii"])
async def test_hostile_words_do_no_harm(tmp_path: Path, size: tuple[int, int], is_ascii: bool) -> None:
    """Markup is text, escapes and controls are gone, whatever is unfolded, copied or followed."""
    async with at_incidents(tmp_path, hostile(), size, is_ascii=is_ascii) as drive:
        await drive.press("space", "enter", "end", "c", "g", "n", "j", "l", "v", "r")
        assert "\x1b" not in drive.text
        assert all(char.isprintable() or char == "\n" for char in drive.text)
        assert drive.app.clipboard.isprintable()
        assert not is_ascii or drive.text.isascii()
        await drive.press("1")
        assert all(char.isprintable() or char == "\n" for char in drive.text)
