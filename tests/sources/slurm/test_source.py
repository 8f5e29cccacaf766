"""Slurm by its commands as a source: what a look asks, what it gives, and what it costs when Slurm misbehaves."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from app.config.settings import Slurm, Target
from app.domain.reading import Reading, SourceSpec
from app.domain.slurm import JobGpus, SlurmReading
from app.domain.snapshot import Snapshot
from app.services.board import Board
from app.sources.registry import Making
from app.sources.slurm import by_commands
from app.sources.slurm.source import SlurmSource, make
from app.sources.told import bytes_of
from app.transport.clock import SystemClock
from app.transport.scrape import ScrapeClient
from tests.standins.slurm_commands import FakeSlurm, detail, row

QUEUE, NODES, PARTITIONS, JOBS, CONFIG = (
    "squeue",
    "scontrol -o -d show node",
    "scontrol -o show partition",
    "scontrol -o -d show job",
    "scontrol show config",
)

SDIAG = """Server thread count:  3
Agent queue size:     1
DBD Agent queue size: 240
Main schedule statistics (microseconds):
\tLast cycle:   7000000
"""


@pytest.fixture
def fake(tmp_path: Path) -> FakeSlurm:
    """Slurm's commands, with an empty queue."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return FakeSlurm(folder)


class SkewedClock(SystemClock):
    """The machine's clock, which a test can set ahead."""

    ahead_s = 0.0
    slow_s = 0.0
    """Seconds that pass with every look at the clock."""

    def monotonic(self) -> float:
        self.ahead_s += self.slow_s
        return super().monotonic() + self.ahead_s


@pytest.fixture
def clock() -> SkewedClock:
    return SkewedClock()


@pytest.fixture
def source(fake: FakeSlurm, clock: SkewedClock) -> SlurmSource:
    """A source on these commands, every 60 s."""
    return source_of(fake, clock)


def source_of(fake: FakeSlurm, clock: SkewedClock, interval_s: float = 60.0, timeout_s: float = 20.0) -> SlurmSource:
    """A source by local commands."""
    spec = SourceSpec("slurm", "slurm", "slurm:local", interval_s)
    target = Target(url="slurm:local", timeout_s=timeout_s)
    slurm = Slurm(via="local", bin_dir=str(fake.folder))
    environ = {"PATH": os.environ["PATH"], "SQUEUE_FORMAT": "%i", "SLURM_CLUSTERS": "other", "SLURM_CONF": "/x"}
    return make(Making(spec, target, timeout_s, ScrapeClient(), clock, slurm=slurm, environ=environ))


def slurm_of(reading: Reading) -> SlurmReading:
    """What a good reading says of Slurm."""
    assert reading.error is None
    assert reading.slurm is not None
    return reading.slurm


async def test_the_first_look_brings_everything(source: SlurmSource, fake: FakeSlurm) -> None:
    """Jobs with the GPUs they hold, nodes, partitions, the cluster's name and version."""
    fake.queue(row(812), row(813, state="PENDING"))

    said = slurm_of(await source.read())

    assert said.jobs is not None
    assert [("812", "RUNNING"), ("813", "PENDING")] == [(job.id, job.state) for job in said.jobs]
    assert (JobGpus("node-1", 2, "h100", (0, 3)),) == said.jobs[0].gpus_on
    assert ["node-1"] == [node.name for node in said.nodes or ()]
    assert ["gpu"] == [partition.name for partition in said.partitions or ()]
    assert ("commands 22.05.8", "22.05.8", "c1", ()) == (said.way, said.version, said.cluster, said.notes)
    assert [QUEUE, NODES, PARTITIONS, JOBS, CONFIG] == fake.calls
    assert "squeue (local)" == source.spec.target


async def test_a_look_asks_for_the_queue_and_for_little_else(source: SlurmSource, fake: FakeSlurm) -> None:
    """Nothing new: the queue and the nodes once; partitions and details stay, and are not said anew."""
    fake.queue(row(812))
    first = slurm_of(await source.read())
    fake.forget_calls()
    await asyncio.sleep(0)

    again = slurm_of(await source.read())

    assert [QUEUE] == [call for call in fake.calls if call != NODES]
    assert None is again.partitions
    assert first.jobs == again.jobs
    assert first.jobs is not None
    assert again.jobs is not None
    assert first.jobs[0] is again.jobs[0]


