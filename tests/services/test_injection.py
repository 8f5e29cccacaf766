"""No text reaches a shell or becomes an option: each is tried, here and through a host's shell."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain.job_actions import Plan
from app.services.action_targets import ActionError
from app.services.actions import plan
from app.services.submitting import plan_submit
from app.transport.runner import Runner
from tests.engine.slurm_builders import NOW, job, node, picture, running
from tests.services.slurm_doors import ShellRunner, jobs_of
from tests.standins.slurm_commands import FakeSlurm

MARK = "pwned"
TEXTS = (
    f"; touch {MARK}", f"$(touch {MARK})", f"`touch {MARK}`", f"' ; touch {MARK} '", f'" ; touch {MARK} "',
    f"| touch {MARK}", f"\n touch {MARK}\n", f"&& touch {MARK} &", f"> {MARK}", f"-o {MARK}", f"--output={MARK}",
    f"\\$(touch {MARK})", f"\x00; touch {MARK}", f"${{IFS}}; touch {MARK}", f"\u202e; touch {MARK}", f"~; touch {MARK}",
)  # fmt: skip
DOORS = [pytest.param(None, id="local"), pytest.param(ShellRunner(), id="shell")]


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSlurm:
    """Commands in a folder; what a shell would make lands in `tmp_path`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    fake = FakeSlurm(folder)
    fake.says("sbatch --parsable", stdout="813\n")
    return fake


async def done(slurm: FakeSlurm, folder: Path, runner: Runner | None, wanted: Plan) -> list[str]:
    """The words of the command that a plan ended in."""
    slurm.forget_calls()
    await jobs_of(slurm, folder / "state", runner).perform(wanted)
    assert not (folder / MARK).exists()
    return slurm.argv[0]


@pytest.mark.parametrize("runner", DOORS)
@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
async def test_a_reason_is_one_word(slurm: FakeSlurm, tmp_path: Path, text: str, runner: Runner | None) -> None:
    """A drain's reason arrives whole, as the value of its key."""
    wanted = plan("drain", ["gpu-1"], picture(nodes=[node("gpu-1")]), now=NOW, reason=f"x{text}")
    words = await done(slurm, tmp_path, runner, wanted)

    assert ["scontrol", "update", "NodeName=gpu-1", "State=DRAIN"] == words[:4]
    assert 5 == len(words)
    assert words[4].startswith("Reason=x")


@pytest.mark.parametrize("runner", DOORS)
@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
async def test_options_names_and_folders_are_words(
    slurm: FakeSlurm, tmp_path: Path, text: str, runner: Runner | None
) -> None:
    """A comment, a script's name and a folder arrive as they are, or are refused; none becomes another word."""
    for options, name, folder in (((f"--comment={text}",), "", ""), ((), text, ""), ((), "", f"/tmp/{text}")):
        try:
            wanted = plan_submit("#!/bin/sh\n", options, name=name, folder=folder)
        except ActionError:
            continue
        words = await done(slurm, tmp_path, runner, wanted)
        assert ["sbatch", "--parsable"] == words[:2]
        assert 3 == len(words)
        assert words[2].startswith(("--comment=", "--job-name=", "--chdir=/tmp/"))


@pytest.mark.parametrize("runner", DOORS)
@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
async def test_what_slurm_says_of_a_job_reaches_no_command(
    slurm: FakeSlurm, tmp_path: Path, text: str, runner: Runner | None
) -> None:
    """Names, users, comments, partitions and dependencies of jobs are shown and never part of what is run."""
    odd = running(
        812,
        "gpu-1",
        1,
        name=text,
        user=text,
        comment=text,
        account=text,
        partition=text,
        work_dir=text,
        dependency=text,
    )
    waits = job(813, name=text, user=text, dependency=f"afterok:812({text})", reason=text)
    wanted = plan("cancel", ["812"], picture([odd, waits]), now=NOW, user="ana")

    assert ["scancel", "812"] == await done(slurm, tmp_path, runner, wanted)
    assert all(line.isprintable() for line in (wanted.summary, *wanted.hits, *wanted.warnings))


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_targets_are_refused(text: str) -> None:
    """Ids and nodes hold no such text, behind nor before a good one."""
    for target in (text, f"812{text}", f"gpu-1{text}", f"{text}812"):
        if target.strip() in ("812", "gpu-1"):
            continue
        with pytest.raises(ActionError):
            plan("cancel", [target], None, now=NOW)
        with pytest.raises(ActionError):
            plan("drain", [target], None, now=NOW, reason="x")


@pytest.mark.parametrize("runner", DOORS)
@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
async def test_paths_of_logs_are_words(slurm: FakeSlurm, tmp_path: Path, text: str, runner: Runner | None) -> None:
    """A job's output file may be called anything: it is read, or refused, and nothing else happens."""
    name = f"out{text}.txt".replace("/", "_").replace("\x00", "_")
    (tmp_path / name).write_text("hello\n")
    chunk = await jobs_of(slurm, tmp_path / "state", runner).read_log(
        running(812, "gpu-1", stdout=name.replace("\\", "\\\\"), work_dir=str(tmp_path)), "stdout"
    )

    assert not (tmp_path / MARK).exists()
    assert chunk.text == "hello\n" or chunk.note


async def test_a_script_goes_through_stdin_unchanged(slurm: FakeSlurm, tmp_path: Path) -> None:
    """Every byte of it arrives, and none of it on a command line."""
    script = "#!/bin/bash\n#SBATCH --comment='$(id)'\necho \"$HOME\" `id` \t\udcff\n"
    words = await done(slurm, tmp_path, ShellRunner(), plan_submit(script, ("--gres=gpu:1",)))

    assert ["sbatch", "--parsable", "--gres=gpu:1"] == words
    assert script.encode("utf-8", "surrogateescape") == (slurm.folder / "script").read_bytes()
