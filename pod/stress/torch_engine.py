"""The engine on torch: a CUDA GPU, or the host where torch sees none. The one module that touches torch.

torch is imported when the engine is made. Results are compared bit for bit with the first one: cuBLAS gives the same
bits for the same call on the same GPU, so a difference is an error of the hardware.
"""

from __future__ import annotations

import os
import time
from datetime import timedelta
from importlib import import_module
from typing import Any

from pod.stress.engine import BLOCK_BYTES, Load, Matmul, Meeting, Memory, Mismatches, Place, Reduction, Words
from pod.stress.patterns import MOST_ADDRESSES

_STEP_S = 0.05
_GIB = 1024**3
_WORDS = BLOCK_BYTES // 8
_ROWS = 4096
"""Blocks that are compared at once: 256 MiB."""


class EngineError(Exception):
    """There is no such device; the message is for a person."""


class _Repeated:
    """A call that is repeated until a step is worth timing."""

    def __init__(self, torch: Any, device: Any, amount: float) -> None:  # noqa: ANN401 - torch ships no stubs here
        self.torch = torch
        self.device = device
        self._amount = amount
        self._times = 1

    def call(self) -> None:
        """Start it once."""
        raise NotImplementedError

    def wait(self) -> None:
        """Wait for what was started."""
        if self.device.type == "cuda":
            self.torch.cuda.synchronize(self.device)

    def tune(self) -> None:
        """Warm up, then choose how often a step repeats."""
        self.call()
        self.wait()
        began = time.perf_counter()
        self.call()
        self.wait()
        self._times = max(1, min(1000, int(_STEP_S / max(1e-6, time.perf_counter() - began))))

    def step(self) -> float:
        for _ in range(self._times):
            self.call()
        self.wait()
        return self._amount * self._times


class TorchMatmul(_Repeated):
    """Square matrices in one precision."""

    def __init__(self, torch: Any, device: Any, precision: str, side: int) -> None:  # noqa: ANN401 - as above
        super().__init__(torch, device, 2.0 * side**3)
        self._precision = precision
        kind = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp8": torch.bfloat16}.get(precision, torch.float32)
        made = torch.Generator(device=device).manual_seed(7)
        self._left = torch.randn(side, side, device=device, generator=made).to(kind)
        self._right = torch.randn(side, side, device=device, generator=made).to(kind)
        self._out = torch.empty(side, side, device=device, dtype=kind)
        if precision == "fp8":
            self._left = self._left.to(torch.float8_e4m3fn)
            self._right = self._right.to(torch.float8_e4m3fn).t()  # the hardware wants the second by columns
            self._one = torch.ones((), device=device)
        torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
        self.tune()
        self._first = self._bits().clone()

    def call(self) -> None:
        if self._precision == "fp8":
            scaled = self.torch._scaled_mm  # noqa: SLF001 - torch has no other door to fp8
            kind = self.torch.bfloat16
            made = scaled(self._left, self._right, out_dtype=kind, scale_a=self._one, scale_b=self._one)
            self._out = made[0] if isinstance(made, tuple) else made  # before 2.5 the largest element came along
        else:
            self.torch.matmul(self._left, self._right, out=self._out)

    def _bits(self) -> Any:  # noqa: ANN401 - a tensor
        return self._out.view(self.torch.int32 if self._out.element_size() == 4 else self.torch.int16)

    def differences(self) -> int:
        return int((self._bits() != self._first).sum().item())


class TorchCopy(_Repeated):
    """One tensor into another, on the device or across its bus."""

    def __init__(self, torch: Any, device: Any, of: Any, to: Any, times_counted: int) -> None:  # noqa: ANN401 - as above
        super().__init__(torch, device, float(of.numel() * of.element_size() * times_counted))
        self._of, self._to = of, to
        self.tune()

    def call(self) -> None:
        self._to.copy_(self._of, non_blocking=True)


