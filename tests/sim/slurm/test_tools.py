"""The commands as programs: real processes that ask a served cluster over loopback."""

from __future__ import annotations

import asyncio
import stat
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from app.config.load import parse
from app.sim.address import SimAddress
from app.sim.faults import Fault
from app.sim.server import RunningSim, serve
from app.sim.slurm import scene, tools
from app.sim.spec import SimSpec
from app.sources.slurm.squeue import QUEUE_WORDS, parse_squeue
from tests.sim.readings import ORIGIN
from tests.sim.slurm.calls import SCRIPT


@dataclass
class Bench:
    """A served cluster and its commands."""

    sim: RunningSim
    address: SimAddress
    home: Path
    clock: list[float]

    async def run(self, name: str, *words: str, stdin: str = "", **environ: str) -> tuple[int, bytes, bytes]:
        """Run a command as somebody would."""
        pipe = asyncio.subprocess.PIPE
        path = str(Path(self.address.bin_dir) / name)
        child = await asyncio.create_subprocess_exec(
            path, *words, stdin=pipe, stdout=pipe, stderr=pipe, env=environ, cwd=self.home
        )
        out, err = await asyncio.wait_for(child.communicate(stdin.encode()), 20.0)
        return child.returncode or 0, out, err


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """Four healthy nodes, served, with a folder of commands."""
    clock, home = [ORIGIN], tmp_path / "home"
    home.mkdir()
    running = await serve(SimSpec(scenario="healthy", history_s=10800.0), lambda: clock[0], home=home)
    yield Bench(running, tools.install(tmp_path / "bin", running.address), home, clock)
    await running.close()


async def test_the_queue_comes_through_a_process(bench: Bench) -> None:
    """Squeue with our own words, as a program with a clean environment, is read by our parser."""
    code, out, err = await bench.run("squeue", *QUEUE_WORDS, SLURM_TIME_FORMAT="%s")
    queue = parse_squeue(out)

    assert (0, b"", 0) == (code, err, queue.skipped)
    assert {"RUNNING", "PENDING"} == {job.state for job in queue.items}


async def test_the_configuration_names_the_commands(bench: Bench) -> None:
    """The printed configuration leads to them; without them it has no Slurm."""
    settings = parse(bench.address.config_text(), "the demonstration")

    assert ("local", bench.address.bin_dir) == (settings.slurm.via, settings.slurm.bin_dir)
    assert "[slurm]" not in bench.sim.address.config_text()


async def test_scripts_come_from_files_and_from_standard_input(bench: Bench) -> None:
    """Sbatch reads both; arguments after the script are not its own."""
    write_script(bench.home / "train.sbatch", SCRIPT.replace("--job-name=hello ", ""))
    first = await bench.run("sbatch", "--parsable", "train.sbatch", "--epochs=3")
    second = await bench.run("sbatch", "--parsable", stdin=SCRIPT)
    names = (await bench.run("squeue", "-h", "-t", "all", "-o", "%j"))[1].decode().split()

    assert (0, 0) == (first[0], second[0])
    assert int(first[1]) < int(second[1])
    assert {"train.sbatch", "hello"} <= set(names)


async def test_a_command_runs_as_a_simulated_user_where_told_so(bench: Bench) -> None:
    """The variable makes somebody else of whoever sits there, with no more rights than theirs."""
    _, out, _ = await bench.run("squeue", "-h", "-t", "R", "-o", "%i %u")
    job, owner = next(line.split() for line in out.decode().splitlines() if "serving" not in line)
    stranger = "ana" if owner != "ana" else "elif"

    assert 210 == (await bench.run("scancel", job, **{tools.AS: stranger}))[0]
    assert 0 == (await bench.run("scancel", job, **{tools.AS: owner}))[0]


async def test_the_folder_is_its_owners_alone(bench: Bench) -> None:
    """It holds the token: nobody else may read or run anything there."""
    folder = Path(bench.address.bin_dir)

    assert {0o700} == modes(folder)
    assert bench.address.token in (folder / "squeue").read_text()


async def test_without_the_token_no_command_is_answered(bench: Bench) -> None:
    """The same request from elsewhere is refused, and so is rubbish."""
    async with aiohttp.ClientSession(bench.sim.base_url) as client:
        async with client.post("/slurm/squeue", data=b"") as answer:
            assert 401 == answer.status
        token = {"Authorization": f"Bearer {bench.address.token}"}
        for body, head in ((b"", "7"), (b"..\0/\0\0\0", "8"), (b"ana\0", "x"), (b"a/b\0/\0\0\0", "9")):
            async with client.post("/slurm/squeue", data=body, headers={**token, "X-Head": head}) as answer:
                assert 400 == answer.status


async def test_a_controller_that_is_down_is_told_after_a_while(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slurm's own words and status 1; ping says DOWN at once; with the fault gone all is well."""
    monkeypatch.setattr(scene, "GIVES_UP_S", 0.05)
    bench.sim.inject(Fault("slurm-down", for_s=60.0))
    down, ping = await bench.run("squeue"), await bench.run("scontrol", "ping")
    bench.clock[0] += 61.0

    assert (1, b"", b"slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n") == down
    assert (1, True) == (ping[0], ping[1].startswith(b"Slurmctld(primary) at head is DOWN"))
    assert 0 == (await bench.run("squeue"))[0]


async def test_a_simulator_that_has_gone_is_a_controller_that_does_not_answer(bench: Bench) -> None:
    """No traceback: one line, status 1."""
    await bench.sim.close()

    assert (1, b"", b"squeue: error: Unable to contact slurm controller (connect failure)\n") == await bench.run(
        "squeue"
    )


def modes(folder: Path) -> set[int]:
    """Permissions of a folder and of what is in it."""
    return {stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}


def write_script(path: Path, text: str) -> None:
    """A script in a file."""
    path.write_text(text)


def text_of(path: str) -> str:
    """What a file holds."""
    return Path(path).read_text()


async def test_running_jobs_write_their_output(bench: Bench) -> None:
    """The file that the job names is there and grows with the job; what is over ends with why."""
    _, out, _ = await bench.run("squeue", "-h", "-t", "R", "-O", "JobID:|,StdOut:|,Name:")
    job, path, _ = next(line for line in out.decode().splitlines() if "llama3-70b-pretrain" in line).split("|")
    first = text_of(path)
    bench.clock[0] += 60.0
    await bench.run("squeue")
    later = text_of(path)
    await bench.run("scancel", job)
    bench.clock[0] += 2.0
    await bench.run("squeue")

    assert path.startswith(str(bench.home))
    assert later.startswith(first)
    assert 4 == len(later.splitlines()) - len(first.splitlines())
    assert "JOB CANCELLED" in text_of(path).splitlines()[-1]


def test_a_long_way_to_python_goes_through_the_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A first line that the kernel would cut is not written."""
    monkeypatch.setattr(sys, "executable", f"/{'long/' * 30}python")
    address = SimAddress.of(SimSpec(nodes=1), "http://127.0.0.1:1", 0.0, "secret")
    tools.install(tmp_path / "bin", address)

    assert "#!/bin/sh" == (tmp_path / "bin" / "squeue").read_text().splitlines()[0]