async def test_a_new_job_is_looked_up_alone(source: SlurmSource, fake: FakeSlurm) -> None:
    """One job that started is one small question; it is asked once."""
    fake.queue(row(812))
    await source.read()
    fake.queue(row(812), row(900))
    fake.forget_calls()

    said = slurm_of(await source.read())
    looked_up = [call for call in fake.calls if call.startswith(JOBS)]
    fake.forget_calls()
    await source.read()

    assert [f"{JOBS} 900"] == looked_up
    assert said.jobs is not None
    assert [(0, 3), (0, 3)] == [job.gpus_on[0].indices for job in said.jobs]
    assert [] == [call for call in fake.calls if call.startswith(JOBS)]


async def test_a_job_that_started_anew_is_looked_up_again(source: SlurmSource, fake: FakeSlurm) -> None:
    """After a requeue it may hold other GPUs: those of before are not shown."""
    fake.queue(row(812))
    await source.read()
    fake.queue(row(812, StartTime="1763999900", RestartCnt="1"))
    fake.says(f"{JOBS} 812", code=1, stderr="slurm_load_jobs error: Invalid job id specified\n")
    fake.forget_calls()

    said = slurm_of(await source.read())

    assert [f"{JOBS} 812"] == [call for call in fake.calls if call.startswith(JOBS)]
    assert said.jobs is not None
    assert () == said.jobs[0].gpus_on


async def test_many_new_jobs_are_one_question(source: SlurmSource, fake: FakeSlurm) -> None:
    """A burst of starts lists all jobs once."""
    fake.queue(row(1))
    await source.read()
    fake.queue(*(row(number) for number in range(1, 20)))
    fake.forget_calls()

    said = slurm_of(await source.read())

    assert [JOBS] == [call for call in fake.calls if call.startswith(JOBS)]
    assert {(0, 3)} == {job.gpus_on[0].indices for job in said.jobs or ()}


async def test_jobs_without_gpus_are_not_looked_up(source: SlurmSource, fake: FakeSlurm) -> None:
    """A CPU job that starts costs no question."""
    fake.queue(row(812))
    await source.read()
    fake.queue(row(812), row(813, gpus=0, **{"tres-alloc": "cpu=8,mem=16000M,node=1,billing=8"}))
    fake.forget_calls()

    await source.read()

    assert [] == [call for call in fake.calls if call.startswith(JOBS)]


async def test_partitions_and_details_come_again_in_their_time(
    source: SlurmSource, fake: FakeSlurm, clock: SkewedClock
) -> None:
    """Partitions every minute, all details every five, slurmctld's health every three."""
    fake.queue(row(812))
    await source.read()
    asked = []
    for ahead_s in (61.0, 181.0, 301.0):
        clock.ahead_s = ahead_s
        fake.forget_calls()
        await source.read()
        asked.append({call for call in fake.calls if call not in (QUEUE, NODES)})

    assert [{PARTITIONS}, {PARTITIONS, "sdiag"}, {PARTITIONS, JOBS}] == asked


async def test_what_slurmctld_says_of_itself_stays_until_it_is_asked_again(
    source: SlurmSource, fake: FakeSlurm, clock: SkewedClock
) -> None:
    """Its queue for slurmdbd and the scheduler's last cycle, as an exporter's counts are called."""
    fake.says("sdiag", stdout=SDIAG)
    said = []
    for ahead_s in (0.0, 181.0, 191.0):
        clock.ahead_s = ahead_s
        said.append(slurm_of(await source.read()).counts)

    counts = {
        "scheduler_threads": 3.0,
        "scheduler_queue": 1.0,
        "scheduler_last_cycle_us": 7e6,
        "dbd_agent_queue": 240.0,
    }
    assert [{}, counts, counts] == said


