"""The one module that touches pynvml: typed calls, and NVML's error codes turned into four kinds of failure.

A call raises `UnsupportedError` (this GPU, driver or user will not have it: leave the value out), `LostError` (the
GPU is gone), `NvmlUnavailableError` (NVML as a whole is gone) or `CallError` (this once). Knows nothing of metrics.
"""

import ctypes
import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NewType

import pynvml

Handle = NewType("Handle", object)
"""A GPU or MIG device, as NVML hands it out. Valid until shutdown, useless once the GPU is lost."""
EventSet = NewType("EventSet", object)

Part = str | int | None
"""Which part of a call's answer: a field's name, a place in a list, or all of it."""

UNSUPPORTED = frozenset({2, 3, 4, 13, 22, 24, 25, 26})
"""Invalid argument (an old driver that does not know this id), not supported, no permission, no such function, ECC of a
vGPU, frequency, other version, deprecated."""
MOMENTARY = frozenset({6, 21, 27})
"""Not found, no data, not ready: nothing to say this time."""
LOST = frozenset({15, 28})
UNAVAILABLE = frozenset({1, 9, 12, 18})
TIMEOUT = 10
TOO_SMALL = 7

MEMORY_V2 = pynvml.nvmlMemory_v2

XID, ECC_CORRECTED, ECC_UNCORRECTED = 8, 1, 2
"""NVML's event types that we listen to."""


class UnsupportedError(Exception):
    """This GPU, driver or user does not have this call."""


class LostError(Exception):
    """The GPU has fallen off the bus or is otherwise gone."""


class CallError(Exception):
    """A call failed for a reason that may pass."""

    def __init__(self, function: str, code: int, text: str) -> None:
        super().__init__(f"{function}: {text}")
        self.code = code


class NvmlUnavailableError(Exception):
    """NVML cannot be used at all; the text says why and what to do."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{text}. {ADVICE.get(code, DEFAULT_ADVICE)}")
        self.code = code
        """NVML's error code."""


DEFAULT_ADVICE = (
    "Run nvidia-smi: if it fails too, look at the kernel log (NVRM lines); in a container that worked before, "
    "restart the container"
)
ADVICE = {
    4: "Check the rights on /dev/nvidiactl and /dev/nvidia0",
    9: (
        "Load the driver (modprobe nvidia) and look for NVRM lines in the kernel log; "
        "a container must be started with GPUs"
    ),
    12: (
        "libnvidia-ml.so.1 comes with the NVIDIA driver: install it, or start the container with GPUs "
        "(docker run --gpus all)"
    ),
    18: "The driver was upgraded without a reload: drain the node, then reboot it or reload the nvidia modules",
}


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """A process as NVML lists it."""

    pid: int
    used_bytes: int | None
    gpu_instance: int | None


@dataclass(frozen=True, slots=True)
class Event:
    """An event as NVML delivers it: `address` is that of the handle it was registered with."""

    address: int
    type: int
    payload: int


def call(function: str, *args: object) -> Any:  # noqa: ANN401 - the edge of an untyped library
    """Call pynvml's `function` and turn its errors into ours."""
    try:
        return getattr(pynvml, function)(*args)
    except pynvml.NVMLError as error:
        raise failure(function, error.value) from None
    except pynvml.NVMLLibraryMismatchError:
        raise UnsupportedError(function) from None
    except (UnicodeDecodeError, ctypes.ArgumentError) as error:
        raise CallError(function, 999, str(error)) from error


def failure(function: str, code: int) -> Exception:
    """The exception for an NVML error code."""
    if code in UNSUPPORTED:
        return UnsupportedError(function)
    if code in LOST:
        return LostError(function)
    if code in UNAVAILABLE:
        return NvmlUnavailableError(code, f"NVML does not work: {error_text(code)}")
    return CallError(function, code, error_text(code))


def error_text(code: int) -> str:
    """NVML's own words for a code."""
    return str(pynvml.NVMLError(code))


