"""The pods of a deployment in the whole program: from a record on disk to the cost in the header."""

from dataclasses import replace
from pathlib import Path

from app.config.settings import Cluster, Deploy, Discover, Settings
from app.domain.fleet import cluster_facts, node_state
from app.runtime.looking import look_once
from app.runtime.options import RuntimeOptions
from tests.sources.runpod.test_source import create, env, record
from tests.standins.runpod.emulator import Emulator

SETTINGS = Settings(cluster=Cluster(name="lab"), discover=Discover(local=False))


async def test_header_shows_what_the_provider_bills(tmp_path: Path) -> None:
    """With a key alone, the cost is what the pods cost, and a pod that was ended outside is a node that is down."""
    with Emulator(seed=7, knobs={"starting_after_s": 0.0, "running_after_s": 0.0}) as emulator:
        record(tmp_path, head=create(emulator, "head"), w1=create(emulator, "w1"))
        emulator.end_outside("gw-lab-0a1b2c3d-w1")

        snapshot = await look_once(SETTINGS, RuntimeOptions(tmp_path, environ=env(emulator)))

    facts = cluster_facts(snapshot, snapshot.at)
    assert (1.72, 2, 1, 4) == (facts.cost_per_hour, facts.nodes, facts.nodes_down, facts.gpus_expected)
    assert "down" == node_state(snapshot, snapshot.nodes["lab-w1"], snapshot.at)
    assert {"runpod": None} == {state.spec.name: state.error for state in snapshot.sources.values()}


async def test_without_a_key_nothing_is_asked(tmp_path: Path) -> None:
    """A deployment on disk alone makes no source and no trouble."""
    record(tmp_path, head="abc")

    snapshot = await look_once(SETTINGS, RuntimeOptions(tmp_path))

    assert {} == dict(snapshot.sources)


async def test_key_file_lies_beside_the_configuration(tmp_path: Path) -> None:
    """A relative name of a key's file is meant from the configuration's folder, as in `deploy`."""
    (tmp_path / "runpod.key").write_text("test-key\n")
    (tmp_path / "runpod.key").chmod(0o600)
    settings = replace(SETTINGS, deploy=Deploy(api_key_file="runpod.key"), origin=str(tmp_path / "config.toml"))
    with Emulator(seed=7) as emulator:
        record(tmp_path, head=create(emulator, "head"))
        environ = {"RUNPOD_API_BASE_URL": emulator.url}

        snapshot = await look_once(settings, RuntimeOptions(tmp_path, environ=environ))

    assert {"runpod": None} == {state.spec.name: state.error for state in snapshot.sources.values()}
    assert ["lab-head"] == list(snapshot.nodes)