async def test_commands_run_in_a_clean_environment(source: SlurmSource, fake: FakeSlurm) -> None:
    """Formats and clusters of the user's are gone, their way to Slurm stays."""
    await source.read()
    environ = fake.environ

    assert ("C", "%s", "/x") == (environ["LC_ALL"], environ["SLURM_TIME_FORMAT"], environ["SLURM_CONF"])
    assert set() == {"SQUEUE_FORMAT", "SLURM_CLUSTERS"} & environ.keys()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            {"code": 1, "stderr": "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n"},
            (
                "slurmctld does not answer (squeue on this machine): slurm_load_jobs error: Unable to contact slurm"
                " controller (connect failure); is slurmctld up? `scontrol ping` says so"
            ),
        ),
        (
            {"code": 0, "stdout": "", "stderr": "slurm_load_jobs error: Unable to contact slurm controller\n"},
            (
                "slurmctld does not answer (squeue on this machine): slurm_load_jobs error: Unable to contact slurm"
                " controller; is slurmctld up? `scontrol ping` says so"
            ),
        ),
        (
            {"code": 1, "stderr": "squeue: fatal: Could not establish a configuration source\n"},
            (
                "squeue failed (squeue on this machine): Could not establish a configuration source; run"
                " `scontrol ping` there by hand; it needs slurm.conf (or SLURM_CONF) and munge"
            ),
        ),
        ({"code": 3}, "squeue failed (squeue on this machine): it ended with status 3 and no word"),
        (
            {"code": 1, "stderr": "squeue: error: \x1b[31mred\x07\n"},
            "squeue failed (squeue on this machine): [31mred",
        ),
    ],
)
async def test_slurms_own_errors_are_said_in_plain_words(
    source: SlurmSource, fake: FakeSlurm, answer: dict[str, object], expected: str
) -> None:
    """A failed look is a reading with a sentence, never an exception."""
    fake.says("squeue", **answer)

    assert expected == (await source.read()).error


async def test_no_commands_are_told_with_the_setting(fake: FakeSlurm, clock: SkewedClock) -> None:
    """Where squeue is not, the sentence names the key that says where it is."""
    (fake.folder / "squeue").unlink()

    error = (await source_of(fake, clock).read()).error

    assert f"{fake.folder}/squeue: no such command on this machine; see settings: slurm.bin_dir" == error


async def test_garbage_is_an_error_that_names_the_command(source: SlurmSource, fake: FakeSlurm) -> None:
    """Output that is no queue is a failed look; nothing is made up of it."""
    fake.says("squeue", stdout="\x00\xff garbage\n\n{]\n")

    error = (await source.read()).error

    assert error is not None
    assert "squeue line 1" in error


async def test_a_command_that_hangs_is_killed_and_the_pace_slows(fake: FakeSlurm, clock: SkewedClock) -> None:
    """Time over is a failed look; the next one is later, and may take longer."""
    fake.says("squeue", sleep=30)
    source = source_of(fake, clock, interval_s=2.0, timeout_s=0.6)

    reading = await source.read()

    assert reading.error is not None
    assert "slurmctld does not answer (squeue on this machine): it did not end within 0.5 s" in reading.error
    assert 4.0 == source.spec.interval_s
    assert [QUEUE] == fake.calls


