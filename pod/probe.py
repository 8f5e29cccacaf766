"""Reads one GPU, whatever state it is in.

Each probe belongs to one thread, and nobody else calls the driver about its GPU.
"""

import dataclasses
from dataclasses import dataclass

from pod import driver
from pod.activity import ActivityOfGpu
from pod.asker import Asker
from pod.gpu import GpuProcess, GpuReading, Identity, MigInstance, NvLink
from pod.links import error_totals, read_links
from pod.processes import GpuProcesses, ProcessDetails
from pod.questions import FAST, GPM, MEDIUM, PCIE, SLOW, Lane
from pod.slices import Slices
from pod.xid import Watch


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How much to read, and how often."""

    medium_every_s: float = 5.0
    """Links, fans, bus, encoder, MIG layout."""
    slow_every_s: float = 60.0
    """Identity, limits, maxima, modes, spare rows."""
    pcie_every_s: float | None = 10.0
    """PCIe throughput, which the driver samples for 40 ms a GPU; None never. GPUs with GPM do not need it."""
    processes: bool = True
    expected_gpus: int | None = None
    """How many GPUs this machine ought to have; None takes NVML's count when it starts."""
    events: bool = True
    """Listen for Xid events; a single reading has no use for that."""


class _Timed:
    """A lane that is asked again only when its time has come, and keeps its values in between."""

    def __init__(self, lane: Lane, every_s: float | None, *, first_after_s: float = 0.0) -> None:
        self._lane = lane
        self._every_s = every_s
        self._first_after_s = first_after_s
        self._due: float | None = None
        self.values: dict[str, float] = {}

    def ask(self, of: driver.Handle, asker: Asker, ticks: float) -> bool:
        """Ask if due; True when it was."""
        if self._every_s is None:
            return False
        if self._due is None:
            self._due = ticks + self._first_after_s
        if ticks < self._due:
            return False
        self.values = asker.ask(of, self._lane, ticks)
        self._due = ticks + self._every_s
        return True


