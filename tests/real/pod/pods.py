"""Pods out of namespaces: bare hosts with nothing of ours but the bundle, on which the real scripts are run.

A pod's host name is not its node's and leads to the network of its engine, its private name to the private one, its
GPUs are the NVML stand-in's with device files that hold nothing. It ends with the `Rack`. Needs root.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.services.deploy.bundle import bundle
from tests.real.slurm.host_init import Plan
from tests.real.slurm.namespaces import (
    NETWORK,
    ClusterError,
    Fabric,
    Host,
    container_hosts,
    join_outer,
    make_fabric,
    make_host,
    outer_address,
)
from tests.real.slurm.releases import Release
from tests.standins.nvml import build
from tests.standins.nvml.state import FakeNvml

HOME = "/opt/gpu-watchdog"
LENT = "/tmp/lent"
"""Folder of a pod with what its container would bring: the driver's library."""
FIRST_NUMBER = 20
MOST_PODS = 40


@dataclass(frozen=True, slots=True)
class Said:
    """What a script answered."""

    code: int
    values: Mapping[str, str]
    out: str
    err: str

    @property
    def trouble(self) -> str:
        """Code of its last line; empty where there is none."""
        last = self.err.strip().splitlines()[-1:] or [""]
        return last[0].split(": ")[1] if last[0].startswith("trouble: ") else ""


@dataclass
class PodHost:
    """One pod."""

    id: str
    host: Host
    nvml: FakeNvml | None
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def outer(self) -> str:
        """Its address on the network that is not the private one."""
        return outer_address(self.host)

    @property
    def private_name(self) -> str:
        """Its name on the private network."""
        return f"{self.id}.runpod.internal"

    def bring(self, body: bytes) -> None:
        """Unpack the bundle, as `deploy` does."""
        words = ["sh", "-c", f"mkdir -p {HOME} && exec tar -xzf - -C {HOME} --no-same-owner"]
        subprocess.run(self.host.words(words), input=body, check=True, capture_output=True, timeout=30)

    def script(
        self, name: str, *words: str, stdin: str = "", within_s: float = 180.0, environ: Mapping[str, str] | None = None
    ) -> Said:
        """Run one of the scripts; `environ`: on top of the pod's own."""
        argv = ["bash", f"{HOME}/setup/{name}", *words]
        around = {**self.environ, **(environ or {})}
        done = self.host.run(argv, stdin=stdin, environ=around, within_s=within_s)
        rows = (line.partition("=") for line in done.stdout.splitlines())
        return Said(done.returncode, {key: value for key, sign, value in rows if sign}, done.stdout, done.stderr)

    def must(
        self, name: str, *words: str, stdin: str = "", environ: Mapping[str, str] | None = None
    ) -> Mapping[str, str]:
        """Run one that has to succeed. Raises ClusterError with what it said."""
        said = self.script(name, *words, stdin=stdin, environ=environ)
        if said.code:
            raise ClusterError(f"{name} on {self.id} ended with {said.code}:\n{said.err}\n{said.out}")
        return said.values


class Rack:
    """A place for pods on one private network."""

    def __init__(self, release: Release) -> None:
        self.release = release
        self.pods: list[PodHost] = []
        self._body = bundle()
        self._has_python = Path(f"{release.root}/usr/bin/python3").exists()
        self.fabric: Fabric = make_fabric()
        (self.fabric.inside / "shared/home").mkdir(parents=True)

    def pod(self, gpus: int = 2, minors: tuple[int, ...] = (), *, is_bare: bool = False) -> PodHost:
        """Start one more pod with the bundle on it; `minors`: the N of its /dev/nvidiaN, 0, 1, … if none are told."""
        number = FIRST_NUMBER + len(self.pods)
        name = f"pod{number}x"
        ids = minors or tuple(range(gpus))
        plan = Plan(
            name=name,
            lower=self.release.root,
            folder=f"{self.fabric.folder}/hosts/{name}",
            shared=f"{self.fabric.folder}/shared",
            names=self._names(name, number),
            users={"slurmrestd": 2003},
            munge_key="",
            gpus=max(ids, default=-1) + 1,
            open=[] if self._has_python else [sys.base_prefix],
        )
        host = make_host(self.fabric, plan, number)
        for index in set(range(plan["gpus"])) - set(ids):
            (host.root / f"dev/nvidia{index}").unlink()
        (host.root / LENT.lstrip("/")).mkdir()
        pod = PodHost(name, host, self._nvml(host, ids) if ids else None, self._environ(host))
        join_outer(self.fabric, host)
        self.pods.append(pod)
        if not is_bare:
            pod.bring(self._body)
        return pod

    @property
    def shared(self) -> Path:
        """What every pod has at /shared, as the machine sees it."""
        return self.fabric.inside / "shared"

    def end(self) -> None:
        """End all of them."""
        self.fabric.end()
        for pod in self.pods:
            pod.host.process.wait(timeout=10)
            assert pod.host.process.stdout is not None
            pod.host.process.stdout.close()

    def _names(self, name: str, number: int) -> str:
        numbers = range(FIRST_NUMBER, FIRST_NUMBER + MOST_PODS)
        rows = [f"{NETWORK}.{number} pod{number}x.runpod.internal" for number in numbers]
        return container_hosts(name, number) + "\n".join([*rows, ""])

    def _nvml(self, host: Host, minors: tuple[int, ...]) -> FakeNvml:
        """The stand-in as the driver's library, its state where the pod's programs find it."""
        (host.root / LENT.lstrip("/") / build.SONAME).write_bytes(build.build().read_bytes())
        return FakeNvml(host.root / LENT.lstrip("/") / "state", len(minors))

    def _environ(self, host: Host) -> dict[str, str]:
        """What the pod's container has in its environment."""
        environ = {"LD_LIBRARY_PATH": LENT, "FAKE_NVML_STATE": f"{LENT}/state"}
        if self._has_python:
            return environ
        # A root folder without Python is lent that of the machine, with the one library it has not.
        for library in Path("/usr/lib").glob("*/libffi.so.8"):
            shutil.copy(library, host.root / LENT.lstrip("/") / library.name)
        return environ | {"GPU_WATCHDOG_PYTHON": f"{sys.base_prefix}/bin/python3"}
