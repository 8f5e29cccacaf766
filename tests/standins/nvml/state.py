"""Writes the state file that the NVML stand-in reads, so a test changes GPUs while a program watches them.

Every change replaces the file at once (rename), so a reader sees all of it or none of it. Keys a GPU may have, each
NOT_SUPPORTED when absent: see `presets.H100` and `presets.IDLE`, and

    procs            PID:MiB:TYPE:SM%[:GI[:CI]],...     TYPE is C, G or M
    nvlink.LINK      0 or 1;  nvlink_err.LINK.COUNTER   counter 0 replay, 1 recovery, 2 CRC
    field.ID[.SCOPE] a field value;  gpm.ID a GPM metric;  violation.POLICY  ns;  temp_threshold.KIND  C
    mig_mode, mig_count, mig.N.{profile,gi,ci,slices,mem_total,mem_used,mem_reserved,uuid,gpm.ID}
    lost, err.FUNCTION, err.*, delay.FUNCTION, delay.*  faults

and the machine: count, driver, cuda, node (makes UUIDs of several machines differ), init_error, wait_error, event.N.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from tests.standins.nvml import build, presets
from tests.standins.nvml.presets import Value

Which = int | Literal["*"]
"""A GPU's index, or all of them."""

XID = 8
"""NVML's event type of a critical Xid."""


class FakeNvml:
    """The GPUs of a machine that does not exist, as a file. Starts as `gpus` idle H100s."""

    def __init__(self, path: Path, gpus: int = 8) -> None:
        self.path = path
        self._values: dict[str, Value] = {"count": gpus, **presets.MACHINE}
        self._events = 0
        self._values.update({f"gpu.*.{key}": value for key, value in (presets.H100 | presets.IDLE).items()})
        self._write()

    def set(self, gpu: Which, values: Mapping[str, Value] | None = None, **more: Value) -> None:
        """Set keys of one GPU, or every GPU's defaults with "*" (which a GPU's own keys still override)."""
        self._values.update({f"gpu.{gpu}.{key}": value for key, value in {**(values or {}), **more}.items()})
        self._write()

    def set_each(self, values: Mapping[int, Mapping[str, Value]]) -> None:
        """Set keys of several GPUs at one moment, as a driver's numbers change all at once."""
        for gpu, of in values.items():
            self._values.update({f"gpu.{gpu}.{key}": value for key, value in of.items()})
        self._write()

    def unset(self, gpu: Which, *keys: str) -> None:
        """Forget keys: what depends on them is NOT_SUPPORTED again, unless "*" has them."""
        for key in keys:
            self._values.pop(f"gpu.{gpu}.{key}", None)
        self._write()

    def machine(self, values: Mapping[str, Value] | None = None, **more: Value | None) -> None:
        """Set keys of the machine; None forgets one."""
        for key, value in {**(values or {}), **more}.items():
            if value is None:
                self._values.pop(key, None)
            else:
                self._values[key] = value
        self._write()

    def idle(self, gpu: Which = "*") -> None:
        """Nothing runs: 70 W, 345 MHz, clocks held down by idleness."""
        self.set(gpu, presets.IDLE)

    def busy(self, gpu: Which = "*", pids: tuple[int, ...] = ()) -> None:
        """A training load: 97 %, 632 W, software power cap; `pids` share the memory as compute processes."""
        share = int(presets.BUSY["mem_used"]) // 2**20 // max(len(pids), 1)
        procs = ",".join(f"{pid}:{share}:C:{97 // len(pids)}" for pid in pids)
        self.set(gpu, presets.BUSY, procs=procs)

    def slice(self, gpu: int, profiles: tuple[str, ...]) -> None:
        """Turn MIG on and cut the GPU into these profiles, such as "3g.40gb"."""
        values: dict[str, Value] = {"mig_mode": 1, "mig_count": len(profiles)}
        for number, profile in enumerate(profiles):
            slices, _, memory = profile.partition("g.")
            total = int(memory.removesuffix("gb")) << 30
            own: dict[str, Value] = {
                "profile": profile,
                "gi": number + 1,
                "ci": 0,
                "slices": int(slices),
                "mem_total": total,
                "mem_used": 0,
            }
            values.update({f"mig.{number}.{key}": value for key, value in own.items()})
        self.set(gpu, values)

    def lose(self, gpu: int) -> None:
        """Every call on this GPU answers GPU_IS_LOST, the one for its handle too."""
        self.set(gpu, lost=1)

    def find(self, gpu: int) -> None:
        """Undo `lose`."""
        self.unset(gpu, "lost")

    def fail(self, gpu: Which, function: str, error: str) -> None:
        """Make one call (or "*") fail, `error` being NVML's name without NVML_ERROR_: NOT_SUPPORTED, UNKNOWN."""
        self.set(gpu, {f"err.{function}": error})

    def delay(self, gpu: Which, milliseconds: int, function: str = "*") -> None:
        """Make every call on this GPU, or one, take this long; calls on other GPUs stay quick."""
        self.set(gpu, {f"delay.{function}": milliseconds})

    def xid(self, gpu: int, code: int) -> None:
        """Raise a critical Xid, delivered once to every event set that is already there."""
        self.event(gpu, XID, code)

    def event(self, gpu: int, kind: int, payload: int = 0) -> None:
        """Raise any NVML event: 1 corrected ECC, 2 uncorrected ECC, 8 Xid."""
        self._events += 1
        self.machine({f"event.{self._events}": f"{gpu}:{kind}:{payload}"})

    def environment(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment in which a program sees these GPUs instead of real ones."""
        merged = dict(os.environ if base is None else base)
        paths = [str(build.build().parent), merged.get("LD_LIBRARY_PATH", "")]
        return merged | {"LD_LIBRARY_PATH": ":".join(filter(None, paths)), "FAKE_NVML_STATE": str(self.path)}

    def _write(self) -> None:
        fresh = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        fresh.write_text("".join(f"{key} {value}\n" for key, value in self._values.items()), encoding="utf-8")
        fresh.replace(self.path)
