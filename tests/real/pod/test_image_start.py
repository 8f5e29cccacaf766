"""A pod whose image has everything already: laid out as the Dockerfile copies it, started as the base image starts."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from time import monotonic

import pynvml
import pytest

from app.services.deploy.bundle import fingerprint
from tests.real.pod.pods import HOME, PodHost, Rack
from tests.real.slurm.daemons import until

pytestmark = pytest.mark.real("slurm", "gcc")

POD = Path(__file__).parents[3] / "pod"
COPY = re.compile(r"^COPY (?!--)(\S+) (\S+)$", re.MULTILINE)


@pytest.fixture
def imaged(rack: Rack) -> PodHost:
    """A pod without the bundle, its root filled by the Dockerfile's own COPY lines and its link."""
    pod = rack.pod(2, is_bare=True)
    final = (POD / "Dockerfile").read_text("utf-8").rpartition("\nFROM ")[2]
    for source, target in COPY.findall(final):
        there = pod.host.root / target.lstrip("/")
        if (POD / source).is_dir():
            shutil.copytree(POD / source, there, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        else:
            shutil.copy(POD / source, there)
    pod.host.must(["ln", "-s", "pod/setup", f"{HOME}/setup"])
    shutil.copy(pynvml.__file__, pod.host.root / HOME.lstrip("/") / "pynvml.py")
    return pod


def test_hook_ends_at_once_and_the_exporter_comes_up_behind_it(imaged: PodHost) -> None:
    """The hook is back in about a second, with 0; the exporter answers soon after, and the pod is healthy."""
    words = imaged.host.words(["bash", "/pre_start.sh"], environ=imaged.environ)

    began = monotonic()
    done = subprocess.run(words, capture_output=True, timeout=30, check=False)
    took_s = monotonic() - began
    until(lambda: "boot: done" in imaged.script("log.sh", "boot", "50").out, 90, "the boot to be done")
    health = imaged.script("health.sh")

    assert 0 == done.returncode
    assert took_s < 1.5
    assert "gpus=2" in imaged.script("log.sh", "boot", "50").out
    assert 0 == health.code, health.err


def test_deploy_need_not_bring_anything(imaged: PodHost) -> None:
    """The image's files are those of the bundle; the exporter of the boot is replaced by one with a token."""
    imaged.host.run(["bash", "/pre_start.sh"])
    there = imaged.script("fingerprint.sh").out.strip()

    imaged.must("install.sh", "--least-disk-mb", "64")
    taken = imaged.must("start-exporter.sh", "--node", "lab-head", "--token", stdin="a-token-of-this-deployment")

    assert fingerprint() == there
    assert "http://127.0.0.1:9400/metrics" == taken["url"]


def test_hook_of_a_broken_image_ends_no_start(imaged: PodHost) -> None:
    """Neither a missing script nor a log that cannot be written is an error of the container's start."""
    shutil.rmtree(imaged.host.root / HOME.lstrip("/") / "pod/setup")
    imaged.host.must(["sh", "-c", "rm -rf /var/log/gpu-watchdog; : > /var/log/gpu-watchdog"])

    assert 0 == imaged.host.run(["bash", "-e", "/pre_start.sh"]).returncode
