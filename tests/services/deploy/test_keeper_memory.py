"""What the keeper has seen outlives it: restarted, killed or doubled, time and warnings go on as they were."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from app.domain.deployment import Deployment, State
from app.engine.lifetime import NEVER_SEEN, Idle
from app.services.deploy import memory
from app.services.deploy.folder import folder_of
from app.services.deploy.journal import follow
from app.services.deploy.keeper import LOOK_S, Keeper
from app.services.deploy.lock import locked
from app.services.deploy.memory import NOTHING, Memory, recall
from app.services.deploy.record import write_record
from tests.services.deploy.stage import LAB, Stage
from tests.services.deploy.world import KilledError

IDLE_S = 600.0
WARNED = "nothing was done on it for 8m; after 10m all is destroyed"


def pass_time(stage: Stage, seconds: float = LOOK_S) -> None:
    """Time goes by, or back."""
    stage.world.clock.set(stage.world.clock.now() + seconds)


async def look(stage: Stage, keeper: Keeper | None = None) -> None:
    """One look, by a keeper of a process that was just started where none is given; then a minute."""
    await (keeper or fresh(stage)).look()
    pass_time(stage)


def fresh(stage: Stage) -> Keeper:
    """As a daemon that was just started has it."""
    return Keeper(stage.deploys, stage.world.clock)


def state(stage: Stage) -> State:
    """Of the deployment."""
    return stage.deploys.read("lab").state


def kept(stage: Stage) -> Memory:
    """What is on disk."""
    return recall(stage.deploys.folder("lab"), stage.deploys.read("lab"), stage.world.clock.now())


def warnings(stage: Stage) -> list[str]:
    """What the keeper wrote into the journal."""
    return [event.text for event in follow(stage.deploys.folder("lab").events)[0] if event.text.startswith("nothing")]


async def up(stage: Stage) -> Deployment:
    """A deployment that is to end when it is idle for ten minutes."""
    return await stage.deploy(replace(LAB, idle_s=IDLE_S))


async def test_a_restart_at_every_look_costs_no_time(stage: Stage) -> None:
    """It is warned of once and ends at the minute at which a keeper that was never restarted ends it."""
    await up(stage)

    for _ in range(10):
        await look(stage)
    before = state(stage)
    await look(stage)

    assert (State.READY, State.DESTROYED) == (before, state(stage))
    assert 1 == warnings(stage).count(WARNED)


async def test_work_in_between_begins_the_time_anew_and_makes_the_warning_news_again(stage: Stage) -> None:
    """What was said of an idleness that ended says nothing of the next one."""
    await up(stage)

    for is_busy in [False] * 9 + [True] + [False] * 9:
        stage.world.busy = is_busy
        await look(stage)

    assert (State.READY, 2) == (state(stage), warnings(stage).count(WARNED))


async def test_time_without_a_keeper_is_neither_idle_nor_busy(stage: Stage) -> None:
    """Up to three minutes between two looks count; a longer gap adds nothing and takes nothing."""
    await up(stage)
    for _ in range(3):
        await look(stage)
    pass_time(stage, 110.0)
    await look(stage)
    short = kept(stage).idle.idle_s
    pass_time(stage, 7200.0)
    await look(stage)

    assert (290.0, 290.0) == (short, kept(stage).idle.idle_s)


async def test_a_clock_that_goes_back_adds_nothing(stage: Stage) -> None:
    """Nor does it take what was counted; from the next look on it goes on."""
    pass_time(stage, 86_400.0)
    await up(stage)
    pass_time(stage, 7200.0)
    for _ in range(3):
        await look(stage)
    pass_time(stage, -3600.0)
    await look(stage)
    back = kept(stage).idle.idle_s
    await look(stage)

    assert (120.0, 180.0) == (back, kept(stage).idle.idle_s)


async def test_a_clock_from_before_the_deployment_counts_as_never_looked(stage: Stage) -> None:
    """More idle time than it has lived is no idle time: it lives longer, and nobody loses work."""
    await up(stage)
    for _ in range(5):
        await look(stage)
    pass_time(stage, -86_400.0)
    await look(stage)

    assert (State.READY, 0.0) == (state(stage), kept(stage).idle.idle_s)


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "null", "{}", "\x00\x00\x00", "x" * 100_000, "[" * 5000,
        '{"version": 0}', '{"version": 2}', '{"idle": 3}',
    ],
)  # fmt: skip
async def test_a_file_that_is_no_use_counts_as_never_looked(stage: Stage, text: str) -> None:
    """Nothing is said of it, nothing ends for it, and the next look writes a whole one."""
    await up(stage)
    path = stage.deploys.folder("lab").memory
    path.write_text(text, encoding="utf-8")
    before = len(follow(stage.deploys.folder("lab").events)[0])

    await look(stage)
    await look(stage)

    assert (before, State.READY) == (len(follow(stage.deploys.folder("lab").events)[0]), state(stage))
    assert (60.0, 0o600) == (kept(stage).idle.idle_s, path.stat().st_mode & 0o777)


@pytest.mark.parametrize(
    "changed",
    [
        {"id": "ffffffff"}, {"created_at": 1.0}, {"idle_s": 1e12}, {"idle_s": -1.0}, {"idle_s": True},
        {"idle_s": None}, {"idle_s": float("nan")}, {"seen_at": "now"}, {"said": "all"},
    ],
)  # fmt: skip
async def test_a_claim_that_cannot_be_is_not_believed(stage: Stage, changed: dict[str, object]) -> None:
    """Another deployment's, one of the same name before, or an idleness that nobody can have seen."""
    made = await up(stage)
    folder = stage.deploys.folder("lab")
    memory.keep(folder, made, Memory(Idle(60.0, stage.world.clock.now()), ("said",)))
    told = json.loads(folder.memory.read_text())
    folder.memory.write_text(json.dumps(told | changed))

    assert NOTHING == kept(stage)