async def test_an_answer_without_end_is_cut(
    source: SlurmSource, fake: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More bytes than any queue has are not kept in memory."""
    monkeypatch.setattr("app.sources.slurm.commands.MAX_OUTPUT", 100_000)
    fake.says("squeue", bytes=2_000_000)

    assert "squeue wrote more than 100,000 bytes and was killed" == (await source.read()).error


async def test_the_queue_is_shown_though_the_nodes_fail(source: SlurmSource, fake: FakeSlurm) -> None:
    """A part that does not come is a note; the look is good without it."""
    fake.queue(row(812))
    fake.says(NODES, code=1, stderr="slurm_load_node error: Socket timed out on send/recv operation\n")

    said = slurm_of(await source.read())

    assert None is said.nodes
    assert ["812"] == [job.id for job in said.jobs or ()]
    assert 1 == len(said.notes)
    assert said.notes[0].startswith(
        "nodes: slurmctld does not answer (scontrol on this machine): slurm_load_node error"
    )


async def test_every_answer_is_told_to_the_recorder(fake: FakeSlurm, clock: SkewedClock) -> None:
    """The tap hears each command's own bytes under the source's name and the part."""
    told: list[tuple[str, bytes]] = []
    spec = SourceSpec("slurm", "slurm", "slurm:local", 60.0)
    slurm = Slurm(via="local", bin_dir=str(fake.folder))
    making = Making(spec, Target(url="slurm:local"), 20.0, ScrapeClient(), clock, slurm=slurm, environ=os.environ)
    making = replace(making, tap=lambda name, part, _at, body: told.append((f"{name} {part}", bytes_of(body))))
    fake.queue(row(812))

    await make(making).read()

    parts = ("mark", "queue", "nodes", "partitions", "details", "config")
    assert [f"slurm {part}" for part in parts] == [name for name, _ in told]
    assert told[0][1] in told[1][1]
    assert b"812" in told[1][1]


async def test_settings_that_lead_nowhere_are_a_sentence(clock: SkewedClock) -> None:
    """A way that lacks its address is a source that says so, and no crash."""
    spec = SourceSpec("slurm", "slurm", "slurm:rest", 5.0)
    source = make(Making(spec, Target(url="slurm:rest"), 4.0, ScrapeClient(), clock, slurm=Slurm(via="rest")))

    assert "[slurm]: via = 'rest' needs rest_url" == (await source.read()).error


async def test_a_slow_slurm_is_asked_less_often_and_its_age_is_reckoned_by_that(
    fake: FakeSlurm, clock: SkewedClock
) -> None:
    """Answers that take most of the interval lengthen it; the monitor's slots follow, and the user is told why."""
    fake.queue(row(812))
    source = source_of(fake, clock, interval_s=2.0)
    board = Board(Snapshot())
    clock.slow_s = 2.0

    said = slurm_of(await source.read())
    board.apply(source.spec, Reading("slurm", 0.0, 0.0, slurm=said))

    assert source.spec.interval_s > 10.0
    assert "instead of 2 s: answers take" in said.notes[-1]
    assert board.snapshot.slurm is not None
    assert source.spec.interval_s == board.snapshot.slurm.interval_s


async def test_of_a_long_queue_the_gpus_come_first_and_the_rest_a_look_later(
    source: SlurmSource, fake: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who holds GPUs is there at once; paths of those that wait are read at the next look, without asking again."""
    monkeypatch.setattr(by_commands, "AT_ONCE", 1000)
    fake.queue(*(row(number) for number in range(1, 5)), row(9, state="PENDING"))
    waiting = detail(9).replace("JobState=RUNNING", "JobState=PENDING").replace("NodeList=node-1", "NodeList=(null)")
    fake.says(JOBS, stdout="".join(detail(number) for number in range(1, 5)) + waiting)

    first = slurm_of(await source.read()).jobs or ()
    fake.forget_calls()
    second = slurm_of(await source.read()).jobs or ()

    assert [(0, 3)] * 4 == [job.gpus_on[0].indices for job in first if job.is_running]
    assert (None, "/home/ana/slurm-9.out") == (first[-1].stdout, second[-1].stdout)
    assert [] == [call for call in fake.calls if call.startswith(JOBS)]


async def test_the_rest_is_read_though_many_jobs_start_meanwhile(
    source: SlurmSource, fake: FakeSlurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look that lists all jobs for those that started reads a part of what was left as well."""
    waiting = detail(9).replace("JobState=RUNNING", "JobState=PENDING").replace("NodeList=node-1", "NodeList=(null)")
    monkeypatch.setattr(by_commands, "AT_ONCE", len(waiting))
    fake.queue(row(1), row(9, state="PENDING"))
    fake.says(JOBS, stdout=detail(1) + waiting)
    await source.read()
    fake.queue(*(row(number) for number in range(1, 9)), row(9, state="PENDING"))
    fake.says(JOBS, stdout="".join(detail(number) for number in range(1, 9)))
    fake.forget_calls()

    jobs = slurm_of(await source.read()).jobs or ()

    assert [JOBS] == [call for call in fake.calls if call.startswith(JOBS)]
    assert [(0, 3)] * 8 == [job.gpus_on[0].indices for job in jobs if job.is_running]
    assert "/home/ana/slurm-9.out" == jobs[-1].stdout
