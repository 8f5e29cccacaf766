"""Which way leads to Slurm, and what front ends are given to ask and act with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.config.settings import Cluster, Settings, Slurm
from app.runtime.looking import look_once
from app.runtime.options import RuntimeOptions
from app.services.detect import SlurmFind, search_slurm
from app.services.slurm_access import open_access
from app.services.targets import targets_of
from app.sources import slurm_ways
from app.sources.deployed import Deployed, text_of
from app.sources.slurm_ways import Way, way_of
from app.transport.clock import SystemClock
from tests.standins.slurm_commands import FakeSlurm, row
from tests.tools.fake_clock import FakeClock


@pytest.fixture
def fake(tmp_path: Path) -> FakeSlurm:
    """Slurm's commands in a folder of their own."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return FakeSlurm(folder)


@pytest.fixture
def environ(fake: FakeSlurm) -> dict[str, str]:
    """An environment with these commands first on the PATH."""
    return {"PATH": f"{fake.folder}:{os.environ['PATH']}", "SBATCH_ACCOUNT": "lab"}


REST = Slurm(rest_url="unix:///run/s.sock")


@pytest.mark.parametrize(
    ("slurm", "expected"),
    [
        (Slurm(), None),
        (Slurm(ssh="head"), "ssh"),
        (Slurm(ssh="head", rest_url="unix:///run/s.sock"), "ssh"),
        (REST, "rest"),
        (Slurm(exporter_url="http://head:9341/metrics"), "exporter"),
        (Slurm(via="off", ssh="head"), None),
        (Slurm(via="local"), "local"),
        (Slurm(via="rest", ssh="head", rest_url="http://head:6820"), "rest"),
    ],
)
def test_auto_takes_the_first_way_there_is(slurm: Slurm, expected: Way | None) -> None:
    """Where no commands are: ssh, REST, exporter; a way that is named is taken at its word."""
    assert expected == way_of(slurm, {"PATH": "/nowhere"})


def test_commands_here_come_first(fake: FakeSlurm, environ: dict[str, str]) -> None:
    """On the PATH or in `bin_dir`, they beat everything else that is set."""
    assert "local" == way_of(REST, environ)
    assert "local" == way_of(Slurm(bin_dir=str(fake.folder), ssh="head"), {})
    assert "ssh" == way_of(Slurm(bin_dir="/opt/slurm/bin", ssh="head"), environ)


