"""`stress`: the whole way, here and through Slurm's commands; what it prints, and how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

from app.cli import errors
from app.services import stress
from tests.cli.conftest import Run, schema
from tests.standins.slurm_commands import FakeSlurm, detail

HERE = ("stress", "--local", "--quick", "--seconds", "0.5", "--engine", "plain", "--yes")
ROOT = Path(__file__).parents[2]
OUTPUT = "/home/ana/slurm-101.out"


def lines_of(host: str, device: int, rate: float, mismatches: int = 0) -> list[str]:
    """What a GPU's process prints."""
    who = {"stress": 1, "host": host, "rank": device, "device": device, "kind": "cuda", "uuid": f"GPU-{device}"}
    told = [
        ("start", "", None, "", {"expects_gpu": True}),
        ("result", "matmul.bf16", rate, "FLOP/s", {}),
        ("result", "memory.pattern", mismatches, "words", {}),
        ("end", "", None, "", {"reason": "done"}),
    ]
    keys = ("event", "phase", "value", "unit", "detail")
    model = {"model": "NVIDIA H100 80GB HBM3"}
    return [json.dumps({**who, **model, **dict(zip(keys, one, strict=True))}, separators=(",", ":")) for one in told]


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSlurm:
    """Slurm's commands on the PATH, where job 101 has run; its output is beside them."""
    folder = tmp_path / "bin"
    folder.mkdir()
    fake = FakeSlurm(folder)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    fake.says("sbatch", stdout="101\n")
    ended = detail(101, "0-7", 8).replace("JobState=RUNNING", "JobState=COMPLETED")
    fake.says("scontrol -o -d show job 101", stdout=ended.replace(OUTPUT, str(tmp_path / "output")))
    return fake


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow each other at once."""
    monkeypatch.setattr(stress, "POLL_S", 0.01)


def test_two_processes_here_from_end_to_end(run: Run) -> None:
    """Two processors are burnt in for real: every phase brings its figure, and both are judged by each other."""
    answer = run(*HERE, "--gpus", "2", "--json")

    jsonschema.validate(answer.json, schema("stress"))
    told = answer.json
    assert ("local", None, 2) == (told["way"], told["job_id"], len(told["gpus"])), answer.err
    for gpu in told["gpus"]:
        values = {one["phase"]: one["value"] for one in gpu["measures"]}
        assert 0 == values["memory.pattern"]
        wanted = ("matmul.fp64", "memory.copy", "memory.read", "allreduce.node", "sustained")
        assert all(values.get(phase, 0) > 0 for phase in wanted), told["notes"]
        assert all(one["siblings_median"] > 0 for one in gpu["measures"] if one["phase"] in wanted[:3])
    assert [("allreduce.node", 2)] == [(one["phase"], one["processes"]) for one in told["groups"]]
    assert "measured: all-reduce inside the node" in answer.err


def test_gpu_that_was_not_tested_is_not_called_fine(run: Run, tmp_path: Path) -> None:
    """Where Python has no torch the table says so, and the exit code is not 0."""
    bare = tmp_path / "bare"
    bare.write_text('#!/bin/sh\nexec /usr/bin/env python3 -I -S "$@"\n')
    bare.chmod(0o755)
    answer = run("stress", "--local", "--quick", "--phases", "memory", "--python", str(bare), "--yes")

    assert errors.INCOMPLETE == answer.code
    assert "no GPU was tested here, only the processor: torch cannot be used" in " ".join(answer.out.split())


def test_job_is_sent_followed_and_judged(run: Run, slurm: FakeSlurm, tmp_path: Path) -> None:
    """The script carries the burn-in; of the job's output the slow and the faulty GPU are named."""
    rates = [720e12] * 8
    rates[3] = 425e12
    lines = [one for at in range(8) for one in lines_of("node-1", at, rates[at], 5 if at == 6 else 0)]
    (tmp_path / "output").write_text("\n".join(["srun: a word of its own", *lines, ""]))

    answer = run("stress", "--node", "node-1", "--yes", "--json", "--", "--account=lab")

    assert errors.FOUND == answer.code, answer.err
    jsonschema.validate(answer.json, schema("stress"))
    verdicts = [gpu["verdict"] for gpu in answer.json["gpus"]]
    assert ["ok", "ok", "ok", "slow", "ok", "ok", "faulty", "ok"] == verdicts
    assert "bf16 41 % below its 7 siblings" in answer.json["gpus"][3]["reasons"][0]
    assert ("101", "COMPLETED") == (answer.json["job_id"], answer.json["job_state"])
    assert ["srun: a word of its own"] == answer.json["notes"]
    assert "#SBATCH --gres=gpu:8\n" in slurm.script
    assert "--account=lab" in next(words for words in slurm.argv if words[0] == "sbatch")


