"""`doctor` and `init` where there is Slurm: what works, what does not, and what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.cli import errors
from app.config.load import parse
from tests.cli.conftest import Run
from tests.standins.slurm_commands import CONFIG, FakeSlurm, row

Lines = dict[str, dict[str, str]]


@pytest.fixture
def fake(tmp_path: Path) -> FakeSlurm:
    """Slurm's commands, with one job."""
    folder = tmp_path / "bin"
    folder.mkdir()
    fake = FakeSlurm(folder)
    fake.queue(row(812))
    for name in ("squeue", "scontrol", "sacct", "sdiag", "sbatch", "scancel"):
        fake.says(f"{name} --version", stdout="slurm 22.05.8\n")
    return fake


@pytest.fixture
def doctor(run: Run, fake: FakeSlurm, tmp_path: Path) -> Run:
    """Run `doctor --json` on them; gives what it says of Slurm, by name."""
    config = tmp_path / "lab.toml"
    config.write_text(f'[slurm]\nvia = "local"\nbin_dir = "{fake.folder}"\ninterval_s = 60\n')

    return lambda *words: run("doctor", "--json", "--config", str(config), *words)


def slurm_lines(answer: object) -> Lines:
    """What was said of Slurm."""
    checks = answer.json["checks"]  # type: ignore[attr-defined]  # a fixture's answer
    return {one["name"]: one for one in checks if one["group"] == "Slurm"}


def test_a_slurm_that_works_is_described(doctor: Run, fake: FakeSlurm) -> None:
    """Way and user, versions, latency, accounting, load; and the source beside the others."""
    fake.says("scontrol show config", stdout=CONFIG + "AccountingStorageType = accounting_storage/slurmdbd\n")
    fake.says("sacct -X", stdout="")
    answer = doctor()
    lines = slurm_lines(answer)

    assert errors.OK == answer.code
    assert lines["way"]["text"].startswith("local on this machine; actions run as ")
    assert "22.05.8: squeue, scontrol, sacct, sdiag, sbatch, scancel" == lines["commands"]["text"]
    assert lines["controller"]["text"].startswith("c1: slurmctld 22.05.8 answers in ")
    assert "accounting_storage/slurmdbd answers" == lines["accounting"]["text"]
    assert "not asked for: 22.05.8 would list every job; not needed" == lines["JSON"]["text"]
    assert "3 threads, 0 messages queued" == lines["load"]["text"]
    source = next(one for one in answer.json["checks"] if one["group"] == "sources")
    assert source["text"].startswith("commands 22.05.8: 1 job, 1 node, 1 partition in ")


def test_what_is_missing_is_named_with_what_it_costs(doctor: Run, fake: FakeSlurm) -> None:
    """No scancel, no accounting: each with its consequence."""
    (fake.folder / "scancel").unlink()
    lines = slurm_lines(doctor())

    assert ("warning", "22.05.8: without scancel", "no jobs can be cancelled") == (
        lines["commands"]["state"],
        lines["commands"]["text"],
        lines["commands"]["advice"],
    )
    assert "note" == lines["accounting"]["state"]
    assert "there is none: ended jobs come from this program's own history" in lines["accounting"]["text"]


def test_a_controller_that_is_down_fails(doctor: Run, fake: FakeSlurm) -> None:
    """Exit 1, and Slurm's own error in plain words."""
    away = "Unable to contact slurm controller (connect failure)\n"
    fake.says("squeue -h", code=1, stderr=f"slurm_load_jobs error: {away}")
    fake.says("scontrol show config", code=1, stderr=f"slurm_load_ctl_conf error: {away}")
    answer = doctor()

    assert errors.FOUND == answer.code
    assert slurm_lines(answer)["controller"]["text"].startswith("slurmctld does not answer (scontrol on this machine)")


def test_without_slurm_one_line_says_so(run: Run) -> None:
    """A machine without it is well; off is off."""
    off = slurm_lines(run("doctor", "--json", "--target", "127.0.0.1:1"))

    assert [("way", "note", "turned off (slurm.via is `off`)")] == [
        (one["name"], one["state"], one["text"]) for one in off.values()
    ]


def test_a_first_configuration_names_slurm(run: Run, fake: FakeSlurm, monkeypatch: pytest.MonkeyPatch) -> None:
    """`init` finds its commands, says so, and writes a table that reads it."""
    monkeypatch.setenv("PATH", f"{fake.folder}:{os.environ['PATH']}")
    answer = run("init", "--output", "-")

    assert errors.OK == answer.code
    assert "found Slurm 22.05.8 (1 node, 1 job)" in answer.err
    assert "local" == parse(answer.out, "-").slurm.via


def test_a_first_configuration_without_slurm_shows_how(run: Run) -> None:
    """The table stands there as a comment."""
    answer = run("init", "--target", "node-1:9400", "--output", "-")

    assert '# ssh = "user@head"' in answer.out
    assert "auto" == parse(answer.out, "-").slurm.via
