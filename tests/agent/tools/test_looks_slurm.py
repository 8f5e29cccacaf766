"""What the tools of Slurm, alerts, logs and model servers tell."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from app.agent.ground import Ground
from app.config.settings import Log, Settings
from app.domain.alert import Ack, Alert, Silence
from app.domain.alerts_now import AlertsNow
from app.domain.series import Event, Subject
from tests.agent.slurm_memory import MemorySlurm
from tests.agent.tools.grounds import feed_of, ground, of_world, refusal, seen
from tests.engine.diagnosis.world import SERVING, World
from tests.present.fleets import NOW, fleet
from tests.present.slurm_fleet import slurm_fleet
from tests.standins.exporters import request, serving, whole

SECRET = "hf_" + "abcdefghijklmnopqrstuvwxyz"
HOT = Alert("GpuHot", "warning", (("gpu", "3"), ("node", "gpu-01")), "firing", NOW - 300, 91.0, "91 °C", NOW - 240)
FULL = Alert("DiskFull", "critical", (("node", "gpu-02"),), "pending", NOW - 20, 99.0, "99 % full")


def _slurm(folder: Path | None = None, answers: dict[str, str] | None = None) -> Ground:
    one = ground(slurm_fleet(), now=NOW)
    return one if folder is None else replace(one, jobs=MemorySlurm(answers).jobs(folder))


def _alarmed() -> Ground:
    one = ground(slurm_fleet(), now=NOW)
    silence = Silence("s-1", (), NOW - 60, NOW + 3600, "ana", "known")
    feed_of(one).alerted = AlertsNow(
        NOW - 1, 5.0, (FULL, HOT), {HOT.id: ("silence s-1",)}, (Ack(HOT.id, NOW, "bo"),), (silence,)
    )
    return one


async def test_slurm_status_tells_the_queue_and_what_is_free() -> None:
    """Counts, reasons, partitions, what is free and where, nodes that take nothing, users."""
    told = await seen(_slurm(), "slurm_status")

    assert (6, 44, 22, 1) == (
        told["jobs_running"],
        told["jobs_pending"],
        told["gpus_allocated"],
        told["free_gpus"]["free"],
    )
    assert 38 == told["pending_by_reason"]["JobArrayTaskLimit"]
    assert [("gpu-03", "GPU 7: uncorrectable ECC")] == [(n["node"], n["reason"]) for n in told["nodes_taking_no_jobs"]]
    assert ("ana", 12) == (told["users"][0]["user"], told["users"][0]["gpus_held"])
    assert "1 GPU on one node: free on gpu-02" == told["largest_free"][0]


async def test_jobs_are_chosen_and_array_tasks_told_once() -> None:
    """By state and user; thirty-eight waiting tasks of one array are a row that says so."""
    told = await seen(_slurm(), "jobs", state="pending", user="cy")

    assert 39 == told["jobs_matching"]
    assert [("820_3", 38), ("831", None)] == sorted((row["job"], row.get("tasks_like_it")) for row in told["jobs"])


async def test_jobs_say_how_busy_their_gpus_are() -> None:
    """A job that holds GPUs and does nothing shows 0."""
    told = await seen(_slurm(), "jobs", state="running", node="gpu-03")

    assert ("815", 0) in [(row["job"], row["gpu_utilization_percent"]) for row in told["jobs"]]


async def test_why_a_job_waits_has_numbers() -> None:
    """What it needs, what there is, when room comes and from whom."""
    told = await seen(_slurm(), "why_pending", job="831")

    assert "needs 8 H100 on one node; the best has 1; job 812 frees 8 in 20 h 48" == told["explanation"]
    assert ["812"] == [one["job"] for one in told["room_comes_from"]]
    assert 74_880 == told["room_in_s"]


async def test_why_all_wait_is_grouped() -> None:
    """The one with the highest priority first, tasks of an array once."""
    told = await seen(_slurm(), "why_pending")

    assert (44, "831") == (told["jobs_pending"], told["jobs"][0]["job"])
    assert len(told["jobs"]) < 10


async def test_a_running_job_does_not_wait() -> None:
    """That is said, and nothing made up."""
    told = await seen(_slurm(), "why_pending", job="812")

    assert ("it does not wait", False) == (told["note"], told["is_pending"])


async def test_job_details_bring_script_and_little_of_the_environment(tmp_path: Path) -> None:
    """What explains a run; secrets are masked, and what is nobody's business is left out."""
    script = f"#!/bin/bash\nexport HF_TOKEN={SECRET}\nsrun python train.py\n"
    environment = f"NCCL_DEBUG=INFO\nHF_TOKEN={SECRET}\nDIARY=dear\n"
    answers = {"scontrol write batch_script": script, "sacct --env-vars": environment}
    told = await seen(_slurm(tmp_path, answers), "job_details", job="812")

    assert ["#!/bin/bash", "export HF_TOKEN=***", "srun python train.py"] == told["script"]
    assert {"NCCL_DEBUG": "INFO"} == told["environment"]
    assert 12 == len(told["gpus_now"])
    assert ("RUNNING", "ana", "exact") == (told["state"], told["user"], told["gpu_binding"])


