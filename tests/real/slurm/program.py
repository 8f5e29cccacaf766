"""The program under test on a real cluster, by each of its ways in.

`local`: Slurm's commands on this machine, as an administrator's. `ssh`: alice, through the system's ssh. `rest`: alice,
by slurmrestd's socket and her token. `inside`: alice, who logged in on the head and configured nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from tests.real.slurm.cluster import SlurmCluster

ROOT = Path(__file__).parents[3]
WITHIN_S = 120.0


@dataclass(frozen=True, slots=True)
class Program:
    """One way to call the program."""

    words: tuple[str, ...]
    """Command line of the program itself."""
    options: tuple[str, ...]
    """Given after each command's own words."""
    environ: Mapping[str, str]
    user: str
    """Whom Slurm sees."""
    state: Path
    """State folder, as this machine sees it."""

    def run(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run one command line to its end."""
        line = [*self.words, *words, *self.options]
        return subprocess.run(
            line,
            check=False,
            cwd=ROOT,
            env=dict(self.environ),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
        )

    def must(self, *words: str, stdin: str = "") -> str:
        """Run a command that has to succeed and return what it prints."""
        done = self.run(*words, stdin=stdin)
        assert 0 == done.returncode, f"{' '.join(words)}: {done.returncode}\n{done.stderr}\n{done.stdout}"
        return done.stdout

    def json(self, *words: str, stdin: str = "") -> Any:  # noqa: ANN401 - JSON has any shape
        """What a command prints with `--json`; its exit code may say that something is down."""
        done = self.run(*words, "--json", stdin=stdin)
        assert done.stdout, f"{' '.join(words)}: {done.returncode}\n{done.stderr}"
        return json.loads(done.stdout)

    def audit(self) -> list[dict[str, Any]]:
        """The facts of the audit log; none where there is no log."""
        path = self.state / "audit.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def program(
    cluster: SlurmCluster, way: str, folder: Path, *, pages: Sequence[str] = (), user: str = "", interval_s: float = 2
) -> Program:
    """The program with a configuration for this way in, its state in `folder` (short: sockets lie there)."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "gpu-watchdog.toml"
    path = os.environ["PATH"]
    match way:
        case "local":
            user = user or "root"
            slurm = {"via": "local", "bin_dir": str(cluster.bin_dir(user))}
        case "ssh":
            user = user or "alice"
            slurm = {"via": "ssh", "ssh": f"{user}@head"}
            path = f"{cluster.ssh_dir()}:{path}"
        case "rest":
            user = user or "alice"
            token = folder / "token"
            token.write_text(f"SLURM_JWT={cluster.token(user)}\n")
            token.chmod(0o600)
            slurm = {"via": "rest", "rest_url": f"unix://{cluster.rest_socket}", "token_file": str(token)}
        case _:
            raise ValueError(f"no way is called {way}")
    config.write_text(_toml(slurm, pages, interval_s))
    environ = {
        **{key: value for key, value in os.environ.items() if key in ("LANG", "LC_ALL", "TZ", "TERM", "HOME")},
        "PATH": path,
        "GPU_WATCHDOG_STATE_DIR": str(folder / "state"),
        "XDG_RUNTIME_DIR": str(folder),
    }
    words = (sys.executable, "-m", "app")
    return Program(words, ("--config", str(config)), environ, user, folder / "state")


def program_inside(cluster: SlurmCluster, user: str) -> Program:
    """The program as a user of the head starts it: nothing is configured, Slurm is on the PATH."""
    words = cluster.head.words([sys.executable, "-m", "app"], user, {"PYTHONPATH": str(ROOT)})
    state = cluster.head.root / f"home/{user}/.local/state/gpu-watchdog"
    return Program(tuple(words), (), os.environ, user, state)


def _toml(slurm: Mapping[str, str], pages: Sequence[str], interval_s: float) -> str:
    lines = ["[cluster]", 'name = "lab"', f"interval_s = {interval_s}", "[store]", 'path = "none"', "[slurm]"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in slurm.items()]
    for url in pages:
        lines += ["[[target]]", f"url = {json.dumps(url)}"]
    return "\n".join([*lines, ""])


class Watch:
    """`status --watch --json`, read line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def until(self, is_so: Callable[[Any], bool], within_s: float = 90) -> Any:  # noqa: ANN401 - JSON has any shape
        """The first answer for which something is so."""
        began = monotonic()
        assert self._process.stdout is not None
        for line in self._process.stdout:
            status = json.loads(line)
            if is_so(status):
                return status
            assert monotonic() - began < within_s, f"waited {within_s:g} s; the last answer: {line[:4000]}"
        raise AssertionError(f"the watch ended with {self._process.wait(timeout=5)}")


@contextmanager
def watching(program: Program) -> Iterator[Watch]:
    """Watch the cluster until the context is left."""
    line = [*program.words, "status", "--watch", "--json", *program.options]
    process = subprocess.Popen(
        line, cwd=ROOT, env=dict(program.environ), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    try:
        yield Watch(process)
    finally:
        process.terminate()
        process.wait(timeout=30)
        assert process.stdout is not None
        process.stdout.close()
