"""Model servers that are down: whose fault it is (rule 9: not their own, if anything explains it), and when none."""

from __future__ import annotations

import pytest

from tests.engine.diagnosis.serving_world import DEAD, REFUSED, SERVER, change, serving, severity
from tests.engine.diagnosis.world import SERVING, World
from tests.engine.slurm_builders import job, running

MMU = (
    "pid=77, name=VLLM::Worker, channel 0x00000010, intr 00000000. MMU Fault: ENGINE GRAPHICS GPC0 GPCCLIENT_T1_0 "
    "faulted @ 0x7f_1. Fault is of type FAULT_PDE ACCESS_TYPE_VIRT_READ"
)
GSP = "pid=8, name=VLLM::Worker, Timeout after 45s of waiting for RPC response from GPU1 GSP! Expected function 76"
LINK = "RLW_SRC_TRACK Nonfatal XC0 i0 Link 04 (0x00000004 0x80000000 0x00000000 0x00000000 0x00000000 0x00000000)"
KILLED = (
    "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/x,"
    "task=VLLM::EngineCor,pid=4711,uid=0"
)


def die(world: World, *lines: str) -> None:
    """The engine ends and nothing answers any more."""
    change(world, tokens_per_s=0.0, requests_running=0.0)
    world.vllm(*lines, DEAD)
    world.errors["vllm"] = REFUSED
    world.run(90)


def test_a_dead_engine_alone_is_a_symptom_whose_cause_was_not_seen() -> None:
    """EngineDeadError without anything else: critical, and honest that the cause is unknown."""
    world = serving()
    change(world, tokens_per_s=0.0, requests_running=0.0)
    world.vllm(DEAD)
    world.run(10)

    found = world.one("H1")
    assert ("critical", SERVER, True) == (found.severity, found.subject.service, found.root)
    assert found.explanation.startswith("A symptom whose cause was not seen.")


def test_a_server_that_refuses_is_information_first_and_critical_after_a_minute() -> None:
    """Refused looks may be a restart; a minute of them is an outage. It ends when the server answers."""
    world = serving()
    world.errors["vllm"] = REFUSED
    world.run(10)
    assert "H1" not in world.codes
    world.run(10)
    assert "info" == severity(world, "H1")
    world.run(60)
    assert [("H1", SERVER)] == world.roots
    assert "critical" == severity(world, "H1")
    del world.errors["vllm"]
    assert () == world.run(10).findings


def test_a_server_that_never_answered_is_told_at_first_sight() -> None:
    """A one-shot look has no past: what refuses twice is a warning."""
    world = World(service=dict(SERVING))
    world.errors["vllm"] = REFUSED
    world.run(10)
    assert "warning" == severity(world, "H1")


def test_a_server_that_is_no_longer_configured_is_no_outage() -> None:
    """Scaled in: its target is gone, and with it every word of it."""
    world = serving()
    world.errors["vllm"] = REFUSED
    world.run(20)
    world.gone.add("vllm")
    assert () == world.run(10).findings


def test_a_server_shut_down_in_order_is_information() -> None:
    """Its own log says that it was told to stop."""
    world = serving()
    world.vllm("INFO [launcher.py:12] Shutting down FastAPI HTTP server.")
    world.errors["vllm"] = REFUSED
    world.run(300)
    assert "info" == severity(world, "H1")
    assert [] == world.roots


def test_a_server_that_loads_its_weights_is_information() -> None:
    """Started anew with another model: it will answer when it is ready."""
    world = serving()
    world.errors["vllm"] = REFUSED
    world.run(10)
    world.vllm("INFO [api_server.py:1] vLLM API server version 0.11.0")
    world.run(240)
    assert "info" == severity(world, "H1")


def test_a_cancelled_job_explains_its_server() -> None:
    """The user took the server away with its job, whatever its dying processes log."""
    world = World(jobs={"812": running(812, "gpu-1", 8)}, service=dict(SERVING))
    world.run(30)
    world.jobs["812"] = job(812, state="CANCELLED", nodes=("gpu-1",), end_at=world.now + 2, start_at=world.now - 900)
    world.errors["vllm"] = REFUSED
    world.vllm(DEAD)
    world.run(120)
    assert "info" == severity(world, "H1")