def initialise() -> None:
    """Load the library and start NVML; raises NvmlUnavailableError with what to do."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        raise NvmlUnavailableError(error.value, f"NVML did not start: {error_text(error.value)}") from None


def shut_down() -> None:
    """Stop NVML; handles are invalid from here on. Never call it while another thread is inside a call."""
    try:
        pynvml.nvmlShutdown()
    except pynvml.NVMLError:
        # It was not running, or the driver is gone: either way there is nothing left to stop.
        return


def versions() -> tuple[str | None, str | None]:
    """The driver's version and the CUDA version it supports, such as ("580.95.05", "13.0")."""
    driver = text("nvmlSystemGetDriverVersion")
    try:
        cuda = int(call("nvmlSystemGetCudaDriverVersion_v2"))
    except (UnsupportedError, LostError, CallError):
        return driver, None
    return driver, f"{cuda // 1000}.{cuda % 1000 // 10}"


def gpu_count() -> int:
    """How many GPUs NVML knows, lost ones included."""
    return int(call("nvmlDeviceGetCount"))


def handle(index: int) -> Handle:
    """The GPU with this index."""
    return Handle(call("nvmlDeviceGetHandleByIndex", index))


def address(of: Handle) -> int:
    """What an event's device pointer is compared with; asking a lost GPU for its index would fail."""
    return ctypes.cast(of, ctypes.c_void_p).value or 0  # type: ignore[arg-type]  # pynvml's pointer, opaque to us


def text(function: str, *args: object) -> str | None:
    """A call that answers with a string; None where it will not."""
    try:
        answer = call(function, *args)
    except (UnsupportedError, CallError):
        return None
    return (answer.decode("utf-8", "replace") if isinstance(answer, bytes) else str(answer)).strip() or None


def bus_id(of: Handle) -> str | None:
    """The PCI address, such as 00000000:18:00.0."""
    return str(call("nvmlDeviceGetPciInfo", of).busId) or None


def numbers(function: str, of: Handle, args: Sequence[int], parts: Sequence[Part]) -> list[float]:
    """The wanted parts of a call's answer, as numbers."""
    answer = call(function, of, *args)
    return [float(_part(answer, part)) for part in parts]


def _part(answer: Any, part: Part) -> Any:  # noqa: ANN401 - the edge of an untyped library
    if part is None:
        return answer
    return getattr(answer, part) if isinstance(part, str) else answer[part]


def raw_call(function: str, *args: object) -> None:
    """Call the library itself, past pynvml's own wrapper, with arguments that ctypes understands."""
    try:
        code = getattr(pynvml.nvmlLib, function)(*args)
    except AttributeError:
        raise UnsupportedError(function) from None
    if code:
        raise failure(function, code)


_PROCESS = struct.Struct("=I4xQI4x")
"""nvmlProcessInfo_v2_t, which v3 of the call fills too: process, bytes used, GPU instance, compute instance."""
_PROCESSES_FIRST, _PROCESSES_MOST = 32, 65_536
"""Room for processes: as much as nearly always suffices, and where asking for more makes no sense."""


def processes(of: Handle, kind: str) -> list[ProcessRow]:
    """Running processes; `kind` is Compute or Graphics."""
    try:
        answer = _process_rows(f"nvmlDeviceGet{kind}RunningProcesses_v3", of)
    except UnsupportedError:
        answer = _process_rows(f"nvmlDeviceGet{kind}RunningProcesses_v2", of)
    return [
        ProcessRow(pid, None if used == 0xFFFFFFFFFFFFFFFF else used, None if instance == 0xFFFFFFFF else instance)
        for pid, used, instance in answer
    ]


def _process_rows(function: str, of: Handle) -> Iterator[tuple[int, int, int]]:
    """(pid, bytes, GPU instance) of each process. In one call: pynvml asks how many first, then how each is called."""
    room = _PROCESSES_FIRST
    while True:
        count = ctypes.c_uint(room)
        rows = (ctypes.c_char * (room * _PROCESS.size))()
        try:
            raw_call(function, of, ctypes.byref(count), rows)
        except CallError as error:
            if error.code != TOO_SMALL or room >= _PROCESSES_MOST:
                raise
            room = min(2 * max(count.value, room), _PROCESSES_MOST)  # more may have come since it counted them
            continue
        return _PROCESS.iter_unpack(rows.raw[: count.value * _PROCESS.size])


