"""What a pod is, as key=value lines for the scripts: `python3 -m pod.setup.facts`. What is not known is left out.

Processors and memory are those that the container may use, not those of the machine it runs on.
"""

import fcntl
import os
import re
import socket
import struct
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

_VENDOR = frozenset(("nvidia", "geforce", "tesla", "quadro", "graphics", "device"))
_SIOCGIFADDR = 0x8915
_KEPT_SHARE = 0.95
"""Of the memory Slurm may give to jobs this much: the rest is sshd's, slurmd's and the exporter's."""
_CPU_QUOTAS = ("cpu.max", "cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us")
_MEMORY_LIMITS = ("memory.max", "memory/memory.limit_in_bytes")


@dataclass(frozen=True)
class Gpus:
    """The GPUs the driver counts."""

    names: tuple[str, ...]
    minors: tuple[int, ...]
    """The N of each one's /dev/nvidiaN: a pod with one GPU may have N = 5."""
    driver: str


def gres_type(name: str) -> str:
    """The word by which Slurm calls a GPU: `NVIDIA H100 80GB HBM3` is h100, `NVIDIA GeForce RTX 4090` rtx4090."""
    words = [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word and word not in _VENDOR]
    if not words:
        return "gpu"
    if words[0] != "rtx":
        return words[0]
    taken = words[:2]
    # `RTX 6000 Ada Generation` and `RTX PRO 6000 Blackwell` are other boards than `RTX 6000`.
    taken += [word for word in words[2:3] if word == "ada" or words[1] == "pro"]
    return "".join(taken)


def node_line(cpus: int, memory_mb: int | None, kind: str, gpus: int) -> str:
    """What slurmd says of its node when it joins (`--conf`): without Gres no GPU would be known there."""
    words = [f"CPUs={cpus}"]
    if memory_mb is not None:
        words.append(f"RealMemory={int(memory_mb * _KEPT_SHARE)}")
    if gpus:
        words += [f"Gres=gpu:{kind}:{gpus}", "Feature=gpu"]
    return " ".join(words)


def cpus(groups: Path = Path("/sys/fs/cgroup")) -> int:
    """Processors this container may use."""
    allowed = len(os.sched_getaffinity(0))
    for names in _CPU_QUOTAS:
        text = " ".join(_text(groups / name) for name in names.split())
        quota = re.fullmatch(r"(\d+)\s+(\d+)", text.strip())
        if quota is not None and int(quota[2]):
            return max(1, min(allowed, int(quota[1]) // int(quota[2])))
    return allowed


def memory_mb(groups: Path = Path("/sys/fs/cgroup"), meminfo: Path = Path("/proc/meminfo")) -> int | None:
    """MiB of memory this container may use; None where /proc does not say."""
    total = re.search(r"^MemTotal:\s+(\d+) kB", _text(meminfo), re.MULTILINE)
    limits = [int(text) // 2**20 for name in _MEMORY_LIMITS if (text := _text(groups / name).strip()).isdigit()]
    if total is not None:
        limits.append(int(total[1]) // 1024)
    return min(limits, default=None)


def gpus() -> Gpus | None:
    """What the driver says; None where there is no driver, or it does not answer."""
    if find_spec("pynvml") is None:
        return None
    from pod import driver  # noqa: PLC0415 - without pynvml it cannot be imported

    try:
        driver.initialise()
    except driver.NvmlUnavailableError as error:
        sys.stderr.write(f"{error}\n")
        return None
    try:
        handles = [driver.handle(index) for index in range(driver.gpu_count())]
        names = tuple(driver.text("nvmlDeviceGetName", one) or "" for one in handles)
        minors = tuple(int(driver.call("nvmlDeviceGetMinorNumber", one)) for one in handles)
        return Gpus(names, minors, driver.versions()[0] or "")
    except (driver.UnsupportedError, driver.LostError, driver.CallError, driver.NvmlUnavailableError) as error:
        sys.stderr.write(f"{error}\n")
        return None
    finally:
        driver.shut_down()


def addresses() -> tuple[str, ...]:
    """IPv4 addresses of this pod, loopback aside."""
    found = []
    for _, name in socket.if_nameindex():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                answer = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
            except OSError:
                continue  # it has none
        found.append(socket.inet_ntoa(answer[20:24]))
    return tuple(one for one in found if not one.startswith("127."))


def disk_free_mb(*places: str) -> int:
    """MiB that root may still write, on the fullest of the file systems of these places."""
    stats = [os.statvfs(place) for place in places if Path(place).exists()]
    return min(one.f_bavail * one.f_frsize for one in stats) // 2**20


def facts() -> Iterator[tuple[str, object]]:
    """All of them."""
    system = re.search(r'^PRETTY_NAME="?([^"\n]*)', _text(Path("/etc/os-release")), re.MULTILINE)
    yield "os", system[1] if system else None
    yield "python", ".".join(str(part) for part in sys.version_info[:3])
    yield "hostname", os.uname().nodename
    yield "addresses", ",".join(addresses())
    yield "cpus", cpus()
    yield "memory_mb", memory_mb()
    yield "disk_free_mb", disk_free_mb("/", "/opt", "/var", "/var/log", "/var/log/gpu-watchdog")
    yield "clock", f"{time.time():.3f}"
    found = gpus()
    if found is not None:
        kind = gres_type(found.names[0]) if found.names else "gpu"
        yield "gpus", len(found.names)
        yield "gpu_model", found.names[0] if found.names else None
        yield "gpu_type", kind if found.names else None
        yield "gpu_minors", ",".join(str(minor) for minor in found.minors)
        yield "driver", found.driver
        yield "node_line", node_line(cpus(), memory_mb(), kind, len(found.names))


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def main() -> int:
    """Print them."""
    for key, value in facts():
        if value not in (None, ""):
            text = "".join(char for char in str(value) if char.isprintable())
            sys.stdout.write(f"{key}={text}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
