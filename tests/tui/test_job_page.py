"""A job's page, the submit page, signals and the shell."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from app.tui.dialogue import Dialogue
from app.tui.script_form import read_fields, write_field
from app.tui.shell import ssh_words
from tests.present.slurm_fleet import slurm_fleet
from tests.tui.driving import Drive, driving
from tests.tui.fake_jobs import SCRIPT, FakeJobs, opening


@asynccontextmanager
async def at(
    folder: Path, line: str, jobs: FakeJobs | None = None, size: tuple[int, int] = (120, 40), **more: object
) -> AsyncIterator[Drive]:
    """A page, opened by a command."""
    opened = opening(jobs or FakeJobs())
    async with driving(folder, slurm_fleet(), size, **{"jobs": opened, **more}) as drive:
        await drive.type(line)
        yield drive


async def test_job_page_shows_gpus_of_all_nodes_and_who_is_behind(tmp_path: Path) -> None:
    """Both nodes' GPUs in one table; rank 3 stands out; cost and use beside them."""
    async with at(tmp_path, ":job 812", size=(160, 46)) as drive:
        await drive.shows("behind its job")
        assert "gpu-01/7" in drive.text
        assert "gpu-03/3" in drive.text
        await drive.shows("since start")
        assert "$35.76/h" in drive.text


async def test_log_is_followed(tmp_path: Path) -> None:
    """The last lines are shown, and what is added appears."""
    jobs = FakeJobs()
    async with at(tmp_path, ":job 812", jobs) as drive:
        await drive.shows("step   439")
        jobs.added = "step   440 | loss 1.8211\n"
        await drive.shows("step   440")


async def test_parts_are_stepped_through_where_not_all_fit(tmp_path: Path) -> None:
    """On the smallest screen one part at a time: facts, GPUs, output, errors, script, environment, steps."""
    async with at(tmp_path, ":job 812", size=(80, 24)) as drive:
        for words in (
            "asks for",
            "behind its job",
            "step   439",
            "step   439",
            "#SBATCH --gres",
            "HF_TOKEN=***",
            "torchrun",
        ):
            await drive.shows(words)
            await drive.press("space")


async def test_pending_job_is_explained_in_full(tmp_path: Path) -> None:
    """The explanation stands first, and that it holds no GPU."""
    async with at(tmp_path, ":job 831") as drive:
        await drive.shows("Why it waits")
        assert "It waits and holds no GPU yet" in drive.text


async def test_ended_jobs_come_from_the_accounting(tmp_path: Path) -> None:
    """The newest first, each with how it ended; enter opens one that the queue may have forgotten."""
    async with at(tmp_path, ":ended") as drive:
        await drive.shows("from Slurm's accounting")
        assert "NonZeroExitCode, exit 1" in drive.line("train-7b")
        await drive.press("enter")
        await drive.shows("It is over and holds none")


async def test_unknown_job_is_refused_in_one_line(tmp_path: Path) -> None:
    """A number nobody has."""
    async with at(tmp_path, ":job 99999") as drive:
        await drive.shows("job 99999 is not in Slurm's queue")


async def test_nodes_and_partitions_explain_themselves(tmp_path: Path) -> None:
    """The drained node comes first with who drained it and what that means; enter opens it."""
    async with at(tmp_path, ":partitions", size=(200, 60)) as drive:
        await drive.shows("GPU 7: uncorrectable ECC")
        assert "1 take no jobs" in drive.text
        drive.app.screen.query_one("#nodes").focus()
        await drive.press("enter")
        await drive.shows("mixed+drain")
        assert "815" in drive.text


async def test_submit_form_and_editor_are_one_text(tmp_path: Path) -> None:
    """A field writes its line; what is sent is what is shown; the check follows the text."""
    jobs = FakeJobs()
    async with at(tmp_path, ":submit", jobs) as drive:
        await drive.shows("Slurm would take it")
        field = drive.app.screen.query_one("#field-partition")
        field.value = "serve"  # type: ignore[attr-defined]  # Input's
        await drive.shows("#SBATCH --partition=serve")
        await drive.until(lambda: "--partition=serve" in jobs.checked[-1])
        await drive.press("ctrl+s")
        await drive.until(lambda: isinstance(drive.app.screen, Dialogue))
        await drive.press("y")
        await drive.shows("submitted job 837")

    assert ["#SBATCH --partition=serve"] == [one for one in jobs.sent[0].splitlines() if "partition" in one]


async def test_letters_typed_into_the_form_are_no_keys(tmp_path: Path) -> None:
    """`q`, `:` and digits go into the field; escape gives the keys back to the list."""
    async with at(tmp_path, ":submit") as drive:
        drive.app.screen.query_one("#field-account").focus()
        await drive.press("q", "3", "colon")
        assert "q3:" == drive.app.screen.query_one("#field-account").value  # type: ignore[attr-defined]  # Input's
        await drive.press("escape")
        await drive.until(lambda: drive.app.focused is not None and drive.app.focused.id == "scripts")


async def test_job_is_submitted_again_with_changes(tmp_path: Path) -> None:
    """A on a job's page opens its script in the editor; earlier submissions are taken by enter."""
    async with at(tmp_path, ":job 812") as drive:
        await drive.press("A")
        await drive.shows("as job 812")
        await drive.shows("--job-name=llama-ft")
        drive.app.screen.query_one("#scripts").focus()
        await drive.press("end", "enter")
        await drive.shows("as job 810")


@pytest.mark.parametrize(
    ("name", "value"), [("time", "2:00:00"), ("array", "1-40%4"), ("command", "srun ./other --x 1")]
)
def test_form_writes_what_it_reads(name: str, value: str) -> None:
    """A value written is read back; taken out it is gone; the rest of the script stays."""
    changed = write_field(SCRIPT, name, value)

    assert value == read_fields(changed)[name]
    assert read_fields(SCRIPT)["job-name"] == read_fields(changed)["job-name"]


def test_form_refuses_what_no_line_can_hold() -> None:
    """A line break never reaches a directive."""
    with pytest.raises(ValueError, match="line break"):
        write_field(SCRIPT, "job-name", "a\nb")


def test_shell_is_given_words_only() -> None:
    """The host is one word after `--`; a login host goes before."""
    assert ("ssh", "-t", "--", "gpu-01") == ssh_words("gpu-01", "")
    assert ("ssh", "-t", "-J", "ana@head", "--", "gpu-01") == ssh_words("gpu-01", "ana@head")


async def test_shell_is_off_in_a_bastion_login_and_for_odd_names(tmp_path: Path) -> None:
    """GPU_WATCHDOG_NO_SHELL forbids it; a name that ssh could take for an option is refused."""
    async with at(tmp_path, ":ssh gpu-01", shell=False) as drive:
        await drive.shows("GPU_WATCHDOG_NO_SHELL")
    async with at(tmp_path, ":ssh -oProxyCommand=sh") as drive:
        await drive.shows("no name that ssh can be given")


async def test_process_of_another_machine_is_not_signalled(tmp_path: Path) -> None:
    """Without a desk for processes, and for a number the GPU does not list, one line says so."""
    async with at(tmp_path, ":gpu gpu-01/0") as drive:
        await drive.type(f":kill TERM {os.getpid()}")
        await drive.shows("no process")
        await drive.press("escape", "K")
        await drive.type(":kill TERM 4000")
        await drive.shows("no process can be signalled from here")