def process_samples(of: Handle, since_us: int) -> list[tuple[int, int, float]]:
    """Samples newer than `since_us`, as (pid, time in us, SM per cent)."""
    try:
        answer = call("nvmlDeviceGetProcessUtilization", of, since_us)
    except CallError as error:
        if error.code in MOMENTARY:
            return []
        raise
    return [(int(row.pid), int(row.timeStamp), float(row.smUtil)) for row in answer]


def fabric(of: Handle) -> tuple[int, int | None, int]:
    """State of the GPU's NVLink fabric registration, its status once complete, and the health mask."""
    info = pynvml.c_nvmlGpuFabricInfo_v2_t()
    call("nvmlDeviceGetGpuFabricInfoV", of, ctypes.byref(info))
    # The state is one byte in the ABI and the three after it are padding, though pynvml reads all four.
    state = int(info.state) & 0xFF
    return state, int(info.status) if state == 3 else None, int(info.healthMask)


def sram_threshold_exceeded(of: Handle) -> float:
    """1 when uncorrectable SRAM errors passed the limit for a replacement."""
    status = pynvml.c_nvmlEccSramErrorStatus_v1_t()
    call("nvmlDeviceGetSramEccErrorStatus", of, ctypes.byref(status))
    return float(bool(status.bThresholdExceeded))


class GpmSamples:
    """Two samples of a GPU's performance monitor, taken in turn; metrics are what happened between them.

    The answers are unpacked as bytes, since pynvml looks up every attribute of its structures in Python.
    """

    _ROW = struct.Struct(f"@4xId{3 * struct.calcsize('P')}x")
    """nvmlGpmMetric_t: id, return code, value, three names."""

    def __init__(self, of: Handle, ids: Sequence[int], instance: int | None = None) -> None:
        """Prepare to read the metrics `ids` of a GPU, or of one of its MIG instances (Hopper and newer)."""
        if not call("nvmlGpmQueryDeviceSupport", of).isSupportedDevice:
            raise UnsupportedError("nvmlGpmQueryDeviceSupport")
        self._of = of
        self._instance = instance
        self._answer = pynvml.c_nvmlGpmMetricsGet_t()
        self._answer.version, self._answer.numMetrics = pynvml.NVML_GPM_METRICS_GET_VERSION, len(ids)
        for place, number in enumerate(ids):
            self._answer.metrics[place].metricId = number
        first = type(self._answer).metrics.offset
        self._rows = (ctypes.c_char * (len(ids) * self._ROW.size)).from_buffer(self._answer, first)
        self._newest: Any = call("nvmlGpmSampleAlloc")
        self._older: Any = call("nvmlGpmSampleAlloc")

    def take(self) -> None:
        """Take a sample; it becomes the newest once it succeeded."""
        if self._instance is None:
            call("nvmlGpmSampleGet", self._of, self._older)
        else:
            call("nvmlGpmMigSampleGet", self._of, self._instance, self._older)
        self._newest, self._older = self._older, self._newest

    def metrics(self) -> list[float | None]:
        """The metrics between the last two samples, in NVML's units; None where the GPU does not count that."""
        self._answer.sample1, self._answer.sample2 = self._older, self._newest
        call("nvmlGpmMetricsGet", self._answer)
        told = self._ROW.iter_unpack(self._rows.raw)
        return [None if code or math.isnan(value) else value for code, value in told]

    def free(self) -> None:
        """Give the samples' memory back."""
        for sample in (self._newest, self._older):
            call("nvmlGpmSampleFree", sample)


def event_set() -> EventSet:
    """Make an empty event set, to be freed with `free_event_set`."""
    return EventSet(call("nvmlEventSetCreate"))


def register_events(of: Handle, types: int, into: EventSet) -> None:
    """Have events of these types delivered to a set."""
    call("nvmlDeviceRegisterEvents", of, types, into)


def supported_events(of: Handle) -> int:
    """The event types this GPU has, as bits."""
    return int(call("nvmlDeviceGetSupportedEventTypes", of))


def free_event_set(events: EventSet) -> None:
    """Free a set that no thread waits on."""
    call("nvmlEventSetFree", events)


def wait_event(events: EventSet, timeout_ms: int) -> Event | None:
    """The next event, or None when none came in time."""
    try:
        event = call("nvmlEventSetWait_v2", events, timeout_ms)
    except CallError as error:
        if error.code == TIMEOUT:
            return None
        raise
    return Event(address(event.device), int(event.eventType), int(event.eventData))