async def test_several_keepers_count_the_time_once(stage: Stage) -> None:
    """A daemon's and a screen's, half a minute apart: it ends when it is idle for so long, not in half of it."""
    await up(stage)
    daemon, screen = fresh(stage), fresh(stage)
    began = stage.world.clock.now()

    while state(stage) is State.READY:
        for keeper in (daemon, screen):
            await keeper.look()
            pass_time(stage, LOOK_S / 2)

    assert IDLE_S <= stage.world.clock.now() - began <= IDLE_S + 2 * LOOK_S
    assert 1 == warnings(stage).count(WARNED)


async def test_one_that_cannot_ask_takes_nothing_from_one_that_can(stage: Stage) -> None:
    """Time in which nobody could ask is neither; where one of two can, it is known."""
    await up(stage)
    daemon, screen = fresh(stage), fresh(stage)

    for _ in range(5):
        stage.world.busy = False
        await daemon.look()
        pass_time(stage, LOOK_S / 2)
        stage.world.busy = None
        await screen.look()
        pass_time(stage, LOOK_S / 2)
    both = kept(stage).idle
    await look(stage, screen)
    await look(stage, screen)

    assert 3 * LOOK_S <= both.idle_s
    assert (both.idle_s, None) == (kept(stage).idle.idle_s, kept(stage).idle.seen_at)


async def test_what_is_worked_on_is_not_idle_afterwards(stage: Stage) -> None:
    """A run in between begins the time anew, for a keeper that is started later as well."""
    await up(stage)
    for _ in range(8):
        await look(stage)
    with locked(stage.deploys.folder("lab"), "scale"):
        await look(stage)
    await look(stage)

    assert 0.0 == kept(stage).idle.idle_s


async def test_a_full_disk_costs_no_deadline(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be written is known to this process all the same; nothing is said twice, nothing fails."""
    await up(stage)
    keeper = fresh(stage)
    for _ in range(3):
        await look(stage, keeper)
    monkeypatch.setattr(memory, "write_whole", full)
    for _ in range(6):
        await look(stage, keeper)
    monkeypatch.undo()
    await look(stage, keeper)
    before = kept(stage).idle.idle_s
    await look(stage)

    assert (9 * LOOK_S, State.DESTROYED) == (before, state(stage))
    assert 1 == warnings(stage).count(WARNED)


def full(*_: object) -> None:
    """No byte fits."""
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("seed", range(60))
async def test_killed_and_restarted_at_random_it_counts_as_one_that_never_ends(stage: Stage, seed: int) -> None:
    """Looks at any distance, work now and then, kills in the middle of a look: it is what one keeper would say."""
    random = Random(seed)
    await stage.deploy(replace(LAB, idle_s=1e6))
    keeper, expected = fresh(stage), NEVER_SEEN
    for _ in range(40):
        stage.world.busy = random.choice((False, False, False, False, True, None))
        if random.random() < 0.3:
            keeper = fresh(stage)
        is_killed = random.random() < 0.2
        stage.world.at_point = killer(random.choice(("pods", "is_busy"))) if is_killed else lambda _name: None
        try:
            await keeper.look()
            expected = expected.seen(stage.world.busy, stage.world.clock.now())
        except KilledError:
            keeper = fresh(stage)
        stage.world.at_point = lambda _name: None

        assert expected.idle_s == pytest.approx(kept(stage).idle.idle_s)
        pass_time(stage, random.choice((1.0, 60.0, 60.0, 170.0, 200.0, 4000.0, -30.0)))


def killer(point: str) -> Callable[[str], None]:
    """The process is gone when it comes to a point."""

    def at(name: str) -> None:
        if name == point:
            raise KilledError

    return at


WRITER = """
import sys
from pathlib import Path
from app.engine.lifetime import Idle
from app.services.deploy.folder import folder_of
from app.services.deploy.memory import Memory, keep, recall
from app.services.deploy.record import read_record

folder = folder_of(Path(sys.argv[1]), "lab")
made = read_record(folder)
now = made.created_at + 1000.0
print("ready", flush=True)
while True:
    known = recall(folder, made, now)
    keep(folder, made, Memory(Idle((known.idle.idle_s + 1.0) % 900.0, now), ("said " * 200, *known.said)[:30]))
"""


def test_killed_while_they_write_they_leave_a_whole_file(tmp_path: Path) -> None:
    """Three processes write at once, each is killed at a random moment and begun again: a look finds a whole file."""
    random = Random(7)
    made, folder = Deployment(LAB, "1a2b3c4d", 1000.0), folder_of(tmp_path, "lab")
    write_record(folder, made)
    memory.keep(folder, made, Memory(Idle(1.0, made.created_at), ("said",)))
    words = (sys.executable, "-c", WRITER, str(tmp_path))
    writers = [subprocess.Popen(words, stdout=subprocess.PIPE) for _ in range(3)]
    found = []
    for turn in range(9):
        writer = writers[turn % 3]
        assert writer.stdout is not None
        assert b"ready\n" == writer.stdout.readline()
        found += [recall(folder, made, made.created_at + 1000.0) for _ in range(random.randint(1, 200))]
        writer.kill()
        writer.communicate()
        if turn < 6:
            writers[turn % 3] = subprocess.Popen(words, stdout=subprocess.PIPE)

    assert NOTHING not in found
    assert len(found) > 100