class TorchRead(_Repeated):
    """A sum over a tensor."""

    def __init__(self, torch: Any, device: Any, of: Any) -> None:  # noqa: ANN401 - as above
        super().__init__(torch, device, float(of.numel() * of.element_size()))
        self._of = of
        self.tune()

    def call(self) -> None:
        self._of.sum()


class TorchMemory:
    """Most of what is free on the device."""

    def __init__(self, torch: Any, device: Any, size: int) -> None:  # noqa: ANN401 - as above
        self._torch = torch
        self._device = device
        self.blocks = max(1, size // BLOCK_BYTES)
        self._kept: tuple[Words, Any] | None = None
        self.words = torch.empty(self.blocks, _WORDS, dtype=torch.int64, device=device)

    def _wanted(self, words: Words) -> Any:  # noqa: ANN401 - a tensor
        """Each block's word, signed; kept from the filling for the check, since Python makes them one by one."""
        if self._kept is None or self._kept[0] is not words:
            signed = [word - (1 << 64) if word >= 1 << 63 else word for word in map(words, range(self.blocks))]
            made = self._torch.tensor(signed, dtype=self._torch.int64).to(self._device)[:, None]
            self._kept = (words, made)
        return self._kept[1]

    def fill(self, words: Words) -> None:
        self.words.copy_(self._wanted(words).expand(self.blocks, _WORDS))

    def check(self, words: Words) -> Mismatches:
        wanted = self._wanted(words)
        total = 0
        first: list[int] = []
        for begin in range(0, self.blocks, _ROWS):
            wrong = self.words[begin : begin + _ROWS] != wanted[begin : begin + _ROWS]
            found = int(wrong.sum().item())
            if found and len(first) < MOST_ADDRESSES:
                places = wrong.nonzero()[: MOST_ADDRESSES - len(first)].tolist()
                first += [((begin + row) * _WORDS + column) * 8 for row, column in places]
            total += found
        return Mismatches(total, tuple(first))


class TorchReduction(_Repeated):
    """torch.distributed's all-reduce: NCCL among GPUs, gloo among hosts."""

    def __init__(self, torch: Any, device: Any, group: Any, size: int, count: int) -> None:  # noqa: ANN401 - as above
        self._dist = torch.distributed
        self._group = group
        self._size = size
        self._rank = self._dist.get_rank(group)
        self._data = torch.zeros(count, device=device)  # of zeros the sum stays 0, however often it is taken
        super().__init__(torch, device, 2.0 * (size - 1) / size * count * 4)

    def call(self) -> None:
        self._dist.all_reduce(self._data, group=self._group)

    def wrong(self) -> int:
        """By numbers whose sums are whole and small, hence exact."""
        numbers = self.torch.arange(self._data.numel(), device=self.device) % 1000
        self._data.copy_(numbers * (self._rank + 1))
        self.call()
        wanted = numbers * (self._size * (self._size + 1) // 2)
        found = int((self._data != wanted).sum().item())
        self._data.zero_()
        return found

    def agree(self, number: int) -> int:
        told = self.torch.tensor([number], dtype=self.torch.int64, device=self.device)
        self._dist.all_reduce(told, group=self._group)
        return int(told.item())

    def close(self) -> None:
        """The group lives as long as the process."""


class TorchEngine:
    """One GPU, or the host."""

    name = "torch"

    def __init__(self, index: int) -> None:
        """Raises ImportError without torch, EngineError where there is no GPU of that number."""
        os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")  # as NVML and Slurm count
        torch = self._torch = import_module("torch")
        self.uuid: str | None = None
        self.bus_id: str | None = None
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if not count:
            self.kind, self.model = "cpu", "processor, by torch"
            self._device = torch.device("cpu")
            torch.set_num_threads(1)  # processes share the host
            return
        if index >= count:
            raise EngineError(f"torch sees {count} GPUs here, and this process is to use number {index}")
        self.kind = "cuda"
        self._device = torch.device("cuda", index)
        torch.cuda.set_device(self._device)
        told = torch.cuda.get_device_properties(index)
        self.model = str(told.name)
        self._capability = (int(told.major), int(told.minor))
        if getattr(told, "uuid", None) is not None:
            self.uuid = f"GPU-{told.uuid}"
        if getattr(told, "pci_bus_id", None) is not None:
            self.bus_id = f"{told.pci_domain_id:08X}:{told.pci_bus_id:02X}:{told.pci_device_id:02X}.0"

    @property
    def _is_gpu(self) -> bool:
        return self.kind == "cuda"

    def precisions(self) -> tuple[str, ...]:
        if not self._is_gpu:
            return ("fp32",)
        has = self._capability
        wanted = [("fp32", (3, 0)), ("tf32", (8, 0)), ("fp8", (8, 9)), ("fp16", (7, 0)), ("bf16", (8, 0))]
        can_fp8 = hasattr(self._torch, "float8_e4m3fn") and hasattr(self._torch, "_scaled_mm")
        return tuple(name for name, least in wanted if has >= least and (name != "fp8" or can_fp8))

    def _free(self) -> int:
        return int(self._torch.cuda.mem_get_info(self._device)[0]) if self._is_gpu else 256 * 1024**2

    def matmul(self, precision: str) -> Matmul:
        return TorchMatmul(self._torch, self._device, precision, 8192 if self._is_gpu else 512)

    def _bytes(self, count: int) -> Any:  # noqa: ANN401 - a tensor
        return self._torch.zeros(count // 4, dtype=self._torch.float32, device=self._device)

    def copy(self) -> Load:
        size = min(4 * _GIB, self._free() // 8)
        return TorchCopy(self._torch, self._device, self._bytes(size), self._bytes(size), 2)

    def read(self) -> Load:
        return TorchRead(self._torch, self._device, self._bytes(min(4 * _GIB, self._free() // 8)))

    def memory(self) -> Memory:
        # What is left is for the comparison's own tensors, and for whoever shares the GPU.
        size = int(self._free() * 0.85) - _GIB if self._is_gpu else 32 * 1024**2
        return TorchMemory(self._torch, self._device, max(64 * 1024**2, size) if self._is_gpu else size)

    def _pinned(self) -> Any:  # noqa: ANN401 - a tensor
        return self._torch.zeros(64 * 1024**2, dtype=self._torch.float32, pin_memory=True)

    def to_device(self) -> Load | None:
        if not self._is_gpu:
            return None
        host = self._pinned()
        return TorchCopy(self._torch, self._device, host, self._bytes(host.numel() * 4), 1)

    def from_device(self) -> Load | None:
        if not self._is_gpu:
            return None
        host = self._pinned()
        return TorchCopy(self._torch, self._device, self._bytes(host.numel() * 4), host, 1)

    def meet(self, place: Place, world: Meeting) -> None:
        """Open the one group that all others are parts of."""
        self._torch.distributed.init_process_group(
            "nccl" if self._is_gpu else "gloo",
            init_method=f"tcp://{world.address}:{world.port}",
            rank=place.rank,
            world_size=place.size,
            timeout=timedelta(seconds=world.timeout_s),
        )

    def reduction(self, scope: str, place: Place, world: Meeting) -> Reduction:
        del world
        dist = self._torch.distributed
        mine, size = dist.group.WORLD, place.size
        if scope == "node":
            size = place.local_size
            for begin in range(0, place.size, size):  # everybody takes part in the making of every group
                made = dist.new_group(list(range(begin, begin + size)))
                if begin <= place.rank < begin + size:
                    mine = made
        count = 128 * 1024**2 if self._is_gpu else 1024**2
        return TorchReduction(self._torch, self._device, mine, size, count)

    def forget(self) -> None:
        if self._is_gpu:
            self._torch.cuda.empty_cache()

    def close(self) -> None:
        if self._torch.distributed.is_available() and self._torch.distributed.is_initialized():
            self._torch.distributed.destroy_process_group()