def test_a_distributions_package_alone_is_no_slurm(
    fake: FakeSlurm, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The command without a word on where its cluster is: nothing to look at, until there is one."""
    monkeypatch.setattr(slurm_ways, "_PACKAGED", (str(fake.folder),))
    monkeypatch.setattr(slurm_ways, "_CONFIGURATIONS", (str(tmp_path / "slurm.conf"),))
    path = {"PATH": str(fake.folder)}
    before = way_of(Slurm(), path)
    with_server = way_of(Slurm(), {**path, "SLURM_CONF_SERVER": "head"})
    (tmp_path / "slurm.conf").write_text("")

    assert (None, "local", "local") == (before, with_server, way_of(Slurm(), path))


def test_slurm_is_a_target_beside_the_others(environ: dict[str, str]) -> None:
    """It is asked at the cluster's pace and every 2 s at most, unless its own is set; off, there is none."""
    quick = Settings(cluster=Cluster(interval_s=1.0), slurm=Slurm(via="local"))
    own = Settings(slurm=Slurm(via="local", interval_s=1.0, timeout_s=3.0))

    assert [("slurm:local", 2.0, 30.0)] == [(t.url, t.interval_s, t.timeout_s) for t in targets_of(quick, environ)]
    assert [("slurm:local", 1.0, 3.0)] == [(t.url, t.interval_s, t.timeout_s) for t in targets_of(own, environ)]
    assert ["nvml:"] == [t.url for t in targets_of(Settings(slurm=Slurm(via="off")), environ)]
    assert ["nvml:", "slurm:local"] == [t.url for t in targets_of(Settings(), environ)]


async def test_one_look_brings_slurm_to_the_snapshot(fake: FakeSlurm, environ: dict[str, str], tmp_path: Path) -> None:
    """A one-shot round has the jobs with their GPUs, the nodes and the partitions."""
    fake.queue(row(812), row(813, state="PENDING"))
    options = RuntimeOptions(state_dir=tmp_path / "state", environ=environ)

    snapshot = await look_once(Settings(slurm=Slurm(via="local"), cluster=Cluster(interval_s=20.0)), options)

    assert snapshot.slurm is not None
    assert snapshot.slurm.jobs is not None
    assert ["812", "813"] == list(snapshot.slurm.jobs)
    assert (0, 3) == snapshot.slurm.jobs["812"].gpus_on[0].indices
    assert (["node-1"], ["gpu"]) == (list(snapshot.slurm.nodes), list(snapshot.slurm.partitions))
    assert [("slurm", "slurm", "squeue (local)")] == [
        (state.spec.name, state.spec.kind, state.spec.target) for state in snapshot.sources.values()
    ]


async def test_access_by_commands(fake: FakeSlurm, environ: dict[str, str], tmp_path: Path) -> None:
    """Reading commands run clean, sbatch in the user's own environment: its job inherits it."""
    async with open_access(Slurm(via="local"), tmp_path, FakeClock(), environ) as access:
        assert access is not None
        assert access.commands is not None
        assert access.runner is not None
        await access.commands.text("scontrol", "show", "config", timeout_s=20.0)
        clean = fake.environ
        await access.runner.run(access.commands.argv("sbatch", "x.sh"), 20.0)

    assert ("local", "this machine") == (access.way, access.where)
    assert ("C", "lab") == (clean["LC_ALL"], fake.environ["SBATCH_ACCOUNT"])
    assert "LC_ALL" not in fake.environ


async def test_an_exporter_gives_no_access(tmp_path: Path) -> None:
    """There is nobody to ask about a job or to act on one; nor without Slurm."""
    for slurm in (Slurm(via="exporter", exporter_url="http://head:9341/metrics"), Slurm(via="off")):
        async with open_access(slurm, tmp_path, FakeClock(), {}) as access:
            assert None is access


async def test_a_destination_that_is_none_is_refused(tmp_path: Path) -> None:
    """Before any ssh is started, with a sentence."""
    with pytest.raises(ValueError, match="is no ssh destination"):
        async with open_access(Slurm(via="ssh", ssh="-oProxyCommand=x"), tmp_path, FakeClock(), {}):
            pass


async def test_slurm_is_found_where_nothing_is_configured(fake: FakeSlurm, environ: dict[str, str]) -> None:
    """With its counts; one that is down is found too, commands without a cluster are not."""
    fake.queue(row(812))
    found = await search_slurm(Settings(), SystemClock(), environ)
    fake.says("squeue", code=1, stderr="slurm_load_jobs error: Unable to contact slurm controller\n")
    down = await search_slurm(Settings(), SystemClock(), environ)
    fake.says("squeue", code=1, stderr="squeue: fatal: Could not establish a configuration source\n")
    nothing = await search_slurm(Settings(), SystemClock(), environ)

    assert (SlurmFind("22.05.8", 1, 1),) == found
    assert "Slurm 22.05.8 (1 node, 1 job)" == found[0].text
    assert down[0].text.startswith("Slurm's commands, but: slurmctld does not answer")
    assert () == nothing


def test_without_slurm_nothing_of_it_is_imported() -> None:
    """A cluster without Slurm pays for none of its modules."""
    code = (
        "import asyncio, sys, tempfile, pathlib\n"
        "from app.config.settings import Settings, Slurm, Discover\n"
        "from app.runtime.looking import look_once\n"
        "from app.runtime.options import RuntimeOptions\n"
        "settings = Settings(slurm=Slurm(via='off'), discover=Discover(local=False))\n"
        "asyncio.run(look_once(settings, RuntimeOptions(pathlib.Path(tempfile.gettempdir()) / 'gw-none')))\n"
        "print(*[m for m in sys.modules if m.startswith('app.sources.slurm.') or m in ('app.domain.slurm', 'httpx',"
        " 'app.transport.runner')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "" == done.stdout.strip()


async def test_a_deployments_slurm_is_the_way_where_none_is_configured(tmp_path: Path) -> None:
    """By ssh to its head; what is configured, `off` included, and a deployment that is left out are not passed over."""
    watch = tmp_path / "deployments/lab/watch.json"
    watch.parent.mkdir(parents=True)
    watch.write_text(text_of(Deployed("lab", slurm=Slurm(via="ssh", ssh="ana@lab-head"))))
    environ = {"PATH": str(tmp_path)}
    found = []
    for slurm, which in ((Slurm(), ""), (Slurm(), "none"), (Slurm(via="off"), ""), (Slurm(ssh="bea@mine"), "")):
        async with open_access(slurm, tmp_path, FakeClock(), environ, which) as access:
            found.append(access and (access.way, access.where, access.user))

    assert [("ssh", "ana@lab-head", "ana"), None, None, ("ssh", "bea@mine", "bea")] == found