async def test_without_slurm_nothing_is_made_up() -> None:
    """No queue, and it says so, for all that need one."""
    for tool, given in (("slurm_status", {}), ("jobs", {}), ("why_pending", {}), ("job_details", {"job": "1"})):
        assert "no Slurm is read here" in await refusal(ground(fleet(1), now=NOW), tool, **given)


async def test_alerts_stand_with_what_mutes_them() -> None:
    """What fires on what, since when; who took it on; the worst first."""
    told = await seen(_alarmed(), "alerts")

    assert [("DiskFull", "pending", "gpu-02"), ("GpuHot", "firing", "gpu-01/3")] == sorted(
        (row["rule"], row["state"], row["on"]) for row in told["alerts"]
    )
    (row,) = [one for one in told["alerts"] if one["rule"] == "GpuHot"]
    assert (HOT.id, 91, "bo", ["silence s-1"]) == (
        row["id"], row["value"], row["acknowledged_by"], row["muted_because"],
    )  # fmt: skip
    assert 0 == told["firing_and_told"]


async def test_alerts_are_chosen() -> None:
    """By state and node; no alert is an empty list, nobody to evaluate is not."""
    assert [] == (await seen(_alarmed(), "alerts", state="firing", node="gpu-02"))["alerts"]
    told = await seen(_slurm(), "alerts")
    assert "alerts" not in told or told["alerts"] is None
    assert "nobody has evaluated" in told["note"]


async def test_alerts_of_the_past_are_their_beginnings_and_ends() -> None:
    """The list as it stood is not kept; what is kept is told as what it is."""
    one = _alarmed()
    feed = feed_of(one)
    feed.past[0.0] = slurm_fleet()
    subject = Subject("gpu", node="gpu-01", index=3)
    feed._events = (Event(NOW - 7000, "alert.firing", "warning", subject, "GpuHot: 91 °C"),)
    told = await seen(replace(one, at=NOW - 3600), "alerts")

    assert ["GpuHot: 91 °C"] == [row["text"] for row in told["alert_events"]]


@cache
def _logged() -> World:
    world = World(service=dict(SERVING))
    world.run(10)
    world.xid(31, "pid=77, name=python, MMU Fault", 2)
    world.vllm("EngineCore encountered a fatal error.")
    world.run(10)
    return world


async def test_logs_tell_what_was_recognised() -> None:
    """Kernel and model server apart, with node, code and the line; no log is said to be none."""
    one = of_world(_logged())
    kernel = await seen(one, "logs", source="kernel", node="gpu-1")
    assert [("xid", 31)] == [(row["kind"], row["code"]) for row in kernel["events"]]
    vllm = await seen(one, "logs", source="vllm")
    assert ["vllm.engine_dead"] == [row["kind"] for row in vllm["events"]]

    assert "means nothing" in (await seen(_slurm(), "logs", source="kernel"))["note"]


