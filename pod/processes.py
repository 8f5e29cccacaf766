"""Who runs on a GPU: NVML's process list, and what /proc says of each process.

In a container with a PID namespace of its own, NVML may give the host's process numbers. The same number may then be
another process here, so one that provably does not hold the GPU open is left without user and command.
"""

import os
import pwd
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from pod import driver
from pod.asker import Asker
from pod.gpu import GpuProcess, ProcessType
from pod.owners import ListPids, job_of, listing_here
from pod.redact import redact_command

HOST_PID_NAMESPACE = "pid:[4026531836]"
"""What /proc/self/ns/pid reads outside containers: the kernel's constant for the first namespace."""
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
MAX_COMMAND_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Person:
    """What does not change while a process lives."""

    start_ticks: int
    user: str | None
    name: str | None
    command: str | None
    job: str | None


@dataclass(frozen=True, slots=True)
class Details:
    """What /proc says of a process."""

    person: Person
    resident_bytes: int | None
    started_at: float | None
    job: str | None


class ProcessDetails:
    """Looks processes up in /proc; belongs to one GPU's thread, and remembers who is who."""

    def __init__(
        self, proc: Path = Path("/proc"), devices: Path = Path("/dev"), listpids: ListPids | None = None
    ) -> None:
        self._proc = proc
        self._listpids = listing_here() if listpids is None else listpids
        self._booted_at = _boot_time(proc)
        # Without /dev/nvidiactl there is no real driver whose open files could prove anything.
        self._must_prove = _namespace(proc) != HOST_PID_NAMESPACE and (devices / "nvidiactl").exists()
        self._known: dict[int, Person] = {}

    def look_up(self, pid: int) -> Details | None:
        """What is known of a live process; None when it is gone or is provably another one."""
        stat = _read_stat(f"{self._proc}/{pid}/stat")
        if stat is None:
            self._known.pop(pid, None)
            return None
        name, start_ticks, resident_pages = stat
        person = self._known.get(pid)
        if person is None or person.start_ticks != start_ticks:
            if self._must_prove and self._is_someone_else(pid):
                return None
            person = self._known[pid] = self._introduce(pid, name, start_ticks)
        started = None if self._booted_at is None else self._booted_at + start_ticks / TICKS_PER_S
        # Slurm's own list comes late, and only for what /proc leaves open.
        return Details(person, resident_pages * PAGE_BYTES, started, person.job or self._listpids().get(pid))

    def keep_only(self, pids: set[int]) -> None:
        """Forget processes that are no longer on the GPU."""
        for gone in self._known.keys() - pids:
            del self._known[gone]

    def _introduce(self, pid: int, name: str, start_ticks: int) -> Person:
        folder = self._proc / str(pid)
        try:
            user = _user_name(folder.stat().st_uid)
        except OSError:
            user = None
        try:
            with (folder / "cmdline").open("rb") as file:
                words = file.read(MAX_COMMAND_BYTES).rstrip(b"\0").split(b"\0")
        except OSError:
            words = []
        command = redact_command([word.decode("utf-8", "replace") for word in words]) or None
        return Person(start_ticks, user, redact_command([name]) or None, command, job_of(self._proc, pid))

    def _is_someone_else(self, pid: int) -> bool:
        """True only if the process's open files can be read and none of them is a GPU."""
        try:
            links = [str(entry.readlink()) for entry in (self._proc / str(pid) / "fd").iterdir()]
        except OSError:
            return False
        return not any(link.startswith("/dev/nvidia") for link in links)


class GpuProcesses:
    """The processes of one GPU; belongs to that GPU's thread."""

    def __init__(self, details: ProcessDetails) -> None:
        self._details = details
        self._sampled_us = 0

    def read(
        self, handles: tuple[driver.Handle, ...], whole: driver.Handle, asker: Asker, ticks: float
    ) -> tuple[GpuProcess, ...] | None:
        """All processes, by pid: listed by `handles` (the GPU, or each of its slices), sampled on the whole GPU.

        None where the driver will not list them. Raises Lost.
        """
        found: dict[tuple[int, int | None], GpuProcess] = {}
        answered = False
        for of in handles:
            for kind, letter in _KINDS:
                rows = asker.attempt(("processes", kind), ticks, partial(driver.processes, of, kind))
                answered = answered or rows is not None
                for row in rows or ():
                    key = (row.pid, row.gpu_instance)
                    found[key] = _merge(found.get(key), row, letter)
        if not answered and handles:
            return None
        shares = self._shares(whole, asker, ticks) if found else {}
        self._details.keep_only({pid for pid, _ in found})
        return tuple(self._complete(found[key], shares) for key in sorted(found, key=lambda k: (k[0], k[1] or 0)))

    def _shares(self, whole: driver.Handle, asker: Asker, ticks: float) -> dict[int, float]:
        """SM per cent of each process in its newest sample since the last reading."""
        samples = asker.attempt("samples", ticks, lambda: driver.process_samples(whole, self._sampled_us)) or []
        newest = {pid: share for pid, _, share in sorted(samples, key=lambda sample: sample[1]) if share <= 100}
        self._sampled_us = max((time_us for _, time_us, _ in samples), default=self._sampled_us)
        return newest

    def _complete(self, process: GpuProcess, shares: dict[int, float]) -> GpuProcess:
        details = self._details.look_up(process.pid)
        person = details.person if details else None
        return GpuProcess(
            process.pid,
            process.type,
            process.used_mib,
            shares.get(process.pid),
            process.gpu_instance,
            person.user if person else None,
            person.name if person else None,
            person.command if person else None,
            details.resident_bytes if details else None,
            details.started_at if details else None,
            details.job if details else None,
        )


_KINDS: tuple[tuple[str, ProcessType], ...] = (("Compute", "C"), ("Graphics", "G"))


def _merge(known: GpuProcess | None, row: driver.ProcessRow, letter: ProcessType) -> GpuProcess:
    """A process that both computes and draws is listed twice with the same memory, which counts once."""
    used = None if row.used_bytes is None else row.used_bytes / 2**20
    if known is None:
        return GpuProcess(row.pid, letter, used, None, row.gpu_instance)
    most = max((mib for mib in (known.used_mib, used) if mib is not None), default=None)
    return GpuProcess(row.pid, "C+G" if known.type != letter else letter, most, None, row.gpu_instance)


def _read_stat(path: str) -> tuple[str, int, int] | None:
    """Name, start (clock ticks since boot) and resident pages; None when the process is gone.

    By the plain calls: this is read for every process at every look, and a file object costs as much again.
    """
    try:
        opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        line = os.read(opened, 4096)
    except OSError:
        return None
    finally:
        os.close(opened)
    # The name stands in parentheses and may itself hold blanks and parentheses.
    head, _, tail = line.rpartition(b")")
    words = tail.split()
    if len(words) < 22:
        return None
    name = head.partition(b"(")[2].decode("utf-8", "replace")
    return name, int(words[19]), int(words[21])


@lru_cache(maxsize=4096)
def _user_name(uid: int) -> str:
    """The user's name, else the number: containers often have no entry for a user of the host."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _boot_time(proc: Path) -> float | None:
    try:
        for line in (proc / "stat").read_text("ascii", "replace").splitlines():
            if line.startswith("btime "):
                return float(line.split()[1])
    except OSError:
        return None
    return None


def _namespace(proc: Path) -> str | None:
    try:
        return str((proc / "self/ns/pid").readlink())
    except OSError:
        return None