def test_the_time_limit_of_its_job_makes_a_dead_server_a_warning() -> None:
    """Nothing broke, but nobody may have meant it."""
    world = World(jobs={"812": running(812, "gpu-1", 8)}, service=dict(SERVING))
    world.run(30)
    world.jobs["812"] = job(812, state="TIMEOUT", nodes=("gpu-1",), end_at=world.now + 2, start_at=world.now - 900)
    world.errors["vllm"] = REFUSED
    world.run(120)
    assert "warning" == severity(world, "H1")


def test_a_dead_engine_is_over_when_its_server_counts_anew() -> None:
    """The log of its new start may be another one: its page shows that it began again."""
    world = serving()
    change(world, tokens_per_s=0.0, requests_running=0.0)
    world.vllm(DEAD)
    world.run(20)
    assert "H1" in world.codes
    change(world, tokens_per_s=500.0, requests_running=3.0, generation_tokens=900.0)
    world.run(15)
    assert "H1" not in world.codes


@pytest.mark.parametrize(
    ("code", "words", "line", "root"),
    [
        (79, "pid=77, name=VLLM::Worker, GPU has fallen off the bus.", "", "B1"),
        (31, MMU, "CUDA error: an illegal memory access was encountered", "B8"),
        (145, LINK, "CUDA error: uncorrectable NVLink error detected during the execution", "E2"),
    ],
)
def test_an_xid_on_its_gpus_explains_a_dead_server(code: int, words: str, line: str, root: str) -> None:
    """Whatever the server's own log says of it."""
    world = serving()
    world.xid(code, words, 3)
    world.run(5)
    die(world, *([line] if line else []))
    assert [(root, "gpu-1/3")] == world.roots


def test_an_illegal_access_that_is_logged_first_still_follows_from_its_xid() -> None:
    """The server's log has whole seconds only."""
    world = serving()
    world.vllm("CUDA error: an illegal memory access was encountered")
    world.run(5)
    world.xid(31, MMU, 3)
    die(world)
    assert [("B8", "gpu-1/3")] == world.roots


def test_a_kill_for_want_of_host_memory_explains_a_dead_server() -> None:
    """The kernel took the engine's process."""
    world = serving()
    world.kernel(KILLED)
    die(world)
    assert [("I1", "gpu-1")] == world.roots


def test_a_gsp_that_hangs_explains_a_wedged_server() -> None:
    """Nothing died, and no token comes."""
    world = serving()
    world.xid(119, GSP, 1)
    change(world, tokens_per_s=0.0, prompt_tokens_per_s=0.0)
    world.run(90)
    assert ([("B2", "gpu-1/1")], False) == (world.roots, world.one("H2").root)


def test_a_node_that_failed_explains_its_server() -> None:
    """Slurm, exporter and server tell of one thing."""
    world = World(jobs={"812": running(812, "gpu-1", 8)}, service=dict(SERVING))
    world.run(30)
    world.jobs["812"] = job(812, state="NODE_FAIL", nodes=("gpu-1",), end_at=world.now + 2, start_at=world.now - 900)
    world.set_node("gpu-1", state="DOWN", flags=("NOT_RESPONDING",), reason="Not responding")
    silent = "no connection to {} within 4 s: is the host up, and the port open?"
    world.errors |= {"vllm": silent.format("gpu-1:8000"), "exporter gpu-1": silent.format("gpu-1:9400")}
    world.run(150)
    assert ([("F1", "gpu-1")], False) == (world.roots, world.one("H1").root)


def test_another_node_is_no_explanation() -> None:
    """An Xid elsewhere has nothing to do with it."""
    world = World(nodes=2, service=dict(SERVING))
    world.run(30)
    world.xid(79, "pid=77, name=python, GPU has fallen off the bus.", 3, "gpu-2")
    world.run(5)
    die(world)
    assert {("B1", "gpu-2/3"), ("H1", SERVER)} == set(world.roots)


def test_a_log_alone_stands_for_its_server() -> None:
    """Where no page of metrics is read, what is wrong with the GPUs of the log's node explains it still."""
    world = World()
    world.more["vllm log"] = ("log", "vllm log", "gpu-1")
    world.run(30)
    world.xid(79, "pid=77, name=VLLM::Worker, GPU has fallen off the bus.", 3)
    world.vllm(DEAD)
    world.run(10)
    assert [("B1", "gpu-1/3")] == world.roots
    assert "vllm log" == world.one("H1").subject.service