async def test_logs_read_the_end_of_a_configured_file(tmp_path: Path) -> None:
    """The newest lines, repeats counted, grave ones that stand further up; secrets and colours gone."""
    log = tmp_path / "vllm.log"
    lines = [
        "ERROR CUDA out of memory",
        *[f"INFO request {n}" for n in range(60)],
        *["\x1b[32mINFO ok\x1b[0m"] * 3,
        f"t {SECRET}",
    ]
    log.write_text("\n".join(lines) + "\n")
    one = replace(_slurm(), settings=Settings(log=(Log(kind="vllm", node="gpu-01", path=str(log)),)))
    ((told),) = (await seen(one, "logs", source="vllm", lines=10))["logs"]

    assert ["INFO ok (×3)", "t ***"] == told["newest_lines"][-2:]
    assert 10 == len(told["newest_lines"])
    assert ["ERROR CUDA out of memory"] == told["grave_lines"]

    ((told),) = (await seen(one, "logs", source="vllm", contains="request 7|memory"))["logs"]
    assert ["ERROR CUDA out of memory", "INFO request 7"] == told["newest_lines"]


async def test_logs_read_a_pod_exporters_log() -> None:
    """By its address, the last part there is; how far a model's start is, and what it hangs in."""
    text = "INFO 07-28 10:00:00 [api_server.py:1] vLLM API server version 0.23.0\n"
    text += "Loading safetensors checkpoint shards:  50%\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = (await request(reader)).decode().split("\r\n")[0]
        offset = int(parse_qs(urlsplit(line.split()[1]).query)["offset"][0])
        said = text if offset < len(text) else ""
        piece = {"id": "1-1", "offset": 0 if said else offset, "next_offset": len(text), "size": len(text)}
        writer.write(whole(json.dumps({**piece, "is_rotated": False, "text": said}).encode()))
        await writer.drain()

    async with serving(answer) as url:
        log = Log(kind="vllm", node="gpu-01", url=f"{url.removesuffix('/metrics')}/logs/vllm")
        one = replace(_slurm(), settings=Settings(log=(log,)))
        ((told),) = (await seen(one, "logs", source="vllm"))["logs"]

    assert "Loading safetensors checkpoint shards:  50%" == told["newest_lines"][-1]
    assert "starting" == told["model_start"]["standing"]
    assert "weights" in [one["phase"] for one in told["model_start"]["phases"]]


async def test_a_log_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    """Its trouble is told beside the others' lines."""
    one = replace(_slurm(), settings=Settings(log=(Log(kind="kernel", path=str(tmp_path / "none")),)))
    ((told),) = (await seen(one, "logs", source="kernel"))["logs"]

    assert "none" in told["trouble"]


async def test_logs_of_a_job(tmp_path: Path) -> None:
    """Its output, by the path that Slurm names."""
    output = tmp_path / "812.out"
    output.write_text("step 1\nRuntimeError: CUDA error\nstep 2\n")
    one = _slurm(tmp_path)
    snapshot = feed_of(one).latest()
    assert snapshot.slurm is not None
    jobs = {**(snapshot.slurm.jobs or {})}
    jobs["812"] = replace(jobs["812"], stdout=str(output), stderr=None)
    feed_of(one).push(replace(snapshot, slurm=replace(snapshot.slurm, jobs=jobs)))
    told = await seen(one, "logs", source="job", job="812")

    assert ["step 1", "RuntimeError: CUDA error", "step 2"] == told["newest_lines"]
    assert str(output) == told["path"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"source": "job"}, "needs job="),
        ({"source": "kernel", "job": "812"}, "give source=job"),
        ({"source": "slurm"}, "source is one of kernel, vllm, job"),
        ({"source": "job", "job": "812"}, "no way to Slurm"),
    ],
)
async def test_logs_refuse_what_cannot_be(given: dict[str, str], said: str) -> None:
    """No argument becomes a path: only what is configured, and a job's own output, is read."""
    assert said in await refusal(_slurm(), "logs", **given)


async def test_vllm_status_stands_beside_its_gpus() -> None:
    """Load, cache, rates; what its log said; no server is said to be none."""
    told = await seen(of_world(_logged()), "vllm_status")
    (server,) = told["servers"]

    assert (12, 0, 45, 900) == tuple(
        server[key] for key in ("running", "waiting", "kv_cache_usage_percent", "tokens_per_s")
    )
    assert ["vllm.engine_dead"] == [row["kind"] for row in told["log_events"]]
    assert "no model server is read here" in (await seen(_slurm(), "vllm_status"))["note"]
