"""Which GPUs of a rented node nobody should be given, by what its exporter tells."""

import pytest

from app.domain.reading import XidCount
from app.domain.snapshot import Gpu, Layer
from app.services.deploy.gpu_check import sick

NOW = 1_000_000.0


def gpu(index: int = 0, xids: tuple[XidCount, ...] = (), lost_at: float | None = None, **values: float) -> Gpu:
    told = {f"gpu.{name}": value for name, value in values.items()}
    layers = (Layer("lab-w1", NOW, 30.0, told),) if told else ()
    return Gpu("lab-w1", index, f"GPU-{index}", layers=layers, xids=xids, lost_at=lost_at, seen_at=NOW)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (gpu(temperature=40.0), []),
        (gpu(), []),
        (gpu(2, temperature=40.0, ecc_dbe_volatile=3.0), ["GPU 2: 3 uncorrected ECC errors since the driver loaded"]),
        (gpu(row_remap_failure=1.0), ["GPU 0: row remapping failed: no spare rows left"]),
        (gpu(row_remap_pending=1.0), ["GPU 0: row remap pending: needs a GPU reset"]),
        (gpu(retired_pages_pending=1.0), ["GPU 0: page retirement pending: needs a GPU reset"]),
        (gpu(temperature=95.0), []),
        (gpu(1, lost_at=NOW), ["GPU 1: lost"]),
        (gpu(xids=(XidCount(48, 2),), temperature=40.0), ["GPU 0: Xid 48 (2 times)"]),
        (gpu(xids=(XidCount(13, 0), XidCount(43, 1)), temperature=40.0), []),
    ],
)
def test_what_makes_a_gpu_unfit(found: Gpu, told: list[str]) -> None:
    """Faults of memory, of the bus and of the hardware do; heat, programs that failed and what is unknown do not."""
    assert told == sick([found], NOW)
