"""Pods whose root folder is the image's: nothing in them but what the image has, started by what the image names."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.real.deploy.pods import STATE, NamespacePods, Quirks, put_gpus
from tests.real.slurm.host_init import OWNED
from tests.real.slurm.namespaces import Host
from tests.real.slurm.releases import Release
from tests.standins.nvml.state import FakeNvml

GIVEN = ("home", "shared")
"""Every host of the tests is given these from outside."""


def release_of(root: Path) -> Release:
    """The image's Slurm, as the tests of real clusters name one."""
    return Release("image", "buildah", str(root))


def undress(host: Host, root: Path) -> None:
    """Let a host's folders be as the image has them: for other tests they are made, emptied, given to somebody."""
    for place in OWNED:
        there, image = host.root / place, root / place
        if place in GIVEN:
            continue
        shutil.rmtree(there, ignore_errors=True)
        # A container's /run is a file system of its own, and empty.
        if image.exists() and not place.startswith("run/"):
            subprocess.run(["cp", "-a", str(image), str(there)], check=True)


class ImagePods(NamespacePods):
    """All pods of an account that rents them with our image."""

    def __init__(self, root: Path, config: Mapping[str, Any], quirks: Mapping[str, Quirks] | None = None) -> None:
        """`config`: what the image says of how it is run."""
        super().__init__(quirks, release_of(root))
        self.root = root
        self._command: list[str] = config["Cmd"]
        self.health: list[str] = config.get("Healthcheck", {}).get("Test", [])[1:]
        """What an engine runs to ask whether a pod is well; nothing where the image does not say."""
        self._environ = dict(row.split("=", 1) for row in config["Env"])
        self._running: list[subprocess.Popen[bytes]] = []

    def console(self, key: str) -> str:
        """What a pod's start script has said so far."""
        return (self.of(key).host.root / "var/log/console").read_text()

    def on_end_of(self, pod_id: str) -> None:
        super().on_end_of(pod_id)
        if not self.pods:
            for process in self._running:
                process.wait(timeout=10)
            self._running.clear()

    def _lay_out(self, host: Host, gpus: int, env: Mapping[str, str], quirks: Quirks) -> FakeNvml:
        undress(host, self.root)
        told = host.root / "etc/ssh/sshd_config.d/driver.conf"
        told.write_text(f"SetEnv FAKE_NVML_STATE={STATE}/state\n")
        return put_gpus(host, gpus, quirks)

    def _start(self, host: Host, env: Mapping[str, str], quirks: Quirks) -> None:
        environ = {**self._environ, **env, "FAKE_NVML_STATE": f"{STATE}/state"}
        with (host.root / "var/log/console").open("wb") as console:
            words = host.words(self._command, environ=environ)
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        self._running.append(process)
