"""`jobs`, `job`, `free` and `logs`: what they print, filter and how they end."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from app.cli import errors
from tests.cli.conftest import Run, dcgm_page, schema
from tests.cli.test_status import Serve
from tests.standins.slurm_commands import FakeSlurm, detail, row

ENDED = (
    "700|700|ana|lab|gpu|normal|COMPLETED|None|0:0|node-1|1|8|1763990000|1763990000|1763990100|1763993700|60|3600|100"
    "|gres/gpu=2|gres/gpu=2||old\n"
)


def ids(answer: object) -> list[str]:
    """The ids of an answer's jobs."""
    return [job["id"] for job in answer.json["jobs"]]  # type: ignore[attr-defined]  # an Answer


def timeless(jobs: list[dict[str, object]]) -> list[dict[str, object]]:
    """Jobs without what moves on between two commands."""
    return [{key: value for key, value in job.items() if key != "elapsed_s"} for job in jobs]


def test_json_holds_every_job_and_fits_its_schema(run: Run, slurm: FakeSlurm) -> None:
    """As `status --json` has them."""
    answer = run("jobs", "--json")

    assert errors.OK == answer.code
    jsonschema.validate(answer.json, schema("jobs"))
    assert ["812", "813"] == ids(answer)
    assert timeless(answer.json["jobs"]) == timeless(run("status", "--json").json["jobs"])
    assert ("exact", {"node-1": [0, 3]}) == tuple(answer.json["jobs"][0][key] for key in ("gpu_binding", "gpu_indices"))