def test_silent_job_names_every_gpu_that_said_nothing(run: Run, slurm: FakeSlurm, tmp_path: Path) -> None:
    """A job that brought no line tells what it wrote instead, and no GPU is called fine."""
    (tmp_path / "output").write_text("srun: error: python3: not found\n")
    slurm.says("scontrol -o -d show job 101", stdout=_failed(tmp_path))

    answer = run("stress", "--node", "node-1", "--yes")

    assert errors.INCOMPLETE == answer.code, answer.err
    assert 8 == answer.out.count("nothing was heard of it")
    assert "note: srun: error: python3: not found" in answer.out
    assert "note: Slurm ended the job as FAILED" in answer.out


def _failed(folder: Path) -> str:
    ended = detail(101, "0-7", 8).replace("JobState=RUNNING", "JobState=FAILED")
    return ended.replace(OUTPUT, str(folder / "output"))


def test_read_only_shows_and_sends_nothing(run: Run, slurm: FakeSlurm) -> None:
    """With `--read-only` the plan is shown, and sbatch is never run."""
    answer = run("stress", "--node", "node-1", "--yes", "--read-only")

    assert errors.NOT_DONE == answer.code
    assert "8 GPUs" in answer.err
    assert "sbatch" not in [words[0] for words in slurm.argv]


def test_interrupted_here_everything_ends_and_is_told(tmp_path: Path) -> None:
    """Ctrl-C ends every process that was started, and what was measured until then is printed."""
    line = [sys.executable, "-m", "app", *HERE, "--gpus", "2", "--seconds", "36"]
    process = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for told in process.stderr:
        if "measured: fp64" in told:
            break
    children = _below(process.pid)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)

    assert errors.INTERRUPTED == process.returncode
    assert "it was interrupted: this is what was measured until then" in out
    assert 3 == len(children)
    assert [] == _left_of(children)


def _below(process: int) -> list[int]:
    """Its children, and theirs."""
    try:
        mine = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return []
    return [found for child in map(int, mine) for found in (child, *_below(child))]


def _left_of(processes: list[int]) -> list[int]:
    """Those that are still there after a while: the kernel takes its time to end one, on a busy machine."""
    deadline = time.monotonic() + 5
    while (left := [one for one in processes if _lives(one)]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def _lives(process: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--phases", "matmull"), "no phase is called 'matmull'; did you mean matmul?"),
        (("--seconds", "nan"), "--seconds must be between"),
        (("--gpus", "0"), "--gpus must be between"),
        (("--local", "--node", "a"), "--local is for this machine"),
    ],
)
def test_wrong_words_are_told(run: Run, words: tuple[str, ...], why: str) -> None:
    """Before anything is asked or started."""
    answer = run("stress", *words)

    assert (errors.USAGE, True) == (answer.code, why in answer.err)


def test_nodes_without_slurm_are_not_available(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who names nodes means Slurm; this machine is not tested in their place."""
    monkeypatch.setenv("PATH", "/nowhere")

    answer = run("stress", "--nodes", "2", "--yes")

    assert errors.UNAVAILABLE == answer.code
    assert "there is no way to Slurm" in answer.err
