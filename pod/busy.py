"""Whether anybody uses this pod or its cluster: looks at Slurm's queue, the GPUs and the model server, once each.

A look says True, False, or None where it cannot tell. Standard library and the driver alone.
"""

import re
import subprocess
import urllib.request
from collections.abc import Callable, Sequence
from importlib.util import find_spec

Look = Callable[[], "bool | None"]

BUSY_PERCENT = 5.0
"""A GPU that works more than this is in use."""
_TIMEOUT_S = 20.0
_MOST_BYTES = 4 * 2**20
_JOBS = ("squeue", "-h", "-t", "PD,CF,R,CG,S,RQ", "-o", "%A")
_NODES = ("scontrol", "-o", "show", "node")
_REQUESTS = re.compile(rb"^vllm:num_requests_(?:running|waiting)\{[^}\n]*\} ([0-9.e+]{1,24})", re.MULTILINE)
_MARK = re.compile(r"\bbusy at (\d{9,11})\b")
"""What a worker writes into the comment of its node, so that the head knows of work outside the queue."""


def anybody(looks: Sequence[Look]) -> bool:
    """Whether one of them sees work; also where none can tell, since work may be there."""
    seen = [look() for look in looks]
    return True in seen or all(one is None for one in seen)


def jobs() -> bool | None:
    """Whether a job runs or waits in the cluster."""
    said = _said(_JOBS)
    return None if said is None else bool(said.strip())


def head_answers() -> bool | None:
    """Whether the controller answers: as long as it does, it is the head that decides for all."""
    return True if _said(_JOBS) is not None else None


def gpus() -> bool | None:
    """Whether a GPU of this pod works."""
    if find_spec("pynvml") is None:
        return None
    from pod import driver  # noqa: PLC0415 - without pynvml it cannot be imported

    try:
        driver.initialise()
    except driver.NvmlUnavailableError:
        return None
    try:
        handles = [driver.handle(index) for index in range(driver.gpu_count())]
        loads = [driver.numbers("nvmlDeviceGetUtilizationRates", one, (), ("gpu",))[0] for one in handles]
    except (driver.UnsupportedError, driver.LostError, driver.CallError, driver.NvmlUnavailableError):
        return None
    finally:
        driver.shut_down()
    return any(load > BUSY_PERCENT for load in loads)


def model(url: str) -> Look:
    """Whether the model server works on a request. One that does not answer has nothing to do."""

    def look() -> bool | None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(url, timeout=_TIMEOUT_S) as answer:
                page: bytes = answer.read(_MOST_BYTES)
        except (OSError, ValueError):
            return None
        return any(float(match[1]) > 0 for match in _REQUESTS.finditer(page))

    return look


def marks_since(after: float) -> bool | None:
    """Whether a worker has marked its node as busy after a time (epoch seconds)."""
    said = _said(_NODES)
    if said is None:
        return None
    return any(float(match[1]) > after for match in _MARK.finditer(said))


def mark(node: str, now: float) -> None:
    """Mark a node as busy; where Slurm will not, the next round tries again."""
    _said(("scontrol", "update", f"nodename={node}", f"comment=busy at {now:.0f}"))


def _said(words: Sequence[str]) -> str | None:
    """What a command prints; None where it fails or does not end."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if done.returncode else done.stdout
