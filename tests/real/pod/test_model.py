"""A model server on a pod: started in the background, told by status.sh, its secrets in memory alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real.pod.pods import PodHost
from tests.real.slurm.daemons import until

pytestmark = pytest.mark.real("slurm", "gcc")

NewPod = Callable[..., PodHost]
FAKE = Path(__file__).parents[2] / "standins/fake_vllm.py"
HUB, MODEL_KEY = "hf_THE_HUBS_TOKEN", "THE-KEY-OF-THE-MODEL-SERVER"
SECRETS = f"hf_token={HUB}\nmodel_key={MODEL_KEY}\n"


@pytest.fixture
def pod(new_pod: NewPod) -> PodHost:
    """A pod whose image has vLLM, played by the stand-in."""
    made = new_pod(1)
    server = made.host.root / "usr/local/bin/vllm"
    server.write_text(FAKE.read_text())
    server.chmod(0o755)
    made.environ |= {"FAKE_VLLM_SAW": "/tmp/saw", "FAKE_VLLM_COUNT": "/tmp/count"}
    return made


def await_model(pod: PodHost, state: str) -> dict[str, str]:
    """Wait for what status.sh is to say of it."""
    until(lambda: state == pod.must("status.sh")["model"], 90, f"the model to be {state}")
    return dict(pod.must("status.sh"))


def start(pod: PodHost, *words: str, stdin: str = SECRETS) -> dict[str, str]:
    """Start it as deploy does."""
    return dict(pod.must("start-model.sh", "--model", "lab/small", "--volume", "/workspace", *words, stdin=stdin))


def test_model_comes_up_stays_as_it_is_and_stops(pod: PodHost) -> None:
    """It is starting, then ready; told the same again nothing changes; stopped, its secrets are gone from memory."""
    first = start(pod)
    await_model(pod, "ready")
    again = start(pod)
    stopped = pod.must("stop-model.sh")

    assert {"model": "starting", "log": "vllm", "changed": "yes"} == first
    assert {"model": "ready", "log": "vllm", "changed": "no"} == again
    assert "vllm" == stopped["stopped"]
    assert "stopped" == pod.must("status.sh")["model"]
    assert [] == list((pod.host.root / "dev/shm/gpu-watchdog").iterdir())


def test_another_key_starts_it_anew(pod: PodHost) -> None:
    """What it is told on standard input counts as well: with another key the server is replaced."""
    start(pod)
    await_model(pod, "ready")

    assert "yes" == start(pod, stdin="model_key=another-key-altogether\n")["changed"]


def test_secrets_are_in_no_argument_and_no_log(pod: PodHost) -> None:
    """Both are in files that root alone reads; the server itself has its key in its environment, and no hub's token."""
    start(pod)
    await_model(pod, "ready")

    arguments = pod.host.must(
        ["sh", "-c", "cat /proc/[0-9]*/cmdline /var/log/gpu-watchdog/* /run/gpu-watchdog/*.* /var/lib/gpu-watchdog/*"]
    )
    saw = json.loads((pod.host.root / "tmp/saw").read_text())
    modes = {one.name: one.stat().st_mode & 0o777 for one in (pod.host.root / "dev/shm/gpu-watchdog").iterdir()}

    assert HUB not in arguments
    assert MODEL_KEY not in arguments
    assert {"hf-token": 0o600, "model-key": 0o600} == modes
    assert "127.0.0.1" == saw["argv"][saw["argv"].index("--host") + 1]
    assert HUB not in json.dumps(saw)


def test_server_that_gives_up_is_told_with_its_reason(pod: PodHost) -> None:
    """A wrong flag ends it for good: failed, and why."""
    start(pod, "--", "--memory-share", "5")
    said = await_model(pod, "failed")

    assert "memory-share" in said["model.reason"]
    assert "64" == said["service.vllm.exit"]


def test_image_without_a_server_is_told(new_pod: NewPod) -> None:
    """Without --install at once; with it and without a network the model is failed, and the log says at what."""
    bare = new_pod(1)
    bare.environ["PIP_RETRIES"] = "0"

    refused = bare.script("start-model.sh", "--model", "lab/small", stdin="")
    bare.must("start-model.sh", "--model", "lab/small", "--volume", "/workspace", "--install", stdin="")
    said = await_model(bare, "failed")

    assert "no_model_server" == refused.trouble
    assert "could not be installed" in said["model.reason"]
    assert "71" == said["service.vllm.exit"]
