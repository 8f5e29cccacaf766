"""`demo`: a simulated cluster on request, its past, and its end."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from app.cli import errors
from app.cli.simulated_past import MOST_PAGES, Task, rings, write_past
from app.cli.simulator import INTERVAL_S, settings_for
from app.config.load import parse
from app.config.settings import Cluster, Settings
from app.domain.series import FLEET
from app.runtime.past import open_history
from app.sim.address import SimAddress
from app.sim.scenarios import SCENARIOS
from app.sim.spec import SimSpec
from app.transport.clock import SystemClock
from tests.cli.conftest import Run


def test_scenarios_are_listed(run: Run) -> None:
    """One line each, by the name that `--scenario` takes."""
    lines = run("demo", "--list").out.splitlines()

    assert [one.name for one in SCENARIOS] == [line.split()[0] for line in lines]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--scenario", "gpu-list"], "did you mean gpu-lost?"),
        (["--nodes", "5000"], "nodes must be 1"),
        (["--nodes", "many"], "invalid int value"),
    ],
)
def test_what_cannot_be_simulated_is_a_usage_error(run: Run, words: list[str], said: str) -> None:
    """A scenario nobody knows and numbers out of range end with 64 and help."""
    answer = run("demo", "--headless", *words)

    assert errors.USAGE == answer.code
    assert said in answer.err


def test_headless_prints_a_configuration_and_ends_politely() -> None:
    """What it prints on stdout reads the cluster it serves; an interrupt ends it with 0."""
    words = [sys.executable, "-m", "app", "demo", "--headless", "--nodes", "1", "--gpus", "2"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as serving:
        assert serving.stdout is not None
        assert serving.stderr is not None
        told = serving.stderr.readline()
        serving.send_signal(signal.SIGINT)
        out, err = serving.communicate(timeout=10)

    settings = parse(out, "stdout")
    assert ("local", False) == (settings.slurm.via, Path(settings.slurm.bin_dir).exists())
    assert (0, "") == (serving.returncode, err)
    assert f"serving {len(settings.target)} simulated pages" in told


def test_what_the_user_set_stays_but_the_store() -> None:
    """Prices and name are the user's; targets, interval and store are the simulator's."""
    config = SimAddress.of(SimSpec(nodes=1), "http://127.0.0.1:1", 0.0, "").config_text()
    given = Settings(cluster=Cluster(name="mine"), prices={"H100": 2.0})

    found = settings_for(config, given)

    assert ("mine", INTERVAL_S, {"H100": 2.0}) == (found.cluster.name, found.cluster.interval_s, found.prices)
    assert "none" == found.store.path
    assert len(found.target) >= 2


@pytest.mark.parametrize("pages", [3, 10, 70, 120])
def test_the_past_costs_some_thousand_pages_at_most(pages: int) -> None:
    """Rings follow each other without a gap, the nearer the finer, within the budget."""
    found = rings(pages, 86400.0)

    assert [reach for reach, _, _ in found[1:]] == [nearer for _, nearer, _ in found[:-1]]
    assert sorted((step for _, _, step in found), reverse=True) == [step for _, _, step in found]
    assert MOST_PAGES >= sum((reach - nearer) / step for reach, nearer, step in found) * pages * 0.999


def test_a_huge_fleet_begins_without_a_past() -> None:
    """Some dozen moments would be no picture and a minute's work."""
    assert [] == rings(2000, 86400.0)


async def test_the_past_is_kept_as_if_it_had_been_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last minutes before the start are in the store, and say that they are simulated."""
    monkeypatch.setattr("app.cli.simulated_past.RINGS", ((300.0, 30.0), (120.0, 30.0), (60.0, 10.0)))
    spec, origin = SimSpec(nodes=1, gpus=2), 1_764_000_000.0
    address = SimAddress.of(spec, "http://127.0.0.1:1", origin, "")
    config = replace(address, bin_dir="/nowhere/bin").config_text()
    task = Task(spec, origin, config, INTERVAL_S, tmp_path / "history.db", "/nowhere/home")

    await write_past(Task.from_json(task.to_json()))

    history = await open_history(task.path, SystemClock(), want_lease=False)
    power = await history.series(FLEET, "gpu.power", origin - 60, origin, 10.0)
    then = await history.at(origin - 5)
    await history.close()
    assert 6 == sum(point.mean is not None for point in power.points)
    assert then is not None
    assert "simulated" == then.mode
    assert 2 == len(list(then.gpus()))
    assert then.slurm is not None
    assert "24.11.5" == then.slurm.version
    (runs, *_) = (job for job in (then.slurm.jobs or {}).values() if job.is_running)
    assert ("/nowhere/home/", 1) == (str(runs.stdout)[:14], sum(len(one.indices or ()) for one in runs.gpus_on))