def test_the_schema_of_a_job_is_one(run: Run) -> None:
    """The same in every answer that has jobs."""
    assert schema("status")["$defs"]["job"] == schema("jobs")["$defs"]["job"]
    assert schema("status")["$defs"]["job"]["properties"].items() <= schema("job")["properties"].items()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--user", "bo"], ["813"]),
        (["--user", "bo,nobody"], ["813"]),
        (["--me"], ["812"]),
        (["--state", "running"], ["812"]),
        (["--state", "pd"], ["813"]),
        (["--state", "R,PD"], ["812", "813"]),
        (["--partition", "gpu"], ["812", "813"]),
        (["--partition", "other"], []),
        (["--me", "--state", "pd"], []),
    ],
)
def test_filters(
    run: Run, slurm: FakeSlurm, words: list[str], found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By user, state (also Slurm's short names) and partition, all together."""
    monkeypatch.setattr("app.transport.runner.invoking_user", lambda: "ana")

    assert found == ids(run("jobs", "--json", *words))


def test_the_table_fits_80_columns_and_explains_what_waits(
    run: Run,
    slurm: FakeSlurm,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A line a job, the reason in plain words below; no escape reaches a pipe."""
    monkeypatch.setenv("COLUMNS", "80")
    slurm.queue(row(812, Name="x\x1b[2J" * 40, UserName="a" * 90), row(813, state="PENDING", gpus=8))
    answer = run("jobs")

    assert max(map(len, answer.out.splitlines())) <= 80
    assert "needs 8 GPUs on one node" in answer.out
    assert "\x1b" not in answer.out


def test_jobs_without_slurm_are_none(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty list, the reason on stderr, exit 2."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("GPU_WATCHDOG_DISCOVER_LOCAL", "false")
    answer = run("jobs", "--json", "--embedded")

    assert (errors.INCOMPLETE, []) == (answer.code, answer.json["jobs"])
    assert "no way to Slurm" in answer.err


def test_jobs_of_a_silent_slurm_are_null(run: Run, slurm: FakeSlurm) -> None:
    """Null, never an empty queue."""
    slurm.says("squeue", stderr="slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n", code=1)
    answer = run("jobs", "--json")

    jsonschema.validate(answer.json, schema("jobs"))
    assert (errors.INCOMPLETE, None) == (answer.code, answer.json["jobs"])
    assert "slurmctld does not answer" in answer.err


def test_history_comes_from_the_accounting(run: Run, slurm: FakeSlurm) -> None:
    """Ended jobs, by sacct."""
    slurm.says("sacct", stdout=ENDED)
    answer = run("jobs", "--json", "--history", "6h")

    assert errors.OK == answer.code
    jsonschema.validate(answer.json, schema("jobs"))
    assert ("700", "COMPLETED", 3600) == tuple(answer.json["jobs"][0][key] for key in ("id", "state", "elapsed_s"))


def test_history_without_accounting_is_what_was_seen_from_here(run: Run, slurm: FakeSlurm) -> None:
    """And where nothing was, that is said."""
    slurm.says("sacct", stderr="Slurm accounting storage is disabled\n", code=1)
    answer = run("jobs", "--history", "6h")

    assert errors.UNAVAILABLE == answer.code
    assert "no accounting" in answer.err


def test_one_job_in_full(run: Run, slurm: FakeSlurm, serve_page: Serve) -> None:
    """The object of `jobs --json` and more, under its schema."""
    slurm.says("scontrol write batch_script", stdout="#!/bin/bash\necho hi\n")
    answer = run("job", "812", "--json")

    assert errors.OK == answer.code
    jsonschema.validate(answer.json, schema("job"))
    assert "/home/ana/slurm-812.out" == answer.json["stdout"]
    assert "#!/bin/bash\necho hi\n" == answer.json["script"] == run("job", "812", "--script").out
    shown = run("job", "812").out
    assert all(said in shown for said in ("job 812  train", "RUNNING", "node-1", "/home/ana/slurm-812.out"))


def test_its_gpus_are_shown_live(run: Run, slurm: FakeSlurm, serve_page: Serve, tmp_path: Path) -> None:
    """Joined with what the exporter of the node shows."""
    config = tmp_path / "lab.toml"
    config.write_text(f'[[target]]\nurl = "{serve_page(dcgm_page(8))}"\n')
    gpus = run("job", "812", "--json", "--config", str(config)).json["gpus_live"]

    assert [("node-1", 0, 10), ("node-1", 3, 40)] == [(g["node"], g["index"], g["utilization_percent"]) for g in gpus]


def test_a_job_nobody_knows_is_unavailable(run: Run, slurm: FakeSlurm) -> None:
    """With a sentence."""
    slurm.says("scontrol -o -d show job 999", stderr="slurm_load_jobs error: Invalid job id specified\n", code=1)
    answer = run("job", "999")

    assert errors.UNAVAILABLE == answer.code
    assert "Slurm knows no job 999" in answer.err
    assert errors.USAGE == run("job", "--", "-x").code


def test_free_gpus(run: Run, slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch) -> None:
    """By model, partition and node, with what would start; in 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    answer = run("free", "--json")

    assert errors.OK == answer.code
    jsonschema.validate(answer.json, schema("free"))
    assert (6, 8) == (answer.json["total"]["free"], answer.json["total"]["total"])
    assert [(1, True), (2, True), (4, True), (8, False)] == [(one["gpus"], one["ok"]) for one in answer.json["starts"]]
    shown = run("free").out
    assert "up to 6 on node-1" in shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize(("gpus", "code"), [("6", errors.OK), ("8", errors.FOUND)])
def test_what_is_asked_for_is_answered_by_the_exit_code(run: Run, slurm: FakeSlurm, gpus: str, code: int) -> None:
    """0: would find its GPUs now; 1: would not."""
    assert code == run("free", "--gpus", gpus, "--model", "h100").code


@pytest.mark.parametrize(
    "words", [["--nodes", "2"], ["--gpus", "0"], ["--model", "h100"], ["--gpus", "1", "--nodes", "0"]]
)
def test_half_a_question_is_64(run: Run, slurm: FakeSlurm, words: list[str]) -> None:
    """Options of --gpus without it, and numbers that are none."""
    assert errors.USAGE == run("free", *words).code


@pytest.fixture
def log(slurm: FakeSlurm, tmp_path: Path) -> Path:
    """The output of job 812."""
    slurm.says("scontrol -o -d show job 812", stdout=detail(812).replace("/home/ana", str(tmp_path)))
    path = tmp_path / "slurm-812.out"
    path.write_text("".join(f"line {number}\n" for number in range(300)))
    return path


def test_logs_print_the_last_lines(run: Run, log: Path) -> None:
    """200 by default, as many as are wanted, or all."""
    assert "line 100\n" == run("logs", "812").out.splitlines(keepends=True)[0]
    assert "line 298\nline 299\n" == run("logs", "812", "--lines", "2").out
    assert 300 == len(run("logs", "812", "--all").out.splitlines())
    assert "" == run("logs", "812", "--lines", "0").out


def test_logs_of_a_large_file_come_whole(run: Run, log: Path) -> None:
    """--all reads it part by part."""
    log.write_text("".join(f"line {number}\n" for number in range(100_000)))

    assert log.read_text() == run("logs", "812", "--all").out


def test_logs_that_are_not_there_yet(run: Run, log: Path) -> None:
    """A note and exit 69."""
    log.unlink()
    answer = run("logs", "812")

    assert (errors.UNAVAILABLE, "") == (answer.code, answer.out)
    assert "is not there yet" in answer.err


def test_logs_are_followed_to_the_jobs_end(
    run: Run, log: Path, slurm: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes after the first look is printed, until Slurm says that the job is over."""
    monkeypatch.setattr("app.cli.logs.POLL_S", 0.01)
    monkeypatch.setattr("app.cli.logs.ASK_EVERY", 2)
    looks: list[int] = []

    async def sleep(_seconds: float) -> None:
        looks.append(1)
        with log.open("a") as file:
            file.write(f"more {len(looks)}\n")
        if len(looks) == 3:
            over = detail(812).replace("/home/ana", str(log.parent)).replace("JobState=RUNNING", "JobState=COMPLETED")
            slurm.says("scontrol -o -d show job 812", stdout=over)

    monkeypatch.setattr("app.cli.logs.asyncio.sleep", sleep)
    answer = run("logs", "812", "--follow", "--lines", "1")

    assert errors.OK == answer.code
    assert ["line 299", "more 1", "more 2", "more 3"] == answer.out.splitlines()[:4]


def test_waiting_tasks_of_an_array_are_one_row() -> None:
    """Sixteen lines of the same say no more than one; running tasks keep their own."""
    from app.cli.jobs_table import together

    def task(number: int, state: str = "PENDING", reason: str = "Priority") -> dict[str, object]:
        return {
            "id": f"9_{number}",
            "array_job_id": 9,
            "array_task": str(number),
            "state": state,
            "reason": reason,
            "partition": "gpu",
        }

    alone = {
        "id": "7",
        "array_job_id": None,
        "array_task": None,
        "state": "PENDING",
        "reason": None,
        "partition": "gpu",
    }
    held = task(5, reason="JobHeldUser")

    rows = together([alone, task(1, "RUNNING"), task(2), task(3), task(4), held, task(7)])

    assert ["7", "9_1", "9_[2-4,7]", "9_5"] == [row["id"] for row in rows]
