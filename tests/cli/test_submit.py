"""`submit`: checked, shown, sent as it is; templates; and what is refused."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from app.cli import errors
from app.services.script_templates import TEMPLATES
from tests.cli.conftest import Run, schema
from tests.standins.slurm_commands import FakeSlurm

SCRIPT = "#!/bin/bash\n#SBATCH --gres=gpu:2\nhostname\n"
WOULD = "sbatch: Job 814 to start at 1764000000 using 8 processors on nodes node-1 in partition gpu\n"


@pytest.fixture
def file(slurm: FakeSlurm, tmp_path: Path) -> str:
    """A script; sbatch says yes."""
    slurm.says("sbatch --parsable", stdout="814\n")
    slurm.says("sbatch --test-only", stderr=WOULD)
    path = tmp_path / "train.sh"
    path.write_text(SCRIPT)
    return str(path)


def test_a_script_is_sent_whole_and_its_id_printed(run: Run, slurm: FakeSlurm, file: str) -> None:
    """What stands behind `--` goes to sbatch as it is."""
    answer = run("submit", file, "--yes", "--json", "--", "--nodes=1", "-p", "gpu")

    assert errors.OK == answer.code, answer.err
    jsonschema.validate(answer.json, schema("submit"))
    assert "814" == answer.json["id"]
    assert [["sbatch", "--parsable", "--job-name=train.sh", "--nodes=1", "-p", "gpu"]] == slurm.acts
    assert SCRIPT == slurm.script
    assert "would be accepted: by Slurm's estimate it starts at once on node-1" in answer.err
    assert "1 node has 2 free GPUs now: node-1" in answer.err


def test_a_test_sends_nothing(run: Run, slurm: FakeSlurm, file: str) -> None:
    """The estimate and what speaks for and against it."""
    answer = run("submit", file, "--test", "--json")

    assert errors.OK == answer.code
    jsonschema.validate(answer.json, schema("submit"))
    assert (None, 1764000000.0, ["node-1"]) == tuple(answer.json[key] for key in ("id", "starts_at", "nodes"))
    assert [] == slurm.acts
    assert "would be accepted" in run("submit", file, "--test").out


def test_a_refused_test_is_exit_1(run: Run, slurm: FakeSlurm, file: str) -> None:
    """With Slurm's reason in plain words, and our own numbers."""
    slurm.says("sbatch --test-only", stderr="allocation failure: Invalid partition name specified\n", code=1)
    answer = run("submit", file, "--test", "--", "--partition=nix")

    assert errors.FOUND == answer.code
    assert "there is no such partition" in answer.out
    assert "there is no partition nix; there are: gpu" in answer.out


def test_read_only_sends_nothing(run: Run, slurm: FakeSlurm, file: str) -> None:
    """As every action."""
    assert errors.NOT_DONE == run("submit", file, "--yes", "--read-only").code
    assert [] == slurm.acts


@pytest.mark.parametrize("one", TEMPLATES, ids=lambda one: one.name)
def test_templates_are_printed(run: Run, one: object) -> None:
    """To be written into a file and changed; Slurm is not needed for it."""
    found = next(known for known in TEMPLATES if known is one)

    assert found.text == run("submit", "--template", found.name, "--print").out


def test_a_template_is_sent(run: Run, slurm: FakeSlurm, file: str) -> None:
    """As a file would be."""
    assert errors.OK == run("submit", "--template", "single-gpu", "--yes").code
    assert "train.py" in slurm.script


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name a script"),
        (["a.sh", "--template", "array"], "name a script"),
        (["--template", "arry"], "did you mean array?"),
        (["nowhere.sh"], "cannot be read"),
        (["FILE", "--", "other.sh"], "no option of sbatch"),
        (["FILE", "--", "--wrap=id"], "--wrap"),
        (["FILE", "--", "--comment=a\nb"], "cannot be given to sbatch"),
        (["EMPTY"], "is empty"),
        (["NO_SHELL"], "name the shell"),
    ],
)
def test_wrong_words_are_64(run: Run, slurm: FakeSlurm, file: str, words: list[str], said: str) -> None:
    """And nothing is sent."""
    folder = Path(file).parent
    (folder / "empty.sh").write_text("\n")
    (folder / "no_shell.sh").write_text("hostname\n")
    files = {"FILE": file, "EMPTY": str(folder / "empty.sh"), "NO_SHELL": str(folder / "no_shell.sh")}
    before = words.index("--") if "--" in words else len(words)
    line = [files.get(word, word) for word in words]
    answer = run("submit", *line[:before], "--yes", *line[before:])

    assert errors.USAGE == answer.code
    assert said in answer.err
    assert [] == slurm.acts
