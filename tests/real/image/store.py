"""Images of our own, by buildah, in a store of its own: it needs no daemon, no registry, and nothing of the machine's.

The store stays where the other parts of the tests are cached. A build takes from it what it has built before, by the
instructions, their arguments and the content of what is copied, as `docker build` does.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

_STEP = re.compile(r"^(?:\[\d+/\d+\] )?STEP \d+/\d+: (.*)")
_CACHED = "--> Using cache "
REGISTRIES = 'unqualified-search-registries = ["docker.io"]\n'
"""A short name means what it means to Docker."""


@dataclass
class Build:
    """What a build said."""

    code: int = 0
    log: str = ""
    times: dict[str, float] = field(default_factory=dict)
    """Seconds of each instruction that was carried out, in order; those found in the store are left out."""

    def note(self, step: str, took_s: float) -> None:
        """Keep the time of an instruction."""
        if step:
            self.times[step] = took_s


class Store:
    """Where images are kept and built."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        registries = folder / "registries.conf"
        registries.write_text(REGISTRIES)
        self._environ = {**os.environ, "CONTAINERS_REGISTRIES_CONF": str(registries)}
        self._words = ("buildah", "--root", str(folder / "root"), "--runroot", str(folder / "run"))

    def must(self, *words: str) -> str:
        """Run a command of buildah's that has to succeed, and return what it prints."""
        argv = [*self._words, *words]
        done = subprocess.run(argv, env=self._environ, capture_output=True, text=True, check=False)
        assert 0 == done.returncode, f"buildah {' '.join(words)}: {done.stderr}"
        return done.stdout.strip()

    def build(self, context: Path, *words: str, volumes: Mapping[Path, str] | None = None) -> Build:
        """Build a folder's Dockerfile; `volumes`: folders that its commands may read, and where."""
        # Docker's own format: the other one knows no HEALTHCHECK.
        fixed = ["bud", "--isolation", "chroot", "--format", "docker", "--layers", "--force-rm", "--pull-never"]
        for folder, place in (volumes or {}).items():
            fixed += ["--volume", f"{folder}:{place}:ro"]
        process = subprocess.Popen(
            [*self._words, *fixed, *words, str(context)],
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        build, step, began, lines = Build(), "", monotonic(), []
        with process:
            assert process.stdout is not None
            for line in process.stdout:
                lines.append(line)
                if line.startswith(_CACHED):
                    step = ""
                if found := _STEP.match(line):
                    build.note(step, monotonic() - began)
                    step, began = found[1], monotonic()
        build.note(step, monotonic() - began)
        build.code, build.log = process.returncode, "".join(lines)
        return build

    def config(self, image: str) -> dict[str, Any]:
        """What an image says of how it is to be run."""
        found: dict[str, Any] = json.loads(self.must("inspect", "--type", "image", image))["Docker"]["config"]
        return found

    def size_mb(self, image: str) -> int:
        """All layers of an image, unpacked."""
        row = json.loads(self.must("images", "--json", image))[0]
        number, unit = row["size"].split()
        return round(float(number) * {"KB": 0.001, "MB": 1, "GB": 1000}[unit])

    @contextmanager
    def mounted(self, image: str) -> Iterator[Path]:
        """The root folder of an image, as a container would begin with it."""
        container = self.must("from", "--pull-never", image)
        try:
            yield Path(self.must("mount", container))
        finally:
            self.must("umount", container)
            self.must("rm", container)
