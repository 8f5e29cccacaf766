"""The image of the pods, built out of its own Dockerfile on stand-ins of its bases (`tests/standins/pod_base`)."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from app.services.deploy.bundle import fingerprint
from tests.real.image.sources import SUITE, Sources, sources
from tests.real.image.store import Build, Store
from tests.tools.parts import CACHE
from tests.tools.slurm_root import machine_mirror, words_of

ROOT = Path(__file__).parents[3]
POD = ROOT / "pod"
STANDIN = ROOT / "tests/standins/pod_base"
PLACE = CACHE / "pod-image"
_GITCONFIG = """\
[url "file:///srv/slurm.git"]
    insteadOf = https://github.com/SchedMD/slurm.git
[safe]
    directory = *
"""
_PIP = "[global]\nno-index = true\nfind-links = /srv/wheels\n"


def arguments() -> dict[str, str]:
    """The Dockerfile's build arguments with their defaults."""
    return dict(re.findall(r"^ARG (\w+)=(\S+)$", (POD / "Dockerfile").read_text("utf-8"), re.MULTILINE))


@dataclass(frozen=True)
class Builder:
    """Builds it."""

    store: Store
    context: Path
    """A copy of `pod`, in which Python has left what it leaves in a folder that is worked in."""

    @cached_property
    def sources(self) -> Sources:
        """What its Slurm is built from."""
        known = arguments()
        return sources(known["SLURM_TAG"], known["SLURM_COMMIT"])

    @cached_property
    def bases(self) -> dict[str, str]:
        """The stand-ins by their stage, under the names that the Dockerfile says."""
        names = {"ubuntu": "docker.io/library/ubuntu:24.04", "plain": "localhost/plain:base"}
        names["runpod"] = f"docker.io/{arguments()['BASE_IMAGE']}"
        folder = base_context()
        for stage, name in names.items():
            build = self.store.build(folder, "--target", stage, "--tag", name)
            assert 0 == build.code, build.log[-3000:]
        return names

    @cached_property
    def image(self) -> str:
        """Its name here: two checkouts with other files have two images."""
        return f"localhost/gpu-watchdog-pod:{fingerprint()}"

    def build(self, *words: str, commit: str = "", image: str = "") -> Build:
        """Build the whole of it; `commit`: another one than the tag's."""
        assert self.bases
        chosen = {"SLURM_TAG": self.sources.tag, "SLURM_COMMIT": commit or self.sources.commit}
        # What the Dockerfile says itself is left to it.
        other = set(chosen.items()) - set(arguments().items())
        asked = [word for name, value in sorted(other) for word in ("--build-arg", f"{name}={value}")]
        volumes = {self.sources.repository: "/srv/slurm.git", wheels(): "/srv/wheels"}
        return self.store.build(self.context, *asked, *words, "--tag", image or self.image, volumes=volumes)


def copy_of_pod(folder: Path) -> Path:
    """The folder `pod` as it is where somebody works: with compiled files in it."""
    shutil.copytree(POD, folder)
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(folder)], check=True)
    return folder


def base_context() -> Path:
    """What the stand-ins are built from; the root folder of Debian is fetched once for each recipe."""
    words = words_of(SUITE, Path("root.tar"), machine_mirror(), ())
    folder = PLACE / f"base-{hashlib.sha256(' '.join(words).encode()).hexdigest()[:8]}"
    folder.mkdir(parents=True, exist_ok=True)
    root = folder / "root.tar"
    if not root.exists():
        begun = folder / "part.tar"
        _run(words_of(SUITE, begun, machine_mirror(), ()))
        begun.rename(root)
    for name in ("Dockerfile", "docker-clean", "start.sh"):
        shutil.copy2(STANDIN / name, folder / name)
    (folder / "gitconfig").write_text(_GITCONFIG)
    (folder / "pip.conf").write_text(_PIP)
    return folder


def wheels() -> Path:
    """A folder with what the Dockerfile takes from PyPI, fetched by this machine's own pip."""
    version = arguments()["NVML_VERSION"]
    folder = PLACE / f"wheels-{version}"
    if not list(folder.glob("*.whl")):
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
        _run([*pip, f"nvidia-ml-py=={version}"])
    return folder


def _run(argv: Sequence[str]) -> None:
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, f"{' '.join(argv)}: {done.stderr[-2000:]}"