class Probe:
    """One GPU by its index."""

    def __init__(self, index: int, options: ReadOptions, details: ProcessDetails, watch: Watch | None) -> None:
        self._options = options
        self._details = details
        self._watch = watch
        self._identity = Identity(index)
        self._seen_at: float | None = None
        self._forget()

    def read(self, at: float, ticks: float) -> GpuReading:
        """Read now; `at` is the epoch time and `ticks` a monotonic one. Raises NvmlUnavailableError only."""
        self._asker.error = None
        try:
            values = self._values(ticks)
            processes = self._processes(ticks)
            mig = self._slices.read(self._handle_now(), self._asker, ticks) if self._slices.now else ()
        except driver.LostError:
            self._forget()
            return GpuReading(self._identity, at, is_lost=True, error="GPU is lost", seen_at=self._seen_at)
        except (driver.UnsupportedError, driver.CallError) as error:
            # Only the handle gets here: without it there is nothing to read.
            return GpuReading(self._identity, at, error=f"no access to the GPU: {error}", seen_at=self._seen_at)
        return self._complete(at, values, processes, mig)

    def _complete(
        self,
        at: float,
        values: dict[str, float],
        processes: tuple[GpuProcess, ...] | None,
        mig: tuple[MigInstance, ...],
    ) -> GpuReading:
        if values:
            self._seen_at = at
        return GpuReading(
            self._identity,
            at,
            values,
            processes,
            mig,
            self._links,
            error=self._asker.error,
            counts_xids=self._counts_xids,
            seen_at=self._seen_at,
        )

    def _forget(self) -> None:
        """Begin anew, keeping only who the GPU is: after a loss, its handle and all that hangs on it are void."""
        self._handle: driver.Handle | None = None
        self._asker = Asker()
        self._medium = _Timed(MEDIUM, self._options.medium_every_s)
        self._slow = _Timed(SLOW, self._options.slow_every_s)
        # Not in the first round: what a person waits for comes before a call of 40 ms.
        self._pcie = _Timed(PCIE, self._options.pcie_every_s, first_after_s=1.0)
        self._activity = ActivityOfGpu(GPM)
        self._slices = Slices()
        self._gpu_processes = GpuProcesses(self._details)
        self._links: tuple[NvLink, ...] = ()
        self._counts_xids = False

    def _handle_now(self) -> driver.Handle:
        if self._handle is None:
            self._handle = driver.handle(self._identity.index)
            self._identity = read_identity(self._handle, self._identity)
            if self._watch is not None:
                self._counts_xids = self._watch.register(self._identity.index, self._identity.uuid, self._handle)
        return self._handle

    def _values(self, ticks: float) -> dict[str, float]:
        of = self._handle_now()
        fast = self._asker.ask(of, FAST, ticks)
        activity = {} if self._slices.now else self._activity.read(of, self._asker, ticks)
        if self._medium.ask(of, self._asker, ticks):
            self._look_around(of, ticks)
        if self._slow.ask(of, self._asker, ticks):
            self._identity = read_identity(of, self._identity)
            exceeded = self._asker.attempt("sram", ticks, lambda: driver.sram_threshold_exceeded(of))
            if exceeded is not None:
                self._slow.values["gpu_watchdog_ecc_sram_threshold_exceeded"] = exceeded
        if "DCGM_FI_PROF_PCIE_TX_BYTES" not in activity:
            self._pcie.ask(of, self._asker, ticks)
        return {**self._slow.values, **self._medium.values, **self._pcie.values, **activity, **fast}

    def _look_around(self, of: driver.Handle, ticks: float) -> None:
        """What hangs on the GPU: links, fabric, slices."""
        links = read_links(of, self._asker, ticks)
        if links != self._links:  # who keeps readings need not look at the same object again
            self._links = links
        self._medium.values = error_totals(self._links) | self._medium.values | _fabric(of, self._asker, ticks)
        if self._medium.values.get("DCGM_FI_DEV_MIG_MODE"):
            self._slices.find(of)
        elif self._slices.now:
            self._slices.clear()
            self._activity = ActivityOfGpu(GPM)

    def _processes(self, ticks: float) -> tuple[GpuProcess, ...] | None:
        if not self._options.processes:
            return None
        whole = self._handle_now()
        # With MIG on, the whole GPU lists its slices' processes to administrators only.
        handles = tuple(piece.handle for piece in self._slices.now) or (whole,)
        return self._gpu_processes.read(handles, whole, self._asker, ticks)


def read_identity(of: driver.Handle, known: Identity) -> Identity:
    """Who the GPU is; a part that cannot be read now stays as known. Raises Lost."""
    try:
        minor: int | None = int(driver.numbers("nvmlDeviceGetMinorNumber", of, (), (None,))[0])
    except (driver.UnsupportedError, driver.CallError):
        minor = known.minor
    return dataclasses.replace(
        known,
        minor=minor,
        uuid=driver.text("nvmlDeviceGetUUID", of) or known.uuid,
        name=driver.text("nvmlDeviceGetName", of) or known.name,
        pci_bus_id=_bus_id(of) or known.pci_bus_id,
        serial=driver.text("nvmlDeviceGetSerial", of) or known.serial,
        vbios=driver.text("nvmlDeviceGetVbiosVersion", of) or known.vbios,
    )


def _bus_id(of: driver.Handle) -> str | None:
    try:
        return driver.bus_id(of)
    except (driver.UnsupportedError, driver.CallError):
        return None


def _fabric(of: driver.Handle, asker: Asker, ticks: float) -> dict[str, float]:
    """The NVLink fabric's registration, where the GPU is on one."""
    answer = asker.attempt("fabric", ticks, lambda: driver.fabric(of))
    if answer is None or answer[0] == 0:
        return {}
    state, status, health = answer
    values = {"DCGM_FI_DEV_FABRIC_MANAGER_STATUS": float(state), "DCGM_FI_DEV_FABRIC_HEALTH_MASK": float(health)}
    return values if status is None else values | {"DCGM_FI_DEV_FABRIC_MANAGER_ERROR_CODE": float(status)}
