"""A burn-in as a job: which nodes it takes, and the script that carries it to nodes that have nothing but Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from app.domain.slurm import Gres, SlurmNode, SlurmPartition, SlurmPicture
from app.engine.stress_results import Reader
from app.services import stress, stress_script
from app.services.action_targets import ActionError
from app.services.scripts import asked, problems
from app.services.stress import Ran, follow_job
from app.services.stress_pack import BOOT, pack, text_of
from app.services.stress_script import Where, Wish, choose, script_of
from app.services.submitting import wish_text
from pod.stress.settings import PHASES
from tests.engine.slurm_builders import NOW
from tests.services.slurm_doors import jobs_of
from tests.standins.slurm_commands import FakeSlurm, detail, row


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow each other at once."""
    monkeypatch.setattr(stress, "POLL_S", 0.01)


WISH = Wish(("matmul", "allreduce"), 120, 10)


def node(name: str, gpus: int = 8, *flags: str) -> SlurmNode:
    """A node with so many GPUs."""
    return SlurmNode(name, "IDLE", flags, gres=(Gres("gpu", "h100", gpus),) if gpus else ())


def picture(*nodes: SlurmNode, **partitions: tuple[str, ...]) -> SlurmPicture:
    """Slurm with these; the first partition is the default one."""
    made = {
        name: SlurmPartition(name, is_default=not at, nodes=members)
        for at, (name, members) in enumerate(partitions.items())
    }
    return SlurmPicture("slurm", 10, "test", nodes={one.name: one for one in nodes}, partitions=made)


LAB = picture(node("a1"), node("a2"), node("b1", 4), node("c1", 0), gpu=("a1", "a2", "b1", "c1"), small=("b1",))


def test_without_words_one_whole_node_is_taken() -> None:
    """All GPUs of one node, alone on it: of the default partition's largest."""
    assert Where(1, 8, (), "", is_whole=True) == choose(LAB, (), None, None, "")


def test_nodes_that_differ_are_tested_as_far_as_all_go() -> None:
    """Slurm gives equally many on each node; what is left out is told."""
    where = choose(LAB, ("a1", "b1"), None, None, "")

    assert (2, 4, ("a1", "b1"), True) == (where.count, where.gpus, where.nodes, where.is_whole)
    assert ("a1 has 8 GPUs: only 4 of them are tested",) == where.warnings


def test_drained_node_is_taken_with_a_word() -> None:
    """A node that takes no jobs may be named; the person hears that the job waits."""
    lab = picture(node("a1", 8, "DRAIN"))

    assert ("a1 is IDLE+DRAIN: the job waits for it",) == choose(lab, ("a1",), None, 2, "").warnings


@pytest.mark.parametrize(
    ("named", "count", "gpus", "partition", "why"),
    [
        (("x9",), None, None, "", "Slurm knows no node x9"),
        (("a1",), 2, None, "", "1 nodes are named and --nodes asks for 2"),
        ((), 4, None, "", "4 nodes with GPUs are wanted, 3 are there"),
        ((), 2, None, "small", "2 nodes with GPUs are wanted, 1 are there in partition small"),
        (("c1",), None, None, "", "1 nodes with GPUs are wanted, 0 are there"),
        ((), None, 9, "", "--gpus 9: the nodes have 8 GPUs each"),
        ((), None, None, "none", "there is no partition none; there are: gpu, small"),
    ],
)
def test_what_cannot_be_had_is_refused(
    named: tuple[str, ...], count: int | None, gpus: int | None, partition: str, why: str
) -> None:
    """Before anything is asked of Slurm, with the numbers that are there."""
    with pytest.raises(ActionError) as refused:
        choose(LAB, named, count, gpus, partition)

    assert str(refused.value).startswith(why)


def test_script_asks_for_what_was_chosen() -> None:
    """Slurm reads from the script what the person asked for, and nothing of it is refused."""
    script = script_of(WISH, Where(2, 8, ("a1", "a2"), "gpu", is_whole=True), "QUJD")

    assert () == problems(script)
    assert wish_text(asked(script)).endswith("8 GPUs on each, 2 nodes, partition gpu, at most 20 min")
    assert [True] * 3 == [f"#SBATCH {one}\n" in script for one in ("--nodelist=a1,a2", "--exclusive", "--mem=0")]


