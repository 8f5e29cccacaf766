"""MIG slices of one GPU: which there are, their memory and their activity."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pod import driver
from pod.activity import ActivityOfGpu
from pod.asker import Asker
from pod.gpu import MigInstance
from pod.questions import FAST, MIG_GPM, Call

_MEMORY = next(call for call in FAST.calls if call.function == "nvmlDeviceGetMemoryInfo")
_PROFILE = re.compile(r"\bMIG (\S+)$")
MAX_SLICES = 16
"""More than any GPU can be cut into."""


@dataclass(frozen=True, slots=True)
class Slice:
    """One MIG device as NVML lists it."""

    index: int
    handle: driver.Handle
    gpu_instance: int
    compute_instance: int | None
    profile: str
    uuid: str | None


class Slices:
    """The slices of one GPU; belongs to that GPU's thread."""

    def __init__(self) -> None:
        self.now: tuple[Slice, ...] = ()
        """The layout as last found."""
        self._activity: dict[int, ActivityOfGpu] = {}

    def find(self, of: driver.Handle) -> None:
        """Read the layout anew: slices are made and destroyed while we run. Raises Lost."""
        found = (_find_slice(of, index) for index in range(_most_slices(of)))
        self.now = tuple(piece for piece in found if piece is not None)
        present = {piece.gpu_instance for piece in self.now}
        for gone in self._activity.keys() - present:
            self._activity.pop(gone).close()

    def clear(self) -> None:
        """Forget all: the GPU was lost, or MIG was switched off."""
        self.now = ()
        for activity in self._activity.values():
            activity.close()
        self._activity.clear()

    def read(self, of: driver.Handle, asker: Asker, ticks: float) -> tuple[MigInstance, ...]:
        """Each slice with its values; slices of one GPU instance share them. Raises Lost."""
        values: dict[int, Mapping[str, float]] = {}
        for piece in self.now:
            if piece.gpu_instance not in values:
                activity = self._activity.setdefault(piece.gpu_instance, ActivityOfGpu(MIG_GPM, piece.gpu_instance))
                values[piece.gpu_instance] = _memory(piece, asker) | activity.read(of, asker, ticks)
        return tuple(
            MigInstance(p.index, p.gpu_instance, p.compute_instance, p.profile, p.uuid, values[p.gpu_instance])
            for p in self.now
        )


def profile_of(name: str | None, gpu_slices: int, memory_mib: int) -> str:
    """The profile in a slice's name ("NVIDIA H100 80GB HBM3 MIG 1g.10gb"), else one made of its size."""
    found = _PROFILE.search(name or "")
    return found.group(1) if found else f"{gpu_slices}g.{-(-memory_mib // 1024)}gb"


def _most_slices(of: driver.Handle) -> int:
    try:
        return min(int(driver.numbers("nvmlDeviceGetMaxMigDeviceCount", of, (), (None,))[0]), MAX_SLICES)
    except (driver.UnsupportedError, driver.CallError):
        return 0


def _find_slice(of: driver.Handle, index: int) -> Slice | None:
    try:
        handle = driver.Handle(driver.call("nvmlDeviceGetMigDeviceHandleByIndex", of, index))
        gpu_instance = int(driver.numbers("nvmlDeviceGetGpuInstanceId", handle, (), (None,))[0])
    except (driver.UnsupportedError, driver.CallError):
        return None
    compute_instance = _number(handle, "nvmlDeviceGetComputeInstanceId", None)
    sizes = _number(handle, "nvmlDeviceGetAttributes", "gpuInstanceSliceCount")
    memory = _number(handle, "nvmlDeviceGetAttributes", "memorySizeMB")
    profile = profile_of(driver.text("nvmlDeviceGetName", handle), sizes or 0, memory or 0)
    uuid = driver.text("nvmlDeviceGetUUID", handle)
    return Slice(index, handle, gpu_instance, compute_instance, profile, uuid)


def _number(handle: driver.Handle, function: str, part: driver.Part) -> int | None:
    try:
        return int(driver.numbers(function, handle, (), (part,))[0])
    except (driver.UnsupportedError, driver.CallError):
        return None


def _memory(piece: Slice, asker: Asker) -> dict[str, float]:
    call: Call | None = _MEMORY
    while call is not None:
        try:
            parts = driver.numbers(call.function, piece.handle, call.args, tuple(call.gives.values()))
        except driver.UnsupportedError:
            call = call.instead
        except driver.CallError as error:
            # A slice destroyed since the layout was read; the next look at the layout drops it.
            asker.note(error)
            return {}
        else:
            return {family: part * call.scale for family, part in zip(call.gives, parts, strict=True)}
    return {}
