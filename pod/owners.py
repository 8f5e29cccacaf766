"""Which Slurm job a process belongs to, by what the kernel shows of it.

In order of trust: its control group (slurmd's plugins cgroup/v1 and v2 name the job), `SLURM_JOB_ID` in its environment
(readable for its own user and root), an ancestor titled `slurmstepd: [812.0]` (readable for everybody, and there with
proctrack/linuxproc too), and what `scontrol listpids` says on a node of Slurm. Sources: cgroup.conf(5), scontrol(1).
"""

import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

MOST_ANCESTORS = 64
MAX_ENVIRON_BYTES = 256 * 1024
LISTPIDS_EVERY_S = 30.0
LISTPIDS_TIMEOUT_S = 5.0

_V2_OR_V1 = re.compile(r"/job_(\d+)(?:/|$)", re.ASCII)
_SLURM_GROUP = re.compile(r"slurmstepd\.scope|/slurm(?:_[^/]+)?/|/slurm/uid_", re.ASCII)
_TITLE = re.compile(r"^slurmstepd:? ?\[(\d+)\.[A-Za-z0-9_+]+\]", re.ASCII)
_ID = re.compile(rb"\d{1,12}", re.ASCII)

ListPids = Callable[[], Mapping[int, str]]
"""Process → job, as far as it is known now; never waits."""


def nothing() -> Mapping[int, str]:
    """No process is known to Slurm."""
    return {}


def job_of(proc: Path, pid: int) -> str | None:
    """The number of the job that a process belongs to, by what /proc shows of it; None where nothing says so."""
    folder = proc / str(pid)
    return _of_cgroup(folder / "cgroup") or _of_environment(folder / "environ") or _of_ancestors(proc, pid)


@lru_cache(maxsize=1)
def listing_here() -> ListPids:
    """What Slurm lists on this machine, one for the whole process; nothing where it has no commands of Slurm."""
    command = shutil.which("scontrol")
    return nothing if command is None else SlurmPids(command)


def _of_cgroup(path: Path) -> str | None:
    try:
        text = path.read_bytes()[:65536].decode("utf-8", "replace")
    except OSError:
        return None
    for line in text.splitlines():
        found = _V2_OR_V1.search(line)
        if found is not None and _SLURM_GROUP.search(line):
            return found.group(1)
    return None


def _of_environment(path: Path) -> str | None:
    """Of its variables only this one is ever looked at: the others may hold secrets."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_ENVIRON_BYTES)
    except OSError:
        return None
    for variable in text.split(b"\0"):
        name, _, value = variable.partition(b"=")
        if name in (b"SLURM_JOB_ID", b"SLURM_JOBID") and _ID.fullmatch(value):
            return value.decode("ascii")
    return None


def _of_ancestors(proc: Path, pid: int) -> str | None:
    for _ in range(MOST_ANCESTORS):
        parent = _parent(proc, pid)
        if parent is None or parent <= 1:
            return None
        try:
            title = (proc / str(parent) / "cmdline").read_bytes()[:256].decode("utf-8", "replace")
        except OSError:
            return None
        found = _TITLE.match(title)
        if found is not None:
            return found.group(1)
        pid = parent
    return None


def _parent(proc: Path, pid: int) -> int | None:
    try:
        line = (proc / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    words = line.rpartition(b")")[2].split()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else None


class SlurmPids:
    """What `scontrol listpids` says, asked again in the background now and then. Only a node of Slurm has an answer."""

    def __init__(self, command: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._command = command
        self._clock = clock
        self._known: Mapping[int, str] = {}
        self._due = 0.0
        self._asking: threading.Thread | None = None

    def __call__(self) -> Mapping[int, str]:
        """Process → job as of the last answer; asks anew if that is old, and does not wait for it."""
        now = self._clock()
        if now >= self._due and (self._asking is None or not self._asking.is_alive()):
            self._due = now + LISTPIDS_EVERY_S
            self._asking = threading.Thread(target=self._ask, name="scontrol listpids", daemon=True)
            self._asking.start()
        return self._known

    def wait(self, timeout_s: float) -> None:
        """Until the question under way is answered, for tests."""
        if self._asking is not None:
            self._asking.join(timeout_s)

    def _ask(self) -> None:
        try:
            answer = subprocess.run(
                [self._command, "listpids"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=LISTPIDS_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.SubprocessError):
            return
        if answer.returncode == 0:
            self._known = parse_listpids(answer.stdout)


def parse_listpids(text: bytes) -> dict[int, str]:
    """Process → job of `PID JOBID STEPID LOCALID GLOBALID` lines; others are left out."""
    found: dict[int, str] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0].isdigit() and _ID.fullmatch(words[1]):
            found[int(words[0])] = words[1].decode("ascii")
    return found