def test_part_of_a_node_leaves_the_rest_to_others() -> None:
    """With GPUs counted out, others may be on the node."""
    script = script_of(WISH, Where(1, 2), "QUJD")

    assert "--exclusive" not in script
    assert "#SBATCH --gres=gpu:2\n" in script


def test_interpreter_is_a_word_and_no_shell_text(tmp_path: Path) -> None:
    """What stands for Python is quoted: it cannot run anything beside itself."""
    script = script_of(Wish(("matmul",), 1, 1, python="x; touch hit"), Where(1, 1), "QUJD")
    srun = tmp_path / "srun"
    srun.write_text('#!/bin/sh\nprintf "%s\\n" "$@" >> args\ncat > given\n')
    srun.chmod(0o755)

    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin", "SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "a1"}
    subprocess.run(["bash"], input=script, text=True, cwd=tmp_path, env=environ, check=True)

    assert "x; touch hit" in (tmp_path / "args").read_text().splitlines()
    assert "QUJD\n" == (tmp_path / "given").read_text()
    assert not (tmp_path / "hit").exists()


def test_pack_runs_with_nothing_but_python(tmp_path: Path) -> None:
    """The text of the pack is all that a node needs: no packages, no files, and nothing stays behind."""
    line = [
        sys.executable,
        "-I",
        "-S",
        "-c",
        BOOT,
        "--phases",
        "pattern",
        "--engine",
        "plain",
        "--phase-seconds",
        "0.1",
    ]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environ = {"PATH": os.environ["PATH"], "TMPDIR": str(scratch)}

    done = subprocess.run(line, input=text_of(pack()), text=True, capture_output=True, cwd="/", env=environ, check=True)

    told = [json.loads(one) for one in done.stdout.splitlines()]
    assert ["start", "result", "end"] == [one["event"] for one in told]
    assert "" == done.stderr
    assert [] == list(scratch.iterdir())


def test_pack_is_small_and_always_the_same() -> None:
    """It fits many times into what Slurm takes as a script, and holds the driver's reader beside the burn-in."""
    packed = pack()

    assert packed == pack()
    assert len(text_of(packed)) < 200_000
    assert {"__main__.py", "pod/driver.py", "pod/stress/phases.py"} <= set(zipfile.ZipFile(BytesIO(packed)).namelist())


async def test_waiting_is_explained_and_the_job_followed_to_its_end(tmp_path: Path) -> None:
    """While the job waits its reason is told once; then its output is read, and its GPUs are those it was given."""
    bin_dir, output = tmp_path / "bin", tmp_path / "output"
    bin_dir.mkdir()
    fake = FakeSlurm(bin_dir)
    fake.queue(row(101, gpus=2, state="PENDING"))
    ran = detail(101).replace("/home/ana/slurm-101.out", str(output))
    waits = ran.replace("JobState=RUNNING Reason=None", "JobState=PENDING Reason=Resources")
    fake.says("scontrol -o -d show job 101", stdout=waits.replace("NodeList=node-1", "NodeList=(null)"))
    told: list[str] = []

    def tell(text: str) -> None:
        told.append(text)
        if "waits" in text:
            fake.says("scontrol -o -d show job 101", stdout=ran)
        if "runs" in text:
            output.write_text("python3: not found\n")
            fake.says("scontrol -o -d show job 101", stdout=ran.replace("JobState=RUNNING", "JobState=FAILED"))

    reader = Reader()
    left = await follow_job(jobs_of(fake, tmp_path), "101", 2, reader, tell, lambda: NOW)

    assert told[0].startswith("job 101 waits: ")
    assert ["job 101 runs on node-1"] == told[1:]
    assert Ran((("node-1", (0, 3)),), "FAILED") == left
    assert ("python3: not found",) == reader.heard().notes


def test_both_sides_know_the_same_phases() -> None:
    """The package on the node takes what the command lets through."""
    assert PHASES == stress_script.PHASES
